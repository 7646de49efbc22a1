"""Shows the answers: tables in the terminal, and the page in docs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from bench.results import Section, Target

NOTES_BEGIN = "<!-- profile notes -->"
NOTES_END = "<!-- end of profile notes -->"
_NO_NOTES = f"{NOTES_BEGIN}\n\n{NOTES_END}"

_HEAD = """\
# Benchmarks

Written by `make bench` (`{command}`): everything on this page was measured in one run on one machine; only the notes
under the cost profile are kept by hand. Ratios of one run compare, figures of two runs need not. To see all that the
tools were given, scripts, specs and collections: `python -m bench --quick --keep`.
"""


def show(section: Section, console: Console) -> None:
    """Print a section's answer."""
    for table in section.tables:
        console.print(_rich(f"{section.title}: {table.title}", table.columns, table.rows, table.texts))
    for target in section.targets:
        style = {True: "green", False: "bold red", None: "yellow"}[target.held]
        console.print(f"[{style}]{target.verdict:>12}[/]  {escape(target.promise)}: {escape(target.measured or '-')}")
    for remark in _once(section.remarks):
        console.print(f"[yellow]{'note':>12}[/]  {escape(remark)}")
    console.print()


def _rich(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> RichTable:
    table = RichTable(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def write(path: Path, sections: Sequence[Section], facts: Sequence[tuple[str, str]], command: str) -> None:
    """Write the page, in one go; the notes of the page before are kept."""
    notes = notes_of(path.read_text(encoding="utf-8")) if path.exists() else _NO_NOTES
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(page(sections, facts, command, notes), encoding="utf-8")
    os.replace(draft, path)  # noqa: PTH105 - atomic, and says so


def notes_of(page: str) -> str:
    """The part kept by hand, markers included; an empty one where there is none."""
    begin, end = page.find(NOTES_BEGIN), page.find(NOTES_END)
    return page[begin : end + len(NOTES_END)] if 0 <= begin < end else _NO_NOTES


def page(sections: Sequence[Section], facts: Sequence[tuple[str, str]], command: str, notes: str) -> str:
    """The page as Markdown."""
    targets = [target for section in sections for target in section.targets]
    parts = [
        _HEAD.format(command=command),
        "## Promises\n",
        _markdown(("Promise", "Measured", ""), [_row(target) for target in targets], 1),
        *(_part(section) for section in sections if section.name != "profile"),
        *(_part(section) for section in sections if section.name == "profile"),
        notes + "\n",
        "## Machine and versions\n",
        _markdown(("", ""), facts, 2),
    ]
    return "\n".join(parts)


def _row(target: Target) -> tuple[str, str, str]:
    return target.promise, target.measured or "-", target.verdict


def _part(section: Section) -> str:
    parts = [f"## {section.title}\n", section.method + "\n"]
    parts += [_markdown(table.columns, table.rows, table.texts) for table in section.tables]
    parts += ["\n".join(f"- {remark}" for remark in _once(section.remarks)) + "\n"] if section.remarks else []
    parts += ["```\n" + "\n".join(section.commands) + "\n```\n"] if section.commands else []
    parts += [f"`{name}`:\n\n```{Path(name).suffix[1:]}\n{text.strip()}\n```\n" for name, text in section.files.items()]
    return "\n".join(parts)


def _once(remarks: Sequence[str]) -> list[str]:
    """Each remark once, with how often it was made."""
    counts = Counter(remarks)
    return [remark + (f" ({times} times)" if times > 1 else "") for remark, times in counts.items()]


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    lines = [
        _line(columns),
        "|" + "|".join(" --- " if index < texts else " ---: " for index in range(len(columns))) + "|",
        *map(_line, rows),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
