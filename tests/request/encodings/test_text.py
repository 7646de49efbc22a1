"""A plain text body: a template makes it, and parameters have no place in it."""

from __future__ import annotations

import pytest

from rokt_export.errors import SpecError
from rokt_export.request.encodings import body_encoding


def test_body_parameters_of_a_text_are_refused() -> None:
    with pytest.raises(SpecError, match="a plain text body needs a template"):
        body_encoding("text").encoder([])
