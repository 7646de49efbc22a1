"""Check credentials that depend on the request or the clock, by computing them again: HMAC, Sailthru's, WSSE."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from datetime import UTC, datetime

from rokt_export.partner_spec.authentication import Hmac, Wsse
from rokt_export.sandbox.credentials.model import FRESH, Refusal, Verify, same
from rokt_export.sandbox.incoming_request import Received

_PART = re.compile(r"\{(method|path|query|body|timestamp)\}")
_TOKEN_PART = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
_NONCES = 100_000


def verify_signature(settings: Hmac, secret: str) -> Verify:
    """Return the check of a keyed hash of the request in a header."""
    form = settings.message.replace("\\n", "\n")

    def verify(received: Received) -> Refusal | None:
        given = received.headers.get(settings.header)
        if given is None:
            return Refusal(f"signature `{settings.header}` is missing")
        stamp = received.headers.get(settings.timestamp_header) if settings.timestamp_header else ""
        if stamp is None:
            return Refusal(f"timestamp `{settings.timestamp_header}` is missing")
        if settings.timestamp_header and not _is_now(stamp, settings.timestamp_unit):
            return Refusal(f"timestamp `{settings.timestamp_header}` is not within {FRESH:g} s of now")
        digest = hmac.new(secret.encode(), signed_bytes(form, received, stamp), settings.algorithm)
        shown = digest.hexdigest() if settings.digest == "hex" else base64.b64encode(digest.digest()).decode()
        right = same(given.lower() if settings.digest == "hex" else given, _expected(settings, shown))
        return None if right else Refusal(f"signature `{settings.header}` is wrong")

    return verify


def _expected(settings: Hmac, shown: str) -> str:
    return (settings.prefix + shown).lower() if settings.digest == "hex" else settings.prefix + shown


def signed_bytes(form: str, received: Received, timestamp: str) -> bytes:
    """Return the bytes that a signature covers: the form, its parts filled in once."""
    parts = {
        "method": received.method.encode(),
        "path": received.path.encode(),
        "query": received.query.encode(),
        "body": received.body,
        "timestamp": timestamp.encode(),
    }
    pieces = _PART.split(form)
    return b"".join(parts[piece] if at % 2 else piece.encode() for at, piece in enumerate(pieces))


def verify_sailthru(settings: Hmac, secret: str) -> Verify:
    """Return the check of Sailthru's signature: md5 of the secret and the sorted values, before URL encoding."""

    def verify(received: Received) -> Refusal | None:
        sent = received.data if received.body and isinstance(received.data, dict) else received.queried
        given = sent.get(settings.parameter)
        if not given:
            return Refusal(f"signature `{settings.parameter}` is missing")
        values = sorted(value for name, values in sent.items() if name != settings.parameter for value in values)
        wanted = hashlib.md5((secret + "".join(values)).encode(), usedforsecurity=False).hexdigest()
        return None if same(str(given[0]).lower(), wanted) else Refusal(f"signature `{settings.parameter}` is wrong")

    return verify


def verify_wsse(settings: Wsse, username: str, password: str) -> Verify:
    """Return the check of a UsernameToken (WS-Security UsernameToken Profile 1.0; Emarsys writes its digest in hex)."""
    used: OrderedDict[str, None] = OrderedDict()
    challenge = 'WSSE realm="sandbox", profile="UsernameToken"'

    def verify(received: Received) -> Refusal | None:
        header = received.headers.get("X-WSSE") or ""
        token = dict(_TOKEN_PART.findall(header)) if header.startswith("UsernameToken") else {}
        missing = [name for name in ("Username", "PasswordDigest", "Nonce", "Created") if name not in token]
        if missing:
            return Refusal(f"X-WSSE is missing or lacks {', '.join(missing)}", challenge)
        problem = _token_problem(settings, token, username, password)
        if problem is None and token["Nonce"] in used:
            problem = "its nonce was used before"
        if problem is not None:
            return Refusal(f"X-WSSE: {problem}", challenge)
        used[token["Nonce"]] = None
        if len(used) > _NONCES:
            used.popitem(last=False)
        return None

    return verify


def _token_problem(settings: Wsse, token: dict[str, str], username: str, password: str) -> str | None:
    nonce = _nonce_bytes(settings, token["Nonce"])
    if nonce is None:
        return f"its nonce is not {settings.nonce_encoding}"
    if not _is_recent(token["Created"]):
        return f"it was not created within {FRESH:g} s of now"
    hashed = hashlib.sha1(nonce + token["Created"].encode() + password.encode(), usedforsecurity=False)
    raw = hashed.hexdigest().encode() if settings.digest_encoding == "hex_base64" else hashed.digest()
    right = same(token["Username"], username) and same(token["PasswordDigest"], base64.b64encode(raw).decode())
    return None if right else "the user name or the digest is wrong"


def _nonce_bytes(settings: Wsse, nonce: str) -> bytes | None:
    """A nonce in base64 is digested decoded, as the profile says; one in hex as it is written, as Emarsys does."""
    if settings.nonce_encoding == "hex":
        return nonce.encode() if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", nonce) else None
    try:
        return base64.b64decode(nonce, validate=True)
    except binascii.Error:
        return None


def _is_now(stamp: str, unit: str) -> bool:
    if not re.fullmatch(r"\d{1,20}", stamp):
        return False
    return abs(int(stamp) / (1000 if unit == "ms" else 1) - time.time()) <= FRESH


def _is_recent(created: str) -> bool:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return False
    return abs((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()) <= FRESH
