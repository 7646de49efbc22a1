"""`replay --cluster` where something is not as it should be: said first, and nothing is sent."""

from __future__ import annotations

import os

import pytest
from commands.conftest import clear
from machines import needs_postgres
from sqlalchemy import create_engine, make_url

from cluster.conftest import VARIABLES, write_rows, write_spec
from rokt_export.journal import Journal

pytestmark = needs_postgres
TCP = "tcp://127.0.0.1:1"
"""Where no scheduler is."""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("rows.csv", "--cluster", TCP), 4, "tcp://127.0.0.1:1: the scheduler cannot be reached"),
        (("rows.csv", "--cluster", "tcp://nowhere.invalid:8786"), 4, "the scheduler cannot be reached"),
        (
            ("rows.csv", "--cluster", "tls://127.0.0.1:1"),
            4,
            "Dask's configuration on this machine names no certificates",
        ),
        (("rows.csv", "--cluster", "local:x"), 2, "names no number of processes"),
        (("rows.csv", "--cluster", "local:0"), 2, "names no number of processes"),
        (("rows.csv", "--cluster", "127.0.0.1:8786"), 2, "not the address of a Dask scheduler"),
        (("rows.csv", "--cluster", TCP, "--workers", "2"), 2, "the cluster has workers of its own"),
        (("rows.csv", "--cluster", TCP, "--workers", "auto"), 2, "the cluster has workers of its own"),
        (("-", "--cluster", TCP), 2, "rows that arrive over time"),
        (("rows.csv", "--cluster", TCP, "--sandbox"), 2, "out of reach for workers on other machines"),
        (("rows.csv", "--cluster", TCP, "--journal", "here.sqlite"), 5, "need a journal on a server"),
    ],
)
def test_what_cannot_be_is_said_at_once(cli, partner, spec, server, arguments, status, words, monkeypatch):
    monkeypatch.setattr("rokt_export.delivery.cluster._CONNECT", 1.0)  # nobody answers
    write_rows(cli, "rows.csv", 1, 3)
    clear(cli("replay", spec, *arguments), status, words)
    assert partner.heard == []


def test_a_worker_that_is_not_alike_is_named_before_anything_is_sent(
    cli,
    partner,
    spec,
    machines,
    server,
    tmp_path,
):
    """Of another version, or without the program."""
    write_rows(cli, "rows.csv", 1, 3)
    for name, code, words in (
        ("old", "import rokt_export\nrokt_export.__version__ = '0.0.1'\n", "rokt-export 0.0.1 instead of"),
        ("bare", "import sys\nsys.modules['rokt_export'] = None\n", 'pip install "rokt-export[cluster]=='),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        worker = machines.worker(PYTHONPATH=str(folder))
        try:
            clear(cli("replay", spec, "rows.csv", "--cluster", machines.address), 4, words, "tcp://127.0.0.1:")
        finally:
            worker.end()
    assert partner.heard == []


_OTHER_FILE = """
import pathlib
real = pathlib.Path.stat
def stat(path, **how):
    return real(path.with_name({name!r}) if path.name == "rows.csv" else path, **how)
pathlib.Path.stat = stat
"""


def replay_beside(code, cli, spec, machines, folder):
    """Replay rows.csv with a worker more, which runs `code` when it starts; return the result and its address."""
    (folder / "sitecustomize.py").write_text(code)
    worker = machines.worker(PYTHONPATH=str(folder))
    address = worker.said(r"Start worker at: +(\S+)")[1]
    try:
        return cli("replay", spec, "rows.csv", "--cluster", machines.address), address
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("longer.csv", "sees another file at {}/rows.csv: 142 bytes instead of 141"),
        ("later.csv", "last changed at another time"),
        ("none.csv", "does not find the file {}/rows.csv"),
    ],
)
def test_a_worker_that_sees_another_file_is_named_before_anything_is_sent(
    cli, partner, spec, machines, server, tmp_path, name, words
):
    rows = write_rows(cli, "rows.csv", 1, 3)
    cli.write("longer.csv", rows.read_bytes() + b"\n")
    os.utime(cli.write("later.csv", rows.read_bytes()), (1, 1))
    shown, address = replay_beside(_OTHER_FILE.format(name=name), cli, spec, machines, tmp_path)
    clear(shown, 3, f"{address}: this worker", words.format(cli.folder))
    assert partner.heard == []


def test_a_worker_whose_clock_differs_is_named_and_sends(cli, partner, spec, machines, server, tmp_path):
    write_rows(cli, "rows.csv", 1, 3)
    code = "import time\nreal = time.time\ntime.time = lambda: real() + 3600\n"
    shown, address = replay_beside(code, cli, spec, machines, tmp_path)
    assert shown.status == 0, shown.err
    assert "the input is 1 part, for 3 workers: only plain files above 1 MB are divided" in shown.err
    assert f"clocks differ from this machine's: {address} is 3,600 s ahead. Times" in shown.err


def test_a_worker_that_lacks_a_variable_or_has_another_value_is_named(
    cli,
    partner,
    machines,
    server,
    monkeypatch,
):
    write_rows(cli, "rows.csv", 1, 3)
    header = "{{type: api_key, in: header, name: X-Api-Key, value: '{{{{ env.{} }}}}'}}"
    monkeypatch.setenv("ACME_OTHER", "not-there-77")
    spec = write_spec(cli, partner, header.format("ACME_OTHER"))
    clear(cli("replay", spec, "rows.csv", "--cluster", machines.address), 3, "lacks ACME_OTHER in its environment")
    monkeypatch.setenv("ACME_KEY", "changed-meanwhile-55")
    spec = write_spec(cli, partner, header.format("ACME_KEY"))
    done = cli("replay", spec, "rows.csv", "--cluster", machines.address)
    clear(done, 3, "another value of ACME_KEY than this machine")
    assert "changed-meanwhile-55" not in done.err
    assert VARIABLES["ACME_KEY"] not in done.err
    assert partner.heard == []


def test_a_worker_with_another_key_of_the_journal_is_named_before_a_guarded_send(
    cli,
    partner,
    spec,
    machines,
    server,
    monkeypatch,
):
    write_rows(cli, "rows.csv", 1, 3)
    monkeypatch.setenv("ROKT_EXPORT_KEY", "7a" * 32)
    guarded = ("-e", "production", "--confirm", "acme")
    clear(cli("replay", spec, "rows.csv", *guarded, "--cluster", machines.address), 5, "another key", "KEY_FILE")
    assert partner.heard == []


def test_a_journal_that_cannot_be_used_is_said_before_anything_is_sent(
    cli,
    partner,
    spec,
    machines,
    server,
    monkeypatch,
):
    """A database without rights, and tables of a newer version."""
    write_rows(cli, "rows.csv", 1, 3)
    reader = f"reader_{os.urandom(4).hex()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {reader} LOGIN")
        try:
            place = make_url(server).set(username=reader).render_as_string(hide_password=False)
            clear(cli("replay", spec, "rows.csv", "--cluster", machines.address, "--journal", place), 5)
        finally:
            connection.exec_driver_sql(f"DROP ROLE {reader}")
        with Journal.open(server):
            pass
        connection.exec_driver_sql("UPDATE rokt_export.journal_meta SET value = '99' WHERE key = 'version'")
    engine.dispose()
    clear(cli("replay", spec, "rows.csv", "--cluster", machines.address), 5, "the journal has version 99")
    assert partner.heard == []
