"""Turn the result of a comparison into a page for a terminal, Markdown, HTML or JSON."""

from __future__ import annotations

import json as standard_json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rokt_export.diff import Difference, DiffResult, Section
from rokt_export.exchange.model import OutcomeKind
from rokt_export.redaction.display_text import escaped_json, visible
from rokt_export.redaction.display_text import markdown as _md
from rokt_export.reports.charts import duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_NONE: Final = "·"
"""In a table of counts: not once."""
_ORDER: Final = {str(kind): place for place, kind in enumerate(OutcomeKind)}


def json(result: DiffResult) -> str:
    """Return the whole result as one JSON document."""
    return escaped_json(standard_json.dumps(result.as_json(), ensure_ascii=False, indent=2)) + "\n"


def verdict(result: DiffResult) -> str:
    """Return the result in a sentence or two: what was found, and what could not be compared."""
    a, b, number = result.a, result.b, len(result.differences)
    compared = _transactions(result.pairs - result.unsent)
    if number:
        parts = [f"{b} answers differently from {a}: {number} difference{'s' * (number > 1)} in {compared}."]
    elif result.pairs > result.unsent:
        parts = [f"{b} answered {compared} as {a} did."]
    else:
        parts = [f"No answer of {b} could be compared with one of {a}."]
    if result.unsent:
        parts.append(f"{_transactions(result.unsent)} could be sent to neither: invalid.")
    if result.alone:
        parts.append(f"{_transactions(result.alone)} had no counterpart.")
    return " ".join(parts)


def console(result: DiffResult, console: Console) -> None:
    """Show the result on a terminal; what a partner sent is never taken for markup."""
    from rich.text import Text

    def heading(text: str) -> None:
        console.print(Text(f"\n{text}", style="bold"))

    console.print(Text(verdict(result), style="bold green" if result.agrees else "bold red"))
    heading("Outcomes")
    console.print(_table(_confusion(result), numbers=True, marked=True))
    if result.section(Section.OUTCOMES):
        console.print()
    for section in Section:
        found = result.section(section)
        if found and section is not Section.OUTCOMES:
            heading(section.capitalize())
        for one in found:
            _print_difference(console, result, one)
    if latencies := _latencies(result):
        heading("Latency")
        console.print(_table(latencies, numbers=True))
    for title, lines in _apart(result):
        heading(title)
        for line in lines:
            console.print(_indented(Text(line), 2))


def _print_difference(console: Console, result: DiffResult, one: Difference) -> None:
    """Print one difference; samples that say the same share a line."""
    from rich.text import Text

    console.print(_indented(Text(_title(one)), 2))
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for sample in one.samples:
        alike.setdefault((_said(sample.a), _said(sample.b), sample.lines), []).append(sample.transaction)
    rows = [(_first_of(transactions), a, b) for (a, b, _), transactions in alike.items()]
    console.print(_indented(_table([("transaction", result.a, result.b), *rows], quiet=True), 6))
    for _, _, lines in alike:
        if lines:
            console.print(_indented(Text("\n".join(lines), style="dim"), 8))


def _first_of(transactions: Sequence[str]) -> str:
    return f"{transactions[0]}, …" if len(transactions) > 1 else transactions[0]


def _table(rows: Sequence[Sequence[str]], *, numbers: bool = False, marked: bool = False, quiet: bool = False) -> Table:
    """A table for a terminal; the first row is its head.

    Args:
        rows: cells.
        numbers: whether all but the first column hold numbers.
        marked: whether what stands beside the diagonal is to catch the eye.
        quiet: whether the table is small print.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    head, *rest = rows
    table = Table(
        box=None if quiet else SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False,
        header_style="dim italic" if quiet else "bold", style="dim" if quiet else "",
    )  # fmt: skip
    for place, cell in enumerate(head):
        table.add_column(Text(cell), justify="right" if numbers and place else "left", overflow="fold")
    for first, *cells in rest:
        shown = [Text(cell) for cell in cells]
        if marked:
            for name, text in zip(head[1:], shown, strict=True):
                text.stylize("red" if name != first and text.plain != _NONE else "")
        table.add_row(Text(first), *shown)
    return table


def _indented(shown: RenderableType, columns: int) -> RenderableType:
    from rich.padding import Padding

    return Padding(shown, (0, 0, 0, columns), expand=False)


def markdown(result: DiffResult) -> str:
    """Return the result as Markdown (GitHub's)."""
    parts = [f"# {_md(result.a)} against {_md(result.b)}", _md(verdict(result)), "## Outcomes"]
    parts.append(_md_table(_confusion(result), numbers=True))
    for section in Section:
        found = result.section(section)
        if found and section is not Section.OUTCOMES:
            parts.append(f"## {section.capitalize()}")
        for one in found:
            rows = [("transaction", result.a, result.b), *_sample_rows(one)]
            parts += [f"### {_md(_title(one))}", _md_table(rows)]
            parts += [_md_lines(sample.lines) for sample in one.samples if sample.lines]
    if latencies := _latencies(result):
        parts += ["## Latency", _md_table(latencies, numbers=True)]
    for title, lines in _apart(result):
        parts += [f"## {title}", "\n".join(f"- {_md(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def html(result: DiffResult) -> str:
    """Return the result as one HTML page that asks nothing of the network, in light and dark."""
    from markupsafe import Markup

    from rokt_export import __version__
    from rokt_export.reports.html_environment import asset, environment, policy
    from rokt_export.reports.outcome_icons import SIGNS

    style = asset("report.css") + asset("differences.css")
    return (
        environment()
        .from_string(asset("differences.html"))
        .render(
            policy=policy(style),
            style=Markup(style),
            version=__version__,
            result=result,
            headline=headline(result),
            confusion=_confusion(result),
            no_count=_NONE,
            signs=SIGNS,
            latencies=_latencies(result),
            sections=[(section, found) for section in Section if (found := result.section(section))],
            said=_said,
            place_of=_place_of,
            apart=list(_apart(result)),
        )
    )


def headline(result: DiffResult) -> str:
    """Return the result in a few words."""
    number, compared = len(result.differences), result.pairs - result.unsent
    if not number and not compared:
        return "Nothing could be compared"
    found = "No difference" if not number else f"{number} difference{'s' * (number > 1)}"
    alone = f", {result.alone:,} without a counterpart" if result.alone else ""
    return f"{found} in {_transactions(compared)}{alone}"


def _transactions(count: int) -> str:
    return f"{count:,} transaction{'s' * (count != 1)}"


def _title(one: Difference) -> str:
    detail = f": {one.detail}" if one.detail else ""
    place = _place_of(one)
    return f"{one.kind}{' ' if place else ''}{place}{detail} ({_transactions(one.count)})"


def _place_of(one: Difference) -> str:
    """Where a difference is, as far as its kind does not say so: `status` is nowhere else."""
    return "" if one.path == str(one.kind) else one.path.removeprefix(f"{one.kind} ")


def _said(value: str | None) -> str:
    return "nothing" if value is None else value


def _sample_rows(one: Difference) -> list[tuple[str, str, str]]:
    return [(sample.transaction, _said(sample.a), _said(sample.b)) for sample in one.samples]


def _confusion(result: DiffResult) -> list[tuple[str, ...]]:
    """A's outcomes down, B's across; a first row of headings."""
    rows = sorted({a for a, _ in result.outcomes}, key=_place)
    columns = sorted({b for _, b in result.outcomes}, key=_place)
    table = [(f"{result.a} ↓  {result.b} →", *columns)]
    for a in rows:
        counts = (result.outcomes.get((a, b), 0) for b in columns)
        table.append((a, *(f"{count:,}" if count else _NONE for count in counts)))
    return table


def _place(outcome: str) -> int:
    return _ORDER.get(outcome, len(_ORDER))


def _latencies(result: DiffResult) -> list[tuple[str, ...]]:
    """Both sides' percentiles; a first row of headings; nothing where neither was sent to."""
    sides = [(name, one) for name, one in ((result.a, result.latency_a), (result.b, result.latency_b))]
    rows = [
        (name, *(_NONE if value is None else duration(value) for value in (one.p50, one.p95, one.p99)))
        for name, one in sides
    ]
    return [("", "p50", "p95", "p99"), *rows] if any(one.p50 is not None for _, one in sides) else []


def _apart(result: DiffResult) -> Iterator[tuple[str, list[str]]]:
    """What does not count as a difference, and what to know, by title."""
    if result.volatile:
        yield (
            "Set apart: it varies by itself",
            [f"{_title(one.difference)}: {one.reason}" for one in result.volatile],
        )
    if result.ignored:
        yield "Ignored, as the spec says", [f"{path} ({_transactions(n)})" for path, n in result.ignored.items()]
    alone = [
        f"only in {name}: {_transactions(one.count)}, such as {', '.join(one.samples)}"
        for name, one in ((result.a, result.only_in_a), (result.b, result.only_in_b))
        if one.count
    ]
    if alone:
        yield "Without a counterpart", alone
    notes = list(result.notes)
    if result.explained:
        notes.append(
            f"{_transactions(result.explained)}: the rest of the answer was not compared, because another outcome or "
            "rule explains it."
        )
    if notes:
        yield "Notes", notes


def _md_table(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    head, *rest = [[_md(cell) for cell in row] for row in rows]
    rules = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rules, *rest])


def _md_lines(lines: Sequence[str]) -> str:
    return "\n".join(f"    {visible(line)}" for line in lines)
