"""A class from outside that signs requests: what it may change, and what is said of one that cannot be used."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from requests.auth import AuthBase
from requests.models import PreparedRequest

from rokt_export.errors import ConfigurationError
from tests.authentication.samples import JEFE
from tests.request.rendering import URL, renderer, request


class Stamp(AuthBase):
    """An auth plug-in that changes every part of a request."""

    def __init__(self, **options: str) -> None:
        self.options = options

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["X-Stamp"] = self.options["key"]
        prepared.url = f"{prepared.url}?stamp=1"
        prepared.body = (prepared.body or b"") + b" "
        return prepared


class Failing(AuthBase):
    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        raise RuntimeError("no")


class Forgetful(AuthBase):
    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["X-Stamp"] = "1"
        return None  # type: ignore[return-value]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("acme_auth")
    module.Stamp, module.Number, module.Failing, module.Forgetful = Stamp, int, Failing, Forgetful
    monkeypatch.setitem(sys.modules, "acme_auth", module)


def custom(name: str, options: str = "{key: '{{ env.SECRET }}'}") -> str:
    return (
        "parameters: [{name: a, attribute: a}]\n"
        f"authentication: {{type: custom, auth: '{name}', options: {options}}}\n"
    )


def test_a_custom_class_may_change_header_url_and_body(plugin: None) -> None:
    sent = request(custom("acme_auth:Stamp"), {"a": "1"}, variables=JEFE, plugins=frozenset({"acme_auth:Stamp"}))
    assert sent.header("X-Stamp") == "Jefe"
    assert (sent.url, sent.body) == (f"{URL}?stamp=1", b'{"a":"1"} ')


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("acme_auth_gone:Stamp", "{}", "No module named"),
        ("acme_auth:Gone", "{}", "no attribute 'Gone'"),
        ("acme_auth:Failing", "{x: '1'}", "cannot be made"),
        ("acme_auth:Number", "{}", "is not a requests authentication"),
        ("acme_auth:__class__", "{}", "is not a requests authentication"),
    ],
)
def test_a_custom_class_that_cannot_be_used(plugin: None, name: str, options: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        renderer(custom(name, options), plugins=frozenset({name}))


@pytest.mark.parametrize(
    ("name", "message"),
    [("Failing", "acme_auth:Failing failed: RuntimeError: no"), ("Forgetful", "acme_auth:Forgetful returned NoneType")],
)
def test_a_custom_class_that_fails_on_a_request(plugin: None, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        request(custom(f"acme_auth:{name}", "{}"), {"a": "1"}, plugins=frozenset({f"acme_auth:{name}"}))
