"""Immutable records of one exchange: request, response or fault, outcome, delivery."""
