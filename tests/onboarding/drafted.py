"""Read a drafted spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec


def spec_of(path: Path) -> PartnerSpec:
    return load_spec(path).spec


def parameters_of(spec: PartnerSpec) -> dict[str, Any]:
    return {each.name: each.attribute or each.value for each in spec.parameters}
