"""Say why a partner refused a request: evidence in its response, and one harmless request for each suspect."""
