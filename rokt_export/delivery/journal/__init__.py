"""The journal: what was intended and what was settled, on disk, so that a run survives its process."""

from rokt_export.delivery.journal.journal import Journal
from rokt_export.delivery.journal.model import RunInfo, RunState
from rokt_export.delivery.journal.places import default_place
from rokt_export.delivery.journal.rows import RowSet
from rokt_export.delivery.journal.writer import FINGERPRINT_BYTES, RunWriter

__all__ = ["FINGERPRINT_BYTES", "Journal", "RowSet", "RunInfo", "RunState", "RunWriter", "default_place"]
