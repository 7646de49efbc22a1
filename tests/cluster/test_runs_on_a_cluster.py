"""`replay --cluster`: real schedulers, workers and servers, some of which die; the partner's own count is the judge.

Covers `commands/cluster.py`, `delivery/cluster.py`, `delivery/cluster_run.py` and `delivery/cluster_task.py`.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest
from commands.conftest import CommandLine, Heard, Partner, clear, interrupt, spec_text, wait_for
from commands.started import Started
from distributed import Client, Scheduler, Worker
from machines import Machines, PostgresServer, Process, go_on, needs_postgres, stop

from cluster.conftest import (
    PATIENCE,
    UNKNOWN,
    VARIABLES,
    at,
    by_ref,
    judge,
    name_of,
    outcomes,
    person,
    ref,
    refs,
    write_rows,
    write_spec,
)
from rokt_export.delivery.cluster import Cluster
from rokt_export.journal import Journal

pytestmark = needs_postgres


def told(place: str) -> list[tuple[Any, ...]]:
    """What the journal keeps of each row, but for times."""
    with Journal.open(place) as journal:
        return [
            (one.row, one.transaction, one.outcome, one.status, one.rule, one.reason, one.reference, one.attempts)
            for one in journal.deliveries(journal.find("last").run)
        ]


def many_files(cli: CommandLine) -> list[str]:
    """Files of several kinds, with what is hard to divide in them: 400 rows, some of which cannot be sent."""
    write_rows(cli, "a-1.csv", 1, 100)
    zipped = "transactionid,email,firstname\n" + "".join(map(person, range(101, 151)))
    cli.write("b-2.csv.gz", gzip.compress(zipped.encode(), 0))
    lines = [{"transactionid": name_of(row), "email": f"jane.doe.{row}@example.com"} for row in range(151, 201)]
    cli.write("c-3.ndjson", "".join(json.dumps(each) + "\n" for each in lines))
    quoted = [f'{name_of(row)},jane.doe.{row}@example.com,"Jane\n{name_of(row)},x\nDoe"\n' for row in range(201, 300)]
    cli.write("d-4.csv", "transactionid,email,firstname\n" + "".join(quoted) + f"{name_of(300)},,Jane\n")
    write_rows(cli, "e-5.csv", 301, 400)
    return ["a-1.csv", "[b-d]-*", "e-5.csv"]


def test_a_run_on_a_cluster_is_as_a_run_in_one_process(cli, partner, spec, machines, server):
    files = many_files(cli)
    shown = cli("replay", spec, *files, "--cluster", machines.address, "--output", "json")
    assert shown.status == 1, shown.err
    assert f"on 2 workers of {machines.address}" in shown.err
    assert "b-2.csv.gz cannot be divided among workers" in shown.err
    rows = told(server)
    received = sorted(heard.body for heard in partner.heard)
    partner.heard.clear()
    alone = cli("replay", spec, *files, "--output", "json")
    assert alone.status == 1, alone.err
    assert rows == told(server)
    assert received == sorted(heard.body for heard in partner.heard)
    assert shown.json["counts"] == alone.json["counts"]
    plain = [[{**each, "latency_ms": 0, "started": 0} for each in one.json["deliveries"]] for one in (shown, alone)]
    assert plain[0] == plain[1]

    def profiles(dask_worker: Worker) -> bool:
        return bool(dask_worker.periodic_callbacks["profile"].is_running())

    with Client(machines.address, set_as_default=False) as client:
        assert False in client.run(profiles).values()  # its memory would grow for an hour


def test_dasks_own_cluster_does_with_a_journal_in_a_file(cli, partner, spec):
    write_rows(cli, "rows.csv", 1, 100)
    with cli.start("replay", spec, "rows.csv", "--cluster", "local:2", "--quiet") as running:
        errors = running.communicate(timeout=PATIENCE)[1]
    assert running.returncode == 1, errors
    assert errors == ""
    assert judge(partner, str(cli.journal), 100) == set()


def test_the_files_of_a_storage_are_sent(cli, partner, machines, server):
    spec = cli.write("acme.yaml", spec_text(partner.url).replace("limits: {", "limits: {rate: [50/s, 200/10s], "))
    shown = cli("replay", spec, "s3://rows/2026/*.csv.gz", "--cluster", machines.address, "--output", "json")
    assert shown.status == 0, shown.err
    assert "at most 50/s and 200/10 s (kept as an even 20/s)" in shown.err
    sent = [f"{name}.doe.{month}@example.com" for month in (1, 2, 10) for name in ("jane", "john")]
    assert sorted(json.loads(each.body)["email"] for each in partner.heard) == sorted(sent)
    clear(cli("replay", spec, "s3://no-bucket/2026/*.csv.gz", "--cluster", machines.address), 3, "s3://no-bucket/2026")
    assert len(partner.heard) == len(sent)


def test_the_rows_of_workers_that_are_killed_go_to_another(cli, partner, spec, machines, server):
    write_rows(cli, "rows.csv", 1, 300)

    def kill_both() -> None:
        for worker in machines.workers:
            worker.kill()
        machines.worker(wait=False)

    partner.answer = at(40, kill_both)
    guarded = ("-e", "production", "--confirm", "acme", "--concurrency", "8", "--cluster", machines.address)
    shown = cli("replay", spec, "rows.csv", *guarded)
    assert shown.status == 1, shown.err
    assert "a worker died or was cut off" in shown.err
    unknown = judge(partner, server, 300)
    assert 0 < len(unknown) <= 8 + 2 * 64
    received = len(partner.heard)
    again = cli("replay", spec, "rows.csv", *guarded, "--output", "json")
    assert again.json["deliveries"] == [], again.err  # the ledger of all runs has a say
    assert len(partner.heard) == received


def judge_part(partner: Partner, place: str) -> set[int]:
    """Check that only rows are listed that were sent, once, or are `unknown`; return these."""
    found, received = outcomes(place), refs(partner)
    unknown = {row for row, outcome in found.items() if outcome is UNKNOWN}
    assert found.keys() - unknown <= received.keys() <= found.keys()
    assert set(received.values()) == {1}
    return unknown


def give_up(machines: Machines, workers: Sequence[Process]) -> None:
    """Let the scheduler give up workers, as it does after minutes of silence."""
    names = [worker.said(r"Start worker at: +(\S+)")[1] for worker in workers]

    async def remove(dask_scheduler: Scheduler) -> None:
        for name in names:
            await dask_scheduler.remove_worker(name, stimulus_id="silence")

    with Client(machines.address, set_as_default=False) as client:
        client.run_on_scheduler(remove)


def test_workers_that_stood_still_send_nothing_once_another_has_their_rows(cli, partner, spec, machines, server):
    write_rows(cli, "rows.csv", 1, 300)
    stopped = list(machines.workers)

    def stand_still() -> None:
        for worker in stopped:
            stop(worker)
        machines.worker(wait=False)
        threading.Thread(target=give_up, args=(machines, stopped), daemon=True).start()

    partner.answer = at(40, stand_still)

    def go_on_once_another_has_their_rows() -> None:
        wait_for(lambda: 300 in refs(partner), PATIENCE)
        for worker in stopped:
            go_on(worker)

    helper = threading.Thread(target=go_on_once_another_has_their_rows, daemon=True)
    helper.start()
    shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
    assert shown.status == 1, shown.err
    assert "a worker died or was cut off" in shown.err
    helper.join(PATIENCE)
    time.sleep(1.0)  # the workers run again, and may not send
    assert len(judge(partner, server, 300)) <= 8 + 2 * 64  # answers that waited for them count
    for worker in stopped:  # the scheduler has told them to leave
        worker.end()


def test_what_a_worker_got_that_wakes_after_the_end_of_its_run_counts(
    cli, partner, spec, machines, server, monkeypatch
):
    monkeypatch.setattr("rokt_export.delivery.cluster_run._SILENT", 0.5)
    machines.ready(1)
    (worker,) = machines.workers
    write_rows(cli, "rows.csv", 1, 300)
    partner.answer = at(40, lambda: stop(worker))
    shown = cli("replay", spec, "rows.csv", "--cluster", machines.address, "--patience", "1s")
    clear(shown, 6, "the cluster has no worker any more", "go on with: rokt-export runs resume ")
    unknown = Counter(outcomes(server).values())[UNKNOWN]
    assert unknown > 0
    go_on(worker)
    wait_for(lambda: Counter(outcomes(server).values())[UNKNOWN] < unknown, PATIENCE)
    time.sleep(0.5)  # it may not send
    assert len(judge_part(partner, server)) < unknown
    verified = cli("runs", "verify", "last")
    assert verified.status == 0, verified.out


def test_a_worker_that_does_not_answer_before_the_run_is_left_out(cli, partner, spec, machines, server, monkeypatch):
    monkeypatch.setattr("rokt_export.delivery.cluster._ANSWER", 3.0)  # its first answer imports the program
    write_rows(cli, "rows.csv", 1, 20)
    first, second = machines.workers
    stop(first)
    try:
        shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
        assert shown.status == 1, shown.err
        name = first.said(r"Start worker at: +(\S+)")[1]
        assert f"worker {name} does not answer within 3 s: this run leaves it out" in shown.err
        assert f"on 1 worker of {machines.address}" in shown.err
        assert judge(partner, server, 20) == set()
        stop(second)
        shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
        clear(shown, 4, machines.address, "no worker of the cluster answers within 3 s", "Nothing was sent")
        assert len(partner.heard) == 20
    finally:
        go_on(first)
        go_on(second)


def test_what_a_busy_worker_does_not_begin_goes_to_another(cli, partner, spec, machines, server, monkeypatch):
    monkeypatch.setattr("rokt_export.delivery.cluster_run._BEGIN", 0.3)
    monkeypatch.setattr("rokt_export.delivery.cluster_run._WATCH_EVERY", 0.2)
    busy = machines.workers[0]
    name = busy.said(r"Start worker at: +(\S+)")[1]
    began, chosen = cli.folder / "began", Cluster._chosen

    def queued_behind_it(cluster: Cluster, avoided: Collection[str]) -> list[str] | None:
        return chosen(cluster, avoided) if avoided else [name]

    monkeypatch.setattr(Cluster, "_chosen", queued_behind_it)
    with Client(machines.address, set_as_default=False) as client:
        ended = client.submit(lambda: (began.touch(), time.sleep(PATIENCE)), workers=[name], pure=False)
        wait_for(began.exists, PATIENCE)
        ended.cancel()  # the scheduler forgets it, the worker does not
        write_rows(cli, "rows.csv", 1, 100)
        shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
    busy.end()
    assert shown.status == 1, shown.err
    assert f"worker {name} " in shown.err  # of half a second it is not known whether it answers
    assert ", which it has not begun, goes to another" in shown.err
    assert judge(partner, server, 100) == set()


def test_a_scheduler_that_is_killed_ends_the_run_which_another_takes_up(cli, partner, spec, machines, server):
    write_rows(cli, "rows.csv", 1, 300)
    machines.ready(2)
    assert machines.scheduler is not None
    partner.answer = at(40, machines.scheduler.kill, then=0.5)
    shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
    clear(shown, 6, "scheduler went away", "go on with: rokt-export runs resume ")
    received = len(partner.heard)
    time.sleep(1.0)
    assert len(partner.heard) == received < 300
    machines.ready(0)
    partner.answer = by_ref
    flags = ("--resume", "last", "--cluster", machines.address)
    clear(cli("replay", spec, *flags), 4, "the cluster has no worker", "dask worker")
    machines.ready(2)
    assert cli("replay", spec, *flags).status == 1
    judge(partner, server, 300)


def test_a_database_that_is_killed_and_returns_loses_nothing(cli, partner, spec, machines, monkeypatch):
    database = PostgresServer()
    try:
        for name, value in {**VARIABLES, "ROKT_EXPORT_JOURNAL": database.url}.items():
            monkeypatch.setenv(name, value)
        write_rows(cli, "rows.csv", 1, 300)

        def kill_and_start() -> None:
            database.kill()
            threading.Timer(1.0, database.start).start()

        partner.answer = at(40, kill_and_start, then=0.1)
        shown = cli("replay", spec, "rows.csv", "--cluster", machines.address)
        assert shown.status == 1, shown.err
        assert judge(partner, database.url, 300) == set()
    finally:
        database.close()


def write_large_rows(cli: CommandLine, last: int) -> None:
    """Rows with a long cell that is not sent, so that they make several partitions."""
    text = "x" * 16_000
    lines = (f"{person(row).rstrip()},{text}\n" for row in range(1, last + 1))
    cli.write("rows.csv", "transactionid,email,firstname,notes\n" + "".join(lines))


def wait_while(running: Started, condition: Callable[[], bool]) -> None:
    """Wait until something no longer holds; a process must not end before."""
    until = time.monotonic() + PATIENCE
    while condition():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("resumed_on", ["the cluster", "one machine"])
def test_a_run_whose_driver_is_killed_is_taken_up(cli, partner, spec, machines, server, resumed_on):
    write_large_rows(cli, 300)
    partner.answer = at(40, then=0.5)
    with cli.start("replay", spec, "rows.csv", "--cluster", machines.address) as running:
        wait_while(running, lambda: len(partner.heard) < 40)
        running.kill()
    partner.answer = by_ref
    flags = () if resumed_on == "the cluster" else ("--workers", "1")
    shown = cli("replay", spec, "--resume", "last", *flags)
    assert shown.status == 1, shown.err
    assert ("workers of tcp://" in shown.err) is (resumed_on == "the cluster")
    assert len(judge(partner, server, 300)) <= 8 + 2 * 64


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_ctrl_c_stops_all_workers_and_the_run_is_taken_up(cli, partner, spec, machines, server, times):
    write_large_rows(cli, 300)
    held = threading.Event()
    partner.answer = at(40, then=0.5) if times == 1 else lambda heard: (held.wait(PATIENCE), by_ref(heard))[1]
    flags = ("--cluster", machines.address, "--no-first-row-check")
    with cli.start("replay", spec, "rows.csv", *flags) as running:
        wait_while(running, lambda: len(partner.heard) < (40 if times == 1 else 8))
        interrupt(running)
        if times == 2:
            time.sleep(0.5)
            assert running.poll() is None  # it waits for responses
            interrupt(running)
        errors = running.communicate(timeout=PATIENCE)[1]
    assert running.returncode == 130, errors
    assert "runs resume" in errors
    assert len(partner.heard) < 300
    held.set()
    partner.answer = by_ref
    unknown = {row for row, outcome in outcomes(server).items() if outcome is UNKNOWN}
    assert len(unknown) == (0 if times == 1 else 8)
    assert cli("replay", spec, "--resume", "last", "--cluster", machines.address).status == 1
    assert judge(partner, server, 300) == unknown


def test_the_first_row_goes_alone_in_the_whole_cluster(cli, partner, spec, machines, server):
    write_rows(cli, "rows.csv", 1, 300)
    partner.answer = lambda _heard: (401, {}, b"{}")
    on_cluster = cli("replay", spec, "rows.csv", "--cluster", machines.address)
    assert len(partner.heard) == 1
    alone = cli("replay", spec, "rows.csv")
    assert on_cluster.status == alone.status != 0, on_cluster.err
    assert len(partner.heard) == 2


def test_a_stop_rule_counts_over_the_whole_cluster(cli, partner, spec, machines, server):
    """Five rows of each file are refused: no worker alone sees six."""
    write_rows(cli, "a.csv", 1, 200)
    write_rows(cli, "b.csv", 201, 400)
    partner.answer = lambda heard: (200 if ref(heard) % 40 else 400, {}, b"{}")
    partner.delay = 0.05
    shown = cli("replay", spec, "a.csv", "b.csv", "--cluster", machines.address, "--stop-after", "6")
    assert shown.status == 1, shown.err
    assert "stopped: " in shown.err
    assert sum(row % 40 == 0 for row in refs(partner)) >= 6
    assert len(outcomes(server)) == len(partner.heard)


def test_each_worker_fetches_a_token_and_keeps_it(cli, partner, machines, server):
    tokens = Counter[str]()

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        given = dict(heard.headers).get("Authorization", "")
        if heard.target == "/token":
            assert given == f"Basic {b64encode(b'me:s3cret-of-acme').decode()}"
            tokens["fetched"] += 1
            return 200, {}, json.dumps({"access_token": f"token-{tokens['fetched']}", "expires_in": 3600}).encode()
        return (200, {}, b"{}") if given.startswith("Bearer token-") else (401, {}, b"{}")

    partner.answer = answer
    write_rows(cli, "rows.csv", 1, 200)
    secret = "'{{ env.ACME_SECRET }}'"
    oauth = f"{{type: oauth2, token_url: '{partner.url}/token', client_id: me, client_secret: {secret}}}"
    shown = cli("replay", write_spec(cli, partner, oauth), "rows.csv", "--cluster", machines.address)
    assert shown.status == 0, shown.err
    assert 1 <= tokens["fetched"] <= 2
    assert len(partner.heard) == 200 + tokens["fetched"]


def test_a_rate_holds_for_the_whole_cluster(cli, partner, spec, machines, server):
    write_rows(cli, "rows.csv", 1, 101)
    times: list[float] = []

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        times.append(time.monotonic())
        return 200, {}, b"{}"

    partner.answer = answer
    shown = cli("replay", spec, "rows.csv", "--cluster", machines.address, "--rate", "40/s")
    assert shown.status == 0, shown.err
    assert len(times) == 101
    assert max(times) - min(times) >= 100 / 40 / 1.05


def test_files_that_are_not_like_the_others_are_named_before_a_guarded_send(cli, partner, spec, machines, server):
    write_rows(cli, "a.csv", 1, 20)
    cli.write("b.csv", "transactionid,email,firstname\n")
    cli.write("c.csv", f"transactionid,email\n{name_of(21)},jane.doe.21@example.com\n")
    guarded = ("-e", "production", "--confirm", "acme", "--cluster", machines.address)
    for _ in range(2):  # always the same one first
        clear(
            cli("replay", spec, "*.csv", *guarded),
            3,
            "b.csv",
            "1 more is like it",
            "Nothing was sent",
            "instead of a pattern",
        )
    assert partner.heard == []
    shown = cli("replay", spec, "a.csv", "b.csv", "c.csv", *guarded)
    assert shown.status in (0, 1), shown.err
    assert set(refs(partner)) == set(range(1, 22))


def test_a_file_that_changes_after_it_was_looked_at_is_not_sent_further(cli, partner, spec, machines, server):
    for number, name in enumerate(("a.csv", "b.csv", "c.csv")):
        last = write_rows(cli, name, 200 * number + 1, 200 * number + 200)

    def change() -> None:
        last.write_text(last.read_text().replace("Jane", "John"))

    # The first row of the run goes alone, so both workers are busy with the first two files.
    partner.answer = at(1, change)
    clear(cli("replay", spec, "*.csv", "--cluster", machines.address), 3, "c.csv", "changed", "read by worker tcp://")
    assert max(refs(partner)) <= 400
