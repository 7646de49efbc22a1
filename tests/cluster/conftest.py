"""A scheduler with two workers, a journal on a server, and a partner whose own count is the judge."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import CommandLine, Heard, Partner, cli, partner
from machines import KEY, Machines, database

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal

__all__ = ["cli", "partner"]  # fixtures of the command line, for tests here too

VARIABLES = {"ROKT_EXPORT_KEY": KEY, "ACME_KEY": "open-sesame-91", "ACME_SECRET": "s3cret-of-acme"}
UNKNOWN = OutcomeKind.UNKNOWN
PATIENCE = 180.0

SPEC = """\
spec_version: 1
partner: acme
documentation: https://example.com/api
contact: {{name: Jane Doe}}
endpoint:
  staging: "{url}/leads"
  production: "{url}/production/leads"
authentication: {authentication}
encoding: json
parameters:
  - {{name: ref, attribute: transactionid, required: true}}
  - {{name: email, attribute: email, required: true}}
  - {{name: name, attribute: firstname}}
responses:
  - {{outcome: duplicate, status: 409}}
  - {{outcome: delivered, status: 2xx, capture: {{reference: $.id}}}}
  - {{outcome: rejected, status: 4xx, capture: {{reason: $.message}}}}
limits: {{timeout: 20s, connect_timeout: 5s, concurrency: 8}}
"""


@pytest.fixture(scope="session")
def shared_machines(tmp_path_factory: pytest.TempPathFactory, s3: Any) -> Iterator[Machines]:
    machines = Machines(tmp_path_factory.mktemp("machines"), VARIABLES)
    yield machines
    machines.close()


@pytest.fixture
def machines(shared_machines: Machines) -> Machines:
    """A scheduler with two workers."""
    shared_machines.ready(2)
    return shared_machines


@pytest.fixture
def server(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty journal on a server, which this process uses too."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with database() as url:
        monkeypatch.setenv("ROKT_EXPORT_JOURNAL", url)
        yield url


@pytest.fixture(autouse=True)
def _small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of a few rows be divided too."""
    monkeypatch.setattr("rokt_export.commands.cluster._SMALLEST", 1500)


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    partner.answer = by_ref
    return write_spec(cli, partner)


def write_spec(cli: CommandLine, partner: Partner, authentication: str = "none") -> Path:
    return cli.write("acme.yaml", SPEC.format(url=partner.url, authentication=authentication))


def name_of(row: int) -> str:
    return f"tx{row:06d}"


def person(row: int) -> str:
    return f"{name_of(row)},jane.doe.{row}@example.com,Jane\n"


def write_rows(cli: CommandLine, name: str, first: int, last: int) -> Path:
    return cli.write(name, "transactionid,email,firstname\n" + "".join(map(person, range(first, last + 1))))


def ref(heard: Heard) -> int:
    return int(json.loads(heard.body)["ref"][2:])


def refs(partner: Partner) -> Counter[int]:
    """Row to how often the partner received it."""
    return Counter(map(ref, list(partner.heard)))


def by_ref(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """Answer each row in a way of its own, the same each time."""
    row = ref(heard)
    if row % 17 == 0:
        return 400, {}, b'{"message": "no consent"}'
    if row % 19 == 0:
        return 409, {}, b"{}"
    return 200, {}, json.dumps({"id": f"c{row}"}).encode()


def at(
    times: int, act: Callable[[], None] = lambda: None, *, then: float = 0.01
) -> Callable[[Heard], tuple[int, dict[str, str], bytes]]:
    """Answer like `by_ref`, and do something once, when the partner has received so many requests.

    Args:
        times: how many.
        act: what to do.
        then: seconds that each later answer takes: with half a second, 260 rows outlast whatever is to stop them.
    """
    lock, count = threading.Lock(), Counter[str]()

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        with lock:
            count["received"] += 1
            now = count["received"]
        if now == times:
            act()
        time.sleep(then if now > times else 0.01)
        return by_ref(heard)

    return answer


def outcomes(place: str, run: str = "last") -> dict[int, OutcomeKind]:
    """Row to outcome, as the journal has them."""
    with Journal.open(place) as journal:
        return {int(one.transaction[2:]): one.outcome for one in journal.deliveries(journal.find(run).run)}


def judge(partner: Partner, place: str, rows: int) -> set[int]:
    """Check that no row is lost, and that only uncertain ones were received and not answered; return these."""
    found, received = outcomes(place), refs(partner)
    assert found.keys() == set(range(1, rows + 1))
    assert received.keys() <= found.keys()
    unknown = {row for row, outcome in found.items() if outcome is UNKNOWN}
    assert found.keys() - unknown <= received.keys()
    assert {row for row, times in received.items() if times > 1} == set()
    return unknown
