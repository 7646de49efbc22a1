"""Personal data of a spec that rows are screened by."""

from __future__ import annotations

import pytest
from commands.conftest import spec_text

from rokt_export.delivery.redaction_setup import PersonalData
from rokt_export.partner_spec.loading import load_spec
from rokt_export.request.render import Renderer


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> PersonalData:
    file = tmp_path_factory.mktemp("spec") / "acme.yaml"
    file.write_text(spec_text("https://example.com"), encoding="utf-8")
    spec = load_spec(file).spec
    return PersonalData(spec, Renderer(spec, "staging", {}))
