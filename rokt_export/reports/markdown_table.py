"""Turn rows of cells into a table of Markdown, as GitHub reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rokt_export.redaction.display_text import markdown


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[int] = ()) -> Iterator[str]:
    """Yield the table, a line at a time, and an empty line after it.

    Args:
        columns: the heads.
        rows: the cells of each row, as many as there are columns; read once, as they are written.
        numbers: indexes of the columns that contain numbers.
    """
    rules = ("---:" if index in numbers else "---" for index in range(len(columns)))
    yield f"| {' | '.join(map(markdown, columns))} |\n| {' | '.join(rules)} |\n"
    for row in rows:
        yield f"| {' | '.join(map(markdown, row))} |\n"
    yield "\n"
