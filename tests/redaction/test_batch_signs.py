"""What texts that are looked at together may hold: dates, hashes, base64, hexadecimal."""

from __future__ import annotations

from pathlib import Path

from rokt_export.redaction.batch_signs import TextSign, signs_in


def test_the_end_of_one_row_and_the_beginning_of_the_next_are_no_date() -> None:
    assert TextSign.DATE not in signs_in("7-1234\n45-1979\n28-1980")


def test_signs_in_random_identifiers_take_little_memory() -> None:
    texts = [
        "\n".join(f"{(number * 64 + row) * 0x9E3779B97F4A7C15 % 2**96:024x}" for row in range(64))
        for number in range(300)
    ]
    signs_in(texts[0])
    before = _resident()
    for text in texts:
        assert TextSign.HASH in signs_in(text)
    assert _resident() - before < 4_000_000  # together, the expressions took 60 MB


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
