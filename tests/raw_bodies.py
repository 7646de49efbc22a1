"""Behaviours of a raw partner whose answers are well framed, and have bodies that are dear to read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from functools import cache

from hostile_bodies import BODIES
from raw_partner import Connection, Play, variants

PATHS = {
    "responses": [
        {"outcome": "duplicate", "body": {"$..x": "nothing"}},
        {"outcome": "duplicate", "body": {"//x": {"contains": "nothing"}}},
        {"outcome": "rejected", "body": {"$": {"absent": True}}},
        {"outcome": "failed", "text": {"contains": "nothing"}},
        {"outcome": "delivered", "body": {"$": {"exists": True}}},
    ],
    "limits": {"timeout": "2s"},
}
"""Rules that look into every body; where it is text, none of them holds."""


def _answers(body: Callable[[], bytes], *codings: str) -> Play:
    made = cache(body)

    def play(connection: Connection) -> None:
        packed = made()
        coding = f"Content-Encoding: {', '.join(codings)}\r\n" if codings else ""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{coding}Content-Length: {len(packed)}\r\n\r\n"
        while connection.read():
            connection.send(head.encode() + packed)

    return play


PLAYED = (
    "json floats",
    "json lists",
    "json one integer",
    "json levels",
    "json chain",
    "xml elements",
    "xml attributes",
    "xml namespaces",
    "xml levels",
    "xml chain of texts",
    "xml attribute default",
    "xml entities",
)
"""The bodies that go all the way; `response/test_body_limits.py` reads the others too, at their full size."""
variants("body", {name.replace(" ", "-"): _answers(BODIES[name]) for name in PLAYED}, spec=PATHS, ways=("ours",))

_ONE = b'{"x":1}'
_EMPTY = gzip.compress(b"", mtime=0)
PACKED: dict[str, Play] = {
    "gzip": _answers(lambda: gzip.compress(_ONE), "gzip"),
    "gzip-members": _answers(lambda: gzip.compress(_ONE[:3]) + _EMPTY * 500 + gzip.compress(_ONE[3:]), "gzip"),
    "gzip-empty-members": _answers(lambda: gzip.compress(_ONE) + _EMPTY * 400_000, "gzip"),
    "gzip-bomb": _answers(lambda: gzip.compress(bytes(30_000_000)), "gzip"),
    "gzip-bomb-twice": _answers(lambda: gzip.compress(gzip.compress(bytes(30_000_000))), "gzip", "gzip"),
    "deflate": _answers(lambda: zlib.compress(_ONE), "deflate"),
    "deflate-bomb": _answers(lambda: zlib.compress(bytes(30_000_000)), "deflate"),
    "six-codings": _answers(lambda: gzip.compress(_ONE), *["gzip"] * 6),
}
variants("packed", PACKED, spec=PATHS, ways=("ours",))
