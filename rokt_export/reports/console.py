"""Turn deliveries, runs and explanations into tables for a terminal of any width."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, assert_never

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rokt_export.exchange.delivery import Delivery, LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import RunInfo, RunState
from rokt_export.redaction.display_text import cut, one_line
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.prose import print_message
from rokt_export.reports.reasons import ReasonGroup, less_frequent, why
from rokt_export.reports.run_facts import lookups
from rokt_export.reports.run_report import RunReport
from rokt_export.response.explain import Explanation, RuleVerdict

FEW = 50
"""Rows of a `test` up to which all are shown without `--all`."""
MOST_REASONS = 10
"""Groups of reasons that are shown."""
_REASON_CHARACTERS = 160
"""Characters of a reason in the table of groups; `runs show --row` has all."""
_NARROW = 64
"""Columns of a terminal below which a table would be unreadable, and each delivery gets lines of its own."""
_LEAST_OF_A_REASON, _LEAST = 16, 6
"""Characters of a column that folds, at least; of reasons before any other column is narrowed."""
_PAGE = 500
"""Rows whose widths are decided together, so that a table of any length appears at once and in bounded memory."""
_TESTS = ("test", "certify")
_RECEIVED = {LeftOut.DELIVERED, LeftOut.DUPLICATE, LeftOut.UNKNOWN}
_STATES = {RunState.RUNNING: "cyan", RunState.INTERRUPTED: "yellow", RunState.CRASHED: "red"}


def run_table(console: Console, run_report: RunReport, *, show_all: bool = False) -> None:
    """Print how far an unfinished run came, and why rows had an unexpected outcome, grouped.

    Rows are printed only where all are asked for, or of a short `test`.
    """
    words = [f"{run_report.unfinished[0].upper()}{run_report.unfinished[1:]}."] if run_report.unfinished else []
    style = "yellow" if words else "dim"
    if run_report.rows and (show_all or (run_report.run.command in _TESTS and run_report.rows <= FEW)):
        deliveries_table(console, run_report.deliveries())
        if run_report.rows > FEW:
            reason_table(console, run_report)
    else:
        reason_table(console, run_report)
        words += [_expectation(run_report), "--all shows every row."] if run_report.rows else [_why_none(run_report)]
    if words:
        console.print(" ".join(filter(None, words)), style=style, markup=False, highlight=False)


def _why_none(run_report: RunReport) -> str:
    """Why a run has no row, in a sentence."""
    if known := sum(run_report.left_out.values()):
        if not _RECEIVED.issuperset(run_report.left_out):
            return f"No row was sent. Left out: {_left_out(run_report)}."
        has = "may have" if LeftOut.UNKNOWN in run_report.left_out else "has"
        return f"No row was sent: production {has} received {'it' if known == 1 else f'all {known:,}'} before."
    match run_report.run.state:
        case RunState.RUNNING:
            return "No row was sent yet."
        case RunState.INTERRUPTED | RunState.CRASHED:
            return "No row was sent: the run stopped before the first."
        case RunState.FINISHED:
            return "No row was sent: none was left to send."
        case never:
            assert_never(never)


def _expectation(run_report: RunReport) -> str:
    """How many rows had the expected outcome, in a sentence; empty where all are in flight."""
    total = run_report.rows - run_report.run.in_flight
    if not total:
        return ""
    others = total - run_report.as_expected
    out = bool(run_report.not_sent)
    were = "was" if total == 1 else "were"
    noun = f"{'handled ' if run_report.unfinished and not out else ''}row{'' if total == 1 else 's'}"
    rows, every = f"{total:,} {noun}", f"The {noun}" if total == 1 else f"All {total:,} {noun}"
    if out:
        every += f" that {were} sent"
    if run_report.expected != OutcomeKind.DELIVERED:
        some = f"{others:,} of {rows}" if others else every
        return f"{some}: {'not ' if others else ''}{run_report.expected}, as expected."
    if others:
        return f"{_not_delivered(run_report, others, rows)}."
    if awaited := run_report.run.confirmations.get("awaited", 0):
        some = "" if awaited == total else f"{awaited:,} of them "
        return f"{every} {were} accepted, {some}not yet confirmed."
    return f"{every} {were} delivered."


def _not_delivered(run_report: RunReport, others: int, rows: str) -> str:
    """How many of the rows were not delivered, and of how many nobody knows."""
    unknown = run_report.counts.get(OutcomeKind.UNKNOWN, 0) - run_report.run.in_flight
    known = others - unknown
    if not known:
        return f"{unknown:,} of {rows} {'is' if unknown == 1 else 'are'} unknown"
    parts = f"{known:,} of {rows} {'was' if known == 1 else 'were'} not delivered"
    return f"{parts}, {unknown:,} {'is' if unknown == 1 else 'are'} unknown" if unknown else parts


def reason_table(console: Console, run_report: RunReport) -> None:
    """Print why rows had an unexpected outcome: how many, outcome, status, rule, reason and first row of each group."""
    groups, other_rows = run_report.reasons.most_frequent(MOST_REASONS)
    if not groups:
        return
    if console.width < _NARROW:
        for one in groups:
            _print_reason(console, one)
    else:
        console.print(_reasons(console, groups))
    if other_rows:
        console.print(f"{less_frequent(other_rows)}.", style="dim", markup=False, highlight=False)


def _reasons(console: Console, groups: Sequence[ReasonGroup]) -> Table:
    rules = any(one.rule not in (None, str(one.outcome)) for one in groups)
    columns = [
        _Column("count", number=True), _Column("outcome"), _Column("status", number=True), _Column("rule", folds=True),
        _Column("reason", folds=True), _Column("first row", number=True),
    ]  # fmt: skip
    rows = [
        (
            Text(f"{one.rows:,}"), outcome_text(console, str(one.outcome)),
            Text("" if one.status is None else f"{one.status}"), plain(one.rule), _reason(one), Text(f"{one.first}"),
        )
        for one in groups
    ]  # fmt: skip
    return _fitted(console, columns, rows, (True, True, True, rules, True, True))


class _Column(NamedTuple):
    """A column: its title, whether it holds numbers, and whether its cells may take several lines."""

    title: str
    number: bool = False
    folds: bool = False


def _fitted(
    console: Console, columns: Sequence[_Column], rows: Sequence[tuple[Text, ...]], shown: Sequence[bool]
) -> Table:
    """Return a table of some columns in which cells that fold make room for the others.

    Rich shortens all columns alike where the width is short: a figure that has lost a digit is another figure.
    """
    places = [place for place, is_shown in enumerate(shown) if is_shown]
    widths = {place: max(cell_len(columns[place].title), *(row[place].cell_len for row in rows)) for place in places}
    folding = [place for place in places if columns[place].folds]
    reasons = [place for place in folding if columns[place].title == "reason"]
    room = console.width - 2 * len(places) + 1  # a blank and a border that does not show
    for narrowing, least in (reasons, _LEAST_OF_A_REASON), (folding, _LEAST):  # a reason is read in any width
        while narrowing and sum(widths.values()) > room:
            widest = max(narrowing, key=widths.__getitem__)
            if widths[widest] <= least:
                break
            widths[widest] -= 1
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for place in places:
        title, number, folds = columns[place]
        table.add_column(
            title, width=widths[place], no_wrap=not folds, overflow="fold" if folds else "ellipsis",
            justify="right" if number else "left",
        )  # fmt: skip
    for row in rows:
        table.add_row(*(row[place] for place in places))
    return table


def _reason(one: ReasonGroup) -> Text:
    return plain(cut(one.reason, _REASON_CHARACTERS))


def _print_reason(console: Console, one: ReasonGroup) -> None:
    line = Text.assemble(f"{one.rows:,}  ", outcome_text(console, str(one.outcome)))
    if one.status is not None:
        line.append(f"  {one.status}")
    line.append(f"  first row {one.first}", style="dim")
    console.print(line)
    if one.rule not in (None, str(one.outcome)):
        console.print(Text.assemble(("   rule: ", "dim"), plain(one.rule)), overflow="fold")
    if one.reason:
        console.print(Text("   ").append_text(_reason(one)), overflow="fold")


def deliveries_table(console: Console, deliveries: Iterable[Delivery]) -> None:
    """Print deliveries, each on a line of a table where the terminal is wide enough.

    Columns that say nothing new are left out: a rule named like its outcome, a reason or reference that no row has.
    """
    coming = iter(deliveries)
    if not (page := list(islice(coming, _PAGE))):
        console.print("No deliveries.", style="dim")
    while page:
        _print_page(console, page)
        page = list(islice(coming, _PAGE))


def _print_page(console: Console, deliveries: Sequence[Delivery]) -> None:
    if console.width < _NARROW:
        for one in deliveries:
            _print_lines(console, one)
    else:
        console.print(_table(console, deliveries))


def _table(console: Console, deliveries: Sequence[Delivery]) -> Table:
    rules = any(one.rule not in (None, str(one.outcome)) for one in deliveries)
    reasons = any(why(one.reason, one.error) for one in deliveries)
    references = any(one.reference for one in deliveries)
    columns = [
        _Column("row", number=True), _Column("transaction", folds=True), _Column("status", number=True),
        _Column("outcome"), _Column("reason", folds=True), _Column("reference", folds=True),
        _Column("rule", folds=True), _Column("  ms", number=True),  # as wide for 5.1 as for 1,024
    ]  # fmt: skip
    rows = [_cells(console, one) for one in deliveries]
    return _fitted(console, columns, rows, (True, True, True, True, reasons, references, rules, True))


def _cells(console: Console, one: Delivery) -> tuple[Text, ...]:
    return (
        Text(f"{one.row}"),
        plain(one.transaction),
        Text("" if one.status is None else f"{one.status}"),
        outcome_text(console, str(one.outcome)).append(one.confirmation_text),
        plain(why(one.reason, one.error)),
        plain(one.reference),
        plain(one.rule),
        Text(milliseconds(one.latency_ms)),
    )


def _print_lines(console: Console, one: Delivery) -> None:
    line = Text.assemble(f"{one.row}  ", outcome_text(console, str(one.outcome)), one.confirmation_text)
    if one.status is not None:
        line.append(f"  {one.status}")
    if one.latency_ms is not None:
        line.append(f"  {milliseconds(one.latency_ms)} ms")
    console.print(line)
    parts = {"transaction": one.transaction, "reason": why(one.reason, one.error), "reference": one.reference}
    if one.rule != str(one.outcome):
        parts["rule"] = one.rule
    for name, value in parts.items():
        if value:
            console.print(Text.assemble((f"   {name}: ", "dim"), plain(value)), overflow="fold")


def outcome_text(console: Console, outcome: str) -> Text:
    """Return an outcome with its sign, coloured."""
    sign = SIGNS[outcome]
    return Text(f"{_mark(console, sign.mark, sign.ascii)} {outcome}", style=sign.style)


def _mark(console: Console, mark: str, plain: str) -> str:
    return mark if console.encoding.lower().startswith("utf") else plain


def plain(text: str | None) -> Text:
    """Return a partner's text on one line, without what would steer the terminal."""
    return Text(one_line(text or ""))


def milliseconds(value: float | None) -> str:
    """Return milliseconds with a decimal below ten; nothing for None."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def summary(console: Console, run_report: RunReport, *, contact: bool = True, told: Collection[str] = ()) -> None:
    """Print what a run came to: counts, latency, rule coverage, notes, and what the tech contact should look for.

    Args:
        contact: whether to say what the tech contact should look for.
        told: notes that were shown before the send.
    """
    console.print()
    console.print(_counts(console, run_report))
    if latency := latency_line(run_report):
        print_message(console, plain(latency))
    if run_report.coverage is not None:
        print_message(console, plain(run_report.coverage.line()))
    for note in run_report.notes:
        if note not in told:
            print_message(console, plain(note), "yellow")
    lines = lookups(run_report) if contact else []
    if lines:
        console.print()
        print_message(console, plain(lines[0]), "bold")
        for line in lines[1:]:
            print_message(console, Text("  ").append_text(plain(line)))


def _counts(console: Console, run_report: RunReport) -> Text:
    """The counts, as many on a line as fit, and what was left out: no outcome is parted from its number."""
    parts = [Text(f"{run_report.rows:,} row{'' if run_report.rows == 1 else 's'}", style="bold")]
    for outcome, number in run_report.run.counts_so_far.items():
        parts.append(outcome_text(console, outcome).append(f" {number:,}"))
    if run_report.run.in_flight:
        parts.append(Text(f"{run_report.run.in_flight:,} in flight", style=_STATES[RunState.RUNNING]))
    if run_report.rows and (known := _left_out(run_report)):  # else the first sentence has said it
        parts.append(Text(f"left out: {known}", style="dim"))
    return _packed(parts, console.width)


def _left_out(run_report: RunReport) -> str:
    """Return why rows were left out, and how many: `2 delivered before, 1 repeated`."""
    known = [f"{rows:,} {outcome} before" for outcome, rows in run_report.left_out.items()]
    if repeated := run_report.not_sent.get(LeftOut.REPEATED, {}).get("rows"):
        known.append(f"{repeated:,} repeated")
    return ", ".join(known)


def _packed(parts: Sequence[Text], width: int, gap: int = 3) -> Text:
    """Parts side by side, as many on a line as fit."""
    lines = [parts[0]]
    for part in parts[1:]:
        if lines[-1].cell_len + gap + part.cell_len > width:
            lines.append(part)
        else:
            lines[-1] = Text.assemble(lines[-1], " " * gap, part)
    return Text("\n").join(lines)


def latency_line(run_report: RunReport) -> str | None:
    """Return the latency as `latency: p50 12 ms, p95 40 ms, p99 61 ms`; None where nothing was sent."""
    latencies = run_report.figures.latencies
    if not latencies.count:
        return None
    shares = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    parts = ", ".join(f"{name} {milliseconds(latencies.percentile(share))} ms" for share, name in shares)
    return f"latency: {parts}, longest {milliseconds(latencies.highest)} ms"


def runs_table(console: Console, runs: Sequence[RunInfo], sizes: Mapping[str, int] | None = None) -> None:
    """Print runs, newest first as given, one line each; their counts by sign, with a key beneath.

    `sizes` are bytes by run id, where they are shown.

    Where a line has no room, names and partners are cut, then the time is shortened and left out, counts are rounded to
    thousands, partner and name left out, counts stacked, and the environment cut and left out, which 60 columns have
    room for. Id, command, state and counts stay; where not even these have room, the command goes, and the state if all
    runs are finished. No count is left out.
    """
    if not runs:
        console.print("The journal has no runs yet.", style="dim")
        return
    console.print(_runs(console, runs, sizes or {}))
    occurring = [outcome for outcome in SIGNS if any(outcome in one.counts_so_far for one in runs)]
    if occurring:
        console.print(_packed([outcome_text(console, outcome) for outcome in occurring], console.width))


def _bytes(size: int) -> str:
    """Return a size as `12 kB`, `3.4 MB` or `1.2 GB`."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{-(-size // 1000)} kB"


_LEAST = 7
"""Columns that a cut name, partner, environment or state has at least."""


def _runs(console: Console, runs: Sequence[RunInfo], sizes: Mapping[str, int]) -> Table:
    """Return one line a run."""
    when = "%Y-%m-%d %H:%M:%S" if console.width >= _ROOMY else _SHORT_TIME
    texts = {
        "run": [Text(one.run) for one in runs],
        "name": [plain(one.name or "") for one in runs],
        "command": [Text(one.command) for one in runs],
        "partner": [plain(one.partner) for one in runs],
        "sent to": [plain("sandbox" if one.sandbox else one.environment) for one in runs],
        "UTC": [Text(f"{one.started:{when}}") for one in runs],
        "state": [_state(one) for one in runs],
        "size": [Text(_bytes(sizes.get(one.run, 0))) for one in runs],
        "rows": [Text(" ").join(_short_counts(console, one)) for one in runs],
    }
    if not any(one.name for one in runs):
        del texts["name"]
    if not sizes:
        del texts["size"]
    layout = _Layout(console.width, {title: _width(title, cells) for title, cells in texts.items()})
    layout.cut("name", "partner")
    if layout.gap > 1 and layout.lacks:
        layout.gap = 1
    if layout.lacks:
        texts["UTC"] = [Text(f"{one.started:{_SHORT_TIME}}") for one in runs]
        layout.widths["UTC"] = _width("UTC", texts["UTC"])
    layout.drop("UTC")
    rounded: list[list[Text]] = []
    if layout.lacks:
        rounded = [_short_counts(console, one, rounded=True) for one in runs]
        layout.widths["rows"] = _width("rows", [Text(" ").join(counts) for counts in rounded])
    layout.drop("partner", "name")
    if rounded:
        least = _width("rows", [count for counts in rounded for count in counts])
        layout.widths["rows"] -= min(layout.lacks, layout.widths["rows"] - least)
        layout.cut("sent to")
        layout.drop("sent to")
        layout.cut("state")
        layout.drop("command", *["state"] * all(one.state is RunState.FINISHED for one in runs))
        texts["rows"] = [_packed(counts, layout.widths["rows"], gap=1) if counts else Text() for counts in rounded]
    table = Table(box=SIMPLE_HEAD, padding=(0, layout.gap - 1, 0, 0), pad_edge=False, show_edge=False)
    for title, width in layout.widths.items():
        table.add_column(title, no_wrap=True, overflow="ellipsis", width=width)
    for cells in zip(*(texts[title] for title in layout.widths), strict=True):
        table.add_row(*cells)
    return table


def _width(title: str, cells: Iterable[Text]) -> int:
    return max(len(title), *(text.cell_len for text in cells))


@dataclass(slots=True)
class _Layout:
    """The columns of a table while they are made to fit a terminal.

    Attributes:
        width: of the terminal.
        widths: title to width.
        gap: columns between two of them.
    """

    width: int
    widths: dict[str, int]
    gap: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the room that a wide terminal has."""
        self.gap = 2 if self.width >= _ROOMY else 1

    @property
    def lacks(self) -> int:
        """How many columns are missing."""
        return max(0, sum(self.widths.values()) + self.gap * (len(self.widths) - 1) - self.width)

    def cut(self, *titles: str) -> None:
        """Make the widest of these columns narrower, as far as that is needed and may be."""
        while self.lacks and (wide := [each for each in titles if self.widths.get(each, 0) > _LEAST]):
            self.widths[max(wide, key=self.widths.__getitem__)] -= 1

    def drop(self, *titles: str) -> None:
        """Leave columns out, one by one, as far as that is needed."""
        for title in titles:
            if self.lacks:
                self.widths.pop(title, None)


_ROOMY = 100
"""Columns from which a line has room for a run's day and time."""
_SHORT_TIME = "%H:%M"  # a run's id begins with its day


def _state(one: RunInfo) -> Text:
    return Text(str(one.state), style=_STATES.get(one.state, ""))


def _short_counts(console: Console, one: RunInfo, *, rounded: bool = False) -> list[Text]:
    awaited = one.confirmations.get("awaited")
    words = "open" if rounded else "not yet confirmed"
    waiting = [Text(f"{_number(awaited, rounded=rounded)} {words}", style="yellow")] if awaited else []
    if one.in_flight:
        number = _number(one.in_flight, rounded=rounded)
        waiting.append(Text(f"{number} in flight", style=_STATES[RunState.RUNNING]))
    return [*counts_by_sign(console, one.counts_so_far, rounded=rounded), *waiting]


def counts_by_sign(console: Console, counts: Mapping[str, int], *, rounded: bool = False) -> list[Text]:
    """Return the count of each outcome behind its sign; rounded, as `12k`, where there is little room."""
    return [
        Text(
            f"{_mark(console, SIGNS[outcome].mark, SIGNS[outcome].ascii)} {_number(number, rounded=rounded)}",
            style=SIGNS[outcome].style,
        )
        for outcome, number in counts.items()
    ]


def _number(number: int, *, rounded: bool) -> str:
    """Return a number; rounded, it takes four columns at most."""
    if not rounded or number < 1_000:
        return f"{number:,}"
    unit, least = ("k", 1_000) if number < 999_500 else ("M", 1_000_000)
    tenths = (number * 10 + least // 2) // least
    return f"{tenths / 10:.1f}{unit}" if tenths < 100 else f"{(number + least // 2) // least}{unit}"


class _Look(Struct, frozen=True):
    mark: str
    ascii: str
    style: str


_VERDICTS = {
    RuleVerdict.MATCHED: _Look("✓", "+", "green"),
    RuleVerdict.NOT_MATCHED: _Look("✗", "x", ""),
    RuleVerdict.ALSO_MATCHES: _Look("≈", "=", "yellow"),
    RuleVerdict.NOT_REACHED: _Look("·", ".", "dim"),
}


def note(console: Console, text: str) -> None:
    """Print a note under an exchange or an explanation."""
    console.print(Text.assemble(("note: ", "bold"), plain(text)), style="yellow", soft_wrap=True)


def explanation(console: Console, found: Explanation) -> None:
    """Print how a response was classified: the outcome, then for each rule what it looked at and how near it came."""
    outcome = found.outcome
    head = outcome_text(console, str(outcome.kind))
    head.stylize("bold")
    if outcome.rule:
        head.append(f" by rule {outcome.rule}", style="not bold")
    console.print(head)
    for name in ("reason", "reference", "code"):
        value = getattr(outcome, name)
        if value is not None:
            console.print(Text.assemble((f"  {name}: ", "dim"), plain(value)), soft_wrap=True)
    if outcome.retry:
        after = "" if outcome.retry_after is None else f" after {outcome.retry_after:g} s"
        console.print(f"  the rule allows a retry{after}", style="dim", highlight=False)
    for trace in found.rules:
        look = _VERDICTS[trace.verdict]
        mark = _mark(console, look.mark, look.ascii)
        of = "" if trace.name == trace.outcome else f" ({trace.outcome})"
        console.print(Text.assemble((f"{mark} {trace.name}", look.style), f"{of}: {trace.verdict}"), soft_wrap=True)
        for check in trace.checks:
            style = "dim" if check.held else ""
            mark, _, rest = check.line().lstrip().partition(" ")
            lead = f"    {'  ' * check.depth}{mark:<3} "
            console.print(Text(lead).append_text(plain(rest)), style=style, soft_wrap=True)
        if not trace.checks:
            console.print("    no conditions: matches every response", style="dim", highlight=False)
        for missed in trace.missed:
            console.print(Text("    ").append_text(plain(missed.line())), style="yellow", soft_wrap=True)
