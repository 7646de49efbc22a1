"""A row's value leaves neither its segment of the URL nor its part of a header, and routes no request."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.partner_spec.loading import SpecFindingsError
from rokt_export.request.render import InvalidRowError
from tests.request.url_specs import BODY, rendered, spec_of


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
