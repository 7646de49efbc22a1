"""Ask the partner what became of rows that it has only accepted: one question for each job, never a delivery."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rokt_export.delivery.asked_urls import asked_url
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.pacing import Pacer
from rokt_export.delivery.stop_rules import response_fault
from rokt_export.errors import UnreachableError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import AttemptResult, Fault, Outcome, OutcomeKind, Request, Response
from rokt_export.partner_spec.model import Confirmation
from rokt_export.redaction import Redactor
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier, retry_after
from rokt_export.spec_language.statuses import REDIRECTS
from rokt_export.transport import Transport

_LONGEST_POLL = 1.0
"""Seconds after which a poll returns without a result."""
_REFUSED = frozenset({401, 403, 407})
_REMEDIES = {
    **dict.fromkeys(_REFUSED, "Check the credentials and what they may read"),
    404: "Check `url` of `confirmation`; where the partner takes a while to know a job, let `pending` match 404",
    **dict.fromkeys(REDIRECTS, "Let `url` of `confirmation` lead there, or a rule match this status"),
}
_CHECK_URL = "Check `url` of `confirmation`, and the credentials"
_REDIRECTION = 300
_MEDIA_TYPE = re.compile(r"[a-z-]{1,20}/[a-z0-9.+-]{1,60}", re.IGNORECASE)
_CODE = re.compile(r"(?!.*\d{7})[A-Za-z0-9_.:-]{1,64}")
"""The form of a partner's code that cannot hold personal data: no blank, no `@`, no long number."""


@dataclass(slots=True)
class AcceptedJob:
    """What the partner accepted under one name.

    Attributes:
        captured: `reference` and `code`, as far as the response had them.
        rows: its rows.
        invented: whether all of them are invented people.
    """

    captured: Mapping[str, str]
    rows: list[int] = field(default_factory=list)
    invented: bool = True

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.captured.get("reference") or self.captured.get("code") or "without a name"


@dataclass(frozen=True, slots=True)
class Decision:
    """The partner's decision about a job.

    Attributes:
        outcome: what it decided; None where it has not, or nothing is known of it.
        reason: why; where it has not decided, what is in the way, if anything is.
        fault: whether no response came.
        hopeless: whether it makes no sense to ask again.
        setup: the error where the response says that the set-up is wrong (`stop_rules.setup_fault`), not the job.
    """

    outcome: OutcomeKind | None = None
    reason: str | None = None
    fault: bool = False
    hopeless: bool = False
    setup: UnreachableError | None = None


def jobs_of(deliveries: Iterable[Delivery], confirmation: Confirmation) -> list[AcceptedJob]:
    """Return the jobs that provisional rows belong to: rows with the same captures share one."""
    jobs: dict[tuple[str, ...], AcceptedJob] = {}
    names = sorted(confirmation.captures)
    for one in deliveries:
        captured = {name: value for name in names if (value := getattr(one, name))}
        job = jobs.setdefault(tuple(captured.get(name, "") for name in names), AcceptedJob(captured))
        job.rows.append(one.row)
        job.invented &= one.invented
    return list(jobs.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that is under way; the second attempt has renewed credentials."""

    job: AcceptedJob
    request: Request
    attempt: int


class Questions:
    """Asks about jobs by GET, with the credentials of a delivery.

    Args:
        confirmation: how to ask, and how to read the answers.
        renderer: knows the environment.
        origin: of the endpoint; a captured URL elsewhere needs the leave of `confirmation.hosts`.
        base_url: scheme, host and port of a sandbox that is asked instead.
        guard: from a URL to the guarded environment that it belongs to, or nothing: it is not asked.
        transport, credentials: carry the questions.
        redactor: hides secrets in what the partner says.
        pacer: says when the next question may go, and how many at a time.
    """

    def __init__(
        self,
        confirmation: Confirmation,
        renderer: Renderer,
        *,
        origin: str,
        base_url: str | None,
        guard: Callable[[str], str],
        transport: Transport,
        credentials: AttemptCredentials,
        redactor: Redactor,
        pacer: Pacer,
    ) -> None:
        self._confirmation, self._renderer = confirmation, renderer
        self._origin, self._base_url, self._guard = origin, base_url, guard
        self._transport, self._credentials, self._redactor = transport, credentials, redactor
        self._pacer = pacer
        rules = (*confirmation.pending_rules, *confirmation.responses)
        self._classifier = Classifier(rules)
        self._rules = dict(zip(self._classifier.names, rules, strict=True))
        self._deciding = frozenset(self._classifier.names[-len(confirmation.responses) :])

    def ask(self, jobs: Iterable[AcceptedJob]) -> Iterator[tuple[AcceptedJob, Decision]]:
        """Ask about jobs, as many at a time as the pacer allows; yield each with its decision as it comes.

        The first question goes alone: a partner that refuses the credentials hears it once.

        Raises:
            UnreachableError: the partner refuses the credentials, redirects, or shows a page, such as a login; or the
                token server refuses the credentials.
        """
        waiting, flying = deque((job, 0) for job in jobs), dict[object, _Asked]()
        answered = False
        try:
            while waiting or flying:
                while waiting and len(flying) < (self._pacer.limit if answered else 1) and not self._wait():
                    job, attempt = waiting.popleft()
                    try:
                        url = self.url(job)
                    except ValueError as error:
                        yield job, Decision(reason=self._redactor.text(str(error)), hopeless=True)
                    else:
                        token = object()
                        flying[token] = asked = _Asked(job, self._asked(url), attempt)
                        self._transport.start(token, asked.request)
                pause = self._wait() if waiting else 0.0
                for token, result in self._transport.poll(pause or _LONGEST_POLL) if flying or pause else ():
                    asked = flying.pop(token)
                    answered = True
                    if self._is_renewed(asked, result):
                        waiting.appendleft((asked.job, asked.attempt + 1))
                    else:
                        yield asked.job, self._decision(asked.job, result)
        finally:
            self._transport.cancel_all()

    def _wait(self) -> float:
        return self._pacer.wait(time.monotonic())

    def _asked(self, url: str) -> Request:
        """Return a question with its credentials, and note that it goes."""
        self._credentials.ready()
        self._pacer.started(time.monotonic())
        return self._credentials.on(self._renderer.question(url))

    def _is_renewed(self, asked: _Asked, result: AttemptResult) -> bool:
        """Note a result; return whether the question has to be sent once more, with other credentials."""
        if isinstance(result, Fault):
            return False
        self._pacer.answered(result.status, time.monotonic(), _asked_wait(result))
        return not asked.attempt and self._credentials.renewed(asked.request, result)

    def _decision(self, job: AcceptedJob, response: AttemptResult) -> Decision:
        if isinstance(response, Fault):
            return Decision(reason=f"no response: {self._redactor.text(response.message)}", fault=True)
        outcome = self._classifier.classify(response)
        setup = self._setup_fault(job, outcome, response)
        if setup is not None and (response.status in _REFUSED | REDIRECTS or response.status < _REDIRECTION):
            raise setup
        if outcome.rule is None or setup is not None:
            return Decision(reason=f"no rule of `confirmation` matches: {_what_came(response)}", setup=setup)
        if outcome.rule not in self._deciding:
            return Decision()
        return Decision(outcome.kind, self._reason(job, outcome))

    def _setup_fault(self, job: AcceptedJob, outcome: Outcome, response: Response) -> UnreachableError | None:
        """Return the error where a response says that the set-up is wrong.

        A rule by status alone understands such a response only where it names the status itself: `4xx` does not.
        """
        status = response.status
        if outcome.by_body:
            return None
        rule = None if outcome.rule is None else self._rules[outcome.rule]
        named = rule is not None and (status < _REDIRECTION or (status, status) in (rule.status or ()))
        why = response_fault(response, expected=named)
        if why is None:
            return None
        return UnreachableError(
            f"the response to the question about job {job.name} was {self._redactor.text(why)}",
            remedy=f"{_REMEDIES.get(status, _CHECK_URL)}; the responses so far are kept.",
        )

    def url(self, job: AcceptedJob) -> str:
        """Return the URL to ask at.

        Raises:
            ValueError: a capture is missing, or it leads to a host that the spec does not allow, or to a guarded
                environment; the message says so.
        """
        return asked_url(
            self._confirmation.url,
            job.captured,
            variables=self._renderer.variables,
            origin=self._origin,
            base_url=self._base_url,
            guard=self._guard,
            hosts=self._confirmation.hosts,
        )

    def _reason(self, job: AcceptedJob, outcome: Outcome) -> str | None:
        """Return why the partner decided so, in words that hold nothing personal.

        The rows are not read again, so a real person's values are not known here: then the partner's free text is left
        out, and only its code, or the words of the spec's own rule, are kept.
        """
        if outcome.kind is OutcomeKind.DELIVERED:
            return None
        if job.invented and outcome.reason:
            return self._redactor.text(outcome.reason)
        code = outcome.code if outcome.code and _CODE.fullmatch(outcome.code) else None
        words = self._rules[str(outcome.rule)].description or f"the partner decided so later (rule {outcome.rule})"
        return f"{words}: {self._redactor.text(code)}" if code else words


def rounds(
    questions: Questions,
    jobs: Iterable[AcceptedJob],
    *,
    every: float,
    until: float,
    once: bool,
    pause: Callable[[int, float], None],
) -> Iterator[tuple[AcceptedJob, Decision]]:
    """Yield each job with its decision, round for round, until all are decided, or it is time to stop.

    Args:
        questions: ask.
        jobs: that are open.
        every: seconds between the beginnings of two rounds.
        until: UTC seconds since 1970 from which no further round begins; the first one always does.
        once: whether there is only one round.
        pause: is told before each pause how many jobs are open, and for how many seconds nothing is asked.

    Raises:
        UnreachableError: as `Questions.ask`; or each response of the first round says that the set-up is wrong.
    """
    open_jobs = list(jobs)
    setup: list[UnreachableError | None] | None = []
    while open_jobs:
        again = time.monotonic() + every
        left: list[AcceptedJob] = []
        for job, decision in questions.ask(open_jobs):
            if decision.outcome is None and not decision.hopeless:
                left.append(job)
            if setup is not None and not decision.hopeless:
                setup.append(decision.setup)
            yield job, decision
        if setup and setup[0] is not None and all(setup):
            raise setup[0]
        open_jobs, setup = left, None
        if once or not left or time.time() + every > until:
            return
        seconds = max(0.0, again - time.monotonic())
        pause(len(left), every)
        time.sleep(seconds)


def _what_came(response: Response) -> str:
    """Return a response in words that hold nothing personal."""
    size = len(response.body)
    media = (response.header("content-type") or "").partition(";")[0].strip()
    body = f"{size:,} bytes" + (f" of {media}" if _MEDIA_TYPE.fullmatch(media) else "") if size else "an empty body"
    if response.unreadable:
        body = f"a body that cannot be read ({response.unreadable})"
    return f"status {response.status} with {body} came"


def _asked_wait(response: Response) -> float | None:
    value = response.header("Retry-After")
    return None if value is None else retry_after(value)
