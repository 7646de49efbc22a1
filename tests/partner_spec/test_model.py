"""The model: shorthands, defaults, and what an environment inherits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.spec_language.fields import duration, rate, rates, size, status_ranges

LEAST = {
    "spec_version": 1,
    "partner": "a",
    "endpoint": {"staging": "https://x.example.com"},
    "responses": [{"outcome": "failed"}],
}


def spec_of(**more) -> PartnerSpec:
    return PartnerSpec.model_validate({**LEAST, **more})


def rule_of(**more):
    return spec_of(responses=[{"outcome": "failed", **more}]).responses[0]


def test_defaults():
    spec = spec_of()
    assert (spec.method, spec.encoding, spec.authentication, spec.parameters) == ("POST", "json", (), ())
    assert (spec.limits.concurrency, spec.limits.timeout, spec.limits.connect_timeout) == (10, 30.0, 10.0)
    assert (spec.limits.attempts, spec.limits.backoff, spec.limits.backoff_limit) == (3, 1.0, 60.0)
    assert (spec.limits.rate, spec.limits.max_response) == ((), 10_000_000)
    assert (spec.tls.verify, spec.tls.ca_file, spec.diff.mode) == (True, None, "strict")
    assert not spec.repeatable


def test_a_spec_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        spec_of().method = "PUT"


def test_names():
    assert spec_of().name == "a"
    assert spec_of(title="Acme").name == "Acme"
    rules = [{"outcome": outcome} for outcome in ("failed", "failed", "rejected", "failed")]
    assert spec_of(responses=rules).rule_names == ("failed", "failed-2", "rejected", "failed-3")
    rules = [{"outcome": "failed", "name": "failed-2"}, {"outcome": "failed"}, {"outcome": "failed"}]
    assert spec_of(responses=rules).rule_names == ("failed-2", "failed", "failed-3")


def test_a_bare_url_is_an_environment():
    assert spec_of().endpoint["staging"].url == "https://x.example.com"


def test_an_environment_inherits_what_it_does_not_state():
    spec = spec_of(
        endpoint={
            "staging": "https://s.example.com",
            "production": {
                "url": "https://p.example.com",
                "method": "PUT",
                "authentication": "none",
                "limits": {"rate": "1/s"},
                "tls": {"verify": False},
                "proxy": "http://proxy.example.com",
                "http_version": "2",
            },
        },
        authentication={"type": "bearer", "token": "{{ env.T }}"},
        limits={"rate": "10/s", "timeout": "5s"},
        tls={"ca_file": "ca.pem"},
        proxy="http://all.example.com",
        http_version="1.1",
    )
    staging, production = spec.environment("staging"), spec.environment("production")
    assert (staging.method, staging.authentication[0].type, staging.limits) == ("POST", "bearer", spec.limits)
    assert (staging.tls, staging.proxy, staging.http_version) == (spec.tls, "http://all.example.com", "1.1")
    assert (production.method, production.authentication[0].type, production.proxy) == (
        "PUT",
        "none",
        "http://proxy.example.com",
    )
    assert (production.limits.rate, production.limits.timeout) == (((1.0, 1.0),), 30.0), "limits are stated whole"
    assert (production.tls.verify, production.tls.ca_file, production.http_version) == (False, None, "2")
    assert spec.endpoint["staging"].method is None, "the spec itself stays as written"
    with pytest.raises(KeyError):
        spec.environment("test")


@pytest.mark.parametrize("written", ["none", {"type": "none"}, [{"type": "none"}]])
def test_no_authentication_is_stated(written):
    assert [a.type for a in spec_of(authentication=written).authentication] == ["none"]


def test_authentications_have_their_defaults():
    key = spec_of(authentication={"type": "api_key", "name": "X", "value": "v"}).authentication[0]
    assert (key.in_, key.prefix) == ("header", "")
    token = spec_of(
        authentication={"type": "oauth2", "token_url": "https://u.example.com", "client_id": "c", "client_secret": "s"}
    ).authentication[0]
    assert (token.secret_in, token.method, token.token_field, token.prefix) == (
        "header",
        "POST",
        "access_token",
        "Bearer ",
    )
    assert token.refresh_on.status == ((401, 401),)
    signature = spec_of(authentication={"type": "hmac", "secret": "s"}).authentication[0]
    assert (signature.style, signature.algorithm, signature.message) == ("header", "sha256", "{timestamp}{body}")


@pytest.mark.parametrize(
    ("written", "expected"), [("send empty", "send_empty"), ("Send Null", "send_null"), ("omit", "omit")]
)
def test_policies_may_have_a_space(written, expected):
    (parameter,) = spec_of(parameters=[{"name": "a", "attribute": "b", "empty": written}]).parameters
    assert parameter.empty == expected
    assert parameter.absent is None


@pytest.mark.parametrize(
    ("value", "constant"),
    [("x", True), (5, True), (True, True), (None, True), (["a", "b"], True), ("{{ a }}", False), ("a {{ b }}", False)],
)
def test_constants(value, constant):
    assert spec_of(parameters=[{"name": "a", "value": value}]).parameters[0].constant is constant


def test_a_null_is_a_value():
    assert spec_of(parameters=[{"name": "a", "value": None}]).parameters[0].value is None


def test_an_attribute_is_no_constant():
    assert not spec_of(parameters=[{"name": "a", "attribute": "b"}]).parameters[0].constant


def test_required_when():
    (parameter,) = spec_of(
        parameters=[{"name": "a", "attribute": "b", "required": {"when": {"country": ["us", "ca"], "zip": "present"}}}]
    ).parameters
    assert parameter.required.when == {"country": ["us", "ca"], "zip": "present"}


@pytest.mark.parametrize(
    ("written", "header", "value", "repeatable"),
    [("Idempotency-Key", "Idempotency-Key", None, True), ({"header": "K", "value": "{{ a }}"}, "K", "{{ a }}", True)],
)
def test_an_idempotency_key_makes_a_send_repeatable(written, header, value, repeatable):
    spec = spec_of(idempotency=written)
    assert (spec.idempotency.header, spec.idempotency.value, spec.repeatable) == (header, value, repeatable)
    assert spec_of(idempotent=True).repeatable


def test_attributes_may_be_a_list_a_text_or_whole():
    assert set(spec_of(attributes=["a", "b"]).attributes) == {"a", "b"}
    found = spec_of(attributes={"a": "what it is", "b": None, "c": {"required": True, "example": 5}}).attributes
    assert (found["a"].description, found["b"].required, found["c"].example) == ("what it is", False, "5")


def test_documentation_may_be_several():
    assert spec_of(documentation="https://x.example.com").documentation == "https://x.example.com"
    assert spec_of(documentation=["a", "b"]).documentation == ("a", "b")


def test_conditions_have_short_forms():
    body = rule_of(body={"$.a": "x", "$.b": ["x", 7], "$.c": None, "$.d": True, "$.e": {"exists": False}}).body
    assert (body["$.a"].equals, body["$.b"].one_of, body["$.d"].equals) == ("x", ("x", 7), True)
    assert body["$.c"].has_equals
    assert body["$.c"].equals is None
    assert not body["$.e"].has_equals
    assert rule_of(text="x").text.equals == "x"
    assert rule_of(headers={"X": {"not": {"contains": "y"}}}).headers["X"].not_.contains == "y"


def test_captures_have_short_forms():
    capture = rule_of(
        capture={"reason": ["$.a", {"regex": "x(.)"}], "reference": {"header": "Location"}, "code": "/R/C"}
    ).capture
    assert [place.path for place in capture.reason] == ["$.a", None]
    assert capture.reason[1].regex == "x(.)"
    assert (capture.reference[0].header, capture.code[0].path) == ("Location", "/R/C")
    assert rule_of().capture.reason == ()


@pytest.mark.parametrize(
    ("written", "header", "unit", "seconds"),
    [
        ("header", "Retry-After", "s", None),
        ("X-Reset", "X-Reset", "s", None),
        (5, None, "s", 5.0),
        ({"header": "X", "unit": "epoch"}, "X", "epoch", None),
        ({"seconds": 2}, None, "s", 2.0),
    ],
)
def test_when_to_try_again(written, header, unit, seconds):
    after = rule_of(retry=True, after=written).after
    assert (after.header, after.unit, after.seconds) == (header, unit, seconds)


@pytest.mark.parametrize(
    ("written", "expected"),
    [({"a": [1]}, '{"a":[1]}'), ([1, None], "[1,null]"), ("text", "text"), (None, ""), ("", "")],
)
def test_the_body_of_an_example(written, expected):
    assert rule_of(examples=[{"body": written}]).examples[0].body == expected


@pytest.mark.parametrize(
    ("written", "expected"), [("10s", 10), ("500ms", 0.5), ("2m", 120), ("1h", 3600), (3, 3), ("1.5", 1.5)]
)
def test_durations(written, expected):
    assert duration(written) == expected


@pytest.mark.parametrize("written", ["", "0", "-1s", "10x", True, None, ["1s"]])
def test_what_is_no_duration(written):
    with pytest.raises(ValueError, match="is not a duration"):
        duration(written)


@pytest.mark.parametrize(
    ("read", "most", "beyond", "said"),
    [
        (duration, "87600h", "87601h", "a duration is at most 10 years"),
        (duration, "315360000", "9" * 400 + "s", "a duration is at most 10 years"),
        (rate, "1000000000/s", "1000000001/s", "a rate is at most 1,000,000,000 requests per second"),
        (rate, "1/3650d", "9" * 100_000 + "/s", "a rate is at most 1,000,000,000 requests per second"),
        (rate, "1/3650d", "1/" + "9" * 400 + "s", "it is at most 10 years"),
        (size, "1000GB", "1001GB", "a size is at most 1,000 GB"),
        (size, 10**12, 10**400, "a size is at most 1,000 GB"),
        (size, "7", "9" * 5000, "a size is at most 1,000 GB"),
    ],
)
def test_numbers_are_bounded_by_what_the_engine_takes(read, most, beyond, said):
    assert read(most)
    with pytest.raises(ValueError, match=said) as caught:
        read(beyond)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("written", "expected"), [("10/s", 10), ("600/m", 10), ("3600 / h", 1), ("0.5/s", 0.5)])
def test_rates(written, expected):
    assert rate(written).per_second == expected


@pytest.mark.parametrize("written", ["10", 10, "0/s", "10/w", "10/0s", "-1/s", None])
def test_what_is_no_rate(written):
    with pytest.raises(ValueError, match="is not a rate"):
        rate(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("190/10s", "190/10 s"),
        ("1000000/d", "1000000/d"),
        ("150 / m", "150/m"),
        ("60/60s", "60/m"),
    ],
)
def test_a_rate_is_said_in_its_span(written, said):
    assert str(rate(written)) == said


def test_of_several_rates_each_is_whole():
    assert rates(["10/s", "150/m"]) == ((10, 1), (150, 60))
    with pytest.raises(ValueError, match="not a whole number"):
        rates(["10/s", "0.5/m"])


@pytest.mark.parametrize(("written", "expected"), [("500KB", 500_000), ("10 mb", 10_000_000), (7, 7), ("1GB", 10**9)])
def test_sizes(written, expected):
    assert size(written) == expected


@pytest.mark.parametrize("written", ["", "1.5MB", "10XB", True, -1, None])
def test_what_is_no_size(written):
    with pytest.raises(ValueError, match="is not a size"):
        size(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (200, ((200, 200),)),
        ("200-299", ((200, 299),)),
        ("200 - 204", ((200, 204),)),
        ("4XX", ((400, 499),)),
        ([200, "5xx"], ((200, 200), (500, 599))),
    ],
)
def test_statuses(written, expected):
    assert status_ranges(written) == expected


@pytest.mark.parametrize("written", [99, 600, "6xx", "299-200", "2x", "", [], None, True, "200,201"])
def test_what_is_no_status(written):
    with pytest.raises(ValueError, match="is not an HTTP status"):
        status_ranges(written)


def test_a_number_keeps_its_written_digits():
    text = (
        "spec_version: 1\npartner: a\nendpoint: {staging: https://x.example.com}\n"
        "responses: [{outcome: failed, body: {$.a: 00123}}]\n"
        "parameters:\n  - {name: 3, value: 1.10}\n  - {name: b, value: 00123}\n  - {name: c, value: 5}\n"
    )
    spec = read_spec(parse("a.yaml", text)).spec
    assert spec.parameters[0].name == "3"
    assert [getattr(p.value, "written", None) for p in spec.parameters] == ["1.10", "00123", None]
    assert spec.responses[0].body["$.a"].equals.written == "00123"
