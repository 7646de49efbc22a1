"""Keeps who a sandbox was sent between its runs, as keyed digests: a partner remembers, too."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import orjson

MOST = 200_000
"""People remembered; the oldest are forgotten first."""


def recall(path: Path, key: bytes) -> dict[bytes, str | None]:
    """Return digest of identity to the reference it was given; nothing where there is no memory made with this key."""
    try:
        data = orjson.loads(path.read_bytes())
        known = data["known"] if data["key"] == _id_of(key) else {}
        return {bytes.fromhex(digest): value for digest, value in known.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def remember(path: Path, known: dict[bytes, str | None], key: bytes) -> None:
    """Write it, all or nothing; a memory that cannot be written is lost, which harms nobody."""
    kept = dict(list(known.items())[-MOST:])
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            people = {digest.hex(): value for digest, value in kept.items()}
            stream.write(orjson.dumps({"key": _id_of(key), "known": people}))
        Path(name).replace(path)


def _id_of(key: bytes) -> str:
    return blake2b(b"sandbox", key=key, digest_size=8).hexdigest()
