"""What tests of `diff` share: a partner with two environments that answer, people, and what was found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.commands.conftest import Heard, Result

JSON = {"Content-Type": "application/json"}
BETWEEN = ("--between", "staging", "production")
CONFIRMED = (*BETWEEN, "--confirm", "acme")
SPEC = """\
spec_version: 1
partner: acme
documentation: https://example.com/api
contact: {{name: Jane Doe}}
endpoint:
  staging: "{url}/staging/leads"
  production: "{url}/production/leads"
encoding: json
parameters:
  - {{name: email, attribute: email, required: true}}
  - {{name: person.first, attribute: firstname}}
  - {{name: ref, attribute: confirmationref}}   # theirs, up to 20 characters
responses:
  - outcome: delivered
    status: 200-299
    body: {{$.ok: true}}
    capture: {{reference: $.id}}
    examples:
      - status: 201
        body: '{{"ok": true, "id": "483920192", "at": "2026-01-02T03:04:05Z", "points": 5, "list": "leads"}}'
  - outcome: rejected
    status: 422
    capture: {{reason: $.detail}}
    examples:
      - {{status: 422, body: '{{"ok": false, "detail": "not taken"}}'}}
  - {{outcome: failed, status: 5xx}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""


def people(count: int, long: int = 0) -> str:
    """A CSV of people; every `long`th has a longer reference than the others."""
    rows = (
        f"jane.doe.{n}@example.com,Jane{n % 7},R-{n:06}{'-long' if long and n % long == 0 else ''}\n"
        for n in range(count)
    )
    return "email,firstname,confirmationref\n" + "".join(rows)


def leads(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    return answered(heard)


def answered(heard: Heard, **more: object) -> tuple[int, dict[str, str], bytes]:
    """Say that a lead was taken, with more facts where it is production that was asked."""
    told: dict[str, object] = {"ok": True, "id": "1", "points": 5}
    return 201, JSON, json.dumps({**told, **(more if "production" in heard.target else {})}).encode()


def found(done: Result) -> list[tuple[str, str, int, str]]:
    return [(one["kind"], one["path"], one["count"], one["detail"]) for one in done.json["differences"]]
