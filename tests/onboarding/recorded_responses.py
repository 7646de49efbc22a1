"""Responses of many kinds, of which only the last prove an outcome, and a run that recorded them."""

from __future__ import annotations

import json

from commands.conftest import CommandLine, Heard, Partner
from commands.test_reclassify import SPEC

JSON, TEXT, HTML, XML = "application/json", "text/plain", "text/html", "application/xml"
FAULT = "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>Bad zip</faultstring></soap:Fault>"
MANY: list[tuple[int, str, dict[str, str], str]] = [
    (200, TEXT, {}, "ERROR: quota of account 35 used up <b>now</b>"),
    (200, XML, {}, f'<soap:Envelope xmlns:soap="urn:soap"><soap:Body>{FAULT}</soap:Body></soap:Envelope>'),
    (200, HTML, {}, "<html><head><title>Sign in</title></head><body>Login</body></html>"),
    (201, HTML, {}, "<!doctype html><html><title>Checking your browser</title></html>"),
    (200, JSON, {}, '{"status": "error", "message": "Email jane.doe@example.com invalid"}'),
    (200, JSON, {"X-Result": "rejected"}, '{"ok": true}'),
    (200, JSON, {"X-Lead-State": "on-hold"}, '{"ok": true}'),
    (200, JSON, {}, "[]"),
    (200, JSON, {}, '{"id": "A-17"}'),
    (202, JSON, {}, '[{"id": 17, "state": "queued"}]'),
    (200, XML, {}, "<r><status>Error</status><error>Duplicate lead 991</error></r>"),
    (422, JSON, {}, '{"errors": {"email": ["has already been taken"]}}'),
    (307, TEXT, {}, ""),
    (200, JSON, {"X-Result": "stored"}, '{"ok": true}'),
    (201, JSON, {}, '{"id": "A-18"}'),
    (204, JSON, {}, ""),
    (409, JSON, {}, '{"error": {"code": "DUP", "message": "Lead 4711 was stored"}}'),
    (422, JSON, {}, '{"errors": [{"field": "phone", "detail": "phone 15550000011 is not a valid number"}]}'),
    *((status, JSON, {}, '{"error": "bad token"}') for status in (401, 403, 404, 405, 407, 408, 415, 429, 500, 503)),
]
PROVED = ["delivered", "delivered", "delivered", "duplicate", "rejected", *["failed"] * 10]
NOT_PROVED = len(MANY) - len(PROVED)


def many(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
    status, kind, headers, body = MANY[number - 1]
    return status, {"Content-Type": kind, **headers}, body.encode()


def sent(cli: CommandLine, partner: Partner, rules: str, rows: int) -> str:
    partner.answer = many
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, rows + 1)))
    spec = SPEC.format(url=partner.url)
    cli.write("acme.yaml", spec[: spec.index("responses:")] + f"responses:\n{rules}")
    flags = ("--no-stop-unclassified", "--no-first-row-check", "--record", "all", "--concurrency", "1")
    return str(cli("replay", "acme.yaml", "rows.csv", *flags, "--output", "json").json["run"])


NEVER = "  - {outcome: delivered, status: 299}\n"
