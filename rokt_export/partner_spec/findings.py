"""The finding: one thing to mend in a spec, with a stable code, a position and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rokt_export.redaction.spec_lines import masked_line
from rokt_export.redaction.trusted_text import OwnWords


class Severity(StrEnum):
    """How much a finding weighs: an error stops everything, a warning fails under `--strict`, an info only tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    Attributes:
        code: stable, documented in docs/findings.md (`RX101`).
        severity: error, warning or info.
        file: the file as the user named it.
        line: 1-based line.
        column: 1-based column.
        message: what is wrong.
        hint: what to do about it.
        source: the line, for the arrow under it.

    What may be a literal secret is masked in all of its texts, except where a text is `OwnWords`.
    """

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    hint: str
    source: str = ""

    def __post_init__(self) -> None:
        """Mask literal secrets, whoever found what is wrong."""
        for name in ("message", "hint", "source"):
            text = getattr(self, name)
            object.__setattr__(self, name, text if isinstance(text, OwnWords) else masked_line(text))

    @property
    def where(self) -> str:
        """`file:line:column`, which terminals and editors open."""
        return f"{self.file}:{self.line}:{self.column}"

    def as_json(self) -> dict[str, object]:
        """Return the contract's form of `validate --output json`."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "hint": self.hint,
        }
