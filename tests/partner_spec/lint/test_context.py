"""What a lint is given: positions of what it finds, and which parts of a spec were damaged."""

from __future__ import annotations

from rokt_export.partner_spec.lint import lint
from tests.partner_spec.lint.planted_faults import loaded, spec_text


def test_positions_hold_behind_an_entry_that_was_left_out() -> None:
    text = spec_text(
        parameters="parameters:\n  - {name: a}\n  - {name: b, attribute: email}\n  - {name: c, attribute: emial}\n"
    )
    spec = loaded(text)
    assert [each.code for each in spec.findings] == ["RX014"]
    assert [(each.code, each.line, each.column) for each in lint(spec, {})] == [("RX101", 6, 26)]


def test_what_was_left_out_is_not_called_missing() -> None:
    text = spec_text(
        parameters="parameters: [{name: a, attribute: email, value: x}]\n",
        responses="responses: [{outcome: success, status: 200}, {outcome: rejected, status: 4xx}]\n",
    )
    spec = loaded(text)
    assert {"parameters", "responses"} <= spec.damaged
    assert {each.code for each in lint(spec, {})}.isdisjoint({"RX102", "RX108", "RX109"})
