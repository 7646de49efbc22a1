"""Secrets and personal data never reach a file, a log or a terminal, in any encoded form."""

from rokt_export.redaction.display_text import OwnWords
from rokt_export.redaction.literals import SecretEncoding
from rokt_export.redaction.redactor import Piece, Redactor

__all__ = ["OwnWords", "Piece", "Redactor", "SecretEncoding"]
