"""A sandbox serves over HTTP until it is stopped, within limits, and says why it cannot start."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from rokt_export.errors import ConfigurationError
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from tests.sandbox.conftest import EMAIL, Start, spec_of

PROGRAM = """
from tests.sandbox.conftest import spec_of
from rokt_export.sandbox.server import Sandbox
import threading, time
sandbox = Sandbox(spec_of("parameters: [{name: email, attribute: email}]"))

def tell():
    for _ in range(500):
        try:
            return print(sandbox.base_url, flush=True)
        except RuntimeError:
            time.sleep(0.01)

teller = threading.Thread(target=tell)
teller.start()
sandbox.serve_forever()
teller.join()
print("closed", threading.active_count(), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.post(url + "/v1/leads", json={"email": "a@example.com"}, timeout=5).status_code == 201
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert (out, err, process.returncode) == ("closed 1\n", "", 0)


def test_many_clients_at_once_are_each_counted_once(start: Start) -> None:
    client = start(spec_of("parameters: [{name: email, attribute: email}]"))

    def send(worker: int) -> list[str]:
        with requests.Session() as session:
            people = [{"email": f"{worker}-{number}@example.com"} for number in range(50)]
            return [session.post(client.url, json=person, timeout=5).json()["id"] for person in people]

    with ThreadPoolExecutor(8) as pool:
        references = [reference for found in pool.map(send, range(8)) for reference in found]
    assert len(set(references)) == 400
    assert [each.number for each in client.sandbox.deliveries] == list(range(1, 401))
    client.sandbox.clear()
    assert client.sandbox.deliveries == []


def test_too_large_a_body_is_413(start: Start) -> None:
    client = start(spec_of("encoding: text\nbody: '{{ email }}'"))
    answer = client.post(data=b"x" * 20_100_000, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert client.last.problems == ("the body is larger than 20 MB",)


def test_curl_can_use_it(start: Start) -> None:
    client = start(spec_of(EMAIL))
    command = ["curl", "-sS", "--json", '{"email": "a@example.com"}', client.url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert set(json.loads(done.stdout)) == {"id"}


def test_a_taken_port_and_a_missing_environment_are_told() -> None:
    spec = spec_of(EMAIL)
    with Sandbox(spec) as one:
        port = int(one.base_url.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match="cannot listen"):
            Sandbox(spec, SandboxOptions(port=port)).start()
    with pytest.raises(ConfigurationError, match="no environment `qa`"):
        Sandbox(spec, SandboxOptions(environment="qa"))
    one.close()
