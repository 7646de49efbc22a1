"""A spec's birth and proof: validation, probing, later init and certification."""
