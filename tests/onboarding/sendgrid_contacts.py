"""A spec of SendGrid's contacts, and its published document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PUBLISHED = (Path(__file__).parent / "sendgrid" / "tsg_mc_contacts_v3.yaml").read_text(encoding="utf-8")
"""Twilio SendGrid's document of its contacts, from github.com/twilio/sendgrid-oai, under the MIT licence beside it."""
SENDGRID = """
spec_version: 1
partner: sendgrid
openapi: {document: api/contacts.yaml, operation: "PUT /v3/marketing/contacts"}
endpoint: {staging: "%s/v3/marketing/contacts"}
method: PUT
parameters:
  - {name: "contacts[0].email", attribute: email}
  - {name: "contacts[0].first_name", attribute: firstname}
responses:
  - {outcome: delivered, status: 2xx}
  - {outcome: rejected, status: 4xx}
"""
PROMISED = "the document does not promise this response to PUT /v3/marketing/contacts"


def answers(status: int, body: str, content_type: str = "application/json") -> Any:
    return lambda _: (status, {"Content-Type": content_type}, body.encode())
