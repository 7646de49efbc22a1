"""What a worker of a cluster must have in common with the process that drives a run, and what is said otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from commands.conftest import spec_text

from rokt_export.delivery.cluster_workers import (
    WorkerAnswer,
    WorkerQuestion,
    answer_of,
    check_alike,
    check_files,
    own_journal,
    told_of_clocks,
    with_own_secrets,
)
from rokt_export.delivery.plan import FileRows, Pace, Plan
from rokt_export.errors import ConfigurationError, JournalError, RoktExportError, TransactionsError, UnreachableError
from rokt_export.journal import Journal
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.transactions.files import FileStamp

pytest.importorskip("distributed")
WORKER = "tcp://192.0.2.7:1"
OWN = WorkerAnswer({"rokt-export": "1.0", "Python": "3.11"}, 1, {"ACME_KEY": "d1"}, "journal-1", "key-1")


def test_a_worker_that_has_the_same_is_taken() -> None:
    check_alike(replace(OWN, threads=4), OWN, WORKER)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"versions": {"rokt-export": "0.9", "Python": "3.11"}}, UnreachableError, "rokt-export 0.9 instead of 1.0"),
        ({"variables": {}}, ConfigurationError, "lacks ACME_KEY in its environment"),
        ({"variables": {"ACME_KEY": "d2"}}, ConfigurationError, "another value of ACME_KEY"),
        ({"fault": "no rights"}, JournalError, "cannot use the journal: no rights"),
        ({"journal": "journal-2"}, JournalError, "another journal at the same address"),
        ({"key": "key-2"}, JournalError, "another key of the journal's digests"),
    ],
)
def test_what_a_worker_has_otherwise_is_named(changes: dict[str, Any], kind: type[RoktExportError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        check_alike(replace(OWN, **changes), OWN, WORKER)
    assert (caught.value.where, bool(caught.value.remedy)) == (WORKER, True)


def test_files_are_compared_by_bytes_with_this_machine_and_by_times_among_the_workers() -> None:
    here = FileStamp("/rows.csv", 10, 5, (1, 1))
    copy, longer = replace(here, mtime_ns=7, inode=(2, 2)), replace(here, size=11)

    def compared(*seen: FileStamp | str | None) -> str:
        found = {
            f"w{number}": replace(OWN, files={} if one is here else {here.path: one}) for number, one in enumerate(seen)
        }
        try:
            check_files(found, [here])
        except TransactionsError as error:
            return str(error)
        return ""

    assert compared(here, here) == compared(copy, copy) == ""
    assert compared(copy, here).startswith("w0: this worker sees another file at /rows.csv: of the same size")
    assert compared(copy, replace(copy, mtime_ns=8)).startswith("w1: this worker sees another file")
    assert compared(longer, longer).endswith("11 bytes instead of 10")
    assert compared(here, None) == "w1: this worker does not find the file /rows.csv"
    assert compared(here, "s3://x: refused") == "w1: this worker cannot look at a file: s3://x: refused"


def test_clocks_are_compared_with_the_moments_of_question_and_answer() -> None:
    def told(*clocks: float) -> list[str]:
        found = {f"w{number}": replace(OWN, clock=clock) for number, clock in enumerate(clocks)}
        return [words.partition(". ")[0] for words in told_of_clocks(found, 1000.0, 1030.0)]

    assert told(996.0, 1000.0, 1015.0, 1034.0) == []
    assert told(995.0, 1035.0, 1000.0) == ["clocks differ from this machine's: w0 is 5 s behind, w1 is 5 s ahead"]
    assert told(*[9999.0] * 5)[0].endswith("w2 is 8,969 s ahead, and 2 more")


def test_a_worker_without_the_program_is_told_what_to_install() -> None:
    with pytest.raises(UnreachableError, match="cannot run rokt-export") as caught:
        check_alike(ModuleNotFoundError("No module named 'rokt_export'"), OWN, WORKER)
    assert "pip install" in str(caught.value.remedy)


def test_values_are_compared_by_digests_of_one_question_alone(tmp_path: Any) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:

        def answered(nonce: bytes, **variables: str) -> WorkerAnswer:
            return answer_of(WorkerQuestion(nonce, ("ACME_KEY",), str(journal.place), False), variables, journal)

        one = answered(b"1", ACME_KEY="s3cret", OTHER="x")
        assert one == answered(b"1", ACME_KEY="s3cret")
        assert list(one.variables) == ["ACME_KEY"] and "s3cret" not in str(one)
        assert one.variables != answered(b"2", ACME_KEY="s3cret").variables
        assert one.variables != answered(b"1", ACME_KEY="other").variables
        assert (one.journal, one.key) == (journal.id, None)


def test_a_password_of_this_machine_belongs_to_the_same_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("ROKT_EXPORT_JOURNAL", "postgresql://jane:hunter2@db/x")
    assert own_journal("postgresql+psycopg://jane@db/x") == "postgresql://jane:hunter2@db/x"
    assert own_journal("postgresql+psycopg://jane@elsewhere/x") == "postgresql+psycopg://jane@elsewhere/x"


def test_secrets_that_were_not_sent_along_are_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = read_spec(parse("acme.yaml", spec_text("https://example.com"))).spec
    plan = Plan(spec, "staging", {"ACME_KEY": ""}, FileRows(("rows.csv",)), Pace(), "journal.sqlite", b"")
    monkeypatch.setenv("ACME_KEY", "s3cret")
    own = with_own_secrets(plan, "run-1", WORKER)
    assert own.variables == {"ACME_KEY": "s3cret"}
    assert own.redaction_key == with_own_secrets(plan, "run-1", WORKER).redaction_key
    assert own.redaction_key != with_own_secrets(plan, "run-2", WORKER).redaction_key
    sent = replace(plan, redaction_key=b"key")
    assert with_own_secrets(sent, "run-1", WORKER) is sent
    monkeypatch.delenv("ACME_KEY")
    with pytest.raises(ConfigurationError, match="lacks ACME_KEY"):
        with_own_secrets(plan, "run-1", WORKER)
