"""The parts of a letter, and their form in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from rokt_export.redaction import display_text


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; rows are read once, as they are written.

    Attributes:
        rows: cells of each row, as many as there are columns.
        numbers: the columns that hold numbers, by index.
    """

    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Questions:
    """A numbered list."""

    items: Sequence[str]


Block: TypeAlias = Heading | Paragraph | Grid | Questions


def markdown(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield blocks as Markdown (CommonMark with GitHub's tables), a few lines at a time."""
    show = display_text.markdown
    for block in blocks:
        match block:
            case Heading(text, level):
                yield f"{'#' * level} {show(text)}\n\n"
            case Paragraph(text):
                yield f"{show(text)}\n\n"
            case Questions(items):
                yield "".join(f"{number}. {show(item)}\n" for number, item in enumerate(items, 1)) + "\n"
            case Grid():
                yield from _markdown_grid(block, show)
            case _:
                assert_never(block)


def _markdown_grid(grid: Grid, show: Callable[[str], str]) -> Iterator[str]:
    rules = ("---:" if index in grid.numbers else "---" for index in range(len(grid.columns)))
    yield f"| {' | '.join(show(name) for name in grid.columns)} |\n| {' | '.join(rules)} |\n"
    for row in grid.rows:
        yield f"| {' | '.join(show(cell) for cell in row)} |\n"
    yield "\n"
