"""Two runs compared: does one environment respond as the other does?"""

from rokt_export.diff.comparison import Comparison
from rokt_export.diff.result import (
    Difference,
    DifferenceKind,
    DiffResult,
    Latency,
    Sample,
    Section,
    Undecided,
    UnmatchedTransactions,
)
from rokt_export.diff.sent import SentTexts
from rokt_export.diff.side import Side

__all__ = [
    "Comparison",
    "DiffResult",
    "Difference",
    "DifferenceKind",
    "Latency",
    "Sample",
    "Section",
    "SentTexts",
    "Side",
    "Undecided",
    "UnmatchedTransactions",
]
