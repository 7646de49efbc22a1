"""The request: a transaction becomes complete, inert data."""
