"""A redacted body is read as the body was: its structure stays, and a value's notation is told by its token."""

from __future__ import annotations

import json
import re

import pytest

from rokt_export.redaction import Redactor
from rokt_export.redaction.well_formed import well_formed

JANE = ("Hohenlohe", "Jane", "Doe", "Jane Doe", "1985-12-26", "+49 171 5550199", "jane@example.com", "O'Rahilly")


@pytest.mark.parametrize(
    ("body", "hidden"),
    [
        ('{"dob":[1985,12,26]}', 3),
        ('{"name":["Jane","Doe"]}', 2),
        ('["+49","171","5550199"]', 3),
        ('{"cut":"Hohenloh","e1":"x"}', 1),  # with the name of the next member it would be the whole value
        ('{"Jane":{"Doe":1}}', 2),
        ('{"all":"Doe, Jane"}', 1),
        ('{"all":"Jane \\"Doe\\""}', 1),
        ('[{"a":"Jane"},{"a":"Doe"}]', 2),
    ],
)
def test_what_is_hidden_crosses_no_value_of_json(body: str, hidden: int) -> None:
    shown = well_formed(Redactor().body(body.encode(), JANE).decode(), body)
    assert shape(json.loads(shown)) == shape(json.loads(body))
    assert len(re.findall("person-[0-9a-f]{10}", shown, re.IGNORECASE)) == hidden
    assert not any(part in shown for part in ("Jane", "Doe", "1985", "5550199", "Hohenloh"))


def shape(value: object) -> object:
    """Return the structure of JSON, whatever its names and values."""
    match value:
        case dict():
            return {number: shape(item) for number, item in enumerate(value.values())}
        case list():
            return [shape(item) for item in value]
        case _:
            return None


def test_a_value_in_another_notation_has_another_token_than_one_that_its_syntax_escapes() -> None:
    redactor = Redactor()

    def token(body: str) -> str:
        found = re.search("(?i)person-[0-9a-f]{10}(?:-[0-9a-f]{4})?", redactor.body(body.encode(), JANE).decode())
        assert found is not None
        return found[0]

    plain = token('{"a":"jane@example.com"}')
    others = [
        '{"a":"jane%40example.com"}',
        '{"a":"amFuZUBleGFtcGxlLmNvbQ=="}',
        '{"a":"6a616e65406578616d706c652e636f6d"}',
    ]
    assert len({plain, *map(token, others)}) == 4
    assert token('{"a":"jane\\u0040example.com"}') == plain
    surname = token('{"a":"O\'Rahilly"}')
    assert token("<a>O&#x27;Rahilly</a>") == surname == token("<a>O'Rahilly</a>")
    assert token('{"a":"O&#x27;Rahilly"}') not in (surname, plain)
