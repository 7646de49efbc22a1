"""Reads files whole that an operator names."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from rokt_export.errors import NO_FILE


def read_whole(path: Path, most: int) -> bytes:
    """Return the content of a file or a pipe; of one with more than `most` bytes, the first `most` + 1.

    Raises:
        OSError: it cannot be read, or is a device, which may have no end.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    with path.open("rb") as stream:
        return stream.read(most + 1)
