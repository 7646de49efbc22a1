"""Prove a set-up against the partner: acceptance probes derived from the spec, their verdicts, and the sign-off."""
