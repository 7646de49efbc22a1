"""Pure: one transaction, one request, one response, one outcome."""
