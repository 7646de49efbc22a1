"""Show the result of a comparison as a page for a terminal, Markdown, HTML or JSON."""

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

_MOST_SHOWN: Final = 40
"""Differences, and undecided fields, that a terminal shows."""
_MOST_IN_PAGE: Final = 500
"""Differences of a section that a page shows."""
_ADVICE: Final = (
    "These fields vary on both sides, or too few transactions were sent to judge them: compare the samples. If the "
    "values do not matter, declare the fields under `diff: varies:`, or let `--learn` do it (40 transactions or more)."
)
_NONE: Final = "·"
"""In a table of counts: not once."""
_ORDER: Final = {str(kind): place for place, kind in enumerate(OutcomeKind)}


def json(result: DiffResult) -> str:
    """Return the whole result as one JSON document."""
    return escaped_json(standard_json.dumps(result.as_json(), ensure_ascii=False, indent=2)) + "\n"


def verdict(result: DiffResult) -> str:
    """Return the result in a sentence or two: what differs, what could not be judged, what could not be compared."""
    compared = _transactions(result.compared)
    if result.differences:
        likely = sum(not one.certain for one in result.differences)
        noise = f" ({likely} of them may be noise)" if likely else ""
        number = len(result.differences)
        parts = [f"{number} difference{'s' * (number != 1)}{noise} between {result.a} and {result.b} in {compared}"]
    elif result.compared:
        parts = [f"No differences in {compared}"]
    else:
        parts = [f"No response of {result.b} could be compared with one of {result.a}"]
    if result.undecided:
        fields = len(result.undecided)
        parts[0] += f"; {fields} field{'s' * (fields != 1)} could not be judged"
    if result.unsent:
        parts.append(f"{_transactions(result.unsent)} could be sent to neither side: invalid")
    if result.unanswered:
        parts.append(f"{_transactions(result.unanswered)} got no whole response from either side: unknown")
    if result.alone:
        parts.append(f"{_transactions(result.alone)} had no counterpart")
    return ". ".join(parts) + "."


def console(result: DiffResult, console: Console) -> None:
    """Show the result on a terminal; what a partner sent is never taken for markup."""
    from rich.text import Text

    color = "red" if not result.agrees else "yellow" if result.undecided else "green"
    console.print(Text(verdict(result), style=f"bold {color}"))
    _heading(console, "Outcomes")
    console.print(_table(_confusion(result), numbers=True, marked=True))
    if result.section(Section.OUTCOMES):
        console.print()
    _print_differences(console, result)
    _print_undecided(console, result)
    if latencies := _latencies(result):
        _heading(console, "Latency")
        console.print(_table(latencies, numbers=True))
    for title, lines in _apart(result):
        _heading(console, title)
        for line in lines[:_MOST_SHOWN]:
            console.print(_indented(Text(line), 2))
        if len(lines) > _MOST_SHOWN:
            console.print(_indented(Text(f"And {len(lines) - _MOST_SHOWN:,} more."), 2))


def _heading(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(f"\n{text}", style="bold"))


def _print_differences(console: Console, result: DiffResult) -> None:
    from rich.text import Text

    left = _MOST_SHOWN
    for section in Section:
        found = result.section(section)
        if found and section is not Section.OUTCOMES:
            _heading(console, section.capitalize())
        for one in found[: max(left, 0)]:
            _print_difference(console, result, one)
        left -= len(found)
    if left < 0:
        console.print(Text(f"\nAnd {-left:,} more differences: --report diff.html or --output json shows them all."))


def _print_undecided(console: Console, result: DiffResult) -> None:
    from rich.text import Text

    if not result.undecided:
        return
    _heading(console, "Could not be judged")
    console.print(_indented(_table(_undecided_rows(result)[: _MOST_SHOWN + 1], quiet=True), 2))
    if len(result.undecided) > _MOST_SHOWN:
        console.print(Text(f"  And {len(result.undecided) - _MOST_SHOWN:,} more."))
    console.print(_indented(Text(_ADVICE), 2))


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
    if result.undecided:
        parts += ["## Could not be judged", _md(_ADVICE), _md_table(_undecided_rows(result))]
    if latencies := _latencies(result):
        parts += ["## Latency", _md_table(latencies, numbers=True)]
    for title, lines in _apart(result):
        parts += [f"## {title}", "\n".join(f"- {_md(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def html(result: DiffResult) -> str:
    """Return the result as one HTML page that asks nothing of the network, in light and dark."""
    from markupsafe import Markup

    from rokt_export import __version__
    from rokt_export.reports.html import asset, environment, policy
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
            headline=verdict(result),
            confusion=_confusion(result),
            no_count=_NONE,
            signs=SIGNS,
            latencies=_latencies(result),
            sections=[(section, found) for section in Section if (found := result.section(section))],
            said=_said,
            place_of=_place_of,
            apart=list(_apart(result)),
            undecided=_undecided_rows(result),
            advice=_ADVICE,
            capped=_MOST_IN_PAGE,
        )
    )


SUFFIXES: Final = {".html": html, ".htm": html, ".md": markdown, ".json": json}
"""What writes a comparison as a text, by the suffix of its file."""


def _undecided_rows(result: DiffResult) -> list[tuple[str, ...]]:
    """Undecided fields with two samples each; a first row of headings."""
    rows: list[tuple[str, ...]] = [("field", "transactions", "why", result.a, result.b)]
    for one in result.undecided:
        sides = (
            "\n".join(dict.fromkeys(map(_said, side))) for side in zip(*((s.a, s.b) for s in one.samples), strict=True)
        )
        texts = tuple(sides) or ("", "")
        kind = f" ({one.kind})" if str(one.kind) not in ("value", one.path.partition(" ")[0]) else ""
        rows.append((f"{one.path}{kind}", f"{one.count:,}", one.reason, *texts))
    return rows


def _transactions(count: int) -> str:
    return f"{count:,} transaction{'s' * (count != 1)}"


def _title(one: Difference) -> str:
    detail = f": {one.detail}" if one.detail else ""
    place = _place_of(one)
    who = f", {one.affected}" if one.affected else ""
    noise = "" if one.certain else ", likely noise: more transactions would settle it"
    return f"{one.kind}{' ' if place else ''}{place}{detail} ({_transactions(one.count)}{who}{noise})"


def _place_of(one: Difference) -> str:
    """Where a difference is, as far as its kind does not say so: `status` is nowhere else."""
    return "" if one.path == str(one.kind) else one.path.removeprefix(f"{one.kind} ")


def _said(value: str | None) -> str:
    return "(absent)" if value is None else value


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
    if result.varying:
        yield "Declared as varying", [f"{path} ({_transactions(n)})" for path, n in result.varying.items()]
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
            f"{_transactions(result.explained)}: the rest of the response was not compared, because another outcome or "
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
