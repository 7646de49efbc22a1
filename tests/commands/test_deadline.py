"""`--until` and `--max-duration`: a run stops as a stop rule stops it, and goes on with a resume."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from commands.conftest import clear
from commands.replays import people
from rokt_export.commands import deadline

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def noon(monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOON.astimezone(tz)

    monkeypatch.setattr(deadline, "datetime", Clock)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14:30", "2026-11-29T13:30"),  # Berlin is at 13:00
        ("06:00", "2026-11-30T05:00"),
        ("06:00:30", "2026-11-30T05:00:30"),
        ("06:00Z", "2026-11-30T06:00"),
        ("12:30 UTC", "2026-11-29T12:30"),
        ("12:30+02:00", "2026-11-30T10:30"),
        ("09:00 America/New_York", "2026-11-29T14:00"),
        ("2026-12-01T06:00", "2026-12-01T05:00"),
        ("2026-12-01T06:00+09:00", "2026-11-30T21:00"),
    ],
)
def test_a_time_is_the_next_of_its_zone(noon, text, moment):
    found = deadline.Deadline.of(text, None).until
    assert found is not None
    assert found.astimezone(UTC) == datetime.fromisoformat(f"{moment}+00:00")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--until", "25:00"], ("--until", "not a time", "06:00 Europe/Berlin")),
        (["--until", "6"], ("not a time",)),
        (["--until", "2026-01-31"], ("not a time",)),
        (["--until", "06:00 Mars"], ("`06:00 Mars` is not a time",)),
        (["--until", "2020-01-31T06:00Z"], ("has passed", "Name a time to come")),
        (["--max-duration", "soon"], ("--max-duration", "not a duration", "90m")),
        (["--max-duration", "0s"], ("not a duration",)),
    ],
)
def test_what_names_no_time_is_refused(cli, spec, rows, flags, words):
    clear(cli("replay", spec, rows, *flags), 2, *words)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_stops_when_its_time_is_over_and_goes_on(cli, spec, partner, workers):
    rows = cli.write("rows.csv", people(*range(1, 601)))
    partner.delay = 0.05
    done = cli("replay", spec, rows, "--concurrency", "2", "--workers", workers, "--max-duration", "1500ms")
    assert done.status == 1
    assert re.search(r"stops at \d\d:\d\d:\d\d CET, in [12] s", done.err)
    assert "stopped: the time that it may take is over" in done.out + done.err
    assert "go on with: rokt-export runs resume" in done.err
    sent = len(partner.heard)
    assert sent < 600
    assert sent or workers > 1  # on a busy machine two processes may not have begun
    counts = cli("runs", "list", "--output", "json").json[0]
    assert (counts["state"], counts["counts"]) == ("interrupted", {"delivered": sent} if sent else {})
    partner.delay = 0.0
    later = (datetime.now() + timedelta(hours=1)).strftime("%H:%M")
    resumed = cli("runs", "resume", "last", "--until", later)
    assert (resumed.status, len(partner.heard)) == (0, 600)
