"""Turn the spec's authentications into the checks that a request must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from rokt_export.authentication.base import (
    Authentication,
    Checked,
    CheckedByTls,
    IssuedToken,
    NotChecked,
    Verify,
    filler,
)
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.sandbox.body_lookup import finder
from rokt_export.sandbox.credentials.tokens import TokenServer


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
    authentications: Sequence[Authentication], variables: Mapping[str, str], encoding: str, token_lifetime: float
) -> Credentials:
    """Return the checks of an environment's authentications.

    Args:
        authentications: all must hold.
        variables: environment variables for their templates.
        encoding: of the request's body.
        token_lifetime: seconds that an OAuth token is good for.
    """
    fill = filler(variables)
    checks: list[Verify] = []
    servers: list[tuple[OAuth2, TokenServer]] = []
    notes: list[str] = []
    mutual_tls = False
    for each in authentications:
        match each.verification(fill, lambda name: finder(name, encoding, {})):
            case Checked(verify):
                checks.append(verify)
            case IssuedToken(settings):
                servers.append((settings, TokenServer(settings, variables, token_lifetime)))
            case CheckedByTls():
                mutual_tls = True
            case NotChecked(note=note):
                notes += [note] if note is not None else []
            case unknown:
                assert_never(unknown)
    return Credentials((*checks, *(server.verify for _, server in servers)), tuple(servers), mutual_tls, tuple(notes))
