"""A file is written whole beside its target, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.atomic_write import write_draft


def test_a_draft_is_whole_private_and_beside_its_target(tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    target.write_text("before")
    draft = write_draft(target, lambda stream: stream.write("Zoë\r\n\ud83d"))
    assert target.read_text() == "before"
    assert (draft.parent, draft.stat().st_mode & 0o777) == (tmp_path, 0o600)
    assert draft.read_bytes() == "Zoë\r\n?".encode()


def test_what_fails_leaves_no_draft(tmp_path: Path) -> None:
    def fail(stream: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_draft(tmp_path / "report.csv", fail)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="gone"):
        write_draft(tmp_path / "gone" / "report.csv", lambda stream: None)
