"""The journal: records intended and settled rows on disk, so that a run survives its process."""

from rokt_export.journal.journal import Journal
from rokt_export.journal.model import RunInfo, RunState
from rokt_export.journal.revisions import EarlierOutcome, RevisingSpec, Revision
from rokt_export.journal.row_set import RowSet
from rokt_export.journal.storage import default_place
from rokt_export.journal.writer import FINGERPRINT_BYTES, RunWriter

__all__ = [
    "FINGERPRINT_BYTES",
    "EarlierOutcome",
    "Journal",
    "RevisingSpec",
    "Revision",
    "RowSet",
    "RunInfo",
    "RunState",
    "RunWriter",
    "default_place",
]
