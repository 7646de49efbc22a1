"""Specs with a URL and parameters, and the requests of their rows, in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

SPEC = """
spec_version: 1
partner: acme
endpoint: {{staging: {url}}}
parameters:
{parameters}
responses: [{{outcome: delivered, status: 200}}]
"""
BODY = "  - {name: email, attribute: email}"


def spec_of(folder: Path, url: str, parameters: str = BODY) -> PartnerSpec:
    path = folder / "acme.yaml"
    path.write_text(SPEC.format(url="'" + url.replace("'", "''") + "'", parameters=parameters))
    return load_spec(path).spec


def rendered(spec: PartnerSpec, values: dict[str, Any], variables: dict[str, str] | None = None) -> Any:
    return Renderer(spec, "staging", variables or {}).render(Transaction(1, "t1", values))
