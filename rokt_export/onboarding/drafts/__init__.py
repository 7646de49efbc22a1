"""A first spec from what a partner gave: a source becomes an observed operation, then a draft."""
