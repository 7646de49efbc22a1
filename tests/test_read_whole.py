"""Files are read whole up to a limit, and devices not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.read_whole import read_whole


def test_one_byte_beyond_the_limit_is_read_so_that_it_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"12345")
    assert read_whole(file, 5) == b"12345"
    assert read_whole(file, 3) == b"1234"


def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="no file"):
        read_whole(Path("/dev/zero"), 5)
