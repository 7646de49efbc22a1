"""A value is escaped for the place of its template: URL, header, JSON, XML or none."""

from __future__ import annotations

import pytest

from rokt_export.spec_language.filters import FilterError
from rokt_export.spec_language.template_places import TemplatePlace
from tests.spec_language.filling import HOSTILE, fill


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (TemplatePlace.VALUE, HOSTILE),
        (TemplatePlace.TEXT, HOSTILE),
        (TemplatePlace.URL, "%C3%A9%26%3C%3E%27%22%5C%2F%20%2B%25%0A"),
        (TemplatePlace.JSON, "é&<>'\\\"\\\\/ +%\\n"),
        (TemplatePlace.XML, "é&amp;&lt;&gt;&apos;&quot;\\/ +%\n"),
    ],
)
def test_escaping_fits_the_place(place, expected):
    assert fill("[{{ a }}]", {"a": HOSTILE}, place=place) == f"[{expected}]"


@pytest.mark.parametrize("sign", ["\r", "\n", "\0"])
def test_a_header_cannot_hold_a_line_break(sign):
    with pytest.raises(FilterError, match="line break"):
        fill("x {{ a }}", {"a": f"a{sign}b"}, place=TemplatePlace.HEADER)
    assert fill("x {{ a }}", {"a": "é b"}, place=TemplatePlace.HEADER) == "x é b"


@pytest.mark.parametrize("more", ["", "{% if a %}{% endif %}"])
def test_json_is_complete_in_a_json_body_and_escaped_elsewhere(more):
    source = "{{ a | tojson }}" + more
    assert fill(source, {"a": '<"'}, place=TemplatePlace.JSON) == '"<\\""'
    assert fill(source, {"a": "<"}, place=TemplatePlace.XML) == "&quot;&lt;&quot;"
    assert fill(source, {"a": "<"}, place=TemplatePlace.URL) == "%22%3C%22"


@pytest.mark.parametrize("more", ["", "{% if a %}{% endif %}"])
def test_an_environment_variable_may_be_the_base_of_a_url(more):
    env = {"BASE": "https://example.com/a?b=c"}
    assert (
        fill("{{ env.BASE }}&d={{ a }}" + more, {"a": "/"}, env, TemplatePlace.URL) == "https://example.com/a?b=c&d=%2F"
    )
    assert fill("{{ env.BASE }}" + more, {}, env, TemplatePlace.XML) == "https://example.com/a?b=c"
    assert fill("{{ env.BASE }}" + more, {}, {"BASE": "<"}, TemplatePlace.XML) == "&lt;"
