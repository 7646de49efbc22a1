"""A certification and its sign-offs stay with their run, also through a purge, and older journals take them."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from journal_samples import begin, settled
from machines import needs_postgres
from msgspec.structs import replace

from rokt_export.errors import JournalError
from rokt_export.journal import Journal, RunState
from rokt_export.journal.certifications import (
    CertificationSummary,
    CertifiedProbe,
    CertifiedRecord,
    RecordAnswer,
    SignOff,
)

CERTIFICATE = CertificationSummary(
    "d" * 64,
    "a" * 64,
    "staging",
    False,
    {"parameters": "b" * 64},
    (CertifiedProbe("P1", "a good transaction", "as expected"),),
    (CertifiedRecord("R1", "a good transaction", "delivered"),),
    {"Q1": "How long?"},
)
SIGNED = SignOff(
    "2026-11-30T09:00:00.000Z",
    "John Smith",
    "2026-11-30",
    {"R1": RecordAnswer("differs", "shown as jane.doe@example.com")},
    {"Q1": "ask jane.doe@example.com"},
    {},
)


def certified(journal: Journal, **changes) -> str:
    writer = begin(journal, command="certify", **changes)
    writer.settle([settled(1)])
    writer.end(RunState.FINISHED, 0)
    journal.certify(writer.run, CERTIFICATE)
    return writer.run


def test_the_last_sign_off_comes_last_and_the_same_is_kept_once(journal):
    run = certified(journal)
    assert journal.certification(run) == (CERTIFICATE, [])
    again = replace(SIGNED, at="2026-12-01T09:00:00.000Z")
    other = replace(SIGNED, name="Jane Doe")
    assert journal.sign(run, SIGNED) == [SIGNED]
    assert journal.sign(run, again) == [SIGNED]
    assert journal.sign(run, other) == [SIGNED, other]
    assert journal.sign(run, SIGNED) == [SIGNED, other]  # read again, it overrides nothing
    assert journal.certification(run) == (CERTIFICATE, [SIGNED, other])


def test_the_certifications_of_a_partner_are_the_newest_first(journal):
    first, second = certified(journal), certified(journal)
    certified(journal, partner="other")
    begin(journal)
    journal.sign(first, SIGNED)
    assert journal.certifications("acme") == [(second, CERTIFICATE, []), (first, CERTIFICATE, [SIGNED])]
    assert journal.certification("last") is None


def test_a_purge_keeps_who_signed_and_what_was_found_but_no_words(place):
    with Journal.open(place) as journal:
        run = certified(journal)
        journal.sign(run, SIGNED)
        journal.purge(run)
        kept = replace(SIGNED, records={"R1": RecordAnswer("differs")}, questions={"Q1": "(purged)"})
        assert journal.certification(run) == (CERTIFICATE, [kept])
    assert all(b"jane.doe" not in file.read_bytes() for file in place.parent.iterdir())
    with Journal.open(place) as journal:
        journal.purge(run, remove=True)
        assert journal.certifications("acme") == []
        assert journal.runs() == []


def test_a_journal_of_the_first_version_takes_a_certification(place, monkeypatch):
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(place.parent / "key"))
    place.parent.mkdir()
    with sqlite3.connect(place) as old:
        old.executescript((Path(__file__).parent / "data" / "journal_v1.sql").read_text())
    with Journal.open(place) as journal:
        assert journal.certifications("acme") == []
        run = certified(journal)
        assert journal.sign(run, SIGNED) == [SIGNED]


def test_a_running_certification_is_not_signed(journal):
    writer = begin(journal, command="certify")
    with pytest.raises(JournalError, match="still running"):
        journal.sign(writer.run, SIGNED)


@needs_postgres
def test_a_server_keeps_it_as_a_file_does(monkeypatch):
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    with Journal.open(os.environ["ROKT_EXPORT_TEST_POSTGRES"]) as journal:
        run = certified(journal, partner="certified-here")
        journal.sign(run, SIGNED)
        journal.sign(run, replace(SIGNED, name="Jane Doe"))
        ((found, certificate, signs),) = journal.certifications("certified-here")
        assert (found, certificate, [each.name for each in signs]) == (run, CERTIFICATE, ["John Smith", "Jane Doe"])
        journal.purge(run)
        assert journal.certification(run)[1][0].records["R1"].note == ""
        journal.purge(run, remove=True)
