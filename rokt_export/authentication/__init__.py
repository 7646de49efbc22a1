"""Authentication: how a partner knows us, and what that puts on a request."""
