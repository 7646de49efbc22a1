"""Shows a certification as a table or as data, and names the commands that go on after it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rokt_export.commands.options import Output
from rokt_export.commands.run_output import DRAFT_RULE, place_flag
from rokt_export.commands.terminal import GUARD, Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from rokt_export.certification.records import Certification, Probe, ProbeVerdict
    from rokt_export.commands.run_session import RunResult
    from rokt_export.reports.run_report import RunReport

_LOOKS: dict[ProbeVerdict, tuple[str, str, str]] = {
    "as expected": ("✓", "+", "green"),
    "finding": ("✗", "x", "bold red"),
    "cannot be told": ("?", "?", "yellow"),
    "not run": ("·", ".", "dim"),
}
"""Verdict to its sign, its sign in ASCII, and its style."""
_NARROW = 60
"""Columns below which each probe has lines of its own."""
_COLUMNS = ("id", "kind", "title", "expected", "outcome", "rule", "status", "verdict", "defect", "finding", "advice")
_MOST_TITLE = 44
_RECORD = re.compile(r"\bR\d+\b")
"""The id of a record in a question."""


def show_certification(
    made: Certification | None, done: RunResult, journal: str, terminal: Terminal, output: Output
) -> None:
    """Print a certification, or why there is none.

    Args:
        made: None where the run did not reach its end.
        done: the run.
        journal: the journal's place.
        terminal: where to.
        output: the form.
    """
    from rokt_export.journal import Journal
    from rokt_export.reports.run_report import RunReport

    place = place_flag(journal)
    with Journal.open(journal) as opened:
        run_report = RunReport.of(opened, opened.find(done.run))
        with to_stdout(f"The run is in the journal: rokt-export runs show {done.run}{place}"):
            match output:
                case Output.TABLE:
                    if made is not None:
                        _table(terminal.out, made)
                        _after_table(terminal.out, made, run_report)
                case Output.JSON:
                    terminal.json(_document(made, run_report))
                case Output.NDJSON:
                    terminal.ndjson(_probes(made))
                case Output.CSV:
                    terminal.csv(_probes(made), _COLUMNS)
    _say_next(made, done, run_report, place, terminal)


def _say_next(
    made: Certification | None, done: RunResult, run_report: RunReport, place: str, terminal: Terminal
) -> None:
    run = run_report.run.run
    if made is None:
        finished = done.result.finished
        if finished.message:
            terminal.warn(finished.stopped)
        if done.status is ExitStatus.INTERRUPTED:
            terminal.warn("interrupted: there is no certification; what was sent is in the journal")
        for sentence in done.result.tally.notes:
            terminal.warn(sentence)
    for sentence in run_report.document_notes:
        terminal.warn(sentence)
    commands = [f"  {what}: rokt-export {command}{place}" for what, command in _commands(made, done, run)]
    named = f"run {run}{f' ({run_report.run.name})' if run_report.run.name else ''}"
    terminal.say(f"{named}. Next:" if commands else named)
    for line in commands:
        terminal.say(line)


def _commands(made: Certification | None, done: RunResult, run: str) -> Iterator[tuple[str, str]]:
    """Yield what fits a certification, and the command for it."""
    if made is None:
        if done.status is ExitStatus.UNREACHABLE:
            at = done.result.finished.row
            yield "find the cause", f"diagnose {run}{'' if at is None else f' --row {at}'}"
        yield "see what was sent", f"runs show {run}"
        return
    for probe in made.findings[:2]:
        if probe.exchanges:
            yield f"see {probe.id}", f"runs show {run} --row {probe.exchanges[-1].row}"
    if made.unexplained:
        yield DRAFT_RULE, f"rule {run} --row {made.unexplained[0].rows[0]}"


def _probes(made: Certification | None) -> Iterator[dict[str, Any]]:
    import msgspec

    for probe in made.probes if made is not None else ():
        yield msgspec.to_builtins(probe)


def _document(made: Certification | None, run_report: RunReport) -> dict[str, Any]:
    import msgspec

    run = run_report.run
    data: dict[str, Any] = {
        "run": run.run,
        "partner": run.partner,
        "environment": run.environment,
        "counts": dict(run.counts),
        "certification": None,
    }
    if made is not None:
        data["verdicts"] = dict(Counter(probe.verdict for probe in made.probes))
        data["certification"] = msgspec.to_builtins(made)
    return data


def _table(console: Console, made: Certification) -> None:
    """Print a line for each probe: sign, id, what it tried, what came."""
    from rich.table import Table
    from rich.text import Text

    if console.width < _NARROW:
        for probe in made.probes:
            head = Text.assemble(_sign(console, probe), f" {probe.id} {probe.title}")
            console.print(head, overflow="fold")
            console.print(Text(f"    {_came(probe)}", style=_LOOKS[probe.verdict][2]), overflow="fold")
        return
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, show_header=False)
    table.add_column("sign", no_wrap=True)
    table.add_column("probe", no_wrap=True, justify="right")
    widest = max(len(probe.title) for probe in made.probes)
    table.add_column("title", overflow="fold", width=min(widest, _MOST_TITLE, console.width * 45 // 100))
    table.add_column("came", overflow="fold")
    for probe in made.probes:
        style = "dim" if probe.verdict == "not run" else "" if probe.verdict == "as expected" else _style(probe)
        table.add_row(_sign(console, probe), Text(probe.id, "dim"), _plain(probe.title), _plain(_came(probe), style))
    console.print(table)


def _came(probe: Probe) -> str:
    return probe.defect or (f"not run: {probe.finding}" if probe.verdict == "not run" else probe.finding)


def _style(probe: Probe) -> str:
    return _LOOKS[probe.verdict][2]


def _sign(console: Console, probe: Probe) -> Text:
    from rich.text import Text

    mark, plain, style = _LOOKS[probe.verdict]
    return Text(mark if console.encoding.lower().startswith("utf") else plain, style=style)


def _plain(text: str, style: str = "") -> Text:
    from rich.text import Text

    from rokt_export.redaction.display_text import one_line

    return Text(one_line(GUARD.text(text)), style=style)


def _after_table(console: Console, made: Certification, run_report: RunReport) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for probe in made.probes:
        if probe.verdict == "finding":
            console.print()
            head = Text.assemble(
                _sign(console, probe), (f" {probe.id} {probe.title}: ", "bold"), (probe.defect, "bold")
            )
            console.print(head)
            _line(console, "expected", f"{probe.expected} ({probe.why})" if probe.why else probe.expected)
            _line(console, "came", probe.finding)
            _line(console, "advice", probe.advice)
    _advice(console, made)
    console.print()
    counts = Counter(probe.verdict for probe in made.probes)
    parts = [number_of(len(made.probes), "probe", "probes")]
    for verdict, (mark, _, _) in _LOOKS.items():
        if number := counts[verdict]:
            parts.append(f"{mark} {number} {verdict}{'s' if verdict == 'finding' and number > 1 else ''}")
    console.print(Text("   ".join(parts), style="bold"), overflow="fold")
    requests = [number_of(len(made.records), "send", "sends")]
    requests += [number_of(made.reads, "read", "reads")] if made.reads else []
    requests += [number_of(made.removals, "removal", "removals")] if made.removals else []
    console.print(_plain(", ".join(requests)))
    if run_report.coverage is not None:
        console.print(_plain(run_report.coverage.line()))
    if made.missing_outcomes:
        console.print(_plain(f"not seen, and required: {', '.join(made.missing_outcomes)}", "bold red"))
    _unexplained(console, made)
    if made.questions:
        console.print()
        console.print(Text("Ask the partner", style="bold"))
        for question in made.questions:
            console.print(Padding(_plain(f"{question.id} {_with_probes(question.text, made)}"), (0, 0, 0, 2)))
        if any(_RECORD.search(question.text) for question in made.questions):
            console.print(Padding(_plain("The page of the pack lists each record (R) with its values."), (0, 0, 0, 2)))


def _with_probes(text: str, made: Certification) -> str:
    """Return a question with the probe of each record: the table above has probes, and no records."""
    probes = {record.id: record.probe for record in made.records}
    return _RECORD.sub(lambda found: f"{found[0]} ({probes[found[0]]})" if found[0] in probes else found[0], text)


def _advice(console: Console, made: Certification) -> None:
    """Print the advice of probes without a finding, once for those that have the same."""
    from rich.text import Text

    alike: dict[tuple[ProbeVerdict, str, str], list[Probe]] = {}
    for probe in made.probes:
        if probe.verdict != "finding" and probe.advice:
            alike.setdefault((probe.verdict, probe.finding, probe.advice), []).append(probe)
    for (verdict, finding, advice), probes in alike.items():
        more = f" and {', '.join(probe.id for probe in probes[1:])}" if len(probes) > 1 else ""
        console.print()
        console.print(
            Text.assemble(_sign(console, probes[0]), (f" {probes[0].id} {probes[0].title}{more}", "bold")),
        )
        _line(console, "not run" if verdict == "not run" else "came", finding)
        _line(console, "advice", advice)


def _line(console: Console, label: str, text: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if text:
        console.print(Padding(Text.assemble((f"{label}: ", "dim"), _plain(text)), (0, 0, 0, 4)))


def _unexplained(console: Console, made: Certification) -> None:
    from rich.text import Text

    for each in made.unexplained:
        console.print()
        rows = ", ".join(map(str, each.rows[:5])) + (" …" if len(each.rows) > 5 else "")
        noun = "row" if len(each.rows) == 1 else "rows"
        console.print(
            _plain(f"No rule matches {each.structure} ({noun} {rows}). A rule for it:", "bold"), soft_wrap=True
        )
        for line in GUARD.text(each.rule).splitlines():
            console.print(Text(f"    {line}", style="green"), soft_wrap=True)
