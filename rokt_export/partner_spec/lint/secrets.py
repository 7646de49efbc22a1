"""Finds secrets written in a spec, variables without a value, and variables of other programs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from rokt_export.authentication.base import secret_fields
from rokt_export.authentication.basic import Basic
from rokt_export.partner_spec.attributes import fold
from rokt_export.partner_spec.document import DataPath, Finding
from rokt_export.partner_spec.lint.context import (
    FILLED,
    PlacedAuthentication,
    PlacedParameter,
    Subject,
    is_literal,
    split_url,
    uses,
)
from rokt_export.partner_spec.references import THIS_MACHINE, belongs_to_others, variable_uses
from rokt_export.redaction.display_text import OwnWords

_SECRET_NAME = re.compile(
    r"(authorization|apikey|token|password|passwd|pwd|secret|secretkey|accesskey|privatekey|authkey|credentials?)$"
    r"|^x?auth$"
)
_SCHEME = re.compile(r"(basic|bearer|token|apikey)\s+\S{6,}", re.IGNORECASE)
_FILLERS = frozenset(
    {"", "x", "-", "none", "null", "unused", "ignored", "anything", "anystring", "apitoken", "password"}
)
"""Values that partners require for a part of Basic authentication that they ignore."""
_TOKEN_LENGTH = 20


def secret_texts(found: PlacedAuthentication) -> Iterator[tuple[DataPath, str]]:
    """Yield (path, text) of each field of an authentication that holds a secret."""
    authentication = found.authentication
    filler = isinstance(authentication, Basic) and fold(authentication.password) in _FILLERS
    secret = secret_fields(type(authentication))
    for name in type(authentication).model_fields:
        value: Any = getattr(authentication, name)
        if isinstance(value, dict):
            pairs = ((key, text) for key, text in value.items() if is_secret_name(key))
            yield from (((*found.path, name, key), text) for key, text in pairs if isinstance(text, str))
        elif isinstance(value, str) and _holds_secret(name, value, secret, filler=filler):
            yield (*found.path, name), value


def _holds_secret(name: str, value: str, secret: Collection[str], *, filler: bool) -> bool:
    """Return whether a field holds a secret; `filler`: with a filler as password, the user name is the key."""
    if filler:
        return name == "username" and (looks_like_token(value) or not is_literal(value))
    return name in secret


def is_secret_name(name: str) -> bool:
    """Return whether a parameter's name means that its value is secret (`X-Api-Key`, `auth.token`)."""
    last = re.split(r"[.\]\['\"=]+", name.rstrip("]'\"[")) or [name]
    return _SECRET_NAME.search(fold(last[-1])) is not None


def looks_like_token(text: str) -> bool:
    """Return whether a text is long and random enough to be a key."""
    return (
        len(text) >= _TOKEN_LENGTH
        and re.fullmatch(r"[\w+/=.~-]+", text) is not None
        and re.search(r"\d", text) is not None
        and re.search(r"[A-Za-z]", text) is not None
    )


def literal_secrets(subject: Subject) -> Iterator[Finding]:
    """RX106: secrets written in the spec."""
    for found in subject.credentials():
        for path, text in secret_texts(found):
            if is_literal(text):
                yield _finding(subject, path, f"the `{path[-1]}` of this authentication")
    for placed in subject.parameters():
        yield from _in_parameter(subject, placed)
    yield from _in_urls(subject)


def _in_parameter(subject: Subject, placed: PlacedParameter) -> Iterator[Finding]:
    parameter = placed.parameter
    value = parameter.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not is_literal(value):
        return
    named = parameter.secret or is_secret_name(parameter.name)
    keyed = fold(parameter.name) == "key" and looks_like_token(value)
    if named or keyed or (placed.carrier == "header" and _SCHEME.fullmatch(value.strip())):
        yield _finding(subject, (*placed.path, "value"), f"the value of `{parameter.name}`")


def _in_urls(subject: Subject) -> Iterator[Finding]:
    spec = subject.spec
    texts: list[tuple[DataPath, str | None]] = [(("proxy",), spec.proxy)]
    for name, place in spec.endpoint.items():
        texts += [(("endpoint", name, "url"), place.url), (("endpoint", name, "proxy"), place.proxy)]
    texts += [
        ((*found.path, "token_url"), getattr(found.authentication, "token_url", None))
        for found in subject.credentials()
    ]
    for path, text in texts:
        parts = split_url(text) if text else None
        if parts is None:
            continue
        if parts.password and FILLED not in parts.password:
            yield _finding(subject, path, "the password in this URL")
        for name, value in parse_qsl(parts.query):
            if FILLED not in value and (is_secret_name(name) or (fold(name) == "key" and looks_like_token(value))):
                yield _finding(subject, path, f"the value of `{name}` in this URL")


def _finding(subject: Subject, path: DataPath, what: str) -> Finding:
    return subject.error(
        "RX106",
        path,
        f"{what} is a secret written in the file",
        'Put it in `.env` and write "{{ env.NAME }}" here; if the file was shared, ask the partner for a new one.',
    )


def missing_variables(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    """RX107: variables without a value, each where it is first used; an empty value counts as missing."""
    seen: set[str] = set()
    for use in uses(subject):
        for name in sorted(use.template.env - seen):
            seen.add(name)
            if not variables.get(name):
                yield subject.warning(
                    "RX107",
                    use.path,
                    f"the environment variable `{name}` is {'empty' if name in variables else 'not set'}",
                    OwnWords(f"Export it, or write `{name}=…` to `.env` or `.env.<environment>`."),
                )


def variables_of_others(subject: Subject) -> Iterator[Finding]:
    """RX152: a variable of a system or tool that the spec sends to its partner."""
    spec = subject.spec
    sent = {use.name for name in spec.endpoint for use in variable_uses(spec, name, {}) if use.host != THIS_MACHINE}
    seen: set[str] = set(spec.variables)
    for use in uses(subject):
        for name in sorted((use.template.env & sent) - seen):
            seen.add(name)
            if belongs_to_others(name):
                yield subject.warning(
                    "RX152",
                    use.path,
                    f"`{name}` is the name of another program's variable, and this spec sends its value to the partner",
                    f"Give the partner's credential a name of its own, or list it: `variables: [{name}]`.",
                )
