"""What an operator sees at several widths, compared with the kept screens."""

from __future__ import annotations

import os
import re
from pathlib import Path

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
    text = re.sub(r"Python/[\d.]+", "Python/3", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:00000", text)
    text = re.sub(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8}", "Sun, 00 Jan 0000 00:00:00", text)
    for pattern in (r"\d{8}-[0-9a-z]{6}", r"\d\d:\d\d(:\d\d)?(\.\d+)?", r"\d{4}-\d\d-\d\d", r"\b[0-9a-f]{12,}\b"):
        text = re.sub(pattern, lambda found: re.sub(r"\w", "0", found[0]), text)
    return "\n".join(line.rstrip() for line in text.splitlines())
