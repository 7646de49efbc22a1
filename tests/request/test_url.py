"""Where a request goes is decided by constants and variables: no row's value leaves its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rokt_export.errors import ConfigurationError, RoktExportError
from rokt_export.partner_spec.loading import SpecFindingsError, load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.spec_language.urls import parse_url
from rokt_export.transactions.transaction import Transaction

SPEC = """
spec_version: 1
partner: acme
endpoint: {{staging: {url}}}
parameters:
{parameters}
responses: [{{outcome: delivered, status: 200}}]
"""
BODY = "  - {name: email, attribute: email}"


def spec_of(folder: Path, url: str, parameters: str = BODY) -> PartnerSpec:
    path = folder / "acme.yaml"
    path.write_text(SPEC.format(url="'" + url.replace("'", "''") + "'", parameters=parameters))
    return load_spec(path).spec


def rendered(spec: PartnerSpec, values: dict[str, Any], variables: dict[str, str] | None = None) -> Any:
    return Renderer(spec, "staging", variables or {}).render(Transaction(1, "t1", values))


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
    "value",
    [
        "..", ".", "", "%2e%2e", "%2E.", "..;", "..;x", "../x", "a/../../b", "..\\x", "a\\..", "%252e%252e", "..%2fx",
        "a\0b", "%00", "/..", "../",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("https://api.example.com/l/{{ email }}/m", BODY),
        ("https://api.example.com/l/{email}", "  - {name: email, in: path, attribute: email}\n" + BODY),
    ],
)
def test_a_value_does_not_leave_its_segment(tmp_path: Path, url: str, parameters: str, value: str) -> None:
    with pytest.raises(InvalidRowError):
        rendered(spec_of(tmp_path, url, parameters), {"email": value})


def test_two_values_do_not_make_a_way_up(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "https://api.example.com/l/{{ firstname }}{{ lastname }}/.{{ email }}/m")
    assert rendered(spec, {"firstname": "a", "lastname": ".", "email": "x"}).url.endswith("/l/a./.x/m")
    for names, email in (("..", "x"), ("ab", ".")):
        values = {"firstname": names[0], "lastname": names[1], "email": email}
        with pytest.raises(InvalidRowError):
            rendered(spec, values)


def test_other_characters_of_a_segment_are_encoded(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "https://api.example.com/l/{{ email }}/m?q={{ email }}")
    assert rendered(spec, {"email": "a/b;c?d#e é"}).url == (
        "https://api.example.com/l/a%2Fb%3Bc%3Fd%23e%20%C3%A9/m?q=a%2Fb%3Bc%3Fd%23e%20%C3%A9"
    )


@pytest.mark.parametrize(
    ("header", "value", "sent"),
    [
        ("{name: Cookie, in: header, value: 'sid={{ email }}; k={{ env.K }}'}", "abc", "sid=abc; k=1;2"),
        ("{name: cookie, in: header, value: 'sid={{ email }}'}", "a; admin=1", None),
        ("{name: cookie, in: header, value: 'sid={% if email %}{{ email }}{% endif %}'}", "a; admin=1", None),
        ("{name: Cookie, in: header, value: 'sid={{ email }}'}", "a,b", None),
        ("{name: Cookie, in: header, attribute: email}", "a; b=c", None),
        ("{name: Cookie, in: header, value: 'sid={{ email }}'}", "a\r\nX: y", None),
        ('{name: X-Auth, in: header, value: \'Foo a="{{ email }}", b="c"\'}', 'x", b="d', None),
        ("{name: X-Name, in: header, value: '{{ email }}'}", "Doe, Jane; x", "Doe, Jane; x"),
        ("{name: X-Name, in: header, value: '{{ email }}'}", "a\0b", None),
        ("{name: X-Name, in: header, value: '{{ email }}'}", "a\u2028b", None),
        ("{name: X-Name, in: header, value: '{{ email }}'}", "a\x85b", None),
    ],
)
def test_a_value_does_not_leave_its_part_of_a_header(tmp_path: Path, header: str, value: str, sent: str | None) -> None:
    spec = spec_of(tmp_path, "https://api.example.com/l", f"  - {header}\n{BODY}")
    if sent is None:
        with pytest.raises(InvalidRowError):
            rendered(spec, {"email": value}, {"K": "1;2"})
    else:
        assert sent in [text for _, text in rendered(spec, {"email": value}, {"K": "1;2"}).headers]


@pytest.mark.parametrize("source", ["attribute: email", "value: '{{ email }}'", "value: '{{ email }}.example.com'"])
def test_a_row_does_not_decide_the_host_header(tmp_path: Path, source: str) -> None:
    with pytest.raises(SpecFindingsError) as caught:
        spec_of(tmp_path, "https://api.example.com/", f"  - {{name: Host, in: header, {source}}}\n{BODY}")
    assert [finding.code for finding in caught.value.findings] == ["RX150"]


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


HEADERS = {
    "{name: 'X A', in: header, value: x}": "RX154",
    '{name: "X-A: b\\r\\nHost", in: header, value: x}': "RX154",
    "{name: '@/etc/passwd', in: header, value: x}": "RX154",
    "{name: ':authority', in: header, value: x}": "RX154",
    "{name: Content-Length, in: header, value: 3}": "RX153",
    "{name: transfer-encoding, in: header, value: chunked}": "RX153",
    "{name: Connection, in: header, attribute: city}": "RX153",
    "{name: Proxy-Authorization, in: header, attribute: city}": "RX153",
    "{name: TE, in: header, value: '{{ city }}'}": "RX153",
    "{name: X-Forwarded-Host, in: header, attribute: city}": "RX150",
    "{name: X-Original-URL, in: header, value: '/{{ city }}'}": "RX150",
    "{name: Forwarded, in: header, value: 'host={{ city }}'}": "RX150",
    "{name: Connection, in: header, value: close}": None,
    "{name: X-Forwarded-For, in: header, attribute: ip_address}": None,
    "{name: X-Forwarded-Host, in: header, value: '{{ env.FRONT }}'}": None,
    "{name: 'X A', in: query, value: x}": None,
}


@pytest.mark.parametrize("parameter", HEADERS)
def test_a_header_has_a_name_of_its_own_and_no_row_routes_a_request(tmp_path, parameter) -> None:
    code = HEADERS[parameter]
    if code is None:
        spec_of(tmp_path, "https://api.example.com/", f"  - {parameter}\n{BODY}")
        return
    with pytest.raises(SpecFindingsError) as caught:
        spec_of(tmp_path, "https://api.example.com/", f"  - {parameter}\n{BODY}")
    assert [finding.code for finding in caught.value.findings] == [code]


@pytest.mark.parametrize(
    "more",
    [
        "idempotency: Host",
        "idempotency: {header: 'X Key'}",
        "authentication: {type: api_key, name: 'X: Y', value: '{{ env.KEY }}'}",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', header: Transfer-Encoding}",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', timestamp_header: Host}",
    ],
)
def test_no_header_of_ours_routes_or_frames_a_request(tmp_path, more) -> None:
    with pytest.raises(SpecFindingsError) as caught:
        spec_of(tmp_path, "https://api.example.com/", f"{BODY}\n{more}\n")
    assert {finding.code for finding in caught.value.findings} <= {"RX150", "RX153", "RX154"}
