"""Authentication: one file for each type, listed in `registry.py`."""
