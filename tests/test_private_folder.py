"""Folders that are made are their owner's alone, also those above them."""

from __future__ import annotations

import os
from pathlib import Path

from rokt_export.private_folder import make_private


def test_each_folder_that_is_made_is_private_and_others_are_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "state" / "rokt-export" / "journals"
    previous = os.umask(0)
    try:
        make_private(folder)
        make_private(folder)
    finally:
        os.umask(previous)
    made = (folder, folder.parent, folder.parent.parent, tmp_path)
    assert [each.stat().st_mode & 0o777 for each in made] == [0o700, 0o700, 0o700, 0o755]
