"""Turn the result of a comparison into a page for a terminal, Markdown, HTML or JSON."""

from __future__ import annotations

import json as standard_json
from collections.abc import Iterable, Sequence
from html import escape
from string import Template
from typing import TYPE_CHECKING

from rokt_export.exchange.compare import Difference, DiffResult, Sample, Section
from rokt_export.exchange.model import OutcomeKind

if TYPE_CHECKING:
    from rich.console import Console

_ORDER = {str(kind): place for place, kind in enumerate(OutcomeKind)}


def json(result: DiffResult) -> str:
    """Return the whole result as one JSON document."""
    return standard_json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n"


def verdict(result: DiffResult) -> str:
    """Return the result in one sentence."""
    pairs = _transactions(result.pairs)
    if not result.differs:
        return f"{result.b} answered {pairs} as {result.a} did."
    number = len(result.differences)
    return f"{result.b} answers differently from {result.a}: {number} difference{'s' * (number > 1)} in {pairs}."


def console(result: DiffResult, console: Console) -> None:
    """Show the result on a terminal; what a partner sent is never taken for markup."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(verdict(result), style="bold red" if result.differs else "bold green"))
    table = Table(title="Outcomes", title_justify="left")
    head, *rows = _confusion(result)
    for place, cell in enumerate(head):
        table.add_column(Text(cell), justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    for section in Section:
        found = result.section(section)
        if not found:
            continue
        console.print(Text(f"\n{section.capitalize()}", style="bold"))
        for one in found:
            console.print(Text(f"  {_title(one)}"))
            for sample in one.samples:
                console.print(Text("\n".join(f"      {line}" for line in _sample_lines(sample)), style="dim"))
    for title, lines in _apart(result):
        console.print(Text(f"\n{title}", style="bold"))
        for line in lines:
            console.print(Text(f"  {line}"))


def markdown(result: DiffResult) -> str:
    """Return the result as Markdown (GitHub's)."""
    parts = [f"# {_md(result.a)} against {_md(result.b)}", _md(verdict(result)), "## Outcomes"]
    parts.append(_md_table(_confusion(result)))
    for section in Section:
        found = result.section(section)
        if found:
            parts.append(f"## {section.capitalize()}")
        for one in found:
            rows = [("transaction", result.a, result.b)]
            rows += [(sample.transaction, _said(sample.a), _said(sample.b)) for sample in one.samples]
            parts += [f"### {_md(_title(one))}", _md_table(rows)]
            parts += [_md_lines(sample.lines) for sample in one.samples if sample.lines]
    for title, lines in _apart(result):
        parts += [f"## {title}", "\n".join(f"- {_md(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def html(result: DiffResult) -> str:
    """Return the result as one HTML page that asks nothing of the network, in light and dark."""
    body = [f"<h1>{escape(result.a)} against {escape(result.b)}</h1>"]
    body.append(f'<p class="{"bad" if result.differs else "good"}" role="status">{escape(verdict(result))}</p>')
    body.append(_html_table("Outcomes", _confusion(result), numbers=True))
    for section in Section:
        found = result.section(section)
        if found:
            body.append(f"<h2>{escape(section.capitalize())}</h2>")
        body += [_html_difference(result, one) for one in found]
    for title, lines in _apart(result):
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        body.append(f"<h2>{escape(title)}</h2><ul>{items}</ul>")
    title = escape(f"{result.a} against {result.b}")
    return _PAGE.substitute(title=title, body="\n".join(body))


def _transactions(count: int) -> str:
    return f"{count:,} transaction{'s' * (count != 1)}"


def _title(one: Difference) -> str:
    detail = f": {one.detail}" if one.detail else ""
    place = "" if one.path == str(one.kind) else f" {one.path}"
    return f"{one.kind}{place}{detail} ({_transactions(one.count)})"


def _said(value: str | None) -> str:
    return "nothing" if value is None else value


def _sample_lines(sample: Sample) -> list[str]:
    head = f"{sample.transaction}: {_said(sample.a)} | {_said(sample.b)}"
    return [head, *(f"    {line}" for line in sample.lines)]


def _confusion(result: DiffResult) -> list[tuple[str, ...]]:
    """A's outcomes down, B's across; a first row of headings."""
    rows = sorted({a for a, _ in result.outcomes}, key=_place)
    columns = sorted({b for _, b in result.outcomes}, key=_place)
    table = [(f"{result.a} ↓  {result.b} →", *columns)]
    for a in rows:
        counts = (result.outcomes.get((a, b), 0) for b in columns)
        table.append((a, *(f"{count:,}" if count else "·" for count in counts)))
    return table


def _place(outcome: str) -> int:
    return _ORDER.get(outcome, len(_ORDER))


def _apart(result: DiffResult) -> Iterable[tuple[str, list[str]]]:
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
    latencies = [
        f"{name}: p50 {one.p50:g} ms, p95 {one.p95:g} ms, p99 {one.p99:g} ms"
        for name, one in ((result.a, result.latency_a), (result.b, result.latency_b))
        if one.p50 is not None
    ]
    if latencies:
        yield "Latency", latencies
    notes = list(result.notes)
    if result.explained:
        notes.append(
            f"{_transactions(result.explained)}: the rest of the answer was not compared, because another outcome or "
            "rule explains it."
        )
    if notes:
        yield "Notes", notes


def _md(text: str) -> str:
    """Text that Markdown shows as it is."""
    line = " ".join(text.split())
    return "".join(
        f"\\{sign}" if sign in _MD_SIGNS else sign for sign in line.replace("&", "&amp;").replace("<", "&lt;")
    )


_MD_SIGNS = frozenset("\\`*_{}[]#|~>")


def _md_table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = [[_md(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _md_lines(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _html_table(caption: str, rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    head, *rest = rows
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for first, *others in rest:
        data = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{data}</tr>')
    style = ' class="numbers"' if numbers else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table{style}><caption>{escape(caption)}</caption>{''.join(lines)}</table></div>"
    )


def _html_difference(result: DiffResult, one: Difference) -> str:
    rows = [("transaction", result.a, result.b)]
    rows += [(sample.transaction, _said(sample.a), _said(sample.b)) for sample in one.samples]
    texts = "".join(f"<pre>{escape(chr(10).join(sample.lines))}</pre>" for sample in one.samples if sample.lines)
    table = _html_table("Samples", rows)
    return f"<details open><summary>{escape(_title(one))}</summary>{table}{texts}</details>"


_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { --ink: #1a1f26; --page: #fff; --soft: #f1f3f6; --line: #c9d0d9; --good: #0a6b2e; --bad: #a8141b;
  --ring: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaee; --page: #14181d; --soft: #1f252c; --line: #3d4651; --good: #6fd68f; --bad: #ff9a94;
    --ring: #8ab4f8 }
}
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: var(--ink); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif }
h2 { margin-top: 2rem }
.good { color: var(--good); font-weight: 600 }
.bad { color: var(--bad); font-weight: 600 }
.wide { overflow-x: auto }
.wide:focus-visible, summary:focus-visible { outline: 2px solid var(--ring); outline-offset: 2px }
table { border-collapse: collapse; margin: .5rem 0 1rem }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
.numbers td { text-align: right; font-variant-numeric: tabular-nums }
th { background: var(--soft) }
summary { cursor: pointer; padding: .3rem 0; overflow-wrap: anywhere }
pre { background: var(--soft); padding: .6rem; overflow-x: auto }
@media print { body { margin: 0; max-width: none } }
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")
