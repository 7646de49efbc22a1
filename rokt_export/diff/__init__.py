"""Two runs compared: does one environment respond as the other does?"""

from rokt_export.diff.comparison import Comparison
from rokt_export.diff.model import (
    Difference,
    DiffResult,
    Kind,
    Latency,
    Sample,
    Section,
    Undecided,
    Unmatched,
)
from rokt_export.diff.sent import Sent
from rokt_export.diff.side import Side

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
    "Undecided",
    "Unmatched",
]
