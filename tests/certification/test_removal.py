"""Records are removed only if they are known to be ours, and what stays at the partner is named."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from typing import Any

import pytest
from commands.conftest import CommandLine, wait_for

from certification.certifying import ENV, certified, defects, of_kind, without_duplicates
from certification.crm import SPEC, Answer, Crm, serving


@pytest.mark.parametrize("presses", [1, 2])
def test_what_a_stop_leaves_at_the_partner_is_named(cli: CommandLine, presses: int) -> None:
    """Without `cleanup`, or after the second Ctrl-C, nothing is removed."""
    crm, free = Crm(), threading.Event()
    crm.answer = lambda answer: answer if len(crm.heard) < 4 else (free.wait(20), answer)[1]
    without = re.sub(r"cleanup: [^\n]*\n", "", SPEC) if presses == 1 else SPEC
    with serving(crm) as url:
        path = cli.write("acme.yaml", without.format(url=url))
        with cli.start("certify", path, env=ENV) as running:
            wait_for(lambda: len(crm.heard) >= 4)
            for _ in range(presses):
                running.send_signal(signal.SIGINT)
                time.sleep(0.2)
            free.set()
            _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "left at the partner, which must remove them: the test records of row 1 (L-1)" in err
    assert not any(line.startswith("DELETE") for line in crm.heard)
    assert "left at the partner" in cli("runs", "show", "last").out
    if presses == 2:
        assert "perhaps left at the partner: the test records of row" in err


def test_records_that_cannot_be_removed_are_named(cli: CommandLine) -> None:
    crm = Crm()
    crm.delete = lambda _path: (403, {})  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {"records-not-removed"}
    assert "R1: status 403" in of_kind(done, "cleanup")[0]["finding"]


def test_a_record_that_is_said_to_be_removed_is_read_again(cli: CommandLine) -> None:
    crm = Crm()
    crm.delete = lambda _path: (204, {})  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {"records-not-removed"}
    assert "says removed, and it is still there" in of_kind(done, "cleanup")[0]["finding"]
    assert {each["cleaned"] for each in done.json["certification"]["records"]} == {"not removed", ""}


def test_records_that_rows_share_are_counted_once(cli: CommandLine) -> None:
    crm = Crm(same=lambda _: object())
    first: dict[str, str] = {}

    def upsert(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        return status, {
            **answer,
            "id": first.setdefault(json.loads(body)["email"], answer["id"]),
        } if status == 201 else answer

    crm.post = upsert  # type: ignore[method-assign]
    done = certified(cli, crm, spec=lambda text: without_duplicates(text) + "idempotent: true\n")
    (cleanup,) = of_kind(done, "cleanup")
    assert re.fullmatch(r"\d+ removed, which \d+ rows made: some share one", cleanup["finding"]), cleanup


def test_a_record_of_another_person_is_not_removed(cli: CommandLine) -> None:
    crm = Crm(named=lambda _name: "REAL-1")
    crm.leads["REAL-1"] = {"email": "john.doe@example.com", "last_name": "Doe"}
    done = certified(cli, crm)
    assert defects(done) == {"answers-for-another"}
    assert not [each for each in crm.heard if each.startswith("DELETE")]
    assert "nothing was removed" in of_kind(done, "cleanup")[0]["finding"]


def test_a_record_of_somebody_else_is_never_removed(cli: CommandLine) -> None:
    """Only one response, whose record no probe reads back, names a record that was there before."""
    crm = Crm(
        leads={"L-0": {"email": "jane.doe@example.com", "last_name": "Doe", "first_name": "Jane", "zip": "10001"}}
    )

    def other(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        return status, {**answer, "id": "L-0"} if status == 201 and b"zip" not in body else answer

    crm.post = other  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert "L-0" in crm.leads
    assert defects(done) == {"answers-for-another"}
    assert "must stay" in of_kind(done, "cleanup")[0]["finding"]
    assert not any(line.startswith("DELETE") for line in crm.heard)
