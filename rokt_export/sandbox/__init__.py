"""A partner made from its own spec, over real HTTP."""
