"""Finds authentications whose header or signature is probably not what the author intended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rokt_export.authentication.api_key import ApiKey
from rokt_export.authentication.bearer import Bearer
from rokt_export.authentication.hmac import Hmac
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint.context import Subject


def joined_prefixes(subject: Subject) -> Iterator[Finding]:
    """RX172: `prefix: Token`, which is put before the key without a space."""
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
    """RX176: a placeholder such as `{uuid}` in the message of a signature, which would be signed literally."""
    for found in subject.credentials():
        if isinstance(found.authentication, Hmac) and (names := found.authentication.unknown_placeholders):
            yield subject.warning(
                "RX176",
                (*found.path, "message"),
                f"`{names[0]}` is not a part of a request, so it is signed literally",
                "Available: `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`, `{id}` and `{header:NAME}`.",
            )
