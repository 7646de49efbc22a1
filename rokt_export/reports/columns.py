"""The columns of a delivery, in the order that every tabular report has them."""

from __future__ import annotations

COLUMNS = (
    "row",
    "transaction",
    "outcome",
    "status",
    "rule",
    "reason",
    "reference",
    "code",
    "attempts",
    "latency_ms",
    "error",
)
"""The keys of the contract's delivery (design section 5, "Streams"), plus the partner's code."""
