"""What an operator sees, at four widths, compared with tests/commands/screens; `SCREENS=write` writes those anew."""

from __future__ import annotations

import io
import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from rokt_export.commands.progress import ProgressWatch
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.run_counts import Tally

SCREENS = Path(__file__).parent / "screens"
WIDTHS = (60, 80, 100, 140)


def compare(name: str, shown: dict[int, str]) -> None:
    """Compare what is shown at each width with the kept screens; ids, times and milliseconds differ in each run."""
    found = "".join(f"{f' {width} ':-^{width}}\n{_steady(text)}\n" for width, text in shown.items())
    path = SCREENS / f"{name}.txt"
    if os.environ.get("SCREENS") == "write":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def _steady(text: str) -> str:
    for pattern in (r"\d{8}-[0-9a-z]{6}", r"\d\d:\d\d(:\d\d)?(\.\d+)?", r"\d{4}-\d\d-\d\d", r"\b[0-9a-f]{12,}\b"):
        text = re.sub(pattern, lambda found: re.sub(r"\w", "0", found[0]), text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_progress_with_six_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Counter(delivered=380, duplicate=95, rejected=12, failed=7, unclassified=2, invalid=4)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    watch = ProgressWatch(Terminal(), 1_000)
    monkeypatch.setattr(time, "monotonic", lambda: 1004.0)
    watch.tell(0, Tally(outcomes), 10, (), "429, 12 s")
    shown = {}
    for width in WIDTHS:
        console = Console(file=io.StringIO(), width=width)
        console.print(watch)
        shown[width] = console.file.getvalue()
        assert len(shown[width].splitlines()) == 2
        assert max(map(len, shown[width].splitlines())) < width
    compare("progress", shown)
