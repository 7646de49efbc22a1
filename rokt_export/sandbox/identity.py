"""Recognizes a person who is sent twice, also across runs of the sandbox; only keyed digests are stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import orjson

from rokt_export.atomic_write import write_draft
from rokt_export.authentication.base import ReceivedRequest
from rokt_export.partner_spec.attributes import IDENTIFYING, canonical
from rokt_export.private_folder import make_private
from rokt_export.sandbox.checks import LocatedParameter, carried_attributes
from rokt_export.sandbox.url_patterns import UrlPattern
from rokt_export.spec_language.filters import text_of

_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class Identity:
    """The person of a delivery.

    Attributes:
        key: a keyed digest that depends only on the person.
        email: the address, if it is sent in clear.
    """

    key: bytes
    email: str | None = None


def identifier(
    located: list[LocatedParameter], whole: UrlPattern | None, key: bytes
) -> Callable[[ReceivedRequest], Identity]:
    """Return a function that returns the identity of a request, by the first of `IDENTIFYING` that is present.

    Args:
        located: the spec's parameters.
        whole: the pattern of a body that is one template.
        key: the key of the digests, up to 64 bytes; without it, no one can test a guess.
    """

    def digest(kind: str, text: str) -> bytes:
        return blake2b(f"{kind}:{text}".encode("utf-8", "surrogatepass"), digest_size=16, key=key).digest()

    by_attribute = {
        name: [place.seek for place in located if name in carried_attributes(place.parameter)] for name in IDENTIFYING
    }

    def identify(received: ReceivedRequest) -> Identity:
        beside = _named(received.path_values)
        if whole is not None:
            beside |= _named(whole.read(received.body.decode("utf-8", "replace")) or {})
        for name, seeks in by_attribute.items():
            for value in (*(value for seek in seeks for value in seek(received)), beside.get(name)):
                text = text_of(value) if not isinstance(value, (dict, list)) else ""
                if text.strip():
                    return Identity(digest(name, _normalised(name, text)), text if "@" in text else None)
        return Identity(digest("body", _whole(received)))

    return identify


def _named(values: Mapping[str, str]) -> dict[str, str]:
    return {canonical(name) or name: value for name, value in values.items()}


def _normalised(name: str, value: str) -> str:
    return _NOT_DIGITS.sub("", value) if name == "mobile" else value.strip().lower()


def _whole(received: ReceivedRequest) -> str:
    data = received.data
    try:
        body = orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode() if data is not None else ""
    except TypeError:
        body = repr(data)
    return f"{received.target}\n{body}"


MOST = 200_000
"""Maximum number of remembered people; the oldest are forgotten first."""


def recall(path: Path, key: bytes) -> dict[bytes, str | None]:
    """Return identity digest to reference; empty if there is no memory file for this key."""
    try:
        data = orjson.loads(path.read_bytes())
        known = data["known"] if data["key"] == _id_of(key) else {}
        return {bytes.fromhex(digest): value for digest, value in known.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def remember(path: Path, known: dict[bytes, str | None], key: bytes) -> None:
    """Write the memory file atomically. An error is ignored: then duplicates of earlier runs are not recognized."""
    kept = dict(list(known.items())[-MOST:])
    with suppress(OSError):
        make_private(path.parent)
        people = {digest.hex(): value for digest, value in kept.items()}
        text = orjson.dumps({"key": _id_of(key), "known": people}).decode()
        write_draft(path, lambda stream: stream.write(text)).replace(path)


def _id_of(key: bytes) -> str:
    return blake2b(b"sandbox", key=key, digest_size=8).hexdigest()
