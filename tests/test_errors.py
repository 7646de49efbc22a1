"""Errors with their place, and suggestions where a word is near."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.errors import ExitStatus, JournalError, RoktExportError, UsageError, did_you_mean, near_file, nearest


def test_an_error_says_where_before_what() -> None:
    assert str(RoktExportError("no such column", where="rows.csv:1")) == "rows.csv:1: no such column"
    assert str(RoktExportError("no such column")) == "no such column"


def test_an_interruption_outweighs_all_and_success_nothing() -> None:
    assert ExitStatus.most_severe() == ExitStatus.OK
    assert ExitStatus.most_severe(ExitStatus.OK, JournalError.exit_status, UsageError.exit_status) == ExitStatus.JOURNAL
    assert ExitStatus.most_severe(ExitStatus.INTERRUPTED, ExitStatus.WORKER) == ExitStatus.INTERRUPTED


@pytest.mark.parametrize(
    ("word", "found"),
    [("replya", ["replay"]), ("--REPLAY", ["replay"]), ("re", []), ("repl", ["replay"]), ("send", [])],
)
def test_a_word_is_near_to_one_with_a_wrong_letter_or_the_only_one_that_it_begins(word: str, found: list[str]) -> None:
    assert nearest(word, ["replay", "report"]) == found


def test_a_remedy_names_what_is_near() -> None:
    assert did_you_mean("--rat", ["--rate", "--count"]) == "Did you mean `--rate`?"
    assert did_you_mean("--output", ["--rate"]) is None


def test_a_suffix_in_common_makes_no_file_near(tmp_path: Path) -> None:
    (tmp_path / "few.csv").touch()
    assert near_file(tmp_path / "fwe.csv") == f"Did you mean {tmp_path / 'few.csv'}?"
    assert near_file(tmp_path / "journey.csv") is None
    assert near_file(tmp_path / "gone" / "few.csv") is None
