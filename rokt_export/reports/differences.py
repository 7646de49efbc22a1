"""Show the result of a comparison as a page for a terminal, Markdown, HTML or JSON."""

from __future__ import annotations

import json as standard_json
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rokt_export.diff import Difference, DiffResult, Section, Undecided
from rokt_export.diff.result import MOST_LISTED
from rokt_export.diff.sentences import field_name, plural
from rokt_export.diff.statistics import ENOUGH
from rokt_export.exchange.model import OutcomeKind
from rokt_export.redaction.display_text import escaped_json, visible
from rokt_export.redaction.display_text import markdown as _md
from rokt_export.reports.charts import duration
from rokt_export.reports.markdown_table import table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_MOST_SHOWN: Final = 40
"""Differences, and undecided fields, that a terminal shows."""
_MOST_IN_PAGE: Final = 500
"""Differences of a section that a page shows."""
_NONE: Final = "·"
"""In a table of counts: not once."""
_SPEED: Final = "Speed of responses (for information, not a difference)"
_SECTIONS: Final = {
    Section.OUTCOMES: "Different outcomes",
    Section.REASONS: "Different reasons and codes",
    Section.ANSWERS: "Different status and headers",
    Section.SHAPE: "Different fields",
    Section.VALUES: "Different values",
}
_ORDER: Final = {str(kind): place for place, kind in enumerate(OutcomeKind)}


def json(result: DiffResult) -> str:
    """Return the whole result as one JSON document."""
    data = {"headline": verdict(result), **result.as_json()}
    return escaped_json(standard_json.dumps(data, ensure_ascii=False, indent=2)) + "\n"


def verdict(result: DiffResult) -> str:
    """Return the result in a sentence or two: what differs, what could not be judged, what could not be compared."""
    compared = plural(result.compared)
    if result.differences:
        likely = sum(not one.certain for one in result.differences)
        chance = f" ({likely} may be chance)" if likely else ""
        kinds = f"{plural(len(result.differences), 'kind')} of difference{chance}"
        everywhere = result.differing >= result.compared > 1
        every = "both rows" if result.compared == 2 else f"all {compared}"
        where = every if everywhere else f"{result.differing:,} of {compared}"
        parts = [f"{kinds} between {result.a} and {result.b}, in {where}"]
    elif result.compared:
        parts = [f"No differences found in {compared}"]
    else:
        parts = [f"No response of {result.b} could be compared with one of {result.a}"]
    if result.undecided:
        places = list(dict.fromkeys(field_name(one.path).removeprefix("field ") for one in result.undecided))
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        parts[0] += f"; {plural(len(places), 'field')} not judged: {', '.join(places[:3])}{more}"
    if result.unsent:
        parts.append(f"{plural(result.unsent)} could be sent to neither side: invalid")
    if result.unanswered:
        parts.append(f"{plural(result.unanswered)} got no whole response from either side: unknown")
    if result.alone:
        parts.append(f"{plural(result.alone)} had no counterpart")
    return ". ".join(parts) + "."


def console(result: DiffResult, console: Console) -> None:
    """Show the result on a terminal; what a partner sent is never taken for markup."""
    from rich.text import Text

    color = "red" if not result.agrees else "yellow" if result.undecided else "green"
    console.print(Text(verdict(result), style=f"bold {color}"))
    console.print(Text(_compared(result)))
    _heading(console, "Outcomes")
    for line in _outcomes(result):
        console.print(_indented(Text(line), 2))
    _print_differences(console, result)
    if result.undecided:
        _heading(console, "Could not be judged")
        for one in result.undecided[:_MOST_SHOWN]:
            _print_finding(console, result, one)
        if len(result.undecided) > _MOST_SHOWN:
            console.print(Text(f"  And {len(result.undecided) - _MOST_SHOWN:,} more."))
        _print_next_steps(console, result)
    if latencies := _latencies(result):
        _heading(console, _SPEED)
        console.print(_table(latencies, numbers=True))
    for title, lines in _apart(result):
        _heading(console, title)
        for line in lines[:_MOST_SHOWN]:
            console.print(_indented(Text(line), 2))
        if len(lines) > _MOST_SHOWN:
            console.print(_indented(Text(f"And {len(lines) - _MOST_SHOWN:,} more."), 2))


def _print_next_steps(console: Console, result: DiffResult) -> None:
    from rich.text import Text

    for why, command in _next_steps(result):
        console.print(_indented(Text(why), 2))
        if command:
            console.print(Text(f"      {command}"), soft_wrap=True)


def _heading(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(f"\n{text}", style="bold"))


def _print_differences(console: Console, result: DiffResult) -> None:
    from rich.text import Text

    left = _MOST_SHOWN
    for section in Section:
        found = result.section(section)
        if found[: max(left, 0)]:
            _heading(console, _SECTIONS[section])
        for one in found[: max(left, 0)]:
            _print_finding(console, result, one)
        left -= len(found)
    if left < 0:
        console.print(Text(f"\nAnd {-left:,} more differences: --report diff.html or --output json shows them all."))


def _print_finding(console: Console, result: DiffResult, one: Difference | Undecided) -> None:
    """Print one finding; samples that say the same share a line."""
    from rich.text import Text

    console.print(_indented(Text(one.sentence), 2))
    if technical := _technical(one):
        console.print(_indented(Text(technical, style="dim"), 6))
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for sample in one.samples:
        alike.setdefault((_said(sample.a), _said(sample.b), sample.lines), []).append(sample.transaction)
    rows = [(_first_of(transactions), a, b) for (a, b, _), transactions in alike.items()]
    head = ("transaction", result.a, result.b)
    if rows and sum(max(map(len, column)) + 2 for column in zip(head, *rows, strict=True)) + 6 <= console.width:
        console.print(_indented(_table([head, *rows], quiet=True), 6))
    else:  # a long value has a line of its own, so that it can be read and copied whole
        for transactions, a, b in rows:
            console.print(_indented(Text(transactions, style="dim"), 6))
            console.print(_indented(_sides((result.a, a), (result.b, b)), 8))
    for _, _, lines in alike:
        if lines:
            console.print(_indented(Text("\n".join(lines), style="dim"), 8))
    if more := _where_all_are(one, result.listing):
        console.print(_indented(Text(more, style="dim"), 6))


def _first_of(transactions: Sequence[str]) -> str:
    if len(transactions) <= 2:
        return " and ".join(transactions)
    return f"{transactions[0]} and {len(transactions) - 1} others"


def _table(rows: Sequence[Sequence[str]], *, numbers: bool = False, quiet: bool = False) -> Table:
    """A table for a terminal; the first row is its head.

    Args:
        numbers: whether all columns except the first contain numbers.
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
    for row in rest:
        table.add_row(*map(Text, row))
    return table


def _sides(*sides: tuple[str, str]) -> Table:
    """What each side has, its further lines below its first."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for side in sides:
        table.add_row(*map(Text, side), style="dim")
    return table


def _indented(shown: RenderableType, columns: int) -> RenderableType:
    from rich.padding import Padding

    return Padding(shown, (0, 0, 0, columns), expand=False)


def markdown(result: DiffResult) -> str:
    """Return the result as Markdown (GitHub's)."""
    parts = [f"# {_md(result.a)} against {_md(result.b)}", _md(verdict(result)), _md(_compared(result)), "## Outcomes"]
    parts.append("\n".join(f"- {_md(line)}" for line in _outcomes(result)))
    for section in Section:
        found = result.section(section)
        if found:
            parts.append(f"## {_SECTIONS[section]}")
        for one in found:
            parts += _md_finding(result, one)
    if result.undecided:
        parts.append("## Could not be judged")
        for undecided in result.undecided:
            parts += _md_finding(result, undecided)
        parts += [
            f"{_md(why)}\n\n{_md_lines([command])}" if command else _md(why) for why, command in _next_steps(result)
        ]
    if latencies := _latencies(result):
        parts += [f"## {_SPEED}", _md_table(latencies, numbers=True)]
    for title, lines in _apart(result):
        parts += [f"## {title}", "\n".join(f"- {_md(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def _md_finding(result: DiffResult, one: Difference | Undecided) -> Iterator[str]:
    yield f"### {_md(one.sentence)}"
    if technical := _technical(one):
        yield _md(technical)
    if one.samples:
        yield _md_table([("transaction", result.a, result.b), *_sample_rows(one)])
    yield from (_md_lines(sample.lines) for sample in one.samples if sample.lines)
    if more := _where_all_are(one, result.listing):
        yield _md(more)


def html(result: DiffResult) -> str:
    """Return the result as one HTML page that asks nothing of the network, in light and dark."""
    from markupsafe import Markup

    from rokt_export import __version__
    from rokt_export.reports.html import asset, page, policy
    from rokt_export.reports.outcome_icons import SIGNS

    style = asset("report.css") + asset("differences.css")
    return page(asset("differences.html")).render(
        policy=policy(style),
        style=Markup(style),
        version=__version__,
        result=result,
        headline=verdict(result),
        confusion=_confusion(result),
        no_count=_NONE,
        signs=SIGNS,
        latencies=_latencies(result),
        compared=_compared(result),
        sections=[(_SECTIONS[section], found) for section in Section if (found := result.section(section))],
        said=_said,
        technical=_technical,
        where_all_are=_where_all_are,
        apart=list(_apart(result)),
        undecided=result.undecided[:_MOST_IN_PAGE],
        next_steps=_next_steps(result),
        speed=_SPEED,
        capped=_MOST_IN_PAGE,
    )


SUFFIXES: Final = {".html": html, ".htm": html, ".md": markdown, ".json": json}
"""What writes a comparison as a text, by the suffix of its file."""


def _compared(result: DiffResult) -> str:
    """What was compared."""
    bodies = "1 body" if result.bodies == 1 else f"{result.bodies:,} bodies"
    return (
        f"Compared: outcomes, reasons and status of {plural(result.compared)}; headers, fields and values of {bodies}."
    )


def _outcomes(result: DiffResult) -> list[str]:
    """How many rows had which outcome on which side; and why outcomes agree where fields do not."""
    lines = [
        f"{count:,} {a} in both" if a == b else f"{count:,} {a} in {result.a} but {b} in {result.b}"
        for (a, b), count in sorted(result.outcomes.items(), key=lambda one: (_place(one[0][0]), _place(one[0][1])))
    ]
    if result.differences and not result.section(Section.OUTCOMES):
        lines.append("The response rules of the spec decide what counts as delivered; the differences below do not.")
    return lines


def _next_steps(result: DiffResult) -> list[tuple[str, str]]:
    """What to do about fields that could not be judged, and the whole command."""
    steps = []
    enough = result.enough
    again = shlex.join(["rokt-export", "diff", result.spec, "--runs", *result.runs]) + result.journal_flag
    a, b = result.between or (result.a, result.b)
    if enough and (a == b or result.send_flags is None):
        steps.append((f"To judge with more rows, compare two runs of {enough:,} rows or more.", ""))
    elif enough and result.send_flags is not None:
        if result.guarded:
            runs = f"compare two runs of {enough:,} rows or more with `diff --runs A B`, which sends nothing"
            steps.append((f"To judge with more rows, {runs} (`rokt-export runs list` shows them).", ""))
        files = ", ".join(result.events)
        count = result.count if result.guarded and files else enough
        words = ["rokt-export", "diff", result.spec, *result.events, "--between", a, b, "--count", str(count)]
        command = shlex.join([*words, *result.send_flags]) + result.journal_flag
        if count is None:
            steps.append((f"Or send {enough:,} rows or more that no guarded environment has answered before.", ""))
        elif result.guarded:
            source = f" of {files}" if files else ""
            steps.append(
                (
                    f"Or send {enough:,} rows{source} that were not sent yet; it asks for the partner's name first:",
                    command,
                )
            )
        else:
            source = f" ({files} needs {enough:,} or more)" if files else ""
            steps.append((f"To judge with more rows{source}:", command))
    if any(one.entry and not one.enough for one in result.undecided) and result.pairs >= ENOUGH:
        why = "If the values do not matter, declare the fields in the spec (their form is still checked), and name the "
        why += "spec when these runs are compared again:"
        steps.append((why, f"{again} --learn"))
    if not steps and result.undecided:
        steps.append(("To read the samples in full:", f"{again} --output json"))
    return steps


def _technical(one: Difference | Undecided) -> str:
    """The path and the kind, as `diff: varies:` and `diff: ignore:` of a spec name them."""
    return "" if one.path == str(one.kind) else f"{one.path} ({one.kind})"


def _where_all_are(one: Difference | Undecided, listing: str = "") -> str:
    """How many rows are shown, and what lists the others."""
    if one.count <= len(one.samples) or (isinstance(one, Undecided) and not one.samples):
        return ""
    if isinstance(one, Undecided):
        return f"{len(one.samples)} of {one.count:,} rows shown"
    first = f"the first {MOST_LISTED:,}" if one.count > MOST_LISTED else "all"
    return f"{len(one.samples)} of {one.count:,} rows shown; {listing or '--report diff.json'} lists {first}"


def _said(value: str | None) -> str:
    return "(absent)" if value is None else value


def _sample_rows(one: Difference | Undecided) -> list[tuple[str, str, str]]:
    return [(sample.transaction, _said(sample.a), _said(sample.b)) for sample in one.samples]


def _confusion(result: DiffResult) -> list[tuple[str, ...]]:
    """A's outcomes down, B's across; a first row of headings."""
    rows = sorted({a for a, _ in result.outcomes}, key=_place)
    columns = sorted({b for _, b in result.outcomes}, key=_place)
    table = [(f"{result.a} (rows), {result.b} (columns)", *columns)]
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
    return (
        [("", "half within", "95 % within", "99 % within"), *rows]
        if any(one.p50 is not None for _, one in sides)
        else []
    )


def _apart(result: DiffResult) -> Iterator[tuple[str, list[str]]]:
    """What does not count as a difference, and what to know, by title."""
    if result.varying:
        told = "values may differ; presence, type and form are checked"
        yield (
            "Declared in the spec (diff: varies:)",
            [f"{field_name(path)}: {told}; unequal in {plural(n)}" for path, n in result.varying.items()],
        )
    if result.ignored:
        yield (
            "Ignored, because the spec says so (diff: ignore:)",
            [f"{field_name(path)}: different in {plural(n)}" for path, n in result.ignored.items()],
        )
    alone = [
        f"only in {name}: {plural(one.count)}, such as {', '.join(one.samples)}"
        for name, one in ((result.a, result.only_in_a), (result.b, result.only_in_b))
        if one.count
    ]
    if alone:
        yield "Without a counterpart", alone
    if result.unsent and result.invalid:
        yield f"Why rows are invalid in {result.a}", [f"{plural(rows)}: {reason}" for reason, rows in result.invalid]
    notes = list(result.notes)
    if result.explained:
        notes.append(
            f"Headers and bodies of {plural(result.explained)} were not compared: their outcome or rule differs."
        )
    if notes:
        yield "Notes", notes


def _md_table(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    head, *rest = rows
    return "".join(table(head, rest, range(1, len(head)) if numbers else ())).rstrip("\n")


def _md_lines(lines: Sequence[str]) -> str:
    return "\n".join(f"    {visible(line)}" for line in lines)
