"""Turn a run into Markdown: the hand-over to the tech contact, then every delivery."""

from __future__ import annotations

from itertools import chain
from typing import TextIO

from rokt_export.reports.blocks import markdown
from rokt_export.reports.contact_letter import every_delivery, letter
from rokt_export.reports.run_report import Story


def write(story: Story, stream: TextIO) -> None:
    """Write the hand-over, in constant memory."""
    stream.writelines(markdown(chain(letter(story), every_delivery(story))))
