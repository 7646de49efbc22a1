"""All lints together: a sound spec and the sample specs have no finding, and each of several faults has its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import load_spec
from tests.partner_spec.lint.planted_faults import found, loaded, spec_text

ROOT = Path(__file__).resolve().parents[2]


def test_a_sound_spec_has_no_findings() -> None:
    assert found(spec_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "sample_specs").glob("*.yaml")), ids=lambda path: path.name)
def test_samples_have_neither_errors_nor_false_alarms(path: Path) -> None:
    allowed = {"RX107", "RX109"}
    findings = [each for each in lint(load_spec(path), {}) if each.severity != "info" and each.code not in allowed]
    assert findings == []


def test_nine_planted_faults_are_nine_findings() -> None:
    text = """\
spec_version: 1
partner: acme
endpoint:
  staging: https://test.example.com/leads
  production: http://api.example.com/leads
authentication: {type: bearer, token: abcdef}
content_type: text/xml
parameters:
  - {name: email, attribute: emial}
  - {name: mobile, attribute: mobile, pattern: '(\\d+ ?)+'}
  - {name: zip, value: 00123}
  - {name: zip, attribute: zipcode}
  - {name: a, value: "{{ 'x' }}"}
responses:
  - {outcome: delivered, status: 2xx}
  - {outcome: rejected, status: [400, 410]}
  - {outcome: failed, status: 410}
"""
    findings = lint(loaded(text), {})
    assert [(each.code, each.line, each.column) for each in findings] == [
        ("RX105", 5, 15),
        ("RX106", 6, 39),
        ("RX116", 7, 15),
        ("RX101", 9, 30),
        ("RX118", 11, 24),
        ("RX119", 12, 12),
        ("RX117", 13, 22),
        ("RX109", 14, 1),
        ("RX110", 17, 5),
    ]
