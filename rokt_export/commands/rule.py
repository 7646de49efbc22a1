"""`rule`: draft the response rule for a recorded response, show what it would change, and write it into the spec."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_read, open_existing
from rokt_export.commands.reclassify import SpecOption, spec_for
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus, SpecError, UsageError, did_you_mean

if TYPE_CHECKING:
    from rokt_export.diff.reclassify import RowReclassifier
    from rokt_export.exchange.model import Response
    from rokt_export.journal import RunInfo
    from rokt_export.journal.recording import Recording
    from rokt_export.onboarding.rule_draft import RuleDraft
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.reports.run_report import RunReport
    from rokt_export.response.classify import Classifier

_MOST_GROUPS = 5
"""Groups of responses without a rule that are named."""
Row = Annotated[
    int | None,
    typer.Option(
        "--row",
        min=1,
        metavar="N",
        help="The row; default the first that the spec, as it is now, does not read as expected.",
        show_default=False,
    ),
]
OfOutcome = Annotated[
    str | None,
    typer.Option(
        "--outcome", metavar="OUTCOME", autocompletion=completion.outcomes, show_default=False,
        help="What the response means; needed unless the response proves it.",
    ),
]  # fmt: skip
Named = Annotated[str | None, typer.Option("--name", metavar="NAME", help="The rule's name.", show_default=False)]
Write = Annotated[bool, typer.Option("--write", help="Write the rule into the spec; comments are kept.")]


def rule(
    run: flag.Run = "last",
    row: Row = None,
    outcome: OfOutcome = None,
    name: Named = None,
    spec: SpecOption = None,
    write: Write = False,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Draft the response rule for a recorded response, and show what it would change in the run. Nothing is sent.

    The response becomes the rule's example. The rule matches no recorded response to which a later rule gives another
    outcome. --write puts it into the spec: above the rule that matches the response now, else at the end. Exit status:
    0, or 1 where it changes other rows that a rule decides today.

    Examples:
        rokt-export rule last --row 64
        rokt-export rule last --row 64 --outcome duplicate --write
    """
    from rokt_export.commands.run_output import place_flag
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(quiet, verbose, no_color)
    with open_existing(place := journal_place(journal)) as opened:
        info = find_to_read(opened, run)
        loaded = spec_for(info, spec)
        run_report = RunReport.of(opened, info)
        drafted = _DraftedRule.of(run_report, loaded, row, outcome, name)
        with to_stdout():
            for line in drafted.shown():
                terminal.out.print(line, style="green" if line.lstrip().startswith("+") else None, soft_wrap=True)
            status = _show_effect(terminal, run_report, drafted)
            _tell_others(terminal, run_report, drafted, place_flag(place))
    _check(drafted)
    if not write:
        terminal.say(f"write it: {_command(info, drafted, outcome, name, spec, place_flag(place))}")
        return status
    from rokt_export.partner_spec.spec_editor import replace_spec

    replace_spec(drafted.path, drafted.text)
    terminal.say(f"written to {drafted.path}: rule `{drafted.name}`, with the response as its example")
    by = "" if spec is None else f" --spec {shlex.quote(str(spec))}"
    terminal.say(f"make it the run's outcome: rokt-export reclassify {info.run}{by} --write{place_flag(place)}")
    return status


@dataclass(frozen=True, slots=True)
class _DraftedRule:
    """A drafted rule, and the spec with it.

    Attributes:
        path: the spec file.
        text: the file with the rule.
        place: how many rules are before it.
        before: the rule that matches the response now; None for none.
    """

    path: Path
    text: str
    place: int
    name: str
    lines: list[str]
    old: LoadedSpec
    new: LoadedSpec
    row: int
    before: str | None

    @classmethod
    def of(
        cls, run_report: RunReport, loaded: LoadedSpec, row: int | None, outcome: str | None, name: str | None
    ) -> _DraftedRule:
        """Draft it.

        Raises:
            UsageError: the spec gives this outcome already, the response does not prove one, or nothing tells it from
                others.
            SpecError: the spec has a form that cannot be added to.
        """
        from rokt_export.onboarding.rule_draft import as_yaml
        from rokt_export.partner_spec.document import parse
        from rokt_export.partner_spec.loading import read_spec
        from rokt_export.partner_spec.spec_editor import with_rule
        from rokt_export.response.classify import Classifier

        names = loaded.spec.rule_names
        classifier = Classifier(loaded.spec.responses)
        number, recording = _recorded(run_report, classifier, row)
        assert recording.response is not None
        response = recording.response
        now = classifier.classify(response)
        wanted = _outcome_of(outcome, run_report, number, response)
        if now.rule is not None and now.kind == wanted:
            raise UsageError(
                f"rule `{now.rule}` gives {wanted} to row {number} already",
                where=loaded.document.file,
                remedy="Say what the response means instead: --outcome rejected; or `rokt-export reclassify` the run.",
            )
        if name in names:
            raise UsageError(f"the spec has a rule `{name}` already", where="--name", remedy="Choose another name.")
        place = len(names) if now.rule is None else names.index(now.rule)
        drafted = _narrowed(run_report, loaded, recording, wanted, place).rule(names, name)
        path, lines = Path(loaded.document.file), as_yaml(drafted)
        text = with_rule(path, place, lines, json.dumps(drafted, ensure_ascii=False))
        new = read_spec(parse(str(path), text.removeprefix("\ufeff")))
        if Classifier(new.spec.responses).classify(response).rule != drafted["name"]:
            raise UsageError(
                f"nothing in the response of row {number} could be made a condition",
                remedy="Look at it, and write the rule by hand: "
                f"rokt-export runs show {run_report.run.run} --row {number}",
            )
        return cls(path, text, place, drafted["name"], lines, loaded, new, number, now.rule)

    def shown(self) -> Iterator[str]:
        """Yield the lines of the rule, between the names of those around it."""
        names = self.old.spec.rule_names
        yield f"{self.path}, response rules in order:"
        yield from (f"    {name}" for name in names[: self.place])
        yield from (f"  + {line}" for line in self.lines)
        yield from (f"    {name}" for name in names[self.place :])


def _recorded(run_report: RunReport, classifier: Classifier, row: int | None) -> tuple[int, Recording]:
    """Return the row to draft from, and its recording, which has a response.

    Raises:
        UsageError: the run has no such row, or no response of it.
    """
    from rokt_export.commands.run_output import exchanges_of

    if row is None:
        return _first_unexpected(run_report, classifier)
    one, recording = exchanges_of(run_report, [row])[row]
    if recording is None or recording.earlier:
        raise UsageError(
            f"row {row} has no recorded response: {run_report.why_not_recorded(one)}",
            where="--row",
            remedy="Name another row of the run, or send again with `--record all`.",
        )
    if recording.response is None or recording.fault is not None:
        raise UsageError(
            f"no response came for row {row}, and a rule reads a response",
            where="--row",
            remedy=f"See what came instead: rokt-export runs show {run_report.run.run} --row {row}",
        )
    if recording.rows > 1:
        raise UsageError(
            f"the request of row {row} contained {recording.rows:,} rows, and a drafted rule would take them all",
            where="--row",
            remedy="Write the rule by hand, with `each`, as docs/spec.md shows.",
        )
    return row, recording


def _first_unexpected(run_report: RunReport, classifier: Classifier) -> tuple[int, Recording]:
    """Return the first row that no rule of the spec matches; without one, the first with an unexpected outcome.

    Raises:
        UsageError: there is no response, or the spec reads every recorded one as expected.
    """
    unexpected: tuple[int, Recording] | None = None
    responses = shared = 0
    for one, recording in run_report.deliveries_with_recordings():
        if recording is None or recording.response is None or recording.fault is not None:
            continue
        responses += 1
        if recording.rows > 1:
            shared += 1
            continue
        now = classifier.classify(recording.response)
        if now.rule is None:
            return one.row, recording
        if unexpected is None and now.kind != run_report.expected:
            unexpected = one.row, recording
    if responses == shared:
        each = "each was to a request of several rows" if shared else "no response was recorded"
        raise UsageError(
            f"run {run_report.run.run} has no response to draft a rule from: {each}",
            remedy=f"See what there is: rokt-export runs show {run_report.run.run}; "
            "`--record all` keeps every response.",
        )
    if unexpected is None:
        raise UsageError(
            f"the spec reads every recorded response of run {run_report.run.run} as {run_report.expected}",
            remedy="Name the row whose outcome is wrong: --row N --outcome OUTCOME.",
        )
    return unexpected


def _outcome_of(given: str | None, run_report: RunReport, row: int, response: Response) -> str:
    """Return the outcome of the rule: as it is given, else what the response proves.

    Raises:
        UsageError: no rule can give it, or the response proves none.
    """
    from rokt_export.onboarding.response_signs import meaning_of
    from rokt_export.spec_language.rules import OUTCOMES

    if given is not None:
        wanted = given.strip().lower()
        if wanted not in OUTCOMES:
            near = did_you_mean(given, OUTCOMES) or ""
            remedy = f"{near} Choose one of {', '.join(OUTCOMES)}.".strip()
            raise UsageError(f"a rule cannot give `{given}`", where="--outcome", remedy=remedy)
        return wanted
    meaning = meaning_of(response)
    if meaning.certain is None:
        raise UsageError(
            f"the response of row {row} (status {response.status}) does not prove one outcome",
            remedy=f"Choose with --outcome. See the response: rokt-export runs show {run_report.run.run} --row {row}",
            listed=list(meaning.lines()),
        )
    return meaning.certain


def _narrowed(run_report: RunReport, loaded: LoadedSpec, recording: Recording, outcome: str, place: int) -> RuleDraft:
    """Return a draft that matches no other response of the run whose outcome it must not change.

    A response that a later rule decides must be passed over. One that no rule matches, or the same rule, is passed over
    where a code, a state or a header of the partner's own differs.

    Args:
        place: how many rules are before the draft; what they match never reaches it.

    Raises:
        UsageError: nothing tells the response from another one.
    """
    from rokt_export.diff.reclassify import RowReclassifier, UnchangedReason
    from rokt_export.onboarding.rule_draft import RuleDraft, sent_values

    assert recording.response is not None
    draft = RuleDraft(recording.response, outcome, sent_values(recording))
    names, reader = loaded.spec.rule_names, _rereader(run_report, loaded, RowReclassifier)
    clashes: dict[int, tuple[Response, str, str]] = {}
    for one, other in run_report.deliveries_with_recordings():
        response = None if other is None else other.response
        if other is None or response is None or other.rows > 1 or not draft.matches(response):
            continue
        now = reader.read(one, other)
        if now.stays in (UnchangedReason.CUT, UnchangedReason.NO_RESPONSE) or now.after.outcome == outcome:
            continue
        at = names.index(now.after.rule) if now.after.rule in names else None
        decided = at is not None and at > place
        if (at is None or at >= place) and not draft.avoid(response, must=decided) and decided:
            clashes[one.row] = response, str(now.after.rule), str(now.after.outcome)
    for row, (response, rule, other_outcome) in clashes.items():
        if draft.matches(response):
            raise UsageError(
                f"nothing tells the response from that of row {row}, which rule `{rule}` makes {other_outcome}",
                where="--outcome",
                remedy=f"Compare the two: rokt-export runs show {run_report.run.run} --row {row}; then correct "
                f"rule `{rule}` by hand.",
            )
    return draft


def _rereader(run_report: RunReport, loaded: LoadedSpec, kind: type[RowReclassifier]) -> RowReclassifier:
    """Return what reads the run's responses by a spec."""
    return kind(loaded.spec.responses, run_report.spec.responses if run_report.spec is not None else ())


def _show_effect(terminal: Terminal, run_report: RunReport, drafted: _DraftedRule) -> ExitStatus:
    """Say which rows of the run the rule takes, and which of them the spec, as it is now, gives another outcome."""
    from rokt_export.diff.reclassify import OutcomeChange, RowReclassifier, UnchangedReason
    from rokt_export.journal import RowSet
    from rokt_export.reports.reclassified import changes

    old, new = (_rereader(run_report, each, RowReclassifier) for each in (drafted.old, drafted.new))
    taken: dict[OutcomeChange, RowSet] = {}
    unread = 0
    for one, recording in run_report.deliveries_with_recordings():
        read = new.read(one, recording)
        unread += read.stays in (UnchangedReason.NO_RECORDING, UnchangedReason.CUT, UnchangedReason.HIDDEN)
        if read.after.rule == drafted.name:
            before = old.read(one, recording).after
            step: OutcomeChange = before.outcome, before.rule, read.after.outcome, drafted.name
            taken.setdefault(step, RowSet()).add(one.row)
    terminal.out.print()
    changes(terminal.out, taken)
    if unread:
        terminal.say(f"{number_of(unread, 'row', 'rows')} could not be read again: not recorded, cut or redacted")
    others = [
        step
        for step, rows in taken.items()
        if step[1] is not None and step[0] is not step[2] and (len(rows) > 1 or drafted.row not in rows)
    ]
    for step in others:
        rows = taken[step]
        count = number_of(len(rows), "row", "rows")
        terminal.warn(f"it changes {count} that rule `{step[1]}` makes {step[0]} today: {rows.summary()}")
    return ExitStatus.FINDINGS if others else ExitStatus.OK


def _tell_others(terminal: Terminal, run_report: RunReport, drafted: _DraftedRule, place: str) -> None:
    """Say which responses of the run still have no rule, by their structure, and the command for each."""
    from rokt_export.onboarding.unexplained import structure_of
    from rokt_export.response.classify import Classifier

    classifier, groups = Classifier(drafted.new.spec.responses), dict[str, list[int]]()
    for one, recording in run_report.deliveries_with_recordings():
        response = None if recording is None or recording.rows > 1 else recording.response
        if response is not None and classifier.classify(response).rule is None:
            groups.setdefault(structure_of(response), []).append(one.row)
    for structure, rows in sorted(groups.items(), key=lambda group: -len(group[1]))[:_MOST_GROUPS]:
        command = f"rokt-export rule {run_report.run.run} --row {rows[0]}{place}"
        terminal.say(f"{number_of(len(rows), 'response', 'responses')} without a rule: {structure}; {command}")


def _check(drafted: _DraftedRule) -> None:
    """Check that `validate` finds no error in the spec that it did not find before.

    Raises:
        SpecError: it does.
    """
    from rokt_export.onboarding.validation import findings_of
    from rokt_export.partner_spec.document import Severity
    from rokt_export.partner_spec.variables import load_variables

    variables = {name: load_variables(name, None) for name in drafted.old.spec.endpoint}
    old, new = (
        {(each.code, each.message): each for each in findings_of(loaded, variables) if each.severity is Severity.ERROR}
        for loaded in (drafted.old, drafted.new)
    )
    for key, finding in new.items():
        if key not in old:
            raise SpecError(
                f"with this rule the spec has an error: {finding.message}",
                where=str(drafted.path),
                remedy=f"{drafted.path} is unchanged. Correct the draft above, and write the rule by hand.",
            )


def _command(
    info: RunInfo, drafted: _DraftedRule, outcome: str | None, name: str | None, spec: Path | None, journal: str
) -> str:
    """Return the command that writes this draft."""
    words = ["rokt-export", "rule", info.run, "--row", str(drafted.row)]
    for word, value in (("--outcome", outcome), ("--name", name), ("--spec", spec)):
        words += [word, str(value)] if value is not None else []
    return f"{shlex.join([*words, '--write'])}{journal}"
