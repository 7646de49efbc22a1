"""The simulated partner without a socket: returns a response and the problems of a request."""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rokt_export.authentication.base import Credential, KeyParameter, ReceivedRequest, Refusal, Signature
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.authentication.registry import credentials_of
from rokt_export.exchange.model import Response
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.record_arrays import record_arrays
from rokt_export.sandbox.batches import ElementResponses, ReceivedRecord, splitter
from rokt_export.sandbox.bodies import BodyProblem, content_type_problem, read_body
from rokt_export.sandbox.checks import ParameterReader, checks, places
from rokt_export.sandbox.example_responses import ExampleResponses, text_response, with_header
from rokt_export.sandbox.identity import Identity, identifier, recall, remember
from rokt_export.sandbox.jobs import Jobs
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.required_credentials import credentials
from rokt_export.sandbox.url_patterns import EndpointUrl, text_pattern
from rokt_export.spec_language.rules import Example, Rule

MAX_BODY = 20_000_000
"""Maximum bytes of a request's body."""
_REMEMBERED_KEYS = 100_000


@dataclass(frozen=True, slots=True)
class PartnerReply:
    """The result of a request.

    Attributes:
        response: the response.
        outcome: delivered, duplicate, rejected or failed.
        problems: what is wrong with the request.
        counted: whether it counts as a delivery; the first round of a Digest challenge does not.
        repeat: whether its idempotency key was used before.
        outcomes: the outcome of each row of the request; empty if its content was not checked.
    """

    response: Response
    outcome: str
    problems: tuple[str, ...] = ()
    counted: bool = True
    repeat: bool = False
    outcomes: tuple[str, ...] = ()


class Partner:
    """Responds as the spec says that its partner does.

    Args:
        spec: the partner's spec.
        options: the environment and other options.
        variables: values of the environment variables that the environment uses.
        chance: the source of randomness.
    """

    def __init__(
        self, spec: PartnerSpec, options: SandboxOptions, variables: Mapping[str, str], chance: random.Random
    ) -> None:
        environment = spec.environment(options.environment)
        authentications = environment.authentication or ()
        self.method = str(environment.method)
        self.url = EndpointUrl(environment.url, variables)
        self._encoding = spec.encoding if _has_body(spec, credentials_of(authentications, variables)) else "none"
        self._content_type = spec.content_type
        self.credentials = credentials(authentications, variables, self._encoding, options.token_lifetime)
        located = places(spec.parameters, self._encoding)
        self._checks = checks(located)
        whole = text_pattern(spec.body, variables) if spec.body is not None else None
        self._whole = whole if spec.encoding == "text" else None
        self._memory, self._memory_key = options.memory, options.memory_key or secrets.token_bytes(32)
        self._identify = identifier(located, whole, self._memory_key)
        self.read_back = ParameterReader(spec.parameters, self._encoding, self.url, whole)
        self._responses = _Responses(spec, chance)
        self.jobs = None if spec.confirmation is None else Jobs(spec.confirmation, variables)
        self._elements = ElementResponses(spec.responses, located, chance)
        self._split = splitter(next(iter(record_arrays(spec)), None))
        self._key_header = spec.idempotency.header if spec.idempotency is not None else None
        self._known = {} if self._memory is None else recall(self._memory, self._memory_key)
        self._by_key: OrderedDict[str, tuple[bytes, PartnerReply]] = OrderedDict()

    def take(self, received: ReceivedRequest) -> PartnerReply:
        """Process a request at the endpoint, and remember its people."""
        problems, readable = self._problems(received)
        rows = self._split(received)
        checks = self._checks if readable else ()
        by_row = [[*problems, *(each for check in checks for each in check.problems(row))] for row in rows]
        problems = list(dict.fromkeys(each for own in by_row for each in own))
        refusals = [refusal for check in self.credentials.checks if (refusal := check(received)) is not None]
        if refusals:
            return self._refused(refusals, problems)
        if problems and self._elements.of("rejected") is None:
            outcomes = ("rejected",) * len(rows)
            return PartnerReply(self._responses.rejected(problems), "rejected", tuple(problems), outcomes=outcomes)
        identities = [self._identify(row) for row in rows]
        about_all = b"".join(each.key for each in identities)
        key = received.headers.get(self._key_header) if self._key_header else None
        if key is None:
            return self._taken(rows, identities, by_row)
        if key not in self._by_key:
            verdict = self._taken(rows, identities, by_row)
            self._by_key[key] = (about_all, replace(verdict, repeat=True))
            if len(self._by_key) > _REMEMBERED_KEYS:
                self._by_key.popitem(last=False)
            return verdict
        about, verdict = self._by_key[key]
        if about == about_all:
            return verdict
        problem = f"the key in `{self._key_header}` was used for another person"
        return PartnerReply(self._responses.rejected([problem]), "rejected", (problem,))

    def tell(self, received: ReceivedRequest) -> Response | None:
        """Return the answer to a question about a job; None where the request is none."""
        if self.jobs is None or received.method != "GET" or not self.jobs.are_at(received.path):
            return None
        refusals = [refusal for check in self.credentials.checks if (refusal := check(received)) is not None]
        if refusals:
            return self._refused(refusals, []).response
        return self.jobs.response(received.path)

    def refuse(self, status: int, problem: str) -> PartnerReply:
        """Return the rejection of a request before its content is checked."""
        return PartnerReply(text_response(status, problem), "rejected", (problem,))

    def fail(self) -> PartnerReply:
        """Return a failure: the example of the spec's `failed` rule, else 503."""
        return PartnerReply(self._responses.failed(), "failed")

    def keep(self) -> None:
        """Save the people for the next run, if there is a memory file."""
        if self._memory is not None:
            remember(self._memory, self._known, self._memory_key)

    def forget(self) -> None:
        """Forget all people."""
        self._known.clear()
        self._by_key.clear()

    def _taken(
        self, rows: Sequence[ReceivedRequest], identities: Sequence[Identity], problems: Sequence[Sequence[str]]
    ) -> PartnerReply:
        """Take a request whose records are good, or are answered one by one."""
        if not self._elements:
            return self._accepted(identities)
        records = [self._record(*each) for each in zip(rows, identities, problems, strict=True)]
        outcomes = tuple(each.outcome for each in records)
        found = tuple(dict.fromkeys(each for own in problems for each in own))
        outcome = next((each for each in outcomes if each != "delivered"), "delivered")
        made = self._elements.make(records, self._responses.delivered.make())
        return PartnerReply(made, outcome, found, outcomes=outcomes)

    def _record(self, row: ReceivedRequest, identity: Identity, problems: Sequence[str]) -> ReceivedRecord:
        if problems:
            return ReceivedRecord(row, identity, "rejected", problems=tuple(problems))
        duplicates, delivered = self._elements.of("duplicate"), self._elements.of("delivered")
        if identity.key in self._known and duplicates is not None:
            return ReceivedRecord(row, identity, "duplicate", self._known[identity.key])
        reference = delivered.next_reference() if delivered is not None else None
        self._known[identity.key] = reference if duplicates is not None and duplicates.refers else None
        return ReceivedRecord(row, identity, "delivered", reference)

    def _accepted(self, identities: Sequence[Identity]) -> PartnerReply:
        """Take a request as a whole; it is a duplicate where all of it is known."""
        duplicates, delivered = self._responses.duplicates, self._responses.delivered
        first, rows = identities[0], len(identities)
        if duplicates is not None and all(each.key in self._known for each in identities):
            made = duplicates.make(email=first.email, reference=self._known[first.key])
            return PartnerReply(made, "duplicate", outcomes=("duplicate",) * rows)
        reference = delivered.next_reference()
        refers = duplicates is not None and duplicates.refers
        self._known.update(dict.fromkeys([each.key for each in identities], reference if refers else None))
        made = delivered.make(email=first.email, reference=reference)
        return PartnerReply(made, "delivered", outcomes=("delivered",) * rows)

    def _problems(self, received: ReceivedRequest) -> tuple[list[str], bool]:
        """Return what is wrong with a request as a whole, and whether its body can be read."""
        problems = [
            f"`{name}` in the URL's query is {'wrong' if name in received.queried else 'missing'}"
            for name, value in self.url.query.items()
            if (name not in received.queried if value is None else value not in received.queried.get(name, ()))
        ]
        if self._encoding != "none":
            wrong = content_type_problem(self._encoding, self._content_type, received.headers.get("Content-Type"))
            if wrong is not None:
                problems.append(wrong)
            try:
                received.data = read_body(self._encoding, received.body, received.headers.get("Content-Type"))
            except BodyProblem as error:
                return [*problems, str(error)], False
        if self._whole is not None and self._whole.read(received.data) is None:
            problems.append("the body does not match the spec's template")
        return problems, True

    def _refused(self, refusals: list[Refusal], problems: list[str]) -> PartnerReply:
        all_problems = (*(refusal.problem for refusal in refusals), *problems)
        if any(refusal.renew for refusal in refusals):
            response = self._responses.expired(self.credentials.token_servers[0][0], all_problems)
        else:
            response = self._responses.unauthorized(all_problems)
        challenges = [refusal.challenge for refusal in refusals if refusal.challenge]
        if response.status == 401 and challenges:
            response = with_header(response, "WWW-Authenticate", challenges[0])
        counted = not any(refusal.first_round for refusal in refusals)
        return PartnerReply(response, "rejected", all_problems, counted=counted)


class _Responses:
    """The responses of the spec's rules, by outcome."""

    def __init__(self, spec: PartnerSpec, chance: random.Random) -> None:
        rules = spec.responses

        def is_rare(rule: Rule) -> bool:
            return rule.provisional and spec.confirmation is None

        def first(outcome: str) -> ExampleResponses | None:
            own = [rule for rule in rules if rule.outcome == outcome]
            best = next((rule for rule in own if rule.examples), next(iter(own), None))
            return ExampleResponses(best, None, chance) if best is not None else None

        # The usual rule, though a rare one may be the only one that has an example.
        usual = min((rule for rule in rules if rule.outcome == "delivered"), key=is_rare, default=None)
        self.delivered = ExampleResponses(usual, None, chance) if usual is not None else _PlainText()
        self.duplicates = first("duplicate")
        self._failures = first("failed")
        self._rejections = _rejections(rules, chance)
        self._unauthorized = _with_status(rules, (401, 403), chance)

    def rejected(self, problems: list[str]) -> Response:
        if self._rejections is None:
            return text_response(400, "\n".join(problems))
        return self._rejections.make(reason="; ".join(problems))

    def unauthorized(self, problems: tuple[str, ...]) -> Response:
        if self._unauthorized is not None:
            return self._unauthorized.make(reason="; ".join(problems))
        return text_response(401, "\n".join(problems))

    def expired(self, settings: OAuth2, problems: tuple[str, ...]) -> Response:
        """Return the response that makes the client fetch another token."""
        refresh = settings.refresh_on
        statuses = refresh.status or ()
        if not refresh.body and (not statuses or any(low <= 401 <= high for low, high in statuses)):
            return self.unauthorized(problems)
        stated: dict[str, Any] = {"outcome": "failed", "body": refresh.body}
        rule = Rule.model_validate(stated | {"status": statuses[0][0] if statuses else 200})
        return ExampleResponses(rule).make()

    def failed(self) -> Response:
        return self._failures.make() if self._failures is not None else text_response(503, "unavailable")


class _PlainText:
    """A response in plain text, for a spec without such a rule."""

    def __init__(self) -> None:
        self._response = text_response(200, "delivered")

    def next_reference(self) -> None:
        """Return None: plain text has no reference."""

    def make(self, **_filling: str | None) -> Response:
        return self._response


def _rejections(rules: tuple[Rule, ...], chance: random.Random) -> ExampleResponses | None:
    """Return the rejection of a request's content: preferably an example with 400 or 422, not one about credentials."""
    own = [rule for rule in rules if rule.outcome == "rejected"]
    shown = [(rule, example) for rule in own for example in rule.examples]

    def rank(item: tuple[Rule, Example]) -> int:
        status = item[1].status
        return 0 if status in (400, 422) else 2 if status in (401, 403, 404, 405, 429) else 1

    if shown:
        return ExampleResponses(*min(shown, key=rank), chance)
    return ExampleResponses(own[0], None, chance) if own else None


def _with_status(rules: tuple[Rule, ...], statuses: tuple[int, ...], chance: random.Random) -> ExampleResponses | None:
    for status in statuses:
        for rule in rules:
            for example in rule.examples:
                if example.status == status:
                    return ExampleResponses(rule, example, chance)
    return None


def _has_body(spec: PartnerSpec, added: tuple[Credential, ...]) -> bool:
    in_body = any(isinstance(each, KeyParameter) and each.in_ == "body" for each in added)
    signed = any(isinstance(each, Signature) and any(p.in_ == "parameter" for p in each.places) for each in added)
    form = spec.method != "GET" and signed
    return spec.body is not None or in_body or form or any(p.in_ == "body" for p in spec.parameters)
