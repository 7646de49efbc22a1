"""The seed page's eight points as questions, and the operation that the answers describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from rokt_export import atomic_write
from rokt_export.errors import ConfigurationError
from rokt_export.onboarding.drafts.observed import (
    DescribedResponse,
    ObservedBody,
    ObservedParameter,
    Operation,
    ParameterPlace,
    ServerAddress,
    env_template,
)
from rokt_export.onboarding.drafts.schemas import leaves_of
from rokt_export.partner_spec.checklist import UNKNOWN_ENDPOINT
from rokt_export.spec_language.encodings import ENCODINGS
from rokt_export.spec_language.formats import matches
from rokt_export.spec_language.urls import parse_url

MOST = 20_000
"""Characters of an answer at most."""
Answers = dict[str, str]


@dataclass(frozen=True, slots=True)
class DialogueQuestion:
    """One question.

    Attributes:
        key: under which its answer is kept.
        text: what is asked.
        hint: what an answer looks like.
        default: the answer of an empty line; None where one must be given.
        check: returns what is wrong with an answer; empty where nothing is.
        when: whether it is asked, by the answers before it.
    """

    key: str
    text: str
    hint: str
    default: str | None = ""
    check: Callable[[str], str] = lambda _: ""
    when: Callable[[Mapping[str, str]], bool] = lambda _: True

    @property
    def prompt(self) -> str:
        """The question as it is asked: with its hint, and what an empty line gives."""
        empty = "needed" if self.default is None else f"an empty line is {self.default}" if self.default else ""
        note = "; ".join(filter(None, (self.hint, empty)))
        return f"{self.text} ({note}): " if note else f"{self.text} "


def _one_of(*choices: str) -> Callable[[str], str]:
    return lambda answer: "" if answer in choices else f"one of {', '.join(choices)} is expected"


def _url(answer: str) -> str:
    if not answer:
        return ""
    try:
        parse_url(re.sub(r"\{[^{}]*\}", "x", answer))
    except ValueError as error:
        return f"this is not a web address: {error}"
    return ""


def _email(answer: str) -> str:
    return "" if not answer or matches("email", answer) else "this is not an e-mail address"


def _partner(answer: str) -> str:
    return (
        "" if re.fullmatch(r"[a-z0-9][a-z0-9_-]*", answer) else "lower-case letters, digits, `-` and `_` are expected"
    )


def _status(answer: str) -> str:
    found = re.match(r"([1-5]\d\d)(?:\s|$)", answer)
    return "" if not answer or found else 'a status is expected first: `201 {"id": "7"}`'


def _names(answer: str) -> str:
    bad = [name for name, _, _ in _listed(answer) if not name or len(name) > 200]
    return "names with commas between them are expected" if bad else ""


_TYPES = ("unknown", "none", "basic", "digest", "api_key", "bearer", "oauth2")
QUESTIONS = (
    DialogueQuestion("partner", "What do you call the partner?", "for example acme", None, _partner),
    DialogueQuestion("title", "Its full name?", "for example Acme Inc."),
    DialogueQuestion("documentation", "1. Where is the API documented?", "https://…", "", _url),
    DialogueQuestion("contact", "2. Who is the tech contact?", "a name"),
    DialogueQuestion(
        "role", "   The contact's role?", "for example Technical Support", when=lambda given: bool(given["contact"])
    ),
    DialogueQuestion("email", "   The contact's e-mail address?", "", "", _email, lambda given: bool(given["contact"])),
    DialogueQuestion("production", "3. The production endpoint?", "for example https://api.acme.com/leads", "", _url),
    DialogueQuestion("staging", "   The staging or test endpoint?", "", "", _url),
    DialogueQuestion("method", "4. The method?", "POST, PUT, GET", "POST", _one_of("GET", "POST", "PUT", "PATCH")),
    DialogueQuestion(
        "authentication", "5. How does the partner know us?", ", ".join(_TYPES), "unknown", _one_of(*_TYPES)
    ),
    DialogueQuestion(
        "place", "   Where is the key?", "header or query", "header", _one_of("header", "query", "body"),
        lambda given: given["authentication"] == "api_key",
    ),
    DialogueQuestion(
        "key", "   What is it called?", "", "X-Api-Key",
        when=lambda given: given["authentication"] == "api_key",
    ),
    DialogueQuestion(
        "token_url", "   Where are tokens issued?", "https://…", None, _url,
        lambda given: given["authentication"] == "oauth2",
    ),
    DialogueQuestion("encoding", "6. The encoding of the body?", ", ".join(ENCODINGS), "json", _one_of(*ENCODINGS)),
    DialogueQuestion(
        "parameters", "7. The parameters' names?", "for example email*, first_name, source=rokt; * is required", "",
        _names,
    ),
    DialogueQuestion(
        "delivered", "8. How does the partner respond when an entry was created?", 'for example 201 {"id": "7"}', "",
        _status,
    ),
    DialogueQuestion(
        "duplicate", "   When the entry exists already?", 'for example 409 {"error": "exists"}', "", _status
    ),
    DialogueQuestion("rejected", "   When it rejects an entry?", 'for example 422 {"error": "bad email"}', "", _status),
)  # fmt: skip


def next_question(answers: Mapping[str, str]) -> DialogueQuestion | None:
    """Return the first question without an answer; None where all are answered."""
    return next((each for each in QUESTIONS if each.key not in answers and each.when(answers)), None)


def problem(question: DialogueQuestion, answer: str) -> str:
    """Return what is wrong with an answer, for the person who gave it; empty where nothing is."""
    if len(answer) > MOST:
        return f"at most {MOST:,} characters are read"
    if any(not (sign.isprintable() or sign in "\t") for sign in answer):
        return "control characters are not read"
    if not answer:
        return "an answer is needed here" if question.default is None else ""
    return question.check(answer)


def read_answers(path: Path) -> Answers:
    """Return the answers that an earlier dialogue left; none where there is no such file.

    Raises:
        ConfigurationError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigurationError(
            "the answers kept here cannot be read", where=str(path), remedy="Delete the file to begin anew."
        ) from error
    kept: Answers = {}
    for each in QUESTIONS:  # in order, as one answer decides on the next question
        answer = found.get(each.key) if isinstance(found, dict) else None
        if isinstance(answer, str) and each.when({**dict.fromkeys(_KEYS, ""), **kept}) and not problem(each, answer):
            kept[each.key] = answer
    return kept


_KEYS = tuple(each.key for each in QUESTIONS)


def keep_answers(path: Path, answers: Answers) -> None:
    """Write the answers so far, readable by their owner alone."""
    target = path.resolve()
    try:
        atomic_write.write_draft(target, lambda stream: stream.write(orjson.dumps(answers).decode())).replace(target)
    except OSError as error:
        raise ConfigurationError(
            f"the answers cannot be kept: {error.strerror}", where=str(path), remedy="Check the folder's permissions."
        ) from error


def operation_of(answers: Mapping[str, str]) -> Operation:
    """Return the operation that the answers describe."""
    given = {**dict.fromkeys(_KEYS, ""), **answers}
    partner = given["partner"]
    environments = [ServerAddress(name, given[name]) for name in ("staging", "production") if given[name]]
    if not environments:
        environments = [ServerAddress("staging", "https://staging.example.com/", UNKNOWN_ENDPOINT)]
    place: ParameterPlace = "query" if given["encoding"] == "none" else "body"
    contact = {
        key: given[source]
        for key, source in (("name", "contact"), ("role", "role"), ("email", "email"))
        if given[source]
    }
    return Operation(
        origin="answers in the terminal",
        partner=partner,
        title=given["title"],
        method=given["method"] or "POST",
        environments=tuple(environments),
        documentation=given["documentation"],
        contact={key: text for key, text in contact.items() if text},
        authentication=_authentication(given, partner),
        encoding=given["encoding"] or "json",
        fields=tuple(
            ObservedParameter(
                name, place, required, within="", constant=value or None, suggestion="constant" if value else ""
            )
            for name, required, value in _listed(given["parameters"])
        ),
        replies=tuple(_replies(given)),
        idempotent="PUT replaces what is there (RFC 9110, 9.2.2)" if given["method"] == "PUT" else "",
    )


def _authentication(given: Mapping[str, str], partner: str) -> tuple[Mapping[str, Any], ...] | None:
    env = partial(env_template, partner)
    match given["authentication"]:
        case "none":
            return ({"type": "none"},)
        case "basic" | "digest" as kind:
            return ({"type": kind, "username": env("username"), "password": env("password")},)
        case "api_key":
            return ({"type": "api_key", "in": given["place"], "name": given["key"], "value": env("api_key")},)
        case "bearer":
            return ({"type": "bearer", "token": env("token")},)
        case "oauth2":
            client = {"client_id": env("client_id"), "client_secret": env("client_secret")}
            return ({"type": "oauth2", "token_url": given["token_url"], **client},)
    return None


def _listed(text: str) -> list[tuple[str, bool, str]]:
    """Return name, whether it is required, and constant of each parameter of `email*, source=rokt`."""
    found = []
    for part in re.split(r"[,;\n\t]", text):
        name, _, value = part.strip().partition("=")
        if name.strip(" *"):
            found.append((name.strip().strip("*").strip(), "*" in name, value.strip()))
    return found


def _replies(given: Mapping[str, str]) -> list[DescribedResponse]:
    found = []
    for outcome in ("delivered", "duplicate", "rejected"):
        status, _, body = given[outcome].partition(" ")
        if status:
            shown = (ObservedBody(body.strip(), seen=True),) if body.strip() else ()
            found.append(DescribedResponse(status, "", leaves_of(body.strip()), shown, outcome=outcome))
    return found
