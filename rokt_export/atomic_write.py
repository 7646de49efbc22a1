"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def write_draft(target: Path, write: Callable[[TextIO], object]) -> Path:
    """Write a file beside its target, complete and on the disk; `Path.replace` then gives it the target's name.

    The draft is readable by its owner alone (0600). What fails leaves no draft behind.

    Args:
        target: the file that the draft is to replace; its folder must exist.
        write: writes to a stream of UTF-8 that translates no line ends; what is no UTF-8 becomes `?`.

    Raises:
        OSError: the folder or the disk takes no more.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="", errors="replace") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)
