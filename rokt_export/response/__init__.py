"""The response: what came back becomes an outcome."""
