"""The parts of a letter, and their form in Markdown and in HTML."""

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


def markdown(blocks: Iterable[Block], *, plain: bool = False) -> Iterator[str]:
    """Yield blocks as Markdown (CommonMark with GitHub's tables), a few lines at a time.

    Args:
        plain: for readers who see the source itself, such as that of a mail: without backslashes.
    """
    show = display_text.one_line if plain else display_text.markdown
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


def html(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield blocks as HTML without script, style sheet or outside request, as mail programs take it."""
    for block in blocks:
        match block:
            case Heading(text, level):
                yield f"<h{level}>{display_text.html(text)}</h{level}>\n"
            case Paragraph(text):
                yield f"<p>{display_text.html(text)}</p>\n"
            case Questions(items):
                yield "<ol>\n" + "".join(f"<li>{display_text.html(item)}</li>\n" for item in items) + "</ol>\n"
            case Grid():
                yield from _html_grid(block)
            case _:
                assert_never(block)


_CELL = 'style="border:1px solid #d0d7de;padding:4px 8px;text-align:'


def _html_grid(grid: Grid) -> Iterator[str]:
    aligned = [f'{_CELL}{"right" if index in grid.numbers else "left"}"' for index in range(len(grid.columns))]
    heads = "".join(
        f"<th {style}>{display_text.html(name)}</th>" for name, style in zip(grid.columns, aligned, strict=True)
    )
    yield f'<table style="border-collapse:collapse">\n<tr>{heads}</tr>\n'
    for row in grid.rows:
        cells = "".join(f"<td {style}>{display_text.html(cell)}</td>" for cell, style in zip(row, aligned, strict=True))
        yield f"<tr>{cells}</tr>\n"
    yield "</table>\n"
