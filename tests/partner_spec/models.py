"""The least of a spec, with keys added, in tests."""

from __future__ import annotations

from rokt_export.partner_spec.model import PartnerSpec

LEAST = {
    "spec_version": 1,
    "partner": "a",
    "endpoint": {"staging": "https://x.example.com"},
    "responses": [{"outcome": "failed"}],
}


def spec_of(**more) -> PartnerSpec:
    return PartnerSpec.model_validate({**LEAST, **more})


def rule_of(**more):
    return spec_of(responses=[{"outcome": "failed", **more}]).responses[0]
