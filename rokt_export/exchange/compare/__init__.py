"""The comparison of two sides' answers to the same transactions."""

from rokt_export.exchange.compare.comparison import Comparison
from rokt_export.exchange.compare.echoes import Sent
from rokt_export.exchange.compare.model import (
    Difference,
    DiffResult,
    Kind,
    Latency,
    Sample,
    Section,
    Unmatched,
    Volatile,
)
from rokt_export.exchange.compare.side import Side

__all__ = [
    "Comparison",
    "DiffResult",
    "Difference",
    "Kind",
    "Latency",
    "Sample",
    "Section",
    "Sent",
    "Side",
    "Unmatched",
    "Volatile",
]
