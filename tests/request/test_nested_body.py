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


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("a.b", "a"), "contradicts another parameter's name"),
        (("a", "a.b"), "contradicts another parameter's name"),
        (("a[0]", "a.b"), "contradicts another parameter's name"),
        (("a[0].b", "a.c"), "contradicts another parameter's name"),
    ],
)
def test_a_name_is_either_a_value_or_has_names_inside(names: tuple[str, ...], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        request(spec(*(f'{{name: "{name}", attribute: a}}' for name in names)), A)


def test_an_array_is_in_the_order_of_its_indexes_and_has_no_gaps() -> None:
    items = '{name: "p[7]", attribute: b}', '{name: "p[2]", attribute: a}', '{name: "p[3].q", attribute: gone}'
    assert request(spec(*items), A).body == b'{"p":["1","x"]}'
