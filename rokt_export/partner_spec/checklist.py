"""Checks a spec against the eight points of Rokt's Transaction Export page, and writes the open questions."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

from rokt_export.partner_spec.document import line_of
from rokt_export.partner_spec.loading import LoadedSpec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.formats import matches
from rokt_export.spec_language.rules import Rule
from rokt_export.spec_language.statuses import BUSY, SETUP_FAULTS


class State(StrEnum):
    """How much of a point the spec covers."""

    GIVEN = "given"
    PARTLY = "partly"
    MISSING = "missing"


class Point(Struct, frozen=True):
    """One of the eight points of the page.

    Attributes:
        number: its number on the page, from 1.
        title: its heading.
        state: how much of it the spec covers.
        detail: what is stated or missing, in one line.
        questions: sentences that ask the partner for what is missing.
    """

    number: int
    title: str
    state: State
    detail: str
    questions: tuple[str, ...] = ()


class Checklist(Struct, frozen=True):
    """All eight points.

    Attributes:
        points: in the order of the page.
        percent: 0 to 100; a point that is partly covered counts half.
    """

    points: tuple[Point, ...]
    percent: int


UNKNOWN_ENDPOINT = "the endpoint is not known yet"
"""What `init` writes after `# check` where a URL only holds the place; a marked line is no endpoint."""
_WORTH = {State.GIVEN: 2, State.PARTLY: 1, State.MISSING: 0}


def checklist(loaded: LoadedSpec) -> Checklist:
    """Return how much of the eight points a spec covers; a damaged part counts as partly covered."""
    known = _with_known_endpoints(loaded)
    points = tuple(
        _with_damage(loaded, keys, Point(number, title, *judge(known if judge is _endpoint else loaded.spec)))
        for number, (title, keys, judge) in enumerate(_POINTS, start=1)
    )
    worth = sum(_WORTH[point.state] for point in points)
    return Checklist(points, worth * 100 // (2 * len(points)))


_Judgement = tuple[State, str, tuple[str, ...]]


def _with_damage(loaded: LoadedSpec, keys: tuple[str, ...], point: Point) -> Point:
    if loaded.damaged.isdisjoint(keys):
        return point
    damaged = listed(key for key in keys if key in loaded.damaged)
    return Point(point.number, point.title, State.PARTLY, f"{damaged} could not be read completely: see the errors")


def _with_known_endpoints(loaded: LoadedSpec) -> PartnerSpec:
    """Return the spec without the environments whose URL is marked as not known yet."""

    def marked(name: str) -> bool:
        place = loaded.document.position(("endpoint", name))
        return UNKNOWN_ENDPOINT in line_of(loaded.document.text, place.line).partition("# check")[2]

    known = {name: place for name, place in loaded.spec.endpoint.items() if not marked(name)}
    return loaded.spec.model_copy(update={"endpoint": known})


def _documentation(spec: PartnerSpec) -> _Judgement:
    given = spec.documentation if isinstance(spec.documentation, tuple) else (spec.documentation or "",)
    texts = [text for text in given if text.strip()]
    if texts:
        return State.GIVEN, ", ".join(texts), ()
    if spec.openapi is not None:
        question = "We have your OpenAPI document. At which URL is your API documented?"
        return State.PARTLY, "an OpenAPI document, without a URL", (question,)
    question = "Where is your API documented? Please send a link or the document that describes creating an entry."
    return State.MISSING, "no documentation", (question,)


def _contact(spec: PartnerSpec) -> _Judgement:
    contact = spec.contact
    if contact is None:
        question = (
            "Who is the technical contact for questions about the setup, such as whether test deliveries were"
            " recorded? Please give us a name, role and e-mail address."
        )
        return State.MISSING, "no tech contact", (question,)
    if not contact.email or not matches("email", contact.email.strip()):
        question = f"At which e-mail address can we reach {contact.name} with technical questions?"
        return State.PARTLY, f"{contact.name}, without an e-mail address", (question,)
    return State.GIVEN, f"{contact.name}, {contact.email}", ()


def _endpoint(spec: PartnerSpec) -> _Judgement:
    tests = [name for name in spec.endpoint if not spec.guards(name)]
    live = [place.url for name, place in spec.endpoint.items() if spec.guards(name)]
    question = "Do you have a staging or test endpoint, so that no test data reaches your live system? What is its URL?"
    of_production = "What is the URL of your production endpoint?"
    if not tests and not live:
        return State.MISSING, "no endpoint is known yet", (of_production, question)
    if not live:
        return State.PARTLY, f"{', '.join(tests)} only", (of_production,)
    if not tests:
        return State.PARTLY, f"{', '.join(spec.endpoint)} only", (question,)
    if all(spec.endpoint[name].url in live for name in tests):
        own = any("env." in url for url in live) or any(spec.endpoint[name].authentication for name in tests)
        if not own:
            return State.PARTLY, f"{', '.join(tests)} has the URL of production", (question,)
    return State.GIVEN, ", ".join(spec.endpoint), ()


def _method(spec: PartnerSpec) -> _Judgement:
    if _stated(spec, "method"):
        return (
            State.GIVEN,
            ", ".join(dict.fromkeys(place.method or spec.method for place in spec.endpoint.values())),
            (),
        )
    question = f"Which HTTP method does your endpoint expect? We assume {spec.method}."
    return State.PARTLY, f"not stated; {spec.method} is assumed", (question,)


def _stated(spec: PartnerSpec, key: str) -> bool:
    """Whether the spec states a key, once for all environments or for each."""
    return key in spec.model_fields_set or all(getattr(place, key) is not None for place in spec.endpoint.values())


def _authentication(spec: PartnerSpec) -> _Judgement:
    used = [
        authentication.type for name in spec.endpoint for authentication in spec.environment(name).authentication or ()
    ]
    if used and _stated(spec, "authentication"):
        return State.GIVEN, ", ".join(dict.fromkeys(used)), ()
    question = (
        "How do we authenticate (none, user name and password, API key, client id and secret)? Please send us test"
        " credentials through a safe channel, not by e-mail."
    )
    return State.PARTLY, "not stated; none is assumed", (question,)


def _encoding(spec: PartnerSpec) -> _Judgement:
    bodiless = spec.body is None and all(parameter.in_ != "body" for parameter in spec.parameters)
    if "encoding" in spec.model_fields_set or (bodiless and spec.parameters):
        return State.GIVEN, "no body" if bodiless and spec.parameters else spec.encoding, ()
    choices = " or ".join(", ".join(ENCODINGS[name].title for name in WITH_BODY).rsplit(", ", 1))
    question = f"How is the request body encoded ({choices})? We assume {spec.encoding}."
    return State.PARTLY, f"not stated; {spec.encoding} is assumed", (question,)


def _parameters(spec: PartnerSpec) -> _Judgement:
    required = sum(1 for parameter in spec.parameters if parameter.required) + sum(
        1 for attribute in spec.attributes.values() if attribute.required
    )
    if not spec.parameters and spec.body is None:
        question = (
            "Which parameters does your API take? Please list their exact names, what each means, its format, and"
            " which ones are required."
        )
        return State.MISSING, "no parameters", (question,)
    number = len(spec.parameters)
    count = "a whole body" if spec.body is not None else f"{number} {'parameter' if number == 1 else 'parameters'}"
    if not required:
        varying = [parameter.name for parameter in spec.parameters if not parameter.constant]
        which = f" of {listed(varying)}" if varying else ""
        question = f"Which{which} must be sent for the request to succeed, and which are optional?"
        if len(varying) == 1:
            question = f"Must {listed(varying)} be sent for the request to succeed, or is it optional?"
        return State.PARTLY, f"{count}, none marked as required", (question,)
    return State.GIVEN, f"{count}, {required} required", ()


_EXPECTED = {
    "delivered": "How does your API respond (status and body) when an entry was created?",
    "duplicate": "How does your API respond (status and body) when the entry exists already?",
    "rejected": "How does your API respond (status and body) when it rejects an entry, for example for a bad address?",
}


_CASES = {
    "delivered": "an entry was created",
    "duplicate": "the entry exists already",
    "rejected": "you reject an entry because of its data",
    "failed": "an error that is not about the entry",
}
_SERVER_ERROR = 500


def case_in_words(rule: Rule) -> str:
    """Return the case of a response rule for the partner: what happened, and the status; nothing of our words."""
    ranges = rule.status or ()
    case = _CASES[rule.outcome]
    if rule.provisional:
        case = "an entry was accepted, and you decide later"
    elif rule.outcome == "failed" and ranges:
        single = {low for low, high in ranges if low == high}
        if len(single) == len(ranges) and single <= SETUP_FAULTS.keys():
            case = "our request is not let in"
        elif len(single) == len(ranges) and single <= BUSY:
            case = "your service is busy"
        elif all(low >= _SERVER_ERROR for low, _ in ranges):
            case = "your service fails"
    statuses = [
        str(low) if low == high else f"{low // 100}xx" if (low % 100, high - low) == (0, 99) else f"{low} to {high}"
        for low, high in ranges
    ]
    if not statuses:
        return case
    *others, last = statuses
    return f"{case} (status {', '.join(others)} or {last})" if others else f"{case} (status {last})"


def _responses(spec: PartnerSpec) -> _Judgement:
    outcomes = {rule.outcome for rule in spec.responses}
    if spec.idempotent:
        outcomes.add("duplicate")
    lacking = [outcome for outcome in _EXPECTED if outcome not in outcomes]
    named = list(zip(spec.rule_names, spec.responses, strict=True))
    bare = [name for name, rule in named if not rule.examples]
    made_up = [name for name, rule in named if rule.examples and all(each.illustrative for each in rule.examples)]
    questions = [_EXPECTED[outcome] for outcome in lacking]
    if wanted := dict.fromkeys(case_in_words(rule) for name, rule in named if name in bare or name in made_up):
        questions.append(
            f"Please send us a real response (status and body) for each of these cases: {'; '.join(wanted)}."
        )
    parts = [
        f"no rule for {', '.join(lacking)}" if lacking else "",
        f"no example for {', '.join(bare)}" if bare else "",
        f"only illustrative examples for {', '.join(made_up)}" if made_up else "",
    ]
    if questions:
        return State.PARTLY, "; ".join(part for part in parts if part), tuple(questions)
    return State.GIVEN, f"{len(named)} rules, each with a real example", ()


_Judge = Callable[[PartnerSpec], _Judgement]
_POINTS: tuple[tuple[str, tuple[str, ...], _Judge], ...] = (
    ("API documentation", ("documentation",), _documentation),
    ("Tech contact", ("contact",), _contact),
    ("Endpoint", ("endpoint",), _endpoint),
    ("Method", ("method",), _method),
    ("Authentication", ("authentication",), _authentication),
    ("Request body encoding", ("encoding",), _encoding),
    ("API parameters", ("parameters", "body"), _parameters),
    ("Expected API responses", ("responses",), _responses),
)

_WIDTH = 76
_API = re.compile(r"\s+API$", re.IGNORECASE)
"""The end of a title that names the API and not the partner."""


def questions_text(loaded: LoadedSpec, points: Checklist) -> str:
    """Return an e-mail that asks the partner for what is missing; empty if nothing is."""
    open_points = [point for point in points.points if point.questions]
    if not open_points:
        return ""
    spec = loaded.spec
    count = sum(len(point.questions) for point in open_points)
    asked = "one question" if count == 1 else f"{count} questions"
    partner = _API.sub("", spec.name) or spec.name
    lines = [
        f"Subject: {partner} API: {asked} about the transaction export",
        "",
        f"Dear {spec.contact.name}," if spec.contact is not None else f"Dear {partner} team,",
        "",
        *_wrapped(
            f"We are setting up the delivery of Rokt transactions to the {partner} API. To finish, we need your"
            f" help with {'one point' if count == 1 else 'the following points'}:"
        ),
        "",
    ]
    number = 0
    for point in open_points:
        lines.append(point.title)
        for question in point.questions:
            number += 1
            lines.extend(_wrapped(question, first=f"{number:>3}. ", rest="     "))
        lines.append("")
    lines += ["Thank you very much for your help.", "", "Kind regards,", "Rokt Operations", ""]
    return "\n".join(lines)


def _wrapped(text: str, first: str = "", rest: str = "") -> Iterable[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
