"""A partner that nobody here wrote: Stoplight's Prism validates requests against a vendor's own document."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from commands.conftest import ROOT, CommandLine

DOCUMENT = Path(__file__).parent / "sendgrid" / "tsg_mc_contacts_v3.yaml"
"""Twilio SendGrid's document of its contacts, from github.com/twilio/sendgrid-oai, under the MIT licence beside it."""
OPERATION = "PUT /v3/marketing/contacts"
TOKEN = {"SENDGRID_TOKEN": "SG.test"}


def _program() -> str | None:
    local = ROOT / ".venv" / "prism" / "node_modules" / ".bin" / "prism"
    given = os.environ.get("ROKT_EXPORT_TEST_PRISM")
    return given or (str(local) if local.exists() else shutil.which("prism"))


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one Prism for all tests here. It refuses with the status that the document names for it: 400."""
    program = _program()
    if program is None and os.environ.get("CI"):
        pytest.fail("needs Prism: make prism")
    if program is None:
        pytest.skip("needs Prism: make prism")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("prism") / "log"
    command = [program, "mock", "--host", "127.0.0.1", "--port", str(port), str(DOCUMENT)]
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as running:
        try:
            deadline = time.monotonic() + 60
            while "Prism is listening" not in log.read_text(errors="replace"):
                assert running.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({"contacts": [{"email": "jane.doe@example.com"}]}, None),
        ({"list_ids": ["7f1c6a52-3f0c-4b6e-9d1a-2f5b8c7d6e5f"]}, "must have required property 'contacts'"),
        ({"contacts": []}, "must NOT have fewer than 1 items"),
        ({"contacts": [{"email": 7}]}, "must be string"),
        ({"contacts": [{"first_name": "x" * 51}]}, "must NOT have more than 50 characters"),
    ],
)
def test_prism_judges_bodies(prism: str, body: object, violation: str | None) -> None:
    """It would skip the bodies of a document that it cannot compile."""
    url = f"{prism}/v3/marketing/contacts"
    answer = requests.put(url, json=body, headers={"Authorization": "Bearer x"}, timeout=10)
    assert answer.status_code == (400 if violation else 202)
    assert (violation or "") in answer.headers.get("sl-violations", "")
    assert requests.put(url, json=body, timeout=10).status_code == 401


def test_from_the_document_to_delivered_and_a_refusal_that_was_foretold(cli: CommandLine, prism: str) -> None:
    done = cli("init", "sendgrid.yaml", "--openapi", DOCUMENT, "--operation", OPERATION)
    assert done.status == 0 and "validate: 0 errors, 1 warning" in done.out  # its variable has no value yet
    draft = cli.folder / "sendgrid.yaml"

    # What the draft asks for: a test endpoint, and the token in the environment.
    filled = re.sub(r"# staging: \S+.*", f"staging: {prism}/v3/marketing/contacts", draft.read_text())
    draft.write_text(filled)
    assert cli("validate", draft, env=TOKEN).status == 0
    sent = cli("test", draft, "--count", "3", "--output", "json", env=TOKEN)
    assert sent.status == 0 and sent.json["counts"] == {"delivered": 3}
    assert all("notes" not in each for each in sent.json["deliveries"])

    # Without the one parameter that the document requires.
    lists = '  - {name: "list_ids[0]", value: 7f1c6a52-3f0c-4b6e-9d1a-2f5b8c7d6e5f}\n'
    lacking = re.sub(r'(  - \{name: "contacts\[0\]\..*\n)+', lists, filled)
    assert lacking != filled
    draft.write_text(lacking)
    foretold = [each for each in cli("validate", draft, "--output", "json", env=TOKEN).json if each["code"] == "RX210"]
    assert any("`contacts` is missing" in each["message"] for each in foretold), foretold
    refused = cli("test", draft, "--output", "json", env=TOKEN)
    (one,) = refused.json["deliveries"]
    assert (refused.status, one["outcome"], one["status"], one["rule"]) == (1, "rejected", 400, "rejected")
    shown = cli("runs", "show", "last", "--row", "1")
    assert "must have required property 'contacts'" in shown.out and "`contacts` is missing" in shown.out, shown


def test_certify_tells_what_prism_checks_and_what_it_does_not(cli: CommandLine, prism: str) -> None:
    """It refuses no credentials and another content type; it takes any token, and makes one job of all."""
    assert cli("init", "sendgrid.yaml", "--openapi", DOCUMENT, "--operation", OPERATION).status == 0
    draft = cli.folder / "sendgrid.yaml"
    text = re.sub(r"# staging: \S+.*", f"staging: {prism}/v3/marketing/contacts", draft.read_text())
    # A mock decides nothing later.
    text = re.sub(r"^confirmation:.*\n(  .*\n)+", "", text.replace("provisional: true, ", ""), flags=re.MULTILINE)
    draft.write_text(text)
    done = cli("certify", draft, "--output", "json", env=TOKEN)
    probes = done.json["certification"]["probes"]
    defects = {each["defect"] for each in probes if each["verdict"] == "finding"}
    assert done.status == 1 and defects == {"accepts-wrong-credentials", "answers-for-another"}
    refused = {each["kind"]: each["status"] for each in probes if each["outcome"] in ("failed", "rejected")}
    assert refused == {"no_credentials": 401, "wrong_content_type": 400}
