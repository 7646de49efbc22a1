"""A spec with faults at known places."""

from __future__ import annotations

WRONG = """spec_version: 1
partner: acme
endpoint: {staging: "https://example.com"}
requird: true
responses: [{status: 2xx, outcome: delivered}]
"""
