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
from rokt_export.commands.reclassify import SpecOption, spec_for
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus, SpecError, UsageError

if TYPE_CHECKING:
    from rokt_export.exchange.model import Response
    from rokt_export.journal import RunInfo
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.reports.run_report import Story

Row = Annotated[
    int | None,
    typer.Option(
        "--row", min=1, metavar="N", help="The row; default the first that no rule matches.", show_default=False
    ),
]
OfOutcome = Annotated[
    str | None,
    typer.Option(
        "--outcome", metavar="OUTCOME", autocompletion=completion.outcomes, show_default=False,
        help="What the response means; default what its status and words suggest.",
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

    The response becomes the rule's example. --write puts the rule into the spec: above the rule that matches the
    response now, else at the end. Exit status: 0, or 1 where it changes rows that are well classified today.

    Examples:
        rokt-export rule last --row 64
        rokt-export rule last --row 64 --outcome duplicate --write
    """
    from rokt_export.commands.run_output import place_flag
    from rokt_export.journal import Journal
    from rokt_export.reports.run_report import Story

    terminal = Terminal(quiet, verbose, no_color)
    with Journal.open(place := journal_place(journal)) as opened:
        info = opened.find(run)
        loaded = spec_for(info, spec)
        story = Story.of(opened, info)
        number, response = _response(story, row)
        drafted = _Draft.of(loaded, response, number, outcome, name)
        with to_stdout():
            for line in drafted.shown():
                terminal.out.print(line, style="green" if line.lstrip().startswith("+") else None, soft_wrap=True)
            status = _show_effect(terminal, story, drafted)
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
class _Draft:
    """A drafted rule, and the spec with it.

    Attributes:
        path: the spec file.
        text: the file with the rule.
        place: how many rules stand before it.
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
    def of(cls, loaded: LoadedSpec, response: Response, row: int, outcome: str | None, name: str | None) -> _Draft:
        """Draft it.

        Raises:
            UsageError: the spec gives this outcome already, or nothing tells the response from others.
            SpecError: the spec has a form that cannot be added to.
        """
        from rokt_export.commands.run_output import expected_outcome
        from rokt_export.onboarding.rule_draft import as_yaml, draft, guessed_outcome
        from rokt_export.partner_spec.document import parse
        from rokt_export.partner_spec.loading import read_spec
        from rokt_export.partner_spec.spec_editor import with_rule
        from rokt_export.response.classify import Classifier
        from rokt_export.spec_language.rules import OUTCOMES

        names = loaded.spec.rule_names
        now = Classifier(loaded.spec.responses).classify(response)
        wanted = str(expected_outcome(outcome, where="--outcome")) if outcome else guessed_outcome(response)
        if wanted not in OUTCOMES:
            raise UsageError(
                f"a rule cannot give `{wanted}`", where="--outcome", remedy=f"Choose one of {', '.join(OUTCOMES)}."
            )
        if now.rule is not None and now.kind == wanted:
            raise UsageError(
                f"rule `{now.rule}` gives {wanted} to row {row} already",
                where=loaded.document.file,
                remedy="Say what the response means instead: --outcome rejected; or `rokt-export reclassify` the run.",
            )
        if name in names:
            raise UsageError(f"the spec has a rule `{name}` already", where="--name", remedy="Choose another name.")
        drafted = draft(response, wanted, names, name)
        path, place = Path(loaded.document.file), len(names) if now.rule is None else names.index(now.rule)
        lines = as_yaml(drafted)
        text = with_rule(path, place, lines, json.dumps(drafted, ensure_ascii=False))
        new = read_spec(parse(str(path), text.removeprefix("\ufeff")))
        if Classifier(new.spec.responses).classify(response).rule != drafted["name"]:
            raise UsageError(
                f"nothing in the response of row {row} could be made a condition",
                remedy=f"Look at it, and write the rule by hand: rokt-export runs show RUN --row {row}",
            )
        return cls(path, text, place, drafted["name"], lines, loaded, new, row, now.rule)

    def shown(self) -> Iterator[str]:
        """Yield the lines of the rule, between the names of those around it."""
        names = self.old.spec.rule_names
        yield f"{self.path}, response rules in order:"
        yield from (f"    {name}" for name in names[: self.place])
        yield from (f"  + {line}" for line in self.lines)
        yield from (f"    {name}" for name in names[self.place :])


def _response(story: Story, row: int | None) -> tuple[int, Response]:
    """Return the recorded response to draft from, and its row.

    Raises:
        UsageError: the run has no such row, or no response of it.
    """
    from rokt_export.commands.run_output import exchanges_of
    from rokt_export.exchange.model import OutcomeKind

    if row is None:
        for one in story.deliveries([OutcomeKind.UNCLASSIFIED]):
            kept = story.recording(one.row)
            if kept is not None and kept.response is not None and kept.rows == 1:
                return one.row, kept.response
        raise UsageError(
            f"run {story.run.run} has no recorded response that no rule matches",
            remedy="Name the row whose outcome is wrong: --row N --outcome OUTCOME.",
        )
    _, recording = exchanges_of(story, [row])[row]
    if recording is None:
        raise UsageError(
            f"the response of row {row} was not recorded", where="--row", remedy="Send with `--record all`."
        )
    if recording.response is None or recording.fault is not None:
        raise UsageError(
            f"no response came for row {row}, and a rule reads a response",
            where="--row",
            remedy=f"See what came instead: rokt-export runs show {story.run.run} --row {row}",
        )
    if recording.rows > 1:
        raise UsageError(
            f"the request of row {row} carried {recording.rows:,} rows, and a drafted rule would take them all",
            where="--row",
            remedy="Write the rule by hand, with `each`, as docs/spec.md shows.",
        )
    return row, recording.response


def _show_effect(terminal: Terminal, story: Story, drafted: _Draft) -> ExitStatus:
    """Say which rows of the run the rule takes, and which of them another rule decides today."""
    from rokt_export.diff.reclassify import Rereader, Stays, Step
    from rokt_export.journal import RowSet
    from rokt_export.reports.reclassified import changes

    before = story.spec.responses if story.spec is not None else ()
    rereader = Rereader(drafted.new.spec.responses, before)
    taken: dict[Step, RowSet] = {}
    unread = 0
    for one, recording in story.deliveries_with_recordings():
        read = rereader.read(one, recording)
        unread += read.stays in (Stays.NO_RECORDING, Stays.CUT, Stays.HIDDEN)
        if read.after.rule == drafted.name:
            step: Step = one.outcome, one.rule, read.after.outcome, drafted.name
            taken.setdefault(step, RowSet()).add(one.row)
    terminal.out.print()
    changes(terminal.out, taken)
    if unread:
        terminal.say(f"{number_of(unread, 'row', 'rows')} could not be read again: not recorded, cut or redacted")
    others = [
        step
        for step, rows in taken.items()
        if step[1] is not None
        and step[0] is not step[2]
        and (step[1] != drafted.before or (step[0] == story.expected and len(rows) > 1))
    ]
    for step in others:
        rows = taken[step]
        count = number_of(len(rows), "row", "rows")
        terminal.warn(f"it changes {count} that rule `{step[1]}` makes {step[0]} today: {rows.summary()}")
    return ExitStatus.FINDINGS if others else ExitStatus.OK


def _check(drafted: _Draft) -> None:
    """Check that `validate` finds no error in the spec that it did not find before.

    Raises:
        SpecError: it does; nothing was written.
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
                remedy="Nothing was written. Write the rule by hand, from the draft above.",
            )


def _command(
    info: RunInfo, drafted: _Draft, outcome: str | None, name: str | None, spec: Path | None, journal: str
) -> str:
    """Return the command that writes this draft."""
    words = ["rokt-export", "rule", info.run, "--row", str(drafted.row)]
    for word, value in (("--outcome", outcome), ("--name", name), ("--spec", spec)):
        words += [word, str(value)] if value is not None else []
    return f"{shlex.join([*words, '--write'])}{journal}"
