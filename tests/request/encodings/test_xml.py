"""The XML body: what each parameter name makes of a row, and the names and values that make no XML."""

from __future__ import annotations

import pytest

from rokt_export.errors import SpecError
from tests.request.rendering import A, body, problems, renderer, spec

XML = {
    "attributes and text": (
        ("{name: lead.@id, attribute: a}", "{name: lead.#text, attribute: b}"),
        '<lead id="1">x</lead>',
    ),
    "nested": (("{name: l.p.a, attribute: a}", "{name: l.p.b, attribute: b}"), "<l><p><a>1</a><b>x</b></p></l>"),
    "namespaces": (
        ("{name: s:E.@xmlns:s, value: urn:x}", "{name: s:E.s:B.a, attribute: a}"),
        '<s:E xmlns:s="urn:x"><s:B><a>1</a></s:B></s:E>',
    ),
    "repeated": (
        ('{name: "l.f[0].@n", value: a}', '{name: "l.f[0].#text", attribute: a}', '{name: "l.f[1]", attribute: b}'),
        '<l><f n="a">1</f><f>x</f></l>',
    ),
    "left out with its constants": (
        ('{name: "l.f[0].@n", value: a}', '{name: "l.f[0].#text", attribute: gone}', "{name: l.b, attribute: b}"),
        "<l><b>x</b></l>",
    ),
    "cdata": (("{name: l.a, attribute: b, cdata: true}",), "<l><a><![CDATA[x]]></a></l>"),
    "list": (('{name: l.a, value: [k, "{{ b }}"]}',), "<l><a>k</a><a>x</a></l>"),
    "true and numbers": (("{name: l.t, value: true}", "{name: l.n, value: 5}"), "<l><t>true</t><n>5</n></l>"),
    "nothing at all": (("{name: l.a, attribute: gone}",), "<l/>"),
}  # fmt: skip


@pytest.mark.parametrize("case", XML)
def test_xml_names(case: str) -> None:
    items, expected = XML[case]
    assert body(spec(*items, encoding="xml") + "xml_declaration: false\n", A) == expected


def test_xml_begins_with_its_declaration() -> None:
    assert body(spec("{name: l.a, attribute: a}", encoding="xml"), A) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<l><a>1</a></l>'
    )


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (("{name: a, attribute: a}", "{name: b, attribute: b}"), "one root element"),
        (("{name: l.1a, attribute: a}",), "not an XML name"),
    ],
)
def test_names_that_make_no_xml(items: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        renderer(spec(*items, encoding="xml"))


def test_xml_cannot_hold_control_characters() -> None:
    assert problems(spec("{name: l.a, attribute: a}", encoding="xml"), {"a": "x\x00"}) == (
        "l.a: XML cannot contain the control character U+0000",
    )
