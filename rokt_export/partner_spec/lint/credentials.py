"""Finds authentications whose header or signature is probably not what the author intended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rokt_export.authentication.api_key import ApiKey
from rokt_export.authentication.bearer import Bearer
from rokt_export.authentication.custom import Custom
from rokt_export.authentication.hmac import Hmac
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.partner_spec.document import DataPath, Finding
from rokt_export.partner_spec.lint.context import Subject

_JOINED = re.compile(r"(Bearer|Basic|Token|Api-?Key)\{\{", re.IGNORECASE)


def joined_prefixes(subject: Subject) -> Iterator[Finding]:
    """RX172: `prefix: Token` or `value: "Token{{ env.KEY }}"`: no space separates the scheme from the key."""
    values: list[tuple[DataPath, object]] = [
        ((*found.path, "value"), found.authentication.value)
        for found in subject.credentials()
        if isinstance(found.authentication, ApiKey) and found.authentication.in_ == "header"
    ]
    values += [
        ((*placed.path, "value"), placed.parameter.value)
        for placed in subject.parameters()
        if placed.carrier == "header"
    ]
    for path, value in values:
        if isinstance(value, str) and (joined := _JOINED.match(value)):
            yield subject.warning(
                "RX172",
                path,
                f"`{joined[1]}$KEY` is sent: no space separates `{joined[1]}` from the key",
                f'Write "{joined[1]} {{{{ env.NAME }}}}".',
            )
    for found in subject.credentials():
        authentication = found.authentication
        if isinstance(authentication, ApiKey | OAuth2) and re.search(r"[A-Za-z]$", authentication.prefix):
            yield subject.warning(
                "RX172",
                (*found.path, "prefix"),
                f"`{authentication.prefix}$KEY` is sent: no space separates the prefix from the key",
                f'Write `prefix: "{authentication.prefix} "`, if the partner expects a space.',
            )


def doubled_schemes(subject: Subject) -> Iterator[Finding]:
    """RX188: `token: "Bearer {{ env.KEY }}"`, which is sent behind `Bearer `."""
    for found in subject.credentials():
        authentication = found.authentication
        if isinstance(authentication, Bearer) and re.match(r"bearer\b", authentication.token, re.IGNORECASE):
            yield subject.warning(
                "RX188",
                (*found.path, "token"),
                "`Bearer` is sent twice: `type: bearer` writes it before the token",
                "Write the token alone: `{{ env.NAME }}`.",
            )


def unknown_placeholders(subject: Subject) -> Iterator[Finding]:
    """RX176: a signature over letters such as `{uuid}`, over a header that is never sent, or over no request."""
    for found in subject.credentials():
        if isinstance(found.authentication, Hmac) and (problem := _unsigned(subject, found.authentication)):
            yield subject.warning(
                "RX176",
                (*found.path, "message"),
                problem,
                "Available: `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`, `{id}` and `{header:NAME}`.",
            )


def _unsigned(subject: Subject, settings: Hmac) -> str | None:
    """Return what is wrong with the message of a signature; None if nothing is."""
    if settings.style != "header":
        return None
    if names := settings.unknown_placeholders:
        return f"`{names[0]}` is not a part of a request, so it is signed literally"
    if doubled := re.search(r"\{\{[^{}]*\}\}", settings.message):
        return f"`{doubled[0]}` signs a pair of braces: a part of a request has one"
    if not re.search(r"\{[^{}]+\}", settings.message):
        return "nothing of the request is signed, so that each request has the same signature"
    sent = _headers(subject, settings)
    for name in re.findall(r"\{header:([^{}]+)\}", settings.message):
        if sent is not None and name.lower() not in sent:
            return f"the header `{name}` is signed, and nothing sends it"
    return None


def _headers(subject: Subject, settings: Hmac) -> frozenset[str] | None:
    """Return the headers that a signed request may have, in lower case; None if they are not known."""
    sent: set[str | None] = {placed.parameter.name for placed in subject.parameters() if placed.carrier == "header"}
    sent |= {settings.id_header, settings.timestamp_header, *_OF_CLIENTS}
    if subject.spec.idempotency is not None:
        sent.add(subject.spec.idempotency.header)
    for found in subject.credentials():
        match found.authentication:
            case Custom():
                return None
            case ApiKey(name=name):
                sent.add(name)
            case _:
                continue
    known = subject.intact("parameters", "authentication", "endpoint", "idempotency")
    return frozenset(name.lower() for name in sent if name) if known else None


_OF_CLIENTS = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent"}
)
"""Headers that are sent without a parameter of that name."""
