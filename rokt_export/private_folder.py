"""Makes folders that only their owner may look into."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder, and those of its parents that are missing, for its owner alone (0700).

    `Path.mkdir` gives its mode to the last folder only, and the parents that of the umask.

    Raises:
        OSError: one cannot be made.
    """
    for each in reversed([parent for parent in (folder, *folder.parents) if not parent.exists()]):
        each.mkdir(mode=0o700, exist_ok=True)
