"""Two runs compared: does one environment respond as the other does?"""

from rokt_export.diff.comparison import Comparison
from rokt_export.diff.echoes import Sent
from rokt_export.diff.model import (
    Difference,
    DiffResult,
    Kind,
    Latency,
    Sample,
    Section,
    Unmatched,
    Volatile,
)
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
    "Unmatched",
    "Volatile",
]
