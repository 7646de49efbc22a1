"""Turn the spec's authentications into the checks that a request must pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rokt_export.partner_spec.authentication import (
    ApiKey,
    Authentication,
    Basic,
    Bearer,
    Custom,
    Digest,
    Hmac,
    MutualTls,
    NoAuthentication,
    OAuth2,
    Wsse,
)
from rokt_export.sandbox.credentials.digest import verify_digest
from rokt_export.sandbox.credentials.keys import verify_api_key, verify_basic, verify_bearer
from rokt_export.sandbox.credentials.model import Verify
from rokt_export.sandbox.credentials.signatures import verify_sailthru, verify_signature, verify_wsse
from rokt_export.sandbox.credentials.tokens import TokenServer
from rokt_export.sandbox.url_patterns import fill


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a partner asks for.

    Attributes:
        checks: all must pass.
        token_servers: the endpoints that issue tokens, with the settings that they follow.
        mutual_tls: the connection itself needs a client certificate.
        notes: what cannot be checked here, for a person.
    """

    checks: tuple[Verify, ...]
    token_servers: tuple[tuple[OAuth2, TokenServer], ...]
    mutual_tls: bool
    notes: tuple[str, ...]


def credentials(
    authentications: tuple[Authentication, ...], variables: Mapping[str, str], encoding: str, token_lifetime: float
) -> Credentials:
    """Return the checks of an environment's authentications.

    Args:
        authentications: all must hold.
        variables: environment variables for their templates.
        encoding: of the request's body.
        token_lifetime: seconds that an OAuth token is good for.
    """
    servers = [
        (item, TokenServer(item, variables, token_lifetime)) for item in authentications if isinstance(item, OAuth2)
    ]
    checks = [_check(item, variables, encoding) for item in authentications]
    return Credentials(
        checks=(*(check for check in checks if check is not None), *(server.verify for _, server in servers)),
        token_servers=tuple(servers),
        mutual_tls=any(isinstance(item, MutualTls) for item in authentications),
        notes=tuple(note for item in authentications if (note := _note(item))),
    )


def _check(item: Authentication, variables: Mapping[str, str], encoding: str) -> Verify | None:
    match item:
        case Basic():
            return verify_basic(fill(item.username, variables), fill(item.password, variables))
        case Digest():
            return verify_digest(fill(item.username, variables), fill(item.password, variables))
        case ApiKey():
            return verify_api_key(item, fill(item.value, variables), encoding)
        case Bearer():
            return verify_bearer(fill(item.token, variables))
        case Hmac(style="sailthru"):
            return verify_sailthru(item, fill(item.secret, variables))
        case Hmac():
            return None if _note(item) else verify_signature(item, fill(item.secret, variables))
        case Wsse():
            return verify_wsse(item, fill(item.username, variables), fill(item.password, variables))
        case NoAuthentication() | OAuth2() | MutualTls() | Custom():
            return None


def _note(item: Authentication) -> str | None:
    match item:
        case Custom():
            return f"credentials of {item.auth} are accepted unchecked: only its own server can tell"
        case Hmac(style="header", timestamp_header=None) if "{timestamp}" in item.message:
            return f"`{item.header}` is accepted unchecked: it covers a timestamp that is not sent"
        case _:
            return None
