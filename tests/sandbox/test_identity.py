"""A person who is sent twice is known again, also by the next run, and nothing but digests is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.sandbox.checks import places
from rokt_export.sandbox.identity import Identity, identifier, recall, remember
from rokt_export.sandbox.url_patterns import text_pattern
from tests.sandbox.conftest import spec_of

KEY = b"k" * 32


def who(data: Any, key: bytes = KEY, **path_values: str) -> Identity:
    parameters = (
        "parameters: [{name: mail, attribute: email}, {name: phone, attribute: mobile}, {name: n, attribute: note}]"
    )
    located = places(spec_of(parameters).parameters, "json")
    received = ReceivedRequest("POST", "/leads", "", CIMultiDict(), b"", path_values, data)
    return identifier(located, None, key)(received)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"mail": "a@example.com", "n": "1"}, {"mail": " A@Example.com ", "n": "2"}, True),
        ({"mail": "a@example.com"}, {"mail": "b@example.com"}, False),
        ({"phone": "+1 (202) 555-0143"}, {"phone": "1 202 555 0143"}, True),
        ({"mail": "", "phone": "1"}, {"phone": "1"}, True),
        ({"n": "1", "z": "2"}, {"z": "2", "n": "1"}, True),
        ({"n": "1"}, {"n": "2"}, False),
    ],
)
def test_a_person_is_known_by_what_identifies_it(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    assert (who(one).key == who(other).key) is same


def test_an_address_in_the_url_or_in_a_text_identifies_too() -> None:
    assert who(None, email="a@example.com") == who({"mail": "a@example.com"})
    whole = text_pattern("{{ email }};{{ note }}", {})
    received = ReceivedRequest("POST", "/leads", "", CIMultiDict(), b"a@example.com;x")
    assert identifier([], whole, KEY)(received) == Identity(who({"mail": "a@example.com"}).key, "a@example.com")


def test_a_digest_cannot_be_guessed_without_its_key() -> None:
    assert who({"mail": "a@example.com"}).key != who({"mail": "a@example.com"}, b"another").key


def test_people_are_remembered_for_their_key_only(tmp_path: Path) -> None:
    memory = tmp_path / "sandbox" / "memory.json"
    assert recall(memory, KEY) == {}
    person = who({"mail": "a@example.com"})
    remember(memory, {person.key: "r-1"}, KEY)
    assert recall(memory, KEY) == {person.key: "r-1"}
    assert recall(memory, b"another") == {}
    assert b"example" not in memory.read_bytes()
    for damaged in (b"", b"[]", b'{"key": 1}', b'{"known": {"x": 1}}'):
        memory.write_bytes(damaged)
        assert recall(memory, KEY) == {}
