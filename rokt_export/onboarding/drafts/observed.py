"""The observed operation: what a source says about one request to a partner, as inert data without values of people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from rokt_export.spec_language.parameter_names import Append, ElementMatch, Index, Key, steps

ParameterPlace: TypeAlias = Literal["body", "query", "header", "path"]
_PLAIN_KEY = re.compile(r"[@#]?[^.\[\]'\"\s#@{}]+")


@dataclass(frozen=True, slots=True)
class ObservedParameter:
    """One parameter that the operation takes.

    Attributes:
        name: as a spec writes it (`a.b[0].c`).
        place: where it is sent.
        required: whether the source says that the request needs it.
        within: the optional part of the body that needs it, once that part is sent; its own name where nothing does;
            empty where it is sent in any case.
        kind: JSON type: string, number, integer, boolean, array (of scalars) or object (of members without names).
        form: the source's own name of a format (`email`, `date-time`).
        choices: the values allowed.
        constant: the only value allowed, or the one that a recorded request had; None where there is none.
        example: a value that the source shows; never a real person's.
        longest: characters at most.
        pattern: a regular expression of the source.
        description: the source's words.
        suggestion: the attribute that the recorded value looks like; `constant` where a recorded value is kept.
    """

    name: str
    place: ParameterPlace = "body"
    required: bool = False
    within: str = ""
    kind: str = "string"
    form: str = ""
    choices: tuple[Any, ...] = ()
    constant: Any = None
    example: Any = None
    longest: int | None = None
    pattern: str = ""
    description: str = ""
    suggestion: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Its names from the outside in, without positions; a name outside the body is one key."""
        if self.place != "body":
            return (self.name,)
        try:
            found = steps(self.name)
        except ValueError:
            return (self.name,)
        if len(found) > 1 and isinstance(found[-2], ElementMatch) and found[-1] == Key("value"):
            found = found[:-1]  # `fields[name=email].value` is called email
        named = [
            step.name if isinstance(step, Key) else step.value for step in found if isinstance(step, Key | ElementMatch)
        ]
        return tuple(named) or (self.name,)


@dataclass(frozen=True, slots=True)
class ObservedBody:
    """A response body that the source shows.

    Attributes:
        body: its text.
        content_type: its media type; empty where unknown.
        seen: whether it was recorded as it is, not made up or changed.
    """

    body: str
    content_type: str = ""
    seen: bool = False


@dataclass(frozen=True, slots=True)
class DescribedResponse:
    """One response that the source describes.

    Attributes:
        status: `201`, `4xx` or `default`.
        description: the source's words.
        leaves: JSON path to what the schema says about the value there.
        shown: bodies.
        headers: names of its headers.
        outcome: what it means, where a person has said so.
    """

    status: str
    description: str = ""
    leaves: Mapping[str, ObservedParameter] = field(default_factory=dict)
    shown: tuple[ObservedBody, ...] = ()
    headers: tuple[str, ...] = ()
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An address.

    Attributes:
        name: `staging` or `production`.
        url: a template of the spec language.
        note: what a reader should check.
    """

    name: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a source says about one request.

    Attributes:
        origin: the source, for people: `acme.yaml, POST /contacts`.
        partner: a proposal for the slug.
        title: the partner's name.
        method: of HTTP.
        environments: the addresses, production last.
        documentation: where the operation is documented.
        document: the OpenAPI document, a file or URL; empty for other sources.
        document_operation: its name there: `POST /contacts`.
        contact: name, role and e-mail address of the tech contact.
        contact_note: what to check about it; empty where a person named it.
        summary: what it does.
        authentication: in the form of the spec; None where the source is silent.
        authentication_notes: what to check about it.
        encoding: of the body; empty where the source wants one that we cannot send.
        content_type: where the encoding's own is not meant.
        fields: its parameters.
        replies: its responses.
        rates: as the spec language writes them; all hold.
        rate_note: where they are from.
        idempotent: why a repeated send does no harm; empty where nothing says so.
        idempotency_header: the header of an idempotency key.
        timeout: a duration of the spec language.
        confirmation: how to ask what became of an accepted job, in the form of the spec; empty where nothing says so.
        notes: guesses and what was left out.
        secrets: variable to value, to be kept outside the spec.
    """

    origin: str
    partner: str
    title: str
    method: str
    environments: tuple[ServerAddress, ...]
    documentation: str = ""
    document: str = ""
    document_operation: str = ""
    contact: Mapping[str, str] = field(default_factory=dict)
    contact_note: str = ""
    summary: str = ""
    authentication: tuple[Mapping[str, Any], ...] | None = None
    authentication_notes: tuple[str, ...] = ()
    encoding: str = "json"
    content_type: str = ""
    fields: tuple[ObservedParameter, ...] = ()
    replies: tuple[DescribedResponse, ...] = ()
    rates: tuple[str, ...] = ()
    rate_note: str = ""
    idempotent: str = ""
    idempotency_header: str = ""
    timeout: str = ""
    confirmation: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text as a set, for tables that are easier to read so."""
    return frozenset(words.split())


def key_text(key: str) -> str:
    """Return a key as a step of a nested name: `b`, or `['a.b']` where it contains the grammar's own signs."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return f'["{key}"]' if "'" in key else f"['{key}']"


def nested(parent: str, key: str) -> str:
    """Return the nested name of a member."""
    step = key_text(key)
    return f"{parent}.{step}" if parent and not step.startswith("[") else f"{parent}{step}"


def json_path(name: str) -> str:
    """Return the JSONPath of a nested name."""
    path = "$"
    for step in steps(name):
        match step:
            case Key(key):
                path += f".{key}" if re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII) else f"[{key!r}]"
            case Index(number):
                path += f"[{number}]"
            case Append():
                path += "[0]"
            case ElementMatch(key, value):
                path += f"[?@.{key}=='{value}']"
    return path


def is_template(text: object) -> bool:
    """Return whether a source's text would be a template in a spec: it could name a variable of ours."""
    return isinstance(text, str) and any(sign in text for sign in ("{{", "{%", "{#"))


def without_templates(text: str) -> str:
    """Return a source's text with single braces for double ones, so that a spec reads no template in it."""
    while is_template(text):
        text = text.replace("{{", "{").replace("{%", "{").replace("{#", "{")
    return text.replace("}}", "}")


def slug(text: str) -> str:
    """Return a text as a partner's slug; empty where nothing of it can stay."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().encode("ascii", "ignore").decode())[:40].strip("-")


def env_template(partner: str, what: str) -> str:
    """Return the template of an environment variable: `{{ env.ACME_API_KEY }}`."""
    return f"{{{{ env.{variable(partner, what)} }}}}"


def variable(partner: str, what: str) -> str:
    """Return the name of an environment variable: `ACME_API_KEY`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", f"{partner}_{what}")
    name = re.sub(r"[^A-Z0-9]+", "_", spaced.upper()).strip("_")
    return name if not name[:1].isdigit() else f"P_{name}"
