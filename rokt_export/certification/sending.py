"""Sends the probes' requests: each intended in the journal before a byte goes out, and settled with what came."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace as with_changes

from rokt_export.certification.sent_fields import fields_of
from rokt_export.certification.variants import UNCHANGED, Variant
from rokt_export.delivery.asked_urls import asked_url
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.confirmation import AcceptedJob, Decision, Questions
from rokt_export.delivery.events import Event, Intended, Progress, Settled, Withdrawn
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.pacing import SLOW_DOWN, Pacer
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.redaction_setup import PersonalData, redactor_for
from rokt_export.delivery.row_filter import identity_of
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.worker import AT_ONCE, StopRequest, Watch, credentials_for, transport_options
from rokt_export.errors import UnreachableError
from rokt_export.exchange.delivery import KeptRecordings
from rokt_export.exchange.model import AttemptResult, Exchange, Fault, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import KEPT_BYTES, Recording, record
from rokt_export.redaction import Redactor
from rokt_export.request.render import Renderer
from rokt_export.request.url import blank_url, origin
from rokt_export.response.body_reader import ResponseReader, body_values
from rokt_export.response.classify import Classifier, retry_after
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.statuses import BUSY
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport

if TYPE_CHECKING:
    from rokt_export.journal import Journal

_POLL = 0.25
"""Seconds after which a wait looks at the brake and gives the journal a sign of life."""
_REPEATS = 2
"""How often a question is asked again where a busy partner says when."""
NOT_THERE = frozenset({404, 410})
_LATER = NOT_THERE | BUSY
"""Statuses of a record that may be there later."""
_RENEWALS = 2
"""As the engine's: a digest nonce may go stale between challenge and answer."""


class StoppedError(Exception):
    """A person stopped the run; what was sent is settled."""


@dataclass(frozen=True, slots=True)
class SentRow:
    """One row: what was sent, what came, and what the partner decided of it since.

    Attributes:
        exchange: with the outcome by its response, whose words are redacted.
        captured: `reference` and `code` as they came, for the URL of the record.
        renderer: of the request.
        decision: of a row that was only accepted; None where its response decided.
        provisional: whether the partner has accepted the row and, as far as is known, not decided.
    """

    exchange: Exchange
    renderer: Renderer
    captured: Mapping[str, str]
    decision: Decision | None = None
    provisional: bool = False

    @property
    def row(self) -> int:
        """The row of the run."""
        return self.exchange.transaction.row

    @property
    def outcome(self) -> OutcomeKind:
        """The outcome as it is known last."""
        return (self.decision and self.decision.outcome) or self.exchange.outcome.kind

    @property
    def response(self) -> Response | None:
        """The response; None for a fault."""
        result = self.exchange.result
        return result if isinstance(result, Response) else None


@dataclass(frozen=True, slots=True)
class ReadBackRecord:
    """A record that was read back.

    Attributes:
        exchange: the question and its response.
        found: parameter to its value in the response; None where it has none.
    """

    exchange: Exchange
    found: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ReadBackFailure:
    """A record that could not be read back.

    Attributes:
        reason: why, in a clause.
        may_come: whether it may be there later.
        exchange: the question and its response; None where it was not asked.
    """

    reason: str
    may_come: bool = False
    exchange: Exchange | None = None

    @property
    def status(self) -> int | None:
        """The status that came, if any; None also for one of a partner that is busy."""
        status = None if self.exchange is None else self.exchange.status
        return None if status in BUSY else status


@dataclass
class Sender:
    """Sends for one run.

    Args:
        plan: of the run.
        run: in the journal.
        watch: gets the progress.
        brake: stops it.
        journal: open.
        wait: seconds that a record may take until the partner knows it.
        guard: from a URL to the guarded environment that it belongs to, or nothing: it is not asked.
    """

    plan: Plan
    run: str
    watch: Watch
    brake: StopRequest
    journal: Journal
    wait: float
    guard: Callable[[str], str]
    tally: Tally = field(default_factory=Tally)
    sent: dict[int, SentRow] = field(default_factory=dict)
    """Row to what came of it, as it is known last."""
    asked: Counter[str] = field(default_factory=Counter)
    """`reads` and `removals`: requests that are no transactions."""
    _row: int = 0
    _stops_at: int = 1
    """The brake's level from which on nothing is started."""
    _until: float = math.inf
    _opened: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Sender:
        """Open what the sends share."""
        self.renderer = self.plan.renderer()
        self.redactor = redactor_for(
            self.plan.spec, self.plan.environment, self.plan.variables, key=self.plan.redaction_key
        )
        self.personal = PersonalData(self.plan.spec, self.renderer)
        self.classifier = Classifier(self.plan.spec.responses)
        pace = self.plan.pace
        self.pacer = Pacer(pace.concurrency, pace.rate, pace.windows)
        self.transport = self._opened.enter_context(self._transport(self.renderer, 2))
        self.credentials = self._credentials(self.renderer)
        self._keeper = Bookkeeper(
            self.journal.attach(self.run, before=self.plan.before, names=self.plan.ledger),
            self.redactor,
            self.personal,
            identity_of(self.plan.spec),
            KeptRecordings.ALL,
        )
        self.brake.attach(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def stop(self) -> None:
        """Start nothing more. Called from signal handlers too."""
        self.transport.wake()

    def abandon(self) -> None:
        """Do not wait for responses. Called from signal handlers too."""
        self.transport.wake()

    def next_row(self) -> int:
        """Return the number of the next row."""
        self._row += 1
        return self._row

    def render(self, variant: Variant, transaction: Transaction) -> tuple[Renderer, Request]:
        """Return the request of a transaction, and what rendered it.

        Raises:
            InvalidRowError: it does not satisfy the spec.
            SpecError: the changed spec does not make a request.
        """
        renderer = self._renderer(variant)
        request = renderer.render(transaction)
        return renderer, request if variant.alters is None else variant.alters(request)

    def send(self, transactions: Sequence[Transaction], variant: Variant = UNCHANGED) -> list[SentRow]:
        """Send transactions, several at once on connections of their own, and return what came of each.

        Raises:
            InvalidRowError, SpecError: as `render`; nothing was sent.
            StoppedError: a person stopped the run.
            UnreachableError: a token server gives no token.
        """
        rendered = [self.render(variant, each) for each in transactions]
        renderer = rendered[0][0]
        with ExitStack() as own:
            credentials, transport = self.credentials, self.transport
            if variant.own_credentials:
                credentials = self._credentials(renderer, own)
            if variant.own_credentials or len(transactions) > 1:
                transport = own.enter_context(self._transport(renderer, len(transactions)))
            credentials.ready()
            self._await_turn(len(transactions))
            self._tell(Intended(tuple(transactions)))
            started = time.time()
            requests = [credentials.on(request) for _, request in rendered]
            if self.transport.trusts(requests[0]):  # as between the workers of a run
                transport.trust(requests[0])
            try:
                results = self._results(transport, credentials, [request for _, request in rendered], requests)
            except UnreachableError:
                self._tell(Withdrawn(tuple(transactions)))
                raise
        exchanges = tuple(
            self._exchange(transaction, request, result, started)
            for transaction, request, result in zip(transactions, requests, results, strict=True)
        )
        self._tell(Settled(exchanges))
        rules = self.plan.spec.provisional_rules
        sent = [
            SentRow(self._redacted(each), renderer, _captured(each.outcome), provisional=each.outcome.rule in rules)
            for each in exchanges
        ]
        self.sent.update((each.row, each) for each in sent)
        self._check_brake()
        return sent

    def decided(self, sent: SentRow, *, patient: bool = True) -> SentRow:
        """Return what the partner decided of a row that it only accepted, where it says so in time.

        Args:
            patient: whether to ask until `wait` is over; else once.
        """
        confirmation = self.plan.spec.confirmation
        if not sent.provisional or confirmation is None:
            return sent
        job = AcceptedJob(sent.captured, [sent.row])
        end, every = time.monotonic() + self.wait, min(confirmation.every, max(0.2, self.wait / 5))
        if self.plan.destination.base_url is not None:
            every = min(every, 0.05)
        while True:
            _, decision = next(iter(self._questions.ask([job])))
            if decision.outcome is not None:
                self.sent[sent.row] = replace(sent, decision=decision, provisional=False)
                return self.sent[sent.row]
            if decision.hopeless or not patient or time.monotonic() + every > end:
                return replace(sent, decision=decision)
            self.pause(every)

    def read_back(self, sent: SentRow) -> ReadBackRecord | ReadBackFailure:
        """Return the record of a row as the partner has it now."""
        how = self.plan.spec.read_back
        if how is None:
            return ReadBackFailure("the spec has no `read_back`")
        try:
            url = self._url(how.url, sent)
        except ValueError as error:
            return ReadBackFailure(self.redactor.text(str(error)))
        exchange = self._ask("reads", self.renderer.question(url), sent)
        result = exchange.result
        if not isinstance(result, Response):
            return ReadBackFailure(f"no response came: {self.redactor.text(exchange.error or '')}", True, exchange)
        if not 200 <= result.status < 300:
            return ReadBackFailure(f"status {result.status} came", result.status in _LATER, exchange)
        reader = ResponseReader(result)
        found = {name: _value(reader, path, name, sent) for name, path in how.values.items()}
        if any(found.values()):
            return ReadBackRecord(exchange, found)
        if _is_page(reader):
            return ReadBackFailure(f"status {result.status} came with a web page", False, exchange)
        if len(found) > 1:
            none = f"status {result.status} came with none of the values that `read_back` names"
            return ReadBackFailure(none, True, exchange)
        return ReadBackRecord(exchange, found)

    def remove(self, sent: SentRow, done: dict[str, str], *, seen: bool) -> str:
        """Remove the record of a row, and return why that failed; the empty text where it is gone.

        Args:
            sent: the row.
            done: URL to what came of it: rows may share a record.
            seen: whether the record was read back: then 404 means that it is gone, where it cannot be read any more.
        """
        how = self.plan.spec.cleanup
        assert how is not None
        try:
            url = self._url(how.url, sent)
        except ValueError as error:
            return str(error)
        if url not in done:
            asked = with_changes(self.renderer.question(url), method=how.method)
            if how.method in ("POST", "PUT", "PATCH"):
                asked = with_changes(asked, body=b"")
            result = self._ask("removals", asked, sent).result
            if isinstance(result, Response):
                done[url] = "" if 200 <= result.status < 300 else f"status {result.status}"
                if seen and result.status in NOT_THERE:
                    read = self.read_back(sent)
                    done[url] = "" if isinstance(read, ReadBackFailure) and read.status in NOT_THERE else done[url]
            else:
                done[url] = "no request was sent" if result is None else result.message
        return done[url]

    def recording(self, exchange: Exchange) -> Recording:
        """Return an exchange, redacted."""
        return record(exchange, self._redactor_of(exchange))

    def _redactor_of(self, exchange: Exchange) -> Redactor:
        derived = self.personal.derived.of(exchange.request, exchange.transaction)
        return self.redactor.also("SIGNATURE", derived) if derived else self.redactor

    def _redacted(self, exchange: Exchange) -> Exchange:
        """Return an exchange whose outcome may be shown."""
        redactor, outcome = self._redactor_of(exchange), exchange.outcome
        shown = {
            name: redactor.text(value)
            for name in ("reason", "reference", "code")
            if (value := getattr(outcome, name)) is not None
        }
        return with_changes(exchange, outcome=with_changes(outcome, **shown)) if shown else exchange

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: a person stopped the run.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._check_brake()
            self.transport.poll(min(left, _POLL))
            self._keeper(Progress(0))

    @contextmanager
    def after_stop(self, seconds: float) -> Iterator[None]:
        """Allow requests again for so many seconds after the first Ctrl-C; the second ends them."""
        self._stops_at, self._until = AT_ONCE, time.monotonic() + seconds
        yield

    def _check_brake(self) -> None:
        """Go on only where nobody stopped the run.

        Raises:
            StoppedError: a person did, or the time after that is over.
        """
        if self.brake.level >= self._stops_at or time.monotonic() >= self._until:
            raise StoppedError

    def say(self, *messages: str) -> None:
        """Show the progress, and messages."""
        self.watch.tell(0, self.tally, self.transport.in_flight, messages)

    def room_for(self, sends: int) -> str:
        """Return why so many requests may not go at once; empty where they may."""
        pace = self.plan.pace
        if pace.concurrency < sends:
            return f"`limits.concurrency` allows {pace.concurrency} at a time"
        for each in self.plan.spec.limits_of(self.plan.environment).rate:
            if self.plan.destination.base_url is None and each.sends < sends:
                return f"`limits.rate` allows {each}"
        return ""

    def _renderer(self, variant: Variant) -> Renderer:
        if variant.spec is None:
            return self.renderer
        return replace(self.plan, spec=variant.spec).renderer()

    def _transport(self, renderer: Renderer, connections: int) -> Transport:
        return Transport(transport_options(self.plan, renderer, connections))

    def _credentials(self, renderer: Renderer, opened: ExitStack | None = None) -> AttemptCredentials:
        options = transport_options(self.plan, renderer, 1)
        credentials = credentials_for(self.plan, renderer, options, self.redactor)
        (opened or self._opened).callback(credentials.close)
        return credentials

    def _await_turn(self, sends: int) -> None:
        """Wait until limits allow so many sends at once.

        Raises:
            StoppedError: a person stopped the run.
        """
        for left in reversed(range(sends)):
            while (seconds := self.pacer.wait(time.monotonic())) > 0:
                self.pause(seconds)
            if left:  # its place is taken now, and used together with the others'
                self.pacer.started(time.monotonic())
        self._check_brake()

    def _results(
        self, transport: Transport, credentials: AttemptCredentials, plain: Sequence[Request], sent: list[Request]
    ) -> list[AttemptResult]:
        """Return the result of each request; `sent` is updated where other credentials were asked for."""
        results: dict[int, AttemptResult] = {}
        renewals = [0] * len(sent)
        now = time.monotonic()
        transport.start_all(list(enumerate(sent)))
        for _ in sent:
            self.pacer.started(now)
        while len(results) < len(sent):
            for place, result in transport.poll(_POLL):
                if isinstance(result, Response):
                    asked = result.header("Retry-After")
                    wait = None if asked is None else retry_after(asked)
                    now = time.monotonic()
                    if result.timings.connect:
                        self.pacer.connected(now, result.timings)
                    self.pacer.answered(result.status, now, wait)
                    renews = credentials.renews and renewals[place] < _RENEWALS and not self.brake.level
                    if renews and credentials.renewed(sent[place], result):
                        renewals[place] += 1
                        credentials.ready()
                        sent[place] = credentials.on(plain[place])
                        transport.start(place, sent[place])
                        continue
                results[place] = result
            if self.brake.level >= AT_ONCE or time.monotonic() >= self._until:
                transport.cancel_all()
            self._keeper(Progress(transport.in_flight))
            self.say(*credentials.news(), *transport.warnings)
            transport.warnings.clear()
        return [results[place] for place in range(len(sent))]

    def _exchange(self, transaction: Transaction, request: Request, result: AttemptResult, started: float) -> Exchange:
        if self.plan.spec.batched:
            outcomes, _ = self.classifier.classify_rows(result, [transaction])
            outcome = outcomes[0]
        else:
            outcome = self.classifier.classify(result)
        kept = result.shortened(KEPT_BYTES) if isinstance(result, Response) else result
        never = isinstance(result, Fault) and not result.sent
        return Exchange(transaction, request, kept, outcome, 0 if never else 1, started)

    def _tell(self, event: Event) -> None:
        """Let the journal hear an event first, then the counts and the watch."""
        self._keeper(event)
        if isinstance(event, Settled):
            self.tally.add(event.deliveries, event.unsent)
            self.watch.settled(event)
            self.say()

    def _ask(self, what: str, question: Request, sent: SentRow) -> Exchange:
        """Send a request that is no delivery, within the limits, and return it with what came.

        A busy partner is asked again where it says when, within `wait`.
        """
        for left in reversed(range(_REPEATS + 1)):
            self.credentials.ready()
            self._await_turn(1)
            asked = [self.credentials.on(question)]
            self.asked[what] += 1
            started = time.time()
            result = self._results(self.transport, self.credentials, [question], asked)[0]
            if not left or not self._comes_soon(result):
                break
        return Exchange(sent.exchange.transaction, asked[0], result, Outcome(OutcomeKind.UNCLASSIFIED), 1, started)

    def _comes_soon(self, result: AttemptResult) -> bool:
        """Return whether a partner says when to ask it again, and that is soon; the pacer waits until then."""
        if not isinstance(result, Response) or result.status not in SLOW_DOWN:
            return False
        after = result.header("Retry-After")
        seconds = None if after is None else retry_after(after)
        return seconds is not None and seconds <= self.wait

    def _url(self, source: str, sent: SentRow) -> str:
        return asked_url(
            source,
            sent.captured,
            variables=self.plan.variables,
            origin=self._origin,
            base_url=self.plan.destination.base_url,
            guard=self.guard,
            values=sent.exchange.transaction.values,
        )

    @cached_property
    def _origin(self) -> str:
        return origin(blank_url(self.renderer.environment.url, self.plan.variables))

    @cached_property
    def _questions(self) -> Questions:
        assert self.plan.spec.confirmation is not None
        return Questions(
            self.plan.spec.confirmation,
            self.renderer,
            origin=self._origin,
            base_url=self.plan.destination.base_url,
            guard=self.guard,
            transport=self.transport,
            credentials=self.credentials,
            redactor=self.redactor,
            pacer=self.pacer,
        )


def _captured(outcome: Outcome) -> dict[str, str]:
    pairs = (("reference", outcome.reference), ("code", outcome.code))
    return {name: value for name, value in pairs if value}


def _is_page(reader: ResponseReader) -> bool:
    kind = (reader.response.header("content-type") or "").lower()
    return "html" in kind or reader.text[:20].lower().startswith(("<!doctype html", "<html"))


def _value(reader: ResponseReader, path: str, name: str, sent: SentRow) -> str | None:
    """Return the value at a path; of several the one that was sent, else the first."""
    values = [text_of(value) for value in body_values(path, None)(reader) or () if value is not None]
    wanted = dict(fields_of(sent.renderer, sent.exchange.transaction)).get(name)
    return wanted if wanted in values else next(iter(values), None)
