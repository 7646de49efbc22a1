"""Sentences for a terminal, on stdout and stderr alike: lines end between words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def print_message(console: Console, text: str | Text, style: str = "") -> None:
    """Print a message, at a terminal broken between words: the terminal itself would break it within them.

    A file and a pipe have no width. A command, a path and a URL stay whole, to be copied.
    """
    from rich.text import Text

    shown = Text(text) if isinstance(text, str) else text
    if console.file.isatty() and "rokt-export " not in shown.plain:
        shown = _between_words(shown, console.width)
    console.print(shown, style=style or None, soft_wrap=True)


def _between_words(text: Text, width: int) -> Text:
    """Return a text of one line as lines of whole words."""
    from rich.cells import cell_len
    from rich.text import Text

    plain, start, starts = text.plain, 0, list[int]()
    for word in re.finditer(r"\S+", plain):
        if cell_len(plain[start : word.end()]) > width and plain[start : word.start()].strip():
            start = word.start()
            starts.append(start)
    lines = text.divide(starts)
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)
