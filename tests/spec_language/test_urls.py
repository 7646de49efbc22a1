"""Which texts are URLs, and that constants and variables alone decide scheme, host and port."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.errors import ConfigurationError, RoktExportError
from rokt_export.partner_spec.loading import SpecFindingsError
from rokt_export.request.render import Renderer
from rokt_export.spec_language.urls import parse_url
from tests.partner_spec.lint.planted_faults import loaded, spec_text
from tests.request.url_specs import BODY, rendered, spec_of


@pytest.mark.parametrize(
    "url",
    [
        "{{ email }}",
        "https://{{ email }}",
        "https://{{ email }}/x",
        "https://api.example.com{{ path }}",
        "https://api.example.com:{{ port }}/x",
        "https://api.example.com:8{{ port }}/x",
        "https://{{ user }}@api.example.com/",
        "{{ scheme }}://api.example.com/x",
        "https://api.example.com{% if a %}/{% endif %}{{ path }}",
        "https://api.example.com{% if a %}.evil.example{% endif %}/x",
        "{% set h = email %}https://{{ h }}/x",
        "https://{% set h = email %}{{ h }}/x",
        "https://api.example.com{# / #}{{ path }}",
        "https://api.example.com{{ env.TAIL | default(path) }}/x",
        "https://{{ env.HOST }}{{ path }}",
        "{{ env.BASE }}{{ path }}",
        "{{ env.BASE }}//{{ path }}",
        "{{ env }}/x",
        "https://{{ env }}/x",
        "https://{{ env[email] }}/x",
        "https://{{ attributes.env }}/x",
        "https://{{ uuid }}.example.com/x",
        "https://api.example.com\\{{ path }}",
        "https://api.example.com#{{ path }}/",
        "https:/{{ path }}/x",
        "https:{{ path }}",
        "ftp://api.example.com/x",
        "api.example.com/x",
    ],
)
def test_a_row_that_could_decide_the_host_is_an_error_of_the_spec(tmp_path: Path, url: str) -> None:
    with pytest.raises(SpecFindingsError) as caught:
        spec_of(tmp_path, url)
    assert {finding.code for finding in caught.value.findings} <= {"RX150", "RX020"}


@pytest.mark.parametrize("url", ["https://api.example.com{path}", "https://{path}/x", "https://h:{path}/", "{path}/x"])
def test_a_path_parameter_cannot_decide_the_host(tmp_path: Path, url: str) -> None:
    with pytest.raises(SpecFindingsError) as caught:
        spec_of(tmp_path, url, "  - {name: path, in: path, attribute: email}\n" + BODY)
    assert [finding.code for finding in caught.value.findings] == ["RX150"]


@pytest.mark.parametrize(
    ("url", "variables", "start"),
    [
        ("https://api.example.com/{{ email }}", {}, "https://api.example.com/"),
        ("https://api.example.com?e={{ email }}", {}, "https://api.example.com/?e="),
        ("https://{{ env.H }}.example.com:{{ env.P }}/{{ email }}", {"H": "a", "P": "81"}, "https://a.example.com:81/"),
        ("{{ env.BASE }}/{{ email }}", {"BASE": "HTTPS://Api.example.com:443/v1"}, "https://api.example.com/v1/"),
        ("{{ env.S }}://api.example.com/{{ email }}", {"S": "https"}, "https://api.example.com/"),
        ("https://{{ env.H | lower }}/{{ email }}", {"H": "API.example.com"}, "https://api.example.com/"),
    ],
)
def test_constants_and_variables_decide_it(tmp_path: Path, url: str, variables: dict[str, str], start: str) -> None:
    request = rendered(spec_of(tmp_path, url), {"email": "jane@example.com"}, variables)
    assert request.url == start + "jane%40example.com"


@pytest.mark.parametrize("value", ["a/b", "a@b", "a#", "a?", "a\r\nX: y", "a b", "a\\b", "a:1:2", "", "a%2f"])
def test_a_variable_inside_the_host_stays_inside_it(tmp_path: Path, value: str) -> None:
    spec = spec_of(tmp_path, "https://{{ env.H }}.example.com/x")
    with pytest.raises(RoktExportError):
        Renderer(spec, "staging", {"H": value})


@pytest.mark.parametrize(
    "value", ["https:", "https:/", "https://a@b", "https://a\\@b", "https://a#", "//a", "https://a\n"]
)
def test_a_base_that_is_no_url_is_refused(tmp_path: Path, value: str) -> None:
    spec = spec_of(tmp_path, "{{ env.BASE }}/{{ email }}")
    with pytest.raises(RoktExportError):
        Renderer(spec, "staging", {"BASE": value})


def test_a_variable_behind_a_rows_value_cannot_hold_a_line_break(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "https://api.example.com/{{ email }}/{{ env.LIST }}")
    with pytest.raises(ConfigurationError):
        Renderer(spec, "staging", {"LIST": "a HTTP/1.1\r\nX: y"})


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9581\\@127.0.0.1:9580", "http://a@b/", "http://127.1/", "http://0x7f000001/", "http://017700000001/",
        "http://127.0.0.01/", "http://1.2.3/", "http://[::1", "http://[fe80::1%25eth0]/", "http://a b/", "http://a\tb/",
        "http://a:80:81/", "http://a:0/", "http://a:65536/", "http://a%2eb/", "http:///a", "http://a#@b/", "//a/", "file:///a",
        "http://\u2460.example/", "http://a\u200db/", "http://..a/", " http://a/",
    ],
)  # fmt: skip
def test_what_two_parsers_could_read_differently_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        parse_url(text)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("\ufeffhttps://api.example.com/a", "a character is before https://: ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("\u201chttps://api.example.com/a", "LEFT DOUBLE QUOTATION MARK (U+201C)"),
        ("", "it is empty"),
    ],
)
def test_what_is_before_a_url_is_named(url: str, words: str) -> None:
    text = spec_text(endpoint=f"endpoint:\n  staging: https://test.example.com/a\n  production: '{url}'\n")
    findings = loaded(text).findings
    assert [each.code for each in findings] == ["RX150"]
    assert words in findings[0].message
