"""Turn a run into one JSON document."""

from __future__ import annotations

from typing import TextIO

import orjson

from rokt_export.reports.story import Story


def write(story: Story, stream: TextIO) -> None:
    """Write the contract's document (design section 5, "Streams"), its deliveries one a line, in constant memory."""
    head = {
        "run": story.run.run,
        "partner": story.run.partner,
        "environment": story.run.environment,
        "counts": dict(story.counts),
    }
    stream.write(orjson.dumps(head).decode().removesuffix("}") + ',"deliveries":[')
    separator = "\n"
    for one in story.deliveries():
        stream.write(separator + orjson.dumps(one.as_json()).decode())
        separator = ",\n"
    stream.write("\n]}\n")
