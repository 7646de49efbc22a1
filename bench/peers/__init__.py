"""The tools side by side: each module says how one is started on the workload, and what its own report says."""
