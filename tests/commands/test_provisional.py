"""What a partner has only accepted is nowhere shown as if it were final."""

from __future__ import annotations

import pytest

from commands.conftest import CommandLine, Partner

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
method: POST
authentication: {{type: none}}
encoding: json
parameters:
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, name: queued, status: 202, provisional: true, capture: {{reference: $.job}}}}
  - {{outcome: delivered, status: 200}}
"""
SAID = "accepted, not yet confirmed: the partner decides later"


@pytest.mark.parametrize("status", [202, 200])
def test_accepted_is_not_confirmed(cli: CommandLine, partner: Partner, status: int) -> None:
    partner.answer = lambda _heard: (status, {}, b'{"job": "J-1"}')
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\njane.doe@example.com\n")
    shown = cli("replay", spec, rows, "--report", "run.md", "--report", "run.html")
    assert shown.status == 0
    assert ("The row was accepted, not yet confirmed." in shown.out) is (status == 202)
    assert ("The row was delivered." in shown.out) is (status == 200)
    written = [shown.out + shown.err, *((cli.folder / name).read_text("utf-8") for name in ("run.md", "run.html"))]
    assert [SAID in text for text in written] == [status == 202] * 3
