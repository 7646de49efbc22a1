"""Turn a run in the journal into what every report shows of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice, takewhile
from typing import Any, assert_never

from msgspec import structs

from rokt_export.delivery.events import StopReason
from rokt_export.delivery.omitted_values import OmittedValues
from rokt_export.delivery.run_counts import RunFigures
from rokt_export.delivery.shared_counts import FIRST_RECORDED, PROBLEMS_RECORDED
from rokt_export.errors import SpecError
from rokt_export.exchange.delivery import Delivery, KeptRecordings, LeftOut
from rokt_export.exchange.model import PERHAPS_RECEIVED, OutcomeKind
from rokt_export.journal import EarlierOutcome, Journal, RunInfo, RunState, certifications
from rokt_export.journal.queries import IN_FLIGHT
from rokt_export.journal.recording import Recording
from rokt_export.journal.revisions import NOTE as REVISIONS
from rokt_export.journal.revisions import confirming
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import LoadedSpec, read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.redaction.spec_lines import MASK
from rokt_export.reports.reasons import Reasons, fault_of, grouped
from rokt_export.response.classify import Classifier
from rokt_export.response.explain import Explanation

_PURGED = "This run was purged: outcomes, status, rules and times are kept; people, requests and responses are gone."

_PURGED_TO_COUNTS = "This run was purged: only its counts are kept, or of some outcomes the rows without people."

DOCUMENT_NOTES = "openapi"
"""The run's note of what the partner's document says: sentence to the rows of which it is true."""

_LOST = "the run was stopped at once, or killed, before it was recorded"

_PAGE = 500
"""Rows whose confirmations are looked up together."""


@dataclass(frozen=True, slots=True)
class RunCoverage:
    """Which response rules a run has exercised.

    Attributes:
        seen: rule to rows that it decided, in the spec's order.
        never: the rules that decided none, in the spec's order.
    """

    seen: Mapping[str, int]
    never: tuple[str, ...]

    def line(self) -> str:
        """Return it as `3 of 4 response rules matched. Not seen yet: duplicate`."""
        total = len(self.seen) + len(self.never)
        if not self.never:
            return f"All {total} response rules matched." if total > 1 else "The only response rule matched."
        rules = f"{len(self.seen)} of {total} response rule{'' if total == 1 else 's'}"
        return f"{rules} matched. Not seen yet: {', '.join(self.never)}"


class RunReport:
    """One run, as every report shows it. Everything comes from the journal, redacted as stored.

    Attributes:
        run: the run.
        only: the outcomes whose rows are listed, in the order of `OutcomeKind`; None for all.
        expected: the expected outcome.
        left_out: rows that were not sent because production responded to them before, by that outcome.
        not_sent: why rows were left out to how many there are (`rows`) and the numbers of the first (`first`).
        loaded: the spec that the run went with, even if its file has changed since; None where it is not known.
    """

    def __init__(
        self,
        journal: Journal,
        run: RunInfo,
        loaded: LoadedSpec | None,
        notes: Mapping[str, Any],
        only: Collection[str] | None = None,
    ) -> None:
        self._journal = journal
        self.only = None if only is None else tuple(str(kind) for kind in OutcomeKind if kind in only)
        self._kept = notes
        self.run = run
        self.loaded = loaded
        self.expected: str = notes.get("expected") or str(OutcomeKind.DELIVERED)
        self.left_out: dict[str, int] = notes.get("left_out") or {}
        self.not_sent: Mapping[str, Mapping[str, Any]] = notes.get("not_sent") or {}

    @classmethod
    def of(
        cls,
        journal: Journal,
        run: RunInfo,
        spec: LoadedSpec | None = None,
        only: Collection[str] | None = None,
    ) -> RunReport:
        """Return the report of a run.

        Args:
            journal: contains the run; it stays open while the report is read.
            spec: the spec, if it is known; taken only if it is the very text that the run went with.
            only: the outcomes whose rows are listed; None for all. Counts and figures are those of the whole run.

        Raises:
            JournalError: the journal cannot be read.
        """
        notes = journal.notes(run.run)
        if spec is None or spec.sha256 != run.spec_sha256:
            spec = _spec_of_the_run(run, notes)
        return cls(journal, run, spec, notes, only)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the run had to say, one sentence each."""
        run = self.run
        said = [_PURGED_TO_COUNTS if run.counted else _PURGED] if run.purged else list(self.counted)
        return (
            *said,
            *self._certification(),
            *self._killed_certification(),
            *self._revisions(),
            *self._confirmations(),
            *self.document_notes,
            *self.empty_captures,
            *(self._kept.get("notes") or ()),
            *OmittedValues.of_run(run, self._kept).sentences,
        )

    @property
    def empty_captures(self) -> Iterator[str]:
        """Yield which captures of a rule found nothing in some of the responses that the rule decided.

        Where a reason is not captured, the body's own words stand for it, except for delivered rows.
        """
        if self.spec is None or self.run.purged:
            return
        for name, rule in zip(self.spec.rule_names, self.spec.responses, strict=True):
            for what, without in self.figures.without.items():
                places = getattr(rule.capture, what)
                if without[name] and places and (what != "reason" or rule.outcome == "delivered"):
                    decided = self.figures.rules[name]
                    found = f"found in {decided - without[name]:,} of {decided:,} response{'s' if decided > 1 else ''}"
                    yield f"{what} {' or '.join(map(str, places))}: {found} (rule {name})"

    @property
    def certification(self) -> dict[str, Any] | None:
        """The certification that the run is, with the partner's sign-offs; None for any other run."""
        found = certifications.of_notes(self._kept)
        return None if found is None else certifications.as_json(*found)

    def _certification(self) -> Iterator[str]:
        """Say what the probes came to, and what the partner signed."""
        if (found := certifications.of_notes(self._kept)) is not None:
            yield from certifications.sentences(self.run.run, *found)

    @property
    def counted(self) -> Iterator[str]:
        """Yield which rows are kept as counts only."""
        if counted := self.run.counted:
            rows = ", ".join(f"{rows:,} {outcome}" for outcome, rows in counted.items())
            yield f"kept as counts only, without their rows (--keep failures): {rows}"

    def _killed_certification(self) -> Iterator[str]:
        """Say what a certification leaves at the partner that was killed, and could not say it itself."""
        run = self.run
        if run.command != "certify" or run.state is not RunState.CRASHED or run.sandbox:
            return
        made = sum(run.counts.get(kind, 0) for kind in (OutcomeKind.DELIVERED, *PERHAPS_RECEIVED))
        if made:
            yield f"certify was killed: left at the partner, which must remove them: at most {made:,} test records"

    def _revisions(self) -> Iterator[str]:
        """Say when outcomes were revised by another spec, and what they were."""
        for each in self._kept.get(REVISIONS.key) or ():
            if each.spec_sha256 is not None:
                before = ", ".join(f"{rows:,} {outcome}" for outcome, rows in each.before.items())
                rows = f"{each.rows:,} row{'' if each.rows == 1 else 's'}"
                at = each.at[:16].replace("T", " ")
                yield f"{rows} reclassified by a changed spec at {at} UTC; before: {before}"

    def _confirmations(self) -> Iterator[str]:
        """Say how many rows the partner has only accepted, and what it decided of the others."""
        known = self.run.confirmations
        if awaited := known.get("awaited"):
            can_ask = self.spec is not None and self.spec.confirmation is not None
            how = f"`rokt-export runs confirm {self.run.run}` asks" if can_ask else "ask it with the reference of each"
            rows = "row is" if awaited == 1 else "rows are"
            yield f"{awaited:,} {rows} accepted, not yet confirmed: the partner decides later; {how}"
        if decided := known.get("confirmed", 0) + known.get("changed", 0):
            changed = known.get("changed", 0)
            otherwise = f", {changed:,} differently from its response" if changed else ", as its response said"
            yield f"the partner decided on {decided:,} row{'' if decided == 1 else 's'} later{otherwise}"

    @property
    def document_notes(self) -> Iterator[str]:
        """Yield what the partner's document says against requests and responses, with the rows."""
        for sentence, rows in (self._kept.get(DOCUMENT_NOTES) or {}).items():
            more = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
            yield f"{sentence} (row {min(rows)}{more})"

    def testimony_on(self, row: int) -> list[str]:
        """Return what the partner's document says against a row's request and response."""
        return [sentence for sentence, rows in (self._kept.get(DOCUMENT_NOTES) or {}).items() if row in rows]

    @property
    def counts(self) -> Mapping[str, int]:
        """Outcome to number of rows, only outcomes that occurred, in the order of `OutcomeKind`."""
        return self.run.counts

    @property
    def chosen_counts(self) -> Mapping[str, int]:
        """The rows that can be listed: those of the chosen outcomes, without those kept as counts only."""
        counted = self.run.counted
        left = {
            kind: rows - counted.get(kind, 0)
            for kind, rows in self.counts.items()
            if self.only is None or kind in self.only
        }
        return {kind: rows for kind, rows in left.items() if rows}

    @property
    def rows(self) -> int:
        """How many rows the run has."""
        return sum(self.counts.values())

    @property
    def total(self) -> int | None:
        """How many rows the run was to handle; None where it is not known."""
        return self.run.asked

    @property
    def left_over(self) -> int | None:
        """Rows that a run which has stopped did not reach; 0 for one that reached its end, None where not known."""
        if self.run.state is RunState.FINISHED:
            return 0
        return None if self.total is None or not self._knows_left_out else max(0, self.total - self._handled)

    @property
    def _knows_left_out(self) -> bool:
        """Whether it is known which rows a run that has stopped left out; only a guarded environment's ledger has any.

        A run that an error or a crash ended noted none; what it did note is of a process before its resume.
        """
        noted = self.run.state is RunState.INTERRUPTED and self._kept.get("finished") is not None
        return noted or not self.run.production

    @property
    def _handled(self) -> int:
        """Rows that were settled, sent or left out, as far as it is known."""
        if self.run.state is RunState.RUNNING:
            return self.run.settled
        if not self._knows_left_out:
            return self.rows
        repeated: int = self.not_sent.get(LeftOut.REPEATED, {}).get("rows", 0)
        return self.rows + sum(self.left_out.values()) + repeated

    @property
    def unfinished(self) -> str | None:
        """Why a run has not reached its end, and how far it came; None where it has.

        Such as `interrupted: 40 of 200 rows handled, 160 not sent`.
        """
        state, total, left = self.run.state, self.total, self.left_over
        if state is RunState.FINISHED:
            return None
        handled = self._handled
        of_all = "" if total is None else f" of {total:,}"
        rows = f"{handled:,}{of_all} row{'' if (handled if total is None else total) == 1 else 's'} handled"
        if state is RunState.RUNNING:
            unknown, flying = self.run.counts_so_far.get(OutcomeKind.UNKNOWN, 0), self.run.in_flight
            others = ((unknown, "unknown"), (flying, "in flight"))
            return ", ".join(
                [f"still running: {rows} so far", *(f"{number:,} {what}" for number, what in others if number)]
            )
        rows += f", {left:,} not sent" if left else ""
        # What a run noted of its end is not true of one that was resumed and then crashed.
        why = (self._kept.get("finished") or {}).get("message") if state is RunState.INTERRUPTED else None
        return f"{why}; {rows}" if why else f"{state}: {rows}"

    @property
    def stopped_by_setup(self) -> bool:
        """Whether a wrong set-up, such as credentials that are not accepted, stopped the run."""
        noted = (self._kept.get("finished") or {}).get("reason")
        return self.run.state is RunState.INTERRUPTED and noted == StopReason.SETUP

    @property
    def is_first_contact(self) -> bool:
        """Whether no row was sent or is in flight to this partner's environment, as far as the journal knows."""
        return not self.left_out and not any(
            (one.partner, one.environment) == (self.run.partner, self.run.environment)
            and not one.sandbox
            and (one.sent or one.in_flight)
            for one in self._journal.runs()
        )

    @property
    def as_expected(self) -> int:
        """How many rows had an expected outcome."""
        return self.counts.get(self.expected, 0)

    @property
    def spec(self) -> PartnerSpec | None:
        """The partner's spec, where it is known."""
        return None if self.loaded is None else self.loaded.spec

    @property
    def partner(self) -> str:
        """What people call the partner."""
        return self.run.partner if self.spec is None else self.spec.name

    @cached_property
    def figures(self) -> RunFigures:
        """What one pass over all deliveries finds: what the run noted of it, else read on first use."""
        noted = self._kept.get("figures")
        return RunFigures.from_json(noted) if noted else RunFigures.of(self._deliveries(None))

    @cached_property
    def without_response(self) -> int:
        """Rows of a run that has ended which may have been sent, and of which nothing else was recorded."""
        if self.run.state is RunState.RUNNING or not self.counts.get(OutcomeKind.UNKNOWN):
            return 0
        return sum(not one.started for one in self._deliveries([OutcomeKind.UNKNOWN]))

    @cached_property
    def coverage(self) -> RunCoverage | None:
        """Which rules the run has exercised; None where the spec's rules are not known."""
        noted: Mapping[str, Any] = self._kept.get("coverage") or {}
        if self.spec is not None:
            names: tuple[str, ...] = self.spec.rule_names
        elif noted:
            names = (*noted.get("seen", {}), *noted.get("never", ()))
        else:
            return None
        seen = self.figures.rules
        return RunCoverage({name: seen[name] for name in names if seen[name]}, tuple(n for n in names if not seen[n]))

    @cached_property
    def reasons(self) -> Reasons:
        """Why rows had an unexpected outcome: their reasons, grouped."""
        others = [outcome for outcome in self.counts if outcome != self.expected]
        return grouped(self._journal.reason_counts(self.run.run, others)) if others else Reasons()

    def deliveries(self, outcomes: Collection[str] | None = None) -> Iterator[Delivery]:
        """Yield the listed deliveries in row order, all or those of some outcomes, in constant memory."""
        if self.only is not None:
            outcomes = self.only if outcomes is None else [one for one in outcomes if one in self.only]
        return self._deliveries(outcomes)

    def _deliveries(self, outcomes: Collection[str] | None) -> Iterator[Delivery]:
        found = self._journal.deliveries(self.run.run, outcomes=outcomes)
        return self._with_confirmations(found) if self.run.confirmations else found

    def _with_confirmations(self, found: Iterator[Delivery]) -> Iterator[Delivery]:
        """Add what each row was by the partner's response, or that the partner has not decided yet."""
        rules, numbers = self.run.provisional_rules, confirming(self._journal.revisions(self.run.run))
        while page := list(islice(found, _PAGE)):
            rows = [one.row for one in page if one.rule in rules]
            earlier = self._journal.earlier_outcomes(self.run.run, rows)
            first = {each.row: each.outcome for each in earlier if each.revision in numbers}
            for one in page:
                before = first.get(one.row)
                accepted = one.rule in rules
                yield structs.replace(one, first_outcome=before, provisional=before is None) if accepted else one

    def recording(self, row: int) -> Recording | None:
        """Return the request and response of one row; None where it was not kept."""
        data = self._journal.recording(self.run.run, row)
        return None if data is None else self._loaded(row, data)

    def recording_of(self, one: Delivery) -> Recording | None:
        """Return the request and response of a delivery; None where it was not kept."""
        return self.met(one, self.recording(one.row))

    def met(self, one: Delivery, recording: Recording | None) -> Recording | None:
        """Return the recording of a delivery; of one of an earlier attempt, the request alone.

        A row is sent once more only if no response came. What came then may not be recorded, and the first attempt's
        fault would contradict the result.
        """
        fault = None if recording is None or recording.fault is None else recording.fault[0]
        if recording is None or fault == fault_of(one.error):
            return recording
        came = ": ".join(recording.fault) if recording.fault is not None else f"status {recording.status}"
        told = (
            f"What came of the last attempt is not recorded: {self.why_not_recorded(one)}.\n"
            f"The request is of an earlier attempt, sent {moment(recording.started)}: {came}"
        )
        return recording.of_earlier_attempt(told, (one.latency_ms or 0.0) / 1000)

    def recordings(self) -> Iterator[tuple[int, Recording]]:
        """Yield row and recording of each exchange that was kept, in row order; see `met`."""
        return ((row, self._loaded(row, data)) for row, data in self._journal.recordings(self.run.run))

    def _loaded(self, row: int, data: bytes) -> Recording:
        return Recording.load(data, f"row {row} of run {self.run.run}")

    def deliveries_with_recordings(
        self, outcomes: Collection[str] | None = None
    ) -> Iterator[tuple[Delivery, Recording | None]]:
        """Yield each listed delivery in row order, with its recording where there is one, in constant memory."""
        recordings = self.recordings()
        pending = next(recordings, None)
        for one in self.deliveries(outcomes):
            while pending is not None and pending[0] < one.row:
                pending = next(recordings, None)
            if pending is not None and pending[0] == one.row:
                yield one, self.met(one, pending[1])
            else:
                yield one, None

    def first_recorded(self, most: int) -> Iterator[tuple[Delivery, Recording]]:
        """Yield the first recorded rows of the run with their recordings, also those that are not listed."""
        recordings = dict(islice(self.recordings(), most))
        last = max(recordings, default=0)
        some = takewhile(lambda one: one.row <= last, self._deliveries(None))
        return ((one, recordings[one.row]) for one in some if one.row in recordings)

    def exchanges(self, rows: Sequence[int]) -> dict[int, tuple[Delivery, Recording | None]]:
        """Return delivery and recording of each of these rows that the run has, in row order."""
        wanted = set(rows)
        recordings = {row: self._loaded(row, data) for row, data in self._journal.recordings(self.run.run, rows)}
        found: dict[int, tuple[Delivery, Recording | None]] = {}
        for one in self.deliveries():
            if one.row in wanted:
                found[one.row] = one, self.met(one, recordings.get(one.row))
            if len(found) == len(wanted):
                break
        return found

    def why_not_recorded(self, one: Delivery) -> str:
        """Return why request and response of a row are not in the journal, in a clause."""
        if self.run.purged:
            return "the run was purged, its requests and responses are gone"
        if one.outcome is OutcomeKind.INVALID:
            return "the row is invalid, nothing was sent"
        if one.outcome is OutcomeKind.UNKNOWN and one.reason == IN_FLIGHT:
            return "the run still waits for the response"
        if one.outcome is OutcomeKind.UNKNOWN and not one.latency_ms:
            return "the run ended before a response came"
        match KeptRecordings(self.run.options.get("flags", {}).get("record", KeptRecordings.SOME)):
            case KeptRecordings.NONE:
                return "the run was sent with --record none"
            case KeptRecordings.SOME if self._outcome_when_sent(one) == self.expected:
                return f"of expected outcomes only the first {FIRST_RECORDED} are recorded; --record all records each"
            case KeptRecordings.SOME if self.rows - self.as_expected > PROBLEMS_RECORDED:
                return f"only {PROBLEMS_RECORDED:,} unexpected outcomes are recorded; --record all records each"
            case KeptRecordings.ALL if not one.attempts:
                return "nothing was sent"
            case KeptRecordings.SOME | KeptRecordings.ALL:
                running = self.run.state is RunState.RUNNING
                return "the run has not recorded it yet" if running else _LOST
            case never:
                assert_never(never)

    def _outcome_when_sent(self, one: Delivery) -> OutcomeKind:
        """Return the outcome by which it was decided whether a row is recorded: that before any revision."""
        earlier = self.earlier_outcomes([one.row]).get(one.row)
        return earlier[0].outcome if earlier else one.outcome

    def earlier_outcomes(self, rows: Sequence[int]) -> dict[int, list[EarlierOutcome]]:
        """Return what those of the rows that were revised were before each revision, oldest first."""
        found: dict[int, list[EarlierOutcome]] = {}
        for each in self._journal.earlier_outcomes(self.run.run, rows) if self._kept.get(REVISIONS.key) else ():
            found.setdefault(each.row, []).append(each)
        return found

    def nearest_row(self, row: int) -> int | None:
        """Return the row of the run whose number is nearest; None where it has none."""
        return min((one.row for one in self.deliveries()), key=lambda each: abs(each - row), default=None)

    def explain(self, recording: Recording) -> Explanation | None:
        """Return how each rule met a recorded response; None without a whole one, or where the rules are not known.

        The response is redacted, so a rule that looks for a secret or a person's data may meet it differently.
        """
        response = recording.response
        if response is None or recording.fault is not None or self._classifier is None:
            return None
        return self._classifier.explain(response, received=recording.started)

    @cached_property
    def _classifier(self) -> Classifier | None:
        return None if self.spec is None else Classifier(self.spec.responses)


def moment(seconds: float | None) -> str:
    """Return UTC seconds since the epoch as `2026-11-23 18:02:03.456 UTC`, or a dash for none."""
    if not seconds:
        return "-"
    text = datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="milliseconds")
    return f"{text.removesuffix('+00:00')} UTC"


def _spec_of_the_run(run: RunInfo, notes: Mapping[str, Any]) -> LoadedSpec | None:
    """The spec of the text that the run noted; None where it noted none, or one that this version cannot read.

    The run had a spec without errors. What is wrong now was masked, as it might be a secret: it is left out.
    """
    text = notes.get("spec_text")
    if not isinstance(text, str):
        return None
    try:
        loaded = read_spec(parse(run.spec_file, text))
    except SpecError:
        return None
    masked = all(MASK in finding.source for finding in loaded.findings)
    return loaded if masked and "responses" not in loaded.damaged else None
