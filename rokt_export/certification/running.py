"""Runs the probes one after the other, and makes a certification of what came."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from rokt_export.certification.combining import combined
from rokt_export.certification.open_findings import EarlierRun, kept_open
from rokt_export.certification.planning import CONTROLS, READ_BACK, PlannedProbe, capitals
from rokt_export.certification.questions import questions_for
from rokt_export.certification.records import Probe, ProbeKind, RuleCoverage, SentExchange, SentRecord, Unexplained
from rokt_export.certification.removal import ProbeRun, Removal
from rokt_export.certification.sending import ReadBackRecord, Sender, SentRow, StoppedError
from rokt_export.certification.sent_fields import fields_of
from rokt_export.certification.variants import UNCHANGED
from rokt_export.certification.verdicts import (
    UNAVAILABLE,
    ProbeJudge,
    ProbeJudgement,
    as_expected,
    cannot_tell,
    found,
)
from rokt_export.delivery.confirmation import Decision
from rokt_export.delivery.events import Finished, Settled, StopReason
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.stop_rules import setup_fault
from rokt_export.delivery.worker import Result, StopRequest, Watch
from rokt_export.errors import ExitStatus, RoktExportError, SpecError
from rokt_export.exchange.model import RECEIVED, Exchange, Fault, OutcomeKind
from rokt_export.journal.run_info import as_text
from rokt_export.onboarding.unexplained import UnmatchedResponse, groups_of
from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.references import attribute_names
from rokt_export.reports.http_text import request_text, response_text
from rokt_export.request import spec_people
from rokt_export.request.render import InvalidRowError
from rokt_export.response.log_ids import request_ids
from rokt_export.spec_language.statuses import BUSY
from rokt_export.transactions.transaction import Transaction, Value

if TYPE_CHECKING:
    from rokt_export.journal import Journal

_PEOPLE = 100_000
_NO_WORD = BUSY | {None}
"""Statuses that say nothing of a transaction; None for no response."""
_MOST_PASSED = 20
"""People in a row who are passed over because another one has their telephone number."""
_BUSY_IN_A_ROW = 3
"""Probes in a row that a busy partner does not answer, after which no more are sent."""
_NOT_BY_DESIGN = frozenset({"missing_required", "wrong_content_type", "unknown_field"})
"""Probes whose requests are not what the partner's document asks for, on purpose."""
_MEANT: Mapping[ProbeKind, str] = {
    "good": "delivered", "repeat": "duplicate", "race": "duplicate",
    "missing_required": "rejected", "missing_optional": "rejected", "hostile_text": "rejected",
    "longest": "rejected", "unknown_field": "rejected",
    "no_credentials": "failed", "wrong_credentials": "failed", "wrong_content_type": "failed",
}  # fmt: skip
"""Kind of probe to what a response that is not `delivered`, and that no rule matches, most likely means."""


def people(plan: Plan, overrides: Mapping[str, Value], unset: frozenset[str] = frozenset()) -> Iterator[Transaction]:
    """Yield test people, no two with the same telephone number: a partner may know people by it.

    Args:
        plan: of the run.
        overrides: attribute to the value that all of them have.
        unset: attributes that none of them has.
    """
    numbers, passed = set[object](), 0
    wanted = attribute_names(plan.spec, [plan.environment])
    for person in spec_people.people(plan.spec, _PEOPLE, attributes=wanted, overrides=overrides, unset=unset):
        number = next((value for name, value in person.values.items() if canonical(name) == "mobile"), None)
        passed = passed + 1 if number in numbers else 0
        if number is None or not passed or passed > _MOST_PASSED:  # the spec may leave few numbers, or one
            numbers.add(number)
            yield person


@dataclass
class Certifier:
    """Runs the probes of one certification.

    Args:
        planned: the probes, the good transaction first.
        people: new test people.
        wait: seconds that a record may take until the partner knows it.
        required: outcomes that must be seen.
        testify: hears each exchange whose request and response the partner's document may judge.
        guard: from a URL to the guarded environment that it belongs to, or nothing.
        earlier: the certifications of the same partner and environment, newest first.

    Attributes:
        probes, records, questions, coverage, unexplained, missing: the result; empty until the run is complete.
    """

    planned: Sequence[PlannedProbe]
    people: Iterator[Transaction]
    wait: float
    required: frozenset[str] = frozenset()
    testify: Callable[[Settled], None] = lambda _event: None
    guard: Callable[[str], str] = lambda _url: ""
    earlier: Sequence[EarlierRun] = ()
    probes: tuple[Probe, ...] = ()
    records: tuple[SentRecord, ...] = ()
    coverage: tuple[RuleCoverage, ...] = ()
    unexplained: tuple[Unexplained, ...] = ()
    missing: tuple[str, ...] = ()
    complete: bool = False
    _ran: list[ProbeRun] = field(default_factory=list)
    _persons: int = 0
    _controls: int = CONTROLS
    _lost: str = ""
    _patient: bool = True
    _gone: set[str] = field(default_factory=set)
    """The ids of people whose record was removed."""

    def run(self, plan: Plan, run_id: str, watch: Watch, brake: StopRequest, opened: Journal | None) -> Result:
        """Run the probes; has the form of `workers.run_plan`.

        Raises:
            RoktExportError: the journal cannot be written, or a token server gives no token.
        """
        assert opened is not None
        with Sender(plan, run_id, watch, brake, opened, self.wait, self.guard) as sender:
            self._sender = sender
            self._judge = ProbeJudge(plan.spec, plan.destination.base_url is not None, sender.redactor.text)
            self._removal = Removal(sender, self._judge, self.wait, self._ran)
            try:
                finished = self._all()
            except StoppedError:
                finished = Finished(StopReason.INTERRUPTED)
                sender.tally.notes += self._removal.left(self._removal.after_stop())
            except RoktExportError:
                sender.say(*self._removal.left({}))
                raise
            finally:
                sender.say()
        if finished.reason is not StopReason.COMPLETE:
            if finished.reason is not StopReason.INTERRUPTED:
                sender.tally.notes += self._removal.left({})
            return Result(sender.tally, finished)
        status = ExitStatus.FINDINGS if self._findings() else ExitStatus.OK
        return Result(sender.tally, finished, status)

    def _all(self) -> Finished:
        good = self.planned[0]
        ran, stopped = self._good(good)
        self._ran.append(ran)
        if stopped is not None:
            return stopped
        for each in self.planned[1:]:
            if each.not_run:
                self._ran.append(ProbeRun(each, ProbeJudgement("not run", each.not_run, advice=each.advice)))
            elif each.kind == "cleanup":
                continue  # it comes last, of all records
            elif why := self._hopeless():
                self._ran.append(ProbeRun(each, self._given_up(why)))
            else:
                self._ran.append(self._probe(each))
        self._finish()
        return Finished(StopReason.COMPLETE)

    def _given_up(self, why: str) -> ProbeJudgement:
        """Return the judgement of a probe that is not run any more; the first of them is a finding.

        Args:
            why: as `_hopeless`.
        """
        if self._judge.good is None or any(ran.judgement.defect == UNAVAILABLE for ran in self._ran):
            return ProbeJudgement("not run", why)
        advice = "Certify again when it takes transactions again: what follows was not run."
        return found(UNAVAILABLE, f"not run: {why}", advice)

    def _hopeless(self) -> str:
        """Return why no further probe would tell anything; empty where they would."""
        if self._judge.good is None:
            return "the good transaction was not delivered, so nothing can be compared with it"
        if self._lost:
            return self._lost
        last = [ran.sent[-1].exchange for ran in self._ran if ran.sent][-_BUSY_IN_A_ROW:]
        if len(last) < _BUSY_IN_A_ROW or any(each.status not in _NO_WORD for each in last):
            return ""
        status = last[-1].status
        what = "does not respond" if status is None else f"is busy or throttles: status {status}"
        return f"the partner {what}, {_BUSY_IN_A_ROW} times in a row"

    def _good(self, probe: PlannedProbe) -> tuple[ProbeRun, Finished | None]:
        """Send the good transaction; return what came, and why to stop at once, if so."""
        try:
            sent = self._one(probe, person := self._person(probe))
        except InvalidRowError as error:
            raise SpecError(
                f"no test person satisfies the spec: {error.reason}",
                remedy="Give the attribute a value that does: --set NAME=VALUE, or `example` in `attributes`.",
            ) from error
        if stopped := self._stopped(sent):
            return ProbeRun(probe, cannot_tell(stopped.message), [sent]), stopped
        ran = ProbeRun(probe, self._judge.foreign(sent, self._persons) or self._judge.good_one(sent), [sent])
        if sent.outcome is OutcomeKind.DELIVERED and ran.judgement.verdict != "finding":
            self._judge.good, self._good_person, self._good_at = sent, person, time.monotonic()
            self._read(ran, sent)
        elif sent.outcome is OutcomeKind.DUPLICATE:
            self._after_duplicate(ran)
        elif sent.outcome is OutcomeKind.REJECTED:
            self._after_rejection(ran)
        return ran, None

    def _stopped(self, sent: SentRow) -> Finished | None:
        """Return why nothing more can be told after the good transaction: no response, or a wrong set-up."""
        result = sent.exchange.result
        if isinstance(result, Fault):
            what = "no response came to the good transaction" if result.sent else "the partner cannot be reached"
            message = self._sender.redactor.text(f"{what}: {result.message}")
            return Finished(StopReason.UNREACHABLE, message, row=sent.row)
        if self._judge.sandbox:
            return None
        why = setup_fault(sent.exchange, expected=sent.outcome in RECEIVED)
        if why is None:
            return None
        message = self._sender.redactor.text(f"the response to the good transaction was {why}")
        return Finished(StopReason.SETUP, message, sent.exchange.status, sent.row)

    def _after_duplicate(self, ran: ProbeRun) -> None:
        """Send another person, as the partner may know the first; then the same again, as rules may be swapped."""
        second = self._one(ran.planned, person := self._person(ran.planned))
        ran.sent.append(second)
        if second.outcome is OutcomeKind.DELIVERED:
            self._judge.good, self._good_person, self._good_at = second, person, time.monotonic()
            ran.judgement = cannot_tell(
                "the first test person was taken for one that the partner knows; another one was delivered",
                "Ask the partner by what it knows people: test people share last name, places and telephone numbers.",
            )
            return
        if second.outcome is OutcomeKind.DUPLICATE:
            again = self._one(ran.planned, self._again(person))
            ran.sent.append(again)
            if again.outcome is OutcomeKind.DELIVERED:
                ran.judgement = _swapped(ran.sent[0], again, "a person that was sent before is read as delivered")

    def _after_rejection(self, ran: ProbeRun) -> None:
        """Send a transaction that must be refused: where it is read as delivered, the rules are swapped."""
        bad = next((each for each in self.planned if each.kind == "missing_required" and not each.not_run), None)
        if bad is None:
            return
        sent = self._one(bad, self._person(bad))
        ran.sent.append(sent)
        if sent.outcome is OutcomeKind.DELIVERED:
            ran.judgement = _swapped(ran.sent[0], sent, f"one {bad.title} is read as delivered")

    def _probe(self, probe: PlannedProbe) -> ProbeRun:
        """Run one probe after the good transaction."""
        try:
            match probe.kind:
                case "repeat":
                    ran = self._repeat(probe)
                case "race":
                    ran = self._race(probe)
                case (
                    "missing_required" | "missing_optional" | "no_credentials" | "wrong_credentials"
                    | "wrong_content_type" | "hostile_text" | "longest" | "unknown_field"
                ):  # fmt: skip
                    ran = self._single(probe)
                case "good" | "read_back" | "cleanup":
                    raise ValueError(f"`{probe.kind}` has a place of its own, and is not sent here")
                case _:
                    assert_never(probe.kind)
        except (InvalidRowError, SpecError) as error:
            return ProbeRun(probe, ProbeJudgement("not run", f"no request can be made so: {error}"))
        if ran.judgement.doubtful and self._controls:
            self._control(ran)
        return ran

    def _control(self, ran: ProbeRun) -> None:
        """Send a good transaction once more: a partner that refuses it too, by now, says nothing of the probe."""
        self._controls -= 1
        good, sent, judge = self.planned[0], ran.sent[-1], self._judge
        control = self._one(good, self._person(good))
        ran.controls.append(control)
        if control.outcome is not OutcomeKind.DELIVERED:
            came = judge.came(control, reason=True)
            ran.judgement = cannot_tell(f"{judge.came(sent)}, and so did a good transaction after it: {came}")
            self._lost = f"the partner does not take a good transaction any more: {came}"
        elif ran.judgement.verdict != "finding":
            judge.controlled = True
            ran.judgement = self._judged(ran.planned, ran.sent)
            judge.controlled = False

    def _single(self, probe: PlannedProbe) -> ProbeRun:
        sent = self._one(probe, self._person(probe))
        foreign = self._judge.foreign(sent, self._persons)
        judgement = self._judged(probe, [sent])
        ran = ProbeRun(probe, judgement if judgement.verdict == "finding" else foreign or judgement, [sent])
        if probe.kind in READ_BACK and sent.outcome is OutcomeKind.DELIVERED:
            self._read(ran, sent)
        return ran

    def _judged(self, probe: PlannedProbe, tries: Sequence[SentRow]) -> ProbeJudgement:
        """Judge the sends of a probe by its kind; what must not be delivered, and is, never comes as expected."""
        judgement, sent = self._judged_by_kind(probe, tries), tries[-1]
        good = judgement.verdict == "as expected" and sent.outcome is OutcomeKind.DELIVERED
        if good and probe.expected == "not delivered":
            return found("delivered-unexpectedly", self._judge.came(sent), "Ask the partner why it takes it.")
        return judgement

    def _judged_by_kind(self, probe: PlannedProbe, tries: Sequence[SentRow]) -> ProbeJudgement:
        sent = tries[-1]
        match probe.kind:
            case "missing_required":
                return self._judge.left_out(sent)
            case "no_credentials" | "wrong_credentials":
                return self._judge.credentials(probe, sent)
            case "wrong_content_type":
                return self._judge.content_type(sent)
            case "repeat":
                return self._judge.repeat(probe, [sent], 0.0)
            case "race":
                return self._judge.race([tries[first : first + 2] for first in range(0, len(tries), 2)])
            case "missing_optional" | "hostile_text" | "longest" | "unknown_field":
                return self._judge.accepted(probe, sent)
            case "good" | "read_back" | "cleanup":
                raise ValueError(f"`{probe.kind}` is judged where it is sent")
            case _:
                assert_never(probe.kind)

    def _repeat(self, probe: PlannedProbe) -> ProbeRun:
        if probe.detail == "case" and self._judge.duplicate is None:
            return ProbeRun(probe, ProbeJudgement("not run", "the same again did not come as a duplicate"))
        tries: list[SentRow] = []
        pauses = (0.0, 0.4 * self.wait, 0.6 * self.wait)
        for pause in pauses[: probe.sends]:
            self._sender.pause(pause)
            tries.append(self._one(probe, self._again(self._good_person, probe)))
            if tries[-1].outcome is not OutcomeKind.DELIVERED:
                break
        waited = time.monotonic() - self._good_at
        if tries[-1].outcome is OutcomeKind.DUPLICATE:
            self._judge.duplicate = self._judge.duplicate or tries[-1].response
        judgement = self._judge.repeat(probe, tries, waited)
        return ProbeRun(probe, judgement, tries)

    def _race(self, probe: PlannedProbe) -> ProbeRun:
        if why := self._sender.room_for(2):
            return ProbeRun(probe, ProbeJudgement("not run", f"{why}, and a race takes two at once"))
        if self._judge.duplicate is None and self._judge.spec.idempotency is None:
            return ProbeRun(probe, ProbeJudgement("not run", "the same again did not come as a duplicate"))
        pairs: list[list[SentRow]] = []
        for _ in range(probe.sends // 2):
            person = self._person(probe)
            pair = [person, self._again(person)]
            pairs.append([self._sender.decided(each) for each in self._sender.send(pair)])
            if self._judge.race(pairs).verdict != "as expected":
                break
        ran = ProbeRun(probe, self._judge.race(pairs), [sent for pair in pairs for sent in pair])
        self._tell_witness(probe, ran.sent)
        return ran

    def _one(self, probe: PlannedProbe, person: Transaction) -> SentRow:
        variant = UNCHANGED if probe.kind == "good" else probe.variant
        sent = self._sender.send([person], variant)[0]
        if sent.provisional:
            sent = self._sender.decided(sent, patient=self._patient)
            self._patient = self._patient and not sent.provisional
        self._tell_witness(probe, [sent])
        return sent

    def _read(self, ran: ProbeRun, sent: SentRow) -> None:
        """Read a record back, and judge it; a record may take a while to be there."""
        if self._judge.sandbox or self._judge.spec.read_back is None or sent.provisional:
            return
        end = time.monotonic() + (self.wait if self._patient else 0.0)
        while True:
            read = self._sender.read_back(sent)
            if isinstance(read, ReadBackRecord):
                judged = self._judge.read_back(ran.planned, sent, read)
                if any(read.found.values()):
                    self._removal.seen[sent.row] = read.found
                over = judged is None or judged.defect != "loses-value"
            else:
                judged, over = self._judge.not_read_back(sent, read), not read.may_come
            if over or time.monotonic() >= end:
                break
            self._sender.pause(max(0.05, self.wait / 5))
        self._patient = self._patient and over
        if read.exchange is not None:
            ran.reads.append((sent.row, read.exchange))
        if ran.judgement.verdict == "finding":
            return
        if judged is not None:
            ran.judgement = judged
        else:
            ran.judgement = as_expected(f"{ran.judgement.finding}; read back as sent", ran.judgement.advice)

    def _person(self, probe: PlannedProbe) -> Transaction:
        """Return a new test person for the next row."""
        self._persons += 1
        person = next(self.people)
        return Transaction(self._sender.next_row(), person.id, {**person.values, **probe.changes}, invented=True)

    def _again(self, person: Transaction, probe: PlannedProbe | None = None) -> Transaction:
        """Return a person again for the next row."""
        values = {**person.values, **(probe.changes if probe is not None and probe.detail != "case" else {})}
        name = person.id
        if probe is not None and probe.detail == "case":
            values = {key: capitals(str(value)) if key in probe.changes else value for key, value in values.items()}
        if probe is not None and probe.detail == "person":
            other = next(self.people)
            values |= {key: other.values[key] for key in ("transactionid", "confirmationref") if key in values}
            name = other.id
        return Transaction(self._sender.next_row(), name, values, invented=True)

    def _tell_witness(self, probe: PlannedProbe, sent: Sequence[SentRow]) -> None:
        exchanges = [each.exchange for each in sent]
        if probe.kind in _NOT_BY_DESIGN:
            exchanges = [replace(each, request=None) for each in exchanges]
        self.testify(Settled(tuple(exchanges)))

    def _findings(self) -> bool:
        good = self.probes[0]
        proved = good.verdict != "cannot be told" or bool(self._judge.good)
        return bool(self.missing) or not proved or any(each.verdict == "finding" for each in self.probes)

    def _finish(self) -> None:
        """Remove what was made, and put the results together."""
        together = combined([(each.planned, each.judgement, each.sent) for each in self._ran])
        for ran, judgement in zip(self._ran, together, strict=True):
            ran.judgement = judgement
        cleaned = self._removal.all()
        self._gone = {
            sent.exchange.transaction.id for ran in self._ran for sent in ran.sent if cleaned.get(sent.row) == ""
        }
        if not (cleanup := self.planned[-1]).not_run:
            self._ran.append(self._removal.probe(cleanup, cleaned))
        for ran in self._ran:
            ran.judgement = kept_open(ran.planned, ran.judgement, self.earlier)
        records, probes = [], []
        for number, ran in enumerate(self._ran, start=1):
            name = f"P{number}"
            own = [self._record(name, sent, cleaned.get(sent.row)) for sent in (*ran.sent, *ran.controls)]
            records += own
            probes.append(self._shown(name, ran, tuple(each.id for each in own)))
        self.probes, self.records = tuple(probes), tuple(sorted(records, key=lambda each: int(each.id[1:])))
        spec, rules = self._judge.spec, self._sender.tally.figures.rules
        self.coverage = tuple(
            RuleCoverage(name, rule.outcome, rules[name])
            for name, rule in zip(spec.rule_names, spec.responses, strict=True)
        )
        seen = {str(sent.outcome) for ran in self._ran for sent in ran.sent}
        self.missing = tuple(sorted(self.required - seen))
        self.unexplained = self._unexplained()
        self.complete = True

    def _record(self, probe: str, sent: SentRow, failed: str | None) -> SentRecord:
        cleaned = "" if failed is None else "not removed" if failed else "removed"
        if sent.outcome is OutcomeKind.DUPLICATE and sent.exchange.transaction.id in self._gone:
            cleaned = "removed"
        fields = [(name, self._sender.redactor.text(value)) for name, value in self._fields(sent)]
        outcome = sent.exchange.outcome
        at = as_text(datetime.fromtimestamp(sent.exchange.started, UTC))
        return SentRecord(f"R{sent.row}", probe, at, str(sent.outcome), outcome.reference, tuple(fields), cleaned)

    def _fields(self, sent: SentRow) -> list[tuple[str, str]]:
        return fields_of(sent.renderer, sent.exchange.transaction)

    def _shown(self, name: str, ran: ProbeRun, records: tuple[str, ...]) -> Probe:
        planned, judgement = ran.planned, ran.judgement
        last = ran.sent[-1] if ran.sent else None
        exchanges = [self._exchange(sent.row, sent.exchange) for sent in (*ran.sent, *ran.controls)]
        exchanges += [self._exchange(row, exchange) for row, exchange in ran.reads]
        reason = last and ((last.decision and last.decision.reason) or last.exchange.outcome.reason)
        return Probe(
            name, planned.kind, planned.title, planned.expected, planned.why,
            str(last.outcome) if last else None,
            last.exchange.outcome.rule if last else None,
            last.exchange.status if last else None,
            reason or None,
            judgement.verdict, judgement.defect, judgement.finding, judgement.advice,
            tuple(exchanges), records,
        )  # fmt: skip

    def _exchange(self, row: int, exchange: Exchange) -> SentExchange:
        recording = self._sender.recording(exchange)
        at = as_text(datetime.fromtimestamp(exchange.started, UTC))
        ids = tuple(request_ids(recording.response))
        return SentExchange(row, at, request_text(recording), response_text(recording), exchange.latency_ms, ids)

    def _unexplained(self) -> tuple[Unexplained, ...]:
        unmatched = [
            UnmatchedResponse(sent.row, self._sender.recording(sent.exchange), _meant(ran.planned, sent))
            for ran in self._ran
            for sent in ran.sent
            if sent.exchange.outcome.kind is OutcomeKind.UNCLASSIFIED and sent.response is not None
        ]
        shown = {each.row: each.recording for each in unmatched}
        return tuple(
            Unexplained(
                each.structure, len(each.rows), response_text(shown[each.rows[0]]), "\n".join(each.rule), each.rows
            )
            for each in groups_of(unmatched, self._judge.spec.rule_names)
        )

    @property
    def reads(self) -> int:
        """How many requests read a record."""
        return self._sender.asked["reads"]

    @property
    def removals(self) -> int:
        """How many requests removed a record, or were to."""
        return self._sender.asked["removals"]

    @property
    def decided(self) -> dict[int, Decision]:
        """The partner's later decisions about rows that it only accepted at first, by row."""
        rows = [sent for ran in self._ran for sent in ran.sent]
        return {sent.row: sent.decision for sent in rows if sent.decision is not None and sent.decision.outcome}

    @property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """What only the partner can answer: text and why."""
        judge = self._judge
        return questions_for(judge.spec, self.probes, self.coverage, self.records, sandbox=judge.sandbox)


def _meant(probe: PlannedProbe, sent: SentRow) -> str:
    assert sent.response is not None
    if sent.response.status < 300 and probe.kind in ("good", "missing_optional", "hostile_text", "longest"):
        return "delivered"
    return "failed" if sent.response.status >= 500 else _MEANT[probe.kind]


def _swapped(first: SentRow, second: SentRow, what: str) -> ProbeJudgement:
    one, other = first.exchange.outcome.rule, second.exchange.outcome.rule
    return found(
        "rules-swapped",
        f"a new person is read as {first.outcome} by rule `{one}`, and {what} by rule `{other}`",
        f"Exchange the conditions of `{one}` and `{other}`.",
    )
