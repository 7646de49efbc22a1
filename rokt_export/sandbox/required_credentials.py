"""Checks the credentials of requests; issues OAuth 2 tokens, and accepts them until they expire."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never
from urllib.parse import unquote_plus, urlsplit

import orjson

from rokt_export.authentication.base import (
    REALM,
    Authentication,
    Checked,
    CheckedByTls,
    IssuedToken,
    NotChecked,
    ReceivedRequest,
    Refusal,
    Verify,
    filler,
    same,
    verification_of,
)
from rokt_export.authentication.basic import name_and_password
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.authentication.token_response import put_field
from rokt_export.exchange.model import Response
from rokt_export.sandbox.bodies import BodyProblem, content_type_problem, finder, read_body
from rokt_export.sandbox.example_responses import with_header
from rokt_export.sandbox.url_patterns import fill
from rokt_export.spec_language.filters import text_of

_UNITS = {"s": 1.0, "ms": 1000.0, "m": 1 / 60}
_NO_STORE = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))  # RFC 6749, 5.1


class TokenServer:
    """The authorization server of an OAuth 2 partner.

    Args:
        settings: the authentication of the spec.
        variables: the environment variables.
        lifetime: seconds that a token is valid.

    Attributes:
        path: the path of the token endpoint, percent-encoded.
        issued: the number of issued tokens.
    """

    def __init__(self, settings: OAuth2, variables: Mapping[str, str], lifetime: float) -> None:
        self._settings = settings
        self._lifetime = lifetime
        url = urlsplit(fill(settings.token_url, variables))
        self.path = url.path or "/"
        self.method = settings.method
        self.issued = 0
        self._client = (fill(settings.client_id, variables), fill(settings.client_secret, variables))
        wanted = {"grant_type": "client_credentials"}
        for name in ("scope", "audience"):
            template = getattr(settings, name)
            if template is not None:
                wanted[name] = fill(template, variables)
        self._wanted = wanted | {name: fill(value, variables) for name, value in settings.parameters.items()}
        self._headers = {name: fill(value, variables) for name, value in settings.headers.items()}
        self._tokens: dict[str, float] = {}

    def issue(self, received: ReceivedRequest) -> Response:
        """Return a response with a token, or with an error (RFC 6749, 5.2)."""
        try:
            sent = self._parameters(received)
        except (BodyProblem, ValueError) as error:
            return _error(400, "invalid_request", str(error))
        for name, value in self._wanted.items():
            if sent.get(name) != value:
                code = {"grant_type": "unsupported_grant_type", "scope": "invalid_scope"}.get(name, "invalid_request")
                return _error(400, code, f"`{name}` is {'wrong' if name in sent else 'missing'}")
        for name, value in self._headers.items():
            if received.headers.get(name) != value:
                return _error(400, "invalid_request", f"the header `{name}` is wrong or missing")
        if not self._knows(received, sent):
            wrong = f"the client's credentials in the {self._settings.secret_in} are wrong"
            return with_header(_error(401, "invalid_client", wrong), "WWW-Authenticate", f'Basic realm="{REALM}"')
        return Response(200, _NO_STORE, orjson.dumps(self._token()))

    def verify(self, received: ReceivedRequest) -> Refusal | None:
        """Return why a request's token is refused; None if it is valid."""
        header, prefix = self._settings.header, self._settings.prefix
        challenge = f'Bearer realm="{REALM}", error="invalid_token"' if header.lower() == "authorization" else None
        given = received.headers.get(header)
        if given is None:
            return Refusal(f"`{header}` contains no token", challenge)
        expires = self._tokens.get(given.removeprefix(prefix))
        if not given.startswith(prefix) or expires is None:
            return Refusal(f"the token in `{header}` is not one of ours", challenge, renew=True)
        if expires <= time.monotonic():
            return Refusal(f"the token in `{header}` has expired", challenge, renew=True)
        return None

    def _parameters(self, received: ReceivedRequest) -> dict[str, str]:
        """Return the parameters in the query and in the body."""
        sent = {name: values[0] for name, values in received.queried.items()}
        if not received.body:
            return sent
        encoding = self._settings.request_encoding
        if problem := content_type_problem(encoding, None, received.headers.get("Content-Type")):
            raise ValueError(problem)
        data = read_body(encoding, received.body)
        if not isinstance(data, dict):
            raise ValueError("the body is not an object")
        return sent | {name: text_of(value[0] if encoding == "form" else value) for name, value in data.items()}

    def _knows(self, received: ReceivedRequest, sent: Mapping[str, str]) -> bool:
        if self._settings.secret_in == "header":
            given = name_and_password(received.headers.get("Authorization")) or ""
            pair = given.partition(":")[::2]
            # RFC 6749 (2.3.1) requires both parts to be form-encoded; many clients omit that.
            return _equal(pair, self._client) or _equal(tuple(map(unquote_plus, pair)), self._client)
        place = received.queried if self._settings.secret_in == "query" else None
        if place is not None and "client_secret" not in place:
            return False
        if place is None and "client_secret" in received.queried:
            return False
        return _equal((sent.get("client_id", ""), sent.get("client_secret", "")), self._client)

    def _token(self) -> dict[str, Any]:
        self.issued += 1
        token = f"sandbox-token-{self.issued}-{secrets.token_urlsafe(18)}"
        now = time.monotonic()
        self._tokens = {known: expires for known, expires in self._tokens.items() if expires > now - 3600}
        self._tokens[token] = now + self._lifetime
        response: dict[str, Any] = {"token_type": "Bearer"}
        put_field(response, self._settings.token_field, token)
        put_field(
            response, self._settings.expires_field, max(1, int(self._lifetime * _UNITS[self._settings.expires_unit]))
        )
        return response


def _equal(given: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return len(given) == len(wanted) and all(same(a, b) for a, b in zip(given, wanted, strict=True))


def _error(status: int, code: str, description: str) -> Response:
    return Response(status, _NO_STORE, orjson.dumps({"error": code, "error_description": description}))


@dataclass(frozen=True, slots=True)
class RequiredCredentials:
    """The credentials that a partner requires.

    Attributes:
        checks: all of them must pass.
        token_servers: the token endpoints with their settings.
        mutual_tls: whether the TLS connection needs a client certificate.
        notes: what cannot be checked here, for a person.
    """

    checks: tuple[Verify, ...]
    token_servers: tuple[tuple[OAuth2, TokenServer], ...]
    mutual_tls: bool
    notes: tuple[str, ...]


def credentials(
    authentications: Sequence[Authentication], variables: Mapping[str, str], encoding: str, token_lifetime: float
) -> RequiredCredentials:
    """Return the checks of an environment's authentications.

    Args:
        authentications: the authentications.
        variables: the environment variables.
        encoding: the encoding of the body.
        token_lifetime: seconds that an OAuth token is valid.
    """
    fill = filler(variables)
    checks: list[Verify] = []
    servers: list[tuple[OAuth2, TokenServer]] = []
    notes: list[str] = []
    mutual_tls = False
    for each in authentications:
        match verification_of(each, fill, lambda name: finder(name, encoding, {})):
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
    return RequiredCredentials(
        (*checks, *(server.verify for _, server in servers)), tuple(servers), mutual_tls, tuple(notes)
    )
