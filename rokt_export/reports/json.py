"""Turn a run into one JSON document."""

from __future__ import annotations

from typing import TextIO

from rokt_export.redaction.display_text import json_text
from rokt_export.reports.run_report import Story


def write(story: Story, stream: TextIO) -> None:
    """Write the contract's document (design section 5, "Streams"), its deliveries one a line, in constant memory.

    `left_out` is there where rows were not sent because a guarded environment answered them before.
    """
    head = {
        "run": story.run.run,
        "partner": story.run.partner,
        "environment": story.run.environment,
        "counts": dict(story.counts),
    }
    if story.left_out:
        head["left_out"] = story.left_out
    stream.write(json_text(head).removesuffix("}") + ',"deliveries":[')
    separator = "\n"
    for one in story.deliveries():
        stream.write(separator + json_text(one.as_json()))
        separator = ",\n"
    stream.write("\n]}\n")
