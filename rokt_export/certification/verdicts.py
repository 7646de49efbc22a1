"""Judges what came of each probe: as expected, a finding with its name, or nothing that can be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.records import ProbeVerdict
from rokt_export.certification.sending import NOT_THERE, ReadBackFailure, ReadBackRecord, SentRow
from rokt_export.certification.sent_fields import fields_of
from rokt_export.certification.texts import ABOUT_BLANKS, MAY_BE_REFUSED, change_in_words, change_of
from rokt_export.delivery.stop_rules import setup_fault
from rokt_export.diagnosis.case import edges_of
from rokt_export.exchange.model import RECEIVED, Fault, FaultKind, OutcomeKind, Response
from rokt_export.onboarding.response_signs import meaning_of
from rokt_export.onboarding.unexplained import structure_of
from rokt_export.partner_spec.attributes import UNIQUE
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.redaction.display_text import cut, one_line
from rokt_export.response.body_reader import ResponseReader
from rokt_export.spec_language.statuses import BUSY

_NEEDS = re.compile(
    r"\bmissing\b|\brequired?\b|\brequires\b|must (?:be|have|contain|provide)|\bmandatory\b|\bprovide\b|\babsent\b"
    r"|(?:can(?:not|'t)|may not|must not) be (?:blank|null|empty)|not (?:be )?(?:null|empty|blank)",
    re.IGNORECASE,
)
_SHOWN = 60
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
UNAVAILABLE = "unavailable"
"""The defect of a partner that stopped taking transactions: it says nothing of the probe that has it."""
_SHORTEST_NAME = 8


@dataclass(frozen=True, slots=True)
class ProbeJudgement:
    """What came of a probe.

    Attributes:
        verdict, defect, finding, advice: as of `Probe`.
        doubtful: whether the partner may answer so to a good transaction too, by now.
    """

    verdict: ProbeVerdict
    finding: str
    defect: str = ""
    advice: str = ""
    doubtful: bool = False


def as_expected(finding: str, advice: str = "") -> ProbeJudgement:
    """Return that the expected came."""
    return ProbeJudgement("as expected", finding, advice=advice)


def cannot_tell(finding: str, advice: str = "") -> ProbeJudgement:
    """Return that what came proves nothing."""
    return ProbeJudgement("cannot be told", finding, advice=advice)


def found(defect: str, finding: str, advice: str) -> ProbeJudgement:
    """Return a finding."""
    return ProbeJudgement("finding", finding, defect, advice)


@dataclass
class ProbeJudge:
    """Knows what earlier probes have shown.

    Args:
        spec: the partner's spec.
        sandbox: whether a sandbox answers.
        redact: hides secrets in what a partner says.

    Attributes:
        good: the good transaction, once it was delivered.
        duplicate: the response that was read as a duplicate.
        controlled: whether a good transaction was delivered after the one that is judged: then what speaks of the
            set-up speaks of that transaction.
        mixes: whether a response, reference or record was another person's.
    """

    spec: PartnerSpec
    sandbox: bool
    redact: Callable[[str], str]
    good: SentRow | None = None
    duplicate: Response | None = None
    controlled: bool = False
    mixes: bool = False
    _names: dict[str, int] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)
    _unread: dict[str, int] = field(default_factory=dict)
    _references: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def outcomes(self) -> frozenset[str]:
        """The outcomes that rules of the spec give."""
        return frozenset(rule.outcome for rule in self.spec.responses)

    def foreign(self, sent: SentRow, person: int) -> ProbeJudgement | None:
        """Note whom a row was about; return the finding, once, where its response is about another one.

        Args:
            sent: the row.
            person: the number of the person; repeats of one person have the same.
        """
        values = sent.exchange.transaction.values
        own = {str(values[name]).casefold() for name in values if name in UNIQUE and values[name]}
        sent_texts = {text.casefold() for _, text in fields_of(sent.renderer, sent.exchange.transaction)}
        response = sent.response
        text = ResponseReader(response).text.casefold() if response is not None else ""
        others = (name for name, who in self._names.items() if who != person and name in text and name not in own)
        other = None if any(name in text for name in own & sent_texts) else next(others, None)
        for name in own & sent_texts:
            if len(name) >= _SHORTEST_NAME:
                self._names[name] = person
        reference = sent.exchange.outcome.reference if sent.outcome is OutcomeKind.DELIVERED else None
        if other is None and reference and not sent.provisional:
            who, row = self._references.setdefault(reference, (person, str(sent.row)))
            self.mixes |= who != person
            if who != person and self._is_new("reference", ""):
                return found(
                    "answers-for-another",
                    f"the reference `{cut(reference, _SHOWN)}` was given to another person before, in row {row}",
                    "Ask the partner whether it stores both. Where the rule captures what is the same for all, "
                    "correct `capture: {reference: …}`.",
                )  # fmt: skip
        self.mixes |= other is not None
        if other is None or not self._is_new("name", ""):
            return None
        return found(
            "answers-for-another",
            f"the response names `{other}`, which row {sent.row} did not send",
            "Ask the partner which record it answers for: references and outcomes may belong to other people.",
        )

    def _is_new(self, what: str, defect: str) -> bool:
        """Note what was found; return whether it was not before."""
        new = (what, defect) not in self._told
        self._told.add((what, defect))
        return new

    def good_one(self, sent: SentRow) -> ProbeJudgement:
        """Judge the good transaction."""
        if stuck := self._obstacle(sent):
            return stuck
        match sent.outcome:
            case OutcomeKind.DELIVERED:
                certain = None if sent.exchange.outcome.by_body else meaning_of(_response(sent)).certain
                if certain not in (None, "delivered"):
                    return self._error_as_delivered(sent, f"the response itself says {certain}")
                return self._undecided(sent) or as_expected(self.came(sent))
            case OutcomeKind.DUPLICATE:
                return found(
                    "false-duplicate",
                    f"{self.came(sent)}, of a person that was never sent before",
                    "Look at the response: either the rule for duplicates takes too much, or the partner knows people "
                    "by what test people share.",
                )
            case OutcomeKind.REJECTED | OutcomeKind.FAILED | OutcomeKind.UNCLASSIFIED:
                return self._good_refused(sent)
            case OutcomeKind.INVALID | OutcomeKind.UNKNOWN:
                return cannot_tell(self.came(sent))
            case _:
                assert_never(sent.outcome)

    def _good_refused(self, sent: SentRow) -> ProbeJudgement:
        response, what = _response(sent), self.came(sent, reason=True)
        if response.status >= _SERVER_ERROR:
            return self._server_error(sent)
        if meaning_of(response).certain == "delivered":
            return found(
                "delivery-misread",
                f"{self.came(sent)}, and the response itself says that the record is there",
                "Correct the rules: `rokt-export rule` drafts one from the response.",
            )
        if _NEEDS.search(sent.exchange.outcome.reason or ""):
            return found(
                "needs-undeclared-field",
                what,
                "The partner needs something that the spec does not send: add the parameter.",
            )
        if sent.outcome is OutcomeKind.UNCLASSIFIED:
            return self._unexplained(sent)
        return found("rejects-good", what, "Correct what the partner names, and certify again.")

    def repeat(self, probe: PlannedProbe, tries: Sequence[SentRow], waited: float) -> ProbeJudgement:
        """Judge the same, sent again.

        Args:
            probe: which of the repeats.
            tries: the sends, in order.
            waited: seconds between the good transaction and the last of them.
        """
        sent = tries[-1]
        if stuck := self._obstacle(sent):
            return stuck
        match sent.outcome:
            case OutcomeKind.DUPLICATE:
                if len(tries) == 1:
                    return as_expected(self.came(sent))
                return as_expected(
                    f"duplicate only after {waited:.1f} s; before that {tries[0].outcome}",
                    "A person who is sent twice within that time is there twice.",
                )
            case OutcomeKind.DELIVERED:
                return self._repeat_delivered(probe, sent, waited)
            case _:
                return self._repeat_misread(sent)

    def _repeat_delivered(self, probe: PlannedProbe, sent: SentRow, waited: float) -> ProbeJudgement:
        if "duplicate" in meaning_of(_response(sent)).outcomes:
            return self._error_as_delivered(sent, "the response itself says duplicate")
        if wrong := self._error(sent):
            return wrong
        if probe.detail == "case":
            return found(
                "duplicate-by-exact-case",
                "delivered: the partner takes the address in capitals for another person",
                "Send the address in lower case: `{{ email | lower }}`.",
            )
        if probe.detail == "person":
            return cannot_tell("delivered: the partner may know transactions, and not people", _ASK_DUPLICATES)
        if self.spec.repeatable:
            return self._idempotent(sent)
        if "duplicate" in self.outcomes:
            late = f", {waited:.1f} s after the first" if waited >= 1 else ""
            before, after = (each and each.exchange.outcome.reference for each in (self.good, sent))
            same = f" with the same reference {_quoted(after)}" if after and before == after else ""
            return found(
                "never-says-duplicate", f"delivered again{same}{late}, though rules give `duplicate`", _ASK_DUPLICATES
            )
        if sent.exchange.request is not None and sent.exchange.request.method == "PUT":
            return as_expected(f"{self.came(sent)}: PUT replaces what is there")
        return cannot_tell("delivered again: no rule gives `duplicate`", _ASK_DUPLICATES)

    def _idempotent(self, sent: SentRow) -> ProbeJudgement:
        before = self.good.exchange.outcome.reference if self.good is not None else None
        after = sent.exchange.outcome.reference
        if self.spec.idempotency is not None and before and after and before != after:
            return found(
                "ignores-idempotency-key",
                f"a second record: {_quoted(after)} after {_quoted(before)}",
                "Ask the partner how it wants the key, or remove `idempotency`: with it, a row is sent again when no "
                "response came.",
            )
        return as_expected(f"{self.came(sent)}, as before")

    def _repeat_misread(self, sent: SentRow) -> ProbeJudgement:
        if _response(sent).status >= _SERVER_ERROR:
            return self._server_error(sent)
        if sent.outcome is OutcomeKind.UNCLASSIFIED:
            return self._unexplained(sent)
        rule = f" by rule `{sent.exchange.outcome.rule}`" if sent.exchange.outcome.rule else ""
        return found(
            "duplicate-misread",
            f"a transaction that was delivered is read as {sent.outcome}{rule} when it comes again{self._reason(sent)}",
            "Write a rule for duplicates above that rule: `rokt-export rule` drafts it from the response.",
        )

    def left_out(self, sent: SentRow) -> ProbeJudgement:
        """Judge a transaction without a required parameter: anything but delivered."""
        if stuck := self._obstacle(sent):
            return stuck
        match sent.outcome:
            case OutcomeKind.DELIVERED:
                return (
                    self._undecided(sent)
                    or self._error(sent)
                    or found(
                        "accepts-without-required",
                        f"{self.came(sent)}: the partner takes it without the parameter",
                        "Ask the partner whether it is required; where not, remove `required`, and rows without it go "
                        "out.",
                    )
                )
            case OutcomeKind.REJECTED:
                return as_expected(self.came(sent, reason=True))
            case OutcomeKind.DUPLICATE:
                return self._refusal_as_duplicate(sent)
            case OutcomeKind.FAILED | OutcomeKind.UNCLASSIFIED:
                return self._refusal_as_failed(sent)
            case OutcomeKind.INVALID | OutcomeKind.UNKNOWN:
                return cannot_tell(self.came(sent))
            case _:
                assert_never(sent.outcome)

    def _refusal_as_duplicate(self, sent: SentRow) -> ProbeJudgement:
        response = _response(sent)
        known = self.duplicate is not None and structure_of(self.duplicate) == structure_of(response)
        if known and meaning_of(response).certain != "rejected":
            return self._known(sent)
        return found(
            "rejection-misread",
            f"a refusal is read as duplicate by rule `{sent.exchange.outcome.rule}`{self._reason(sent)}",
            "Narrow that rule: rows which the partner refuses would count as known to it.",
        )

    def _refusal_as_failed(self, sent: SentRow) -> ProbeJudgement:
        response = _response(sent)
        if response.status >= _SERVER_ERROR:
            return self._server_error(sent)
        if "rejected" not in self.outcomes:
            return cannot_tell(f"{self.came(sent)}: no rule gives `rejected`", "Write a rule that gives `rejected`.")
        if sent.outcome is OutcomeKind.UNCLASSIFIED:
            return self._unexplained(sent)
        if not sent.exchange.outcome.retry:
            return cannot_tell(self.came(sent, reason=True))
        return found(
            "rejection-misread",
            f"a refusal is read as failed by rule `{sent.exchange.outcome.rule}`, and would be sent again"
            f"{self._reason(sent)}",
            "Narrow that rule, or write one for rejected rows above it.",
        )

    def credentials(self, probe: PlannedProbe, sent: SentRow) -> ProbeJudgement:
        """Judge a transaction without credentials, or with wrong ones: anything but accepted."""
        result = sent.exchange.result
        if isinstance(result, Fault) and (result.kind is FaultKind.TLS or "mutual_tls" in probe.why):
            return as_expected(f"the connection is refused: {cut(self.redact(result.message), 2 * _SHOWN)}")
        if not isinstance(result, Response):
            return self._obstacle(sent) or cannot_tell(self.came(sent))
        if result.status in BUSY or result.status >= _SERVER_ERROR:
            return cannot_tell(self.came(sent, reason=True))
        if sent.outcome in RECEIVED:
            kind = "missing" if probe.kind == "no_credentials" else "wrong"
            return (self._error(sent) if sent.outcome is OutcomeKind.DELIVERED else None) or found(
                f"accepts-{kind}-credentials",
                f"{self.came(sent)} with {kind} credentials",
                "Tell the partner: anybody may send to this address, or the credentials are not those that it checks.",
            )
        if sent.outcome is OutcomeKind.UNCLASSIFIED and result.status < _CLIENT_ERROR:
            return cannot_tell(f"{self.came(sent)}: no rule matches the response")
        advice = ""
        if sent.outcome is OutcomeKind.REJECTED:
            advice = "A wrong key would count as rejected rows: write a rule that gives `failed` for it."
        return as_expected(self.came(sent, reason=True), advice)

    def content_type(self, sent: SentRow) -> ProbeJudgement:
        """Judge a body under another content type: anything but accepted."""
        response = sent.response
        if response is None or response.status in BUSY:
            return self._obstacle(sent) or cannot_tell(self.came(sent))
        if response.status >= _SERVER_ERROR:
            return self._server_error(sent)
        if sent.outcome is OutcomeKind.DELIVERED:
            return (
                self._undecided(sent)
                or self._error(sent)
                or found(
                    "accepts-wrong-content-type",
                    self.came(sent),
                    "Harmless while it lasts: the partner guesses what the body is. Ask what type it wants.",
                )
            )
        if sent.outcome is OutcomeKind.DUPLICATE:
            return self._known(sent)
        if sent.outcome is OutcomeKind.UNCLASSIFIED and response.status < _CLIENT_ERROR:
            return self._unexplained(sent)
        return as_expected(self.came(sent, reason=True))

    def accepted(self, probe: PlannedProbe, sent: SentRow) -> ProbeJudgement:
        """Judge a transaction that the spec allows: an optional parameter left out, hostile or long text."""
        if blocked := self._firewall(probe, sent):
            return blocked
        if stuck := self._obstacle(sent):
            return stuck
        response = _response(sent)
        if sent.outcome is OutcomeKind.DELIVERED:
            ignored = ": the field is ignored or kept" if probe.kind == "unknown_field" else ""
            return self._undecided(sent) or self._plain_error(sent) or as_expected(f"{self.came(sent)}{ignored}")
        if sent.outcome is OutcomeKind.DUPLICATE:
            return self._known(sent)
        if response.status >= _SERVER_ERROR:
            return self._server_error(sent)
        if sent.outcome is OutcomeKind.UNCLASSIFIED and response.status < _CLIENT_ERROR:
            return self._unexplained(sent)
        what = self.came(sent, reason=True)
        if probe.kind == "unknown_field" or probe.detail in MAY_BE_REFUSED:
            return as_expected(what)
        if probe.kind == "missing_optional":
            names = ", ".join(f"`{each}`" for each in probe.fields)
            return found("requires-optional", what, f"Write `required: true` to {names}: the partner needs it.")
        if probe.kind == "longest":
            return found("refuses-longest", what, "Correct `max_length`, or ask the partner for its limit.")
        name = probe.detail.replace(" ", "-")
        advice = "Ask the partner to take such text; until then, replace it in the spec."
        return found(f"refuses-{name}", what, advice)

    def _firewall(self, probe: PlannedProbe, sent: SentRow) -> ProbeJudgement | None:
        """Return the finding where a firewall refuses a text that passed without it; None otherwise."""
        if probe.kind != "hostile_text" or sent.response is None or sent.outcome in RECEIVED:
            return None
        edge = next((edge for edge, blocks in edges_of(sent.response) if blocks), None)
        if edge is None:
            return None
        return found(
            "firewall-blocks-text",
            f"{self.came(sent)}: {edge.name} blocks this text",
            "Ask the partner to let these requests pass its firewall: people have such names.",
        )

    def race(self, pairs: Sequence[Sequence[SentRow]]) -> ProbeJudgement:
        """Judge two at once, round for round."""
        for number, pair in enumerate(pairs, start=1):
            if (judged := self._round(number, pair)) is not None:
                return judged
        last = " and ".join(str(sent.outcome) for sent in pairs[-1])
        rounds = f"{len(pairs)} rounds: " if len(pairs) > 1 else ""
        return as_expected(f"{rounds}{last}")

    def _round(self, number: int, pair: Sequence[SentRow]) -> ProbeJudgement | None:
        """Judge one round; None where one record came of it."""
        delivered = [sent for sent in pair if sent.outcome is OutcomeKind.DELIVERED]
        others = [sent for sent in pair if sent.outcome is not OutcomeKind.DELIVERED]
        for sent in others:
            busy = delivered and sent.response is not None and sent.response.status in BUSY  # with the other one
            if not busy and (stuck := self._obstacle(sent)):
                return stuck
        if not delivered:
            return self._neither(number, pair)
        if others:
            failed = [sent for sent in others if _response(sent).status >= _SERVER_ERROR]
            return next((self._server_error(sent) for sent in failed if _response(sent).status not in BUSY), None)
        first, second = (sent.exchange.outcome.reference for sent in pair)
        if first and first == second:
            return None
        if self.spec.idempotency is not None and not (first and second):
            return cannot_tell(
                "both delivered, and no reference tells whether that is one record",
                "Ask the partner whether it has one record or two.",
            )
        named = f", as {_quoted(first)} and {_quoted(second)}" if first and second else ""
        return found(
            "loses-race",
            f"round {number}: both delivered{named}",
            "Ask the partner for a unique key in its database; until then, send one at a time "
            "(`limits: {concurrency: 1}`).",
        )

    def _neither(self, number: int, pair: Sequence[SentRow]) -> ProbeJudgement:
        """Judge a round of a new person whom the partner has refused twice."""
        what = f"round {number}: {' and '.join(self.came(sent) for sent in pair)}"
        for sent in pair:
            match sent.outcome:
                case OutcomeKind.UNCLASSIFIED:
                    return self._unexplained(sent)
                case OutcomeKind.INVALID | OutcomeKind.UNKNOWN:
                    return cannot_tell(what)
                case OutcomeKind.DUPLICATE | OutcomeKind.REJECTED | OutcomeKind.FAILED | OutcomeKind.DELIVERED:
                    pass
                case _:
                    assert_never(sent.outcome)
        lost = found(
            "loses-race",
            f"{what}: neither of the two is delivered, of a person that was never sent before",
            "Ask the partner whether it has the person; until then, send one at a time (`limits: {concurrency: 1}`).",
        )
        return replace(lost, doubtful=True)

    def read_back(self, probe: PlannedProbe, sent: SentRow, read: ReadBackRecord) -> ProbeJudgement | None:
        """Judge a record that was read back; None where it is as it was sent."""
        every = changes = changes_in(sent, read)
        if probe.detail in MAY_BE_REFUSED:
            changes = {name: each for name, each in changes.items() if each[0] != "joins-blanks"}
        if probe.kind == "good":
            self._told |= {(name, defect) for name, (defect, _, _) in changes.items()}
        else:
            changes = {name: each for name, each in changes.items() if (name, each[0]) not in self._told}
        if not every:
            return None
        name, (defect, was, now) = next(iter((changes or every).items()))
        now = None if now is None else self.redact(now)
        before, after = (_quoted(text, blanks=defect in ABOUT_BLANKS) for text in (was, now))
        if not changes:
            what = change_in_words(defect)
            if now == was.replace("\n", " "):
                what = "the line break is stored as a blank"
            elif (name, defect) in self._told:
                what = "as in the good transaction"
            return as_expected(f"{self.came(sent)}; read back, `{name}` was sent as {before} and is {after}: {what}")
        if self.is_another(sent, read):
            self.mixes = True
            return found(
                "answers-for-another",
                f"the record is another person's: `{name}` is {after}, not {before}",
                "Ask the partner which record its response names. Where the spec names the wrong one, correct "
                "`capture: {reference: …}` or `read_back`.",
            )
        more = f"; so are {len(changes) - 1} more" if len(changes) > 1 else ""
        return found(
            defect,
            f"`{name}` was sent as {before} and is {after}: {change_in_words(defect)}{more}",
            _ADVICE.get(defect, "Ask the partner to keep what it is sent, or send it as the partner keeps it."),
        )

    def not_read_back(self, sent: SentRow, read: ReadBackFailure) -> ProbeJudgement:
        """Judge a record of a delivered row that could not be read back, in the time that it may take.

        What cannot be read for one reason is one finding.
        """
        if read.status in NOT_THERE:
            return found(
                "not-kept",
                f"delivered, and the partner does not have the record: {read.reason}",
                "Ask the partner what became of it. Where it is there, correct `read_back`, or give it time: --wait.",
            )
        if read.status is not None and self._unread.setdefault(read.reason, sent.row) == sent.row:
            return found(
                "not-read-back",
                f"delivered, and the record cannot be read: {read.reason}",
                "Correct `read_back`: its URL, and whether these credentials may read.",
            )
        return cannot_tell(f"delivered, and not read back: {read.reason}")

    def is_another(self, sent: SentRow, read: ReadBackRecord) -> bool:
        """Return whether a record is of another person: by what identifies it, or as most values are other ones."""
        changes = changes_in(sent, read)
        values = sent.exchange.transaction.values
        own = {str(value).casefold() for name, value in values.items() if name in UNIQUE}
        for defect, was, now in changes.values():
            others_name = (now or "").casefold() in self._names.keys() - own
            if was.casefold() in own and (defect == "changes-text" or others_name):
                return True
        others = sum(defect == "changes-text" for defect, _, _ in changes.values())
        return others >= 2 and 2 * others > len(read.found)

    def _obstacle(self, sent: SentRow) -> ProbeJudgement | None:
        """Return why a response says nothing of the probe; None where it does."""
        result = sent.exchange.result
        if isinstance(result, Fault):
            what = "no response came" if result.sent else "no connection was made"
            message = cut(self.redact(result.message), 2 * _SHOWN)
            return cannot_tell(f"{what}: {message}", "Certify again when the partner answers.")
        if not isinstance(result, Response):
            return cannot_tell("nothing was sent")
        if result.status in BUSY and sent.outcome is not OutcomeKind.DELIVERED:
            busy = f"status {result.status}: the partner is busy or throttles"
            return cannot_tell(busy, "Lower `limits.rate`, and certify again.")
        if self.sandbox or self.controlled:
            return None
        why = setup_fault(sent.exchange, expected=sent.outcome in RECEIVED)
        if why is None:
            return None
        why = cut(self.redact(why), 2 * _SHOWN)
        told = cannot_tell(f"status {why}", "Find the cause with `rokt-export diagnose`.")
        return replace(told, doubtful=True)

    def _undecided(self, sent: SentRow) -> ProbeJudgement | None:
        if not sent.provisional:
            return None
        if self.spec.confirmation is None:
            advice = "The spec has no `confirmation`: ask the partner what became of it."
        else:
            advice = "Ask again later with `rokt-export runs confirm RUN`."
        return cannot_tell(f"{self.came(sent)}: the partner has not decided yet", advice)

    def _known(self, sent: SentRow) -> ProbeJudgement:
        return cannot_tell(f"{self.came(sent)}: the partner takes the person for one that it knows")

    def _error(self, sent: SentRow) -> ProbeJudgement | None:
        """Return the finding where a response that is read as delivered says otherwise, and the good one's did not."""
        if self.good is None or self.good.response is None:
            return None
        mine, its = meaning_of(_response(sent)), meaning_of(self.good.response)
        if mine.certain not in (None, "delivered", its.certain) or _kinds(mine.doubts) - _kinds(its.doubts):
            return self._error_as_delivered(sent, "the response is unlike that to the good transaction")
        return None

    def _plain_error(self, sent: SentRow) -> ProbeJudgement | None:
        """As `_error`, where a warning beside a delivery is no error: only what the response proves counts."""
        if sent.exchange.outcome.by_body or self.good is None or self.good.response is None:
            return None
        certain = meaning_of(_response(sent)).certain
        if certain in (None, "delivered", meaning_of(self.good.response).certain):
            return None
        return self._error_as_delivered(sent, f"the response itself says {certain}")

    def _error_as_delivered(self, sent: SentRow, why: str) -> ProbeJudgement:
        rule, status = sent.exchange.outcome.rule, sent.exchange.status
        words = one_line(self.redact(ResponseReader(_response(sent)).text.strip()))
        return found(
            "error-read-as-delivered",
            f"status {status} is read as delivered by rule `{rule}`, and {why}: {cut(words, 2 * _SHOWN)}",
            "Test the body in the rule for delivered rows, and not the status alone.",
        )

    def _server_error(self, sent: SentRow) -> ProbeJudgement:
        fails = found(
            "server-error",
            self.came(sent, reason=True),
            "Tell the partner: its server fails where it should take or refuse the transaction.",
        )
        return replace(fails, doubtful=True)

    def _unexplained(self, sent: SentRow) -> ProbeJudgement:
        return found(
            "unexplained-response",
            f"no rule matches status {_response(sent).status}{self._reason(sent)}",
            "Add a rule: one is drafted under the table.",
        )

    def came(self, sent: SentRow, *, reason: bool = False) -> str:
        """Return outcome and status, as `rejected (422)`, and perhaps the partner's words."""
        status = "" if sent.exchange.status is None else f" ({sent.exchange.status})"
        later = f", {sent.outcome} later" if sent.decision is not None and sent.decision.outcome is not None else ""
        return f"{sent.exchange.outcome.kind}{status}{later}{self._reason(sent) if reason else ''}"

    def _reason(self, sent: SentRow) -> str:
        reason = sent.decision.reason if sent.decision is not None else sent.exchange.outcome.reason
        if not reason or reason.lstrip().startswith(("{", "[", "<")):  # a whole body, which no rule reads
            return ""
        return f": {cut(one_line(reason), 2 * _SHOWN)}"


_ASK_DUPLICATES = "Ask the partner how it knows a duplicate, and how it says so."
_ADVICE: Mapping[str, str] = {
    "trims": "Send it without them, so that both sides have the same: `{{ … | trim }}`.",
    "truncates": "State the partner's length as `max_length`: longer values are refused before they are sent.",
    "changes-case": "Ask the partner whether that is meant; then send it so: `{{ … | lower }}`.",
    "escapes-markup": "Tell the partner: its people will see `&amp;` in names.",
    "misreads-encoding": "Ask the partner for UTF-8, or state its encoding: `content_type: …; charset=iso-8859-1`.",
    **dict.fromkeys(
        ("drops-accents", "drops-emoji", "drops-signs", "replaces-signs"),
        "Ask the partner to keep all of Unicode: until then, it has such people's names wrong.",
    ),
    "loses-value": "Check the parameter's name, and the path in `read_back`.",
}


def changes_in(sent: SentRow, read: ReadBackRecord) -> dict[str, tuple[str, str, str | None]]:
    """Return parameter to (defect, as sent, as read back) of each value that is not as it was sent."""
    changes: dict[str, tuple[str, str, str | None]] = {}
    for name, was in fields_of(sent.renderer, sent.exchange.transaction):
        if name in read.found and (defect := change_of(was, read.found[name])):
            changes[name] = defect, was, read.found[name]
    return changes


_BREAKS = str.maketrans({"\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\r": "\N{SYMBOL FOR CARRIAGE RETURN}"})
_BLANKS = str.maketrans({" ": "\N{MIDDLE DOT}", "\t": "\N{RIGHTWARDS ARROW TO BAR}", "\xa0": "\N{SHOULDERED OPEN BOX}"})


def _quoted(text: str | None, *, blanks: bool = False) -> str:
    """Return a text between backticks, with signs for its line breaks and, where they matter, for its blanks."""
    if text is None:
        return "nothing"
    shown = text.translate(_BREAKS)
    return f"`{cut(one_line(shown.translate(_BLANKS) if blanks else shown), _SHOWN)}`"


def _response(sent: SentRow) -> Response:
    """Return the response of a send that no obstacle is in the way of."""
    assert sent.response is not None
    return sent.response


def _kinds(doubts: Sequence[str]) -> frozenset[str]:
    """Return doubts without the values that differ from response to response."""
    return frozenset(re.sub(r"\d+", "0", doubt) for doubt in doubts)
