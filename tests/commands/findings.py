"""Specs that have findings, and the keys of a finding."""

from __future__ import annotations

from tests.commands.conftest import SAMPLES

FINDING = ["code", "severity", "file", "line", "column", "message", "hint"]
UNSET = "{type: bearer, token: '{{ env.ACME_TOKEN }}'}"
BREVO = next(path for path in SAMPLES if path.stem == "brevo")
WRONG = """spec_version: 1
partner: acme
endpoint: {staging: "https://example.com"}
requird: true
responses: [{status: 2xx, outcome: delivered}]
"""
