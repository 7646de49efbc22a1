"""What goes over the wire between a driver and its cluster: over TLS what workers need, over plain TCP no secret."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from machines import KEY, Machines, needs_postgres
from sqlalchemy import make_url

from cluster.conftest import PATIENCE, VARIABLES, judge, write_rows, write_spec

pytestmark = needs_postgres
BY_KEY = "{type: api_key, in: header, name: X-Api-Key, value: '{{ env.ACME_KEY }}'}"
PASSWORD = "hunter2-of-the-journal"


@contextmanager
def overheard(address: str) -> Iterator[tuple[str, list[bytes]]]:
    """Yield another address of a scheduler, and what goes through it in either direction."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                heard.append(data)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(port)))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.close()


def test_no_secret_goes_over_plain_tcp_or_into_a_log(cli, partner, machines, server, monkeypatch):
    spec = write_spec(cli, partner, BY_KEY)
    write_rows(cli, "rows.csv", 1, 100)
    url = make_url(server).set(password=PASSWORD)
    monkeypatch.setenv("ROKT_EXPORT_JOURNAL", url.render_as_string(hide_password=False))
    with overheard(machines.address) as (address, heard):
        shown = cli("replay", spec, "rows.csv", "--cluster", address, "--verbose")
        assert shown.status == 0, shown.err
    assert {dict(each.headers)["X-Api-Key"] for each in partner.heard} == {VARIABLES["ACME_KEY"]}
    wire = b"".join(heard)
    assert b"rokt-export-look-" in wire  # it was heard
    assert b"ACME_KEY" in wire
    for secret in (VARIABLES["ACME_KEY"], VARIABLES["ACME_SECRET"], PASSWORD, KEY, "jane.doe"):
        assert secret.encode() not in wire, secret
        assert secret not in machines.logs() + shown.err + shown.out, secret
    assert bytes.fromhex(KEY) not in wire


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """Dask's configuration for a cluster whose connections are encrypted, each end with a certificate of one CA."""
    trustme = pytest.importorskip("trustme") if "CI" not in os.environ else __import__("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    prefix = "DASK_DISTRIBUTED__COMM__"
    ends = {
        f"{prefix}TLS__{end}__{what}": str(tmp_path / "own.pem")
        for end in ("SCHEDULER", "WORKER", "CLIENT")
        for what in ("CERT", "KEY")
    }
    return {**ends, f"{prefix}TLS__CA_FILE": str(tmp_path / "ca.pem"), f"{prefix}REQUIRE_ENCRYPTION": "True"}


def test_over_tls_workers_need_no_secret_of_their_own(
    cli,
    partner,
    server,
    certificates,
    tmp_path,
    monkeypatch,
):
    spec = write_spec(cli, partner, BY_KEY)
    write_rows(cli, "rows.csv", 1, 100)
    monkeypatch.delenv("ACME_KEY")
    (tmp_path / "logs").mkdir()
    machines = Machines(tmp_path / "logs", {**certificates, "ROKT_EXPORT_KEY": KEY}, "tls")
    try:
        machines.ready(1)
        assert machines.address.startswith("tls://")
        own = {**certificates, "ACME_KEY": VARIABLES["ACME_KEY"]}
        with cli.start("replay", spec, "rows.csv", "--cluster", machines.address, env=own) as running:
            errors = running.communicate(timeout=PATIENCE)[1]
        assert running.returncode == 0, errors
        assert judge(partner, server, 100) == set()
        assert {dict(each.headers)["X-Api-Key"] for each in partner.heard} == {VARIABLES["ACME_KEY"]}
        assert VARIABLES["ACME_KEY"] not in machines.logs()
        with cli.start("replay", spec, "rows.csv", "--cluster", machines.address, env={"ACME_KEY": "x"}) as running:
            errors = running.communicate(timeout=PATIENCE)[1]  # without certificates
        assert running.returncode == 4, errors
        assert "certificates of Dask's configuration" in errors
    finally:
        machines.close()
    assert len(partner.heard) == 100
