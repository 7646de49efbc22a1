"""Turn a run into newline-delimited JSON: one delivery a line."""

from __future__ import annotations

from typing import TextIO

from rokt_export.redaction.display_text import json_text
from rokt_export.reports.run_report import Story


def write(story: Story, stream: TextIO) -> None:
    """Write each delivery as one JSON object a line, in row order (design section 5, "Streams")."""
    for one in story.deliveries():
        stream.write(json_text(one.as_json()) + "\n")
