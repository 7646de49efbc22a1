"""Specs that are checked against a document, and what `validate` finds."""

from __future__ import annotations

from commands.conftest import Result

VARIABLES = {"ACME_LIST_ID": "l1", "ACME_ACCOUNT_ID": "a1"}


def contradictions_in(done: Result) -> list[tuple[str, int, str]]:
    return [(each["code"], each["line"], each["message"]) for each in done.json if each["code"] in ("RX210", "RX211")]


DOUBLED = """
spec_version: 1
partner: acme
openapi: {document: doc.json}
endpoint: {staging: "https://api.example.com/leads"}
parameters:
  - {name: email, attribute: email}
responses:
  - {outcome: delivered, status: 2xx}
"""
