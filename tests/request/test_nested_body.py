"""Names that nest: which of them make no tree together."""

from __future__ import annotations

import pytest

from rokt_export.errors import SpecError
from tests.request.rendering import A, request, spec


@pytest.mark.parametrize(
    ("encoding", "names", "why"),
    [
        ("json", ("[0].a", "b"), "contradicts another parameter's name"),
        ("json", ("b", "[0].a"), "contradicts another parameter's name"),
        ("xml", ("[0].a",), "an XML body has one root element"),
    ],
)
def test_an_array_at_the_root_is_alone(encoding: str, names: tuple[str, ...], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        request(spec(*(f'{{name: "{name}", attribute: a}}' for name in names), encoding=encoding), A)
