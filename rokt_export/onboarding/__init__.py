"""Proofs of a spec and its endpoint before anything is sent: validation and probing."""
