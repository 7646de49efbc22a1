"""The journal: records intended and settled rows on disk, so that a run survives its process.

Each name is loaded on first use: what reads a recording, or names a run's state, needs no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rokt_export.journal.journal import Journal
    from rokt_export.journal.revisions import EarlierOutcome, RevisingSpec, Revision
    from rokt_export.journal.row_set import RowRanges, RowSet
    from rokt_export.journal.run_info import RunInfo, RunState
    from rokt_export.journal.storage import default_place
    from rokt_export.journal.writer import FINGERPRINT_BYTES, RunWriter

__all__ = [
    "FINGERPRINT_BYTES",
    "EarlierOutcome",
    "Journal",
    "RevisingSpec",
    "Revision",
    "RowRanges",
    "RowSet",
    "RunInfo",
    "RunState",
    "RunWriter",
    "default_place",
]
_MODULES = {
    "EarlierOutcome": "revisions",
    "FINGERPRINT_BYTES": "writer",
    "Journal": "journal",
    "RevisingSpec": "revisions",
    "Revision": "revisions",
    "RowRanges": "row_set",
    "RowSet": "row_set",
    "RunInfo": "run_info",
    "RunState": "run_info",
    "RunWriter": "writer",
    "default_place": "storage",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
