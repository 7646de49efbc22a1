"""Turn a run into newline-delimited JSON: one delivery a line."""

from __future__ import annotations

from typing import TextIO

import orjson

from rokt_export.reports.story import Story


def write(story: Story, stream: TextIO) -> None:
    """Write each delivery as one JSON object a line, in row order (design section 5, "Streams")."""
    for one in story.deliveries():
        stream.write(orjson.dumps(one.as_json()).decode() + "\n")
