"""How a partner knows us: one file for each authentication type, listed in `registry.py`."""
