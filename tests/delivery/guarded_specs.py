"""Specs of which one environment is guarded, and another may have its address."""

from __future__ import annotations

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  production: {production}
  staging: {staging}
{more}
parameters:
  - {{name: email, attribute: email, required: true}}
{parameters}
responses:
  - {{outcome: delivered, status: 2xx}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""


def spec_of(production: str, staging: str, parameters: str = "", more: str = "") -> str:
    return SPEC.format(production=production, staging=staging, parameters=parameters, more=more)
