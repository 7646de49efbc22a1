"""What a status says of the set-up or the service: no status says two things."""

from __future__ import annotations

from http import HTTPStatus

from rokt_export.spec_language.statuses import BUSY, REDIRECTS, SETUP_FAULTS, SETUP_OF_RULES, TOO_FAST


def test_each_is_a_status_of_its_class() -> None:
    assert {*BUSY, *REDIRECTS, *SETUP_FAULTS} <= set(HTTPStatus)
    assert {status // 100 for status in REDIRECTS} == {3}
    assert {status // 100 for status in SETUP_FAULTS} == {4}
    assert TOO_FAST in BUSY and HTTPStatus.SERVICE_UNAVAILABLE in BUSY


def test_no_status_says_two_things() -> None:
    assert set(SETUP_FAULTS).isdisjoint(BUSY | REDIRECTS)
    assert BUSY.isdisjoint(REDIRECTS)


def test_rules_speak_of_faults_that_an_api_itself_sends() -> None:
    assert set(SETUP_FAULTS).difference(SETUP_OF_RULES) == {407, 421, 426}
    assert set(SETUP_OF_RULES) < set(SETUP_FAULTS)
