"""Keeps who a sandbox was sent between its runs, as digests: a partner remembers, too."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import orjson

MOST = 200_000
"""People remembered; the oldest are forgotten first."""


def recall(path: Path) -> dict[bytes, str | None]:
    """Return digest of identity to the reference it was given; nothing where there is no such memory."""
    try:
        data = orjson.loads(path.read_bytes())
        return {bytes.fromhex(key): value for key, value in data.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def remember(path: Path, known: dict[bytes, str | None]) -> None:
    """Write it, all or nothing; a memory that cannot be written is lost, which harms nobody."""
    kept = dict(list(known.items())[-MOST:])
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(orjson.dumps({key.hex(): value for key, value in kept.items()}))
        Path(name).replace(path)
