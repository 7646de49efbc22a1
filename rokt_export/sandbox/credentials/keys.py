"""Check credentials that are the same on every request: basic, bearer and API keys."""

from __future__ import annotations

import base64
import binascii

from rokt_export.partner_spec.authentication import ApiKey
from rokt_export.partner_spec.filters import text_of
from rokt_export.sandbox.body_lookup import finder
from rokt_export.sandbox.credentials.model import Refusal, Verify, same
from rokt_export.sandbox.incoming_request import Received

REALM = "sandbox"


def verify_basic(username: str, password: str) -> Verify:
    """Return the check of Basic credentials (RFC 7617)."""
    challenge = f'Basic realm="{REALM}", charset="UTF-8"'
    wanted = f"{username}:{password}"

    def verify(received: Received) -> Refusal | None:
        given = basic_credentials(received.headers.get("Authorization"))
        if given is None:
            return Refusal("Authorization holds no Basic credentials", challenge)
        return None if same(given, wanted) else Refusal("the user name or password is wrong", challenge)

    return verify


def basic_credentials(header: str | None) -> str | None:
    """Return `user:password` of an Authorization header, None where it holds none."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def verify_bearer(token: str) -> Verify:
    """Return the check of a bearer token (RFC 6750)."""
    challenge = f'Bearer realm="{REALM}"'

    def verify(received: Received) -> Refusal | None:
        scheme, _, given = (received.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            return Refusal("Authorization holds no bearer token", challenge)
        wrong = f'{challenge}, error="invalid_token"'
        return None if same(given.strip(), token) else Refusal("the bearer token is wrong", wrong)

    return verify


def verify_api_key(settings: ApiKey, value: str, encoding: str) -> Verify:
    """Return the check of an API key in a header, the query or the body.

    Args:
        settings: the spec's.
        value: the key, without prefix.
        encoding: the body's.
    """
    wanted = settings.prefix + value
    find = finder(settings.name, encoding, {})
    where = f"API key `{settings.name}` ({settings.in_})"

    def given(received: Received) -> list[str]:
        match settings.in_:
            case "header":
                return list(received.headers.getall(settings.name, []))
            case "query":
                return received.queried.get(settings.name, [])
            case _:
                return [text_of(found) for found in find(received.data)]

    def verify(received: Received) -> Refusal | None:
        found = given(received)
        if not found:
            return Refusal(f"{where} is missing")
        return None if all(same(each, wanted) for each in found) else Refusal(f"{where} is wrong")

    return verify
