"""A plain text body: a template makes it, and parameters have no place in it."""

from __future__ import annotations

import pytest

from rokt_export.errors import SpecError
from rokt_export.request.encodings import body_encoding
from tests.request.rendering import body


def test_body_parameters_of_a_text_are_refused() -> None:
    with pytest.raises(SpecError, match="a plain text body needs a template"):
        body_encoding("text").encoder([])


def test_a_template_makes_the_whole_text_and_escapes_nothing() -> None:
    assert body("encoding: text\nbody: '<{{ a }}> {{ gone }}!'\n", {"a": 'é&"'}) == '<é&"> !'
    assert body_encoding("text").read("é".encode()) == body_encoding("text").read("é") == "é"
