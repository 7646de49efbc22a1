"""The authentication types: one file each, listed in `registry.py`."""
