"""The model: shorthands, defaults, and what an environment inherits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from tests.partner_spec.models import spec_of


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
