"""Each authentication type is finished: listed, with its secrets marked, put on by us and verified by the sandbox."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Literal

import pytest

import rokt_export.authentication
from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    Fill,
    NotChecked,
    Public,
    Secret,
    Signature,
    StaticHeader,
    Use,
    secret_fields,
)
from rokt_export.authentication.registry import TYPES
from rokt_export.delivery.credentials import Credentials
from rokt_export.exchange.model import Fault, Response
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import names_in
from rokt_export.redaction.sensitive_names import is_sensitive
from rokt_export.request.render import Renderer
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from rokt_export.spec_language.fields import ValueTemplate
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport, TransportOptions
from tests.authentication.samples import ACCEPTS_ALL, SAMPLES, WITHOUT_SECRET
from tests.sandbox.conftest import spec_of

ROW = Transaction(1, "1", {"email": "a@example.com"})
PLUGINS = frozenset({"tests.authentication.samples:TokenHeader"})


def _spec(authentication: str) -> PartnerSpec:
    return spec_of(f"authentication: {authentication}\nparameters: [{{name: email, attribute: email}}]")


def _sample(kind: str) -> PartnerSpec:
    assert kind in SAMPLES, f"the authentication type {kind} has no sample in tests/authentication/samples.py"
    return _spec(SAMPLES[kind])


def _send(spec: PartnerSpec, sandbox: Sandbox, **others: str) -> int | None:
    """Return the status of a row's response, once a challenge is answered; None where none comes."""
    variables = dict(sandbox.variables) | others
    renderer = Renderer(spec, "staging", variables, base_url=sandbox.base_url, plugins=PLUGINS)
    files = {
        "client_certificate": variables.get("CERTIFICATE"),
        "client_key": variables.get("KEY"),
    }
    uses_files = any(each.type == "mutual_tls" for each in renderer.environment.authentication or ())
    ca_file = str(sandbox.ca_file) if sandbox.ca_file else None
    options = TransportOptions(timeout=10, ca_file=ca_file, **(files if uses_files else {}))
    credentials = Credentials(renderer, variables, options=options, base_url=sandbox.base_url)
    try:
        credentials.ready()
        with Transport(options) as transport:
            request = credentials.on(renderer.render(ROW))
            answer = transport.send(request)
            if isinstance(answer, Response) and credentials.renewed(request, answer):
                credentials.ready()
                answer = transport.send(credentials.on(renderer.render(ROW)))
    finally:
        credentials.close()
    return None if isinstance(answer, Fault) else answer.status


@pytest.fixture
def sandbox(kind: str) -> Iterator[Sandbox]:
    made = Sandbox(_sample(kind), SandboxOptions(), variables={})
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_accepts_the_credentials_of(kind: str, sandbox: Sandbox) -> None:
    assert _send(_sample(kind), sandbox) == 201


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL])
def test_the_sandbox_refuses_a_request_without_the_credentials_of(kind: str, sandbox: Sandbox) -> None:
    assert _send(_spec("none"), sandbox) in (401, None)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL and kind not in WITHOUT_SECRET])
def test_the_sandbox_refuses_another_secret_of(kind: str, sandbox: Sandbox) -> None:
    if kind == "oauth2":  # no token is issued
        with pytest.raises(Exception, match="refused our credentials"):
            _send(_sample(kind), sandbox, SECRET="another")
    else:
        assert _send(_sample(kind), sandbox, SECRET="another") == 401


@pytest.mark.parametrize("kind", TYPES)
def test_the_secret_of_the_sample_is_in_a_field_marked_secret(kind: str) -> None:
    for each in _sample(kind).authentication:
        expected = [] if kind in WITHOUT_SECRET else ["{{ env.SECRET }}"]
        assert [source for _, source in each.secrets()] == expected


@pytest.mark.parametrize("kind", TYPES)
def test_each_variable_of_the_sample_has_a_use(kind: str) -> None:
    for each in _sample(kind).authentication:
        assert names_in([use.part for use in each.uses()]) == names_in(each)


@pytest.mark.parametrize("kind", TYPES)
def test_a_signature_stands_where_it_says(kind: str) -> None:
    renderer = Renderer(_sample(kind), "staging", {"SECRET": "s", "CERTIFICATE": "", "KEY": ""}, plugins=PLUGINS)
    places = {p.name for each in renderer.credentials if isinstance(each, Signature) for p in each.places}
    if places:
        rendered = renderer.render(ROW)
        added = dict(renderer.sign(rendered).headers).keys() - dict(rendered.headers).keys()
        assert added == places


def test_each_type_of_the_folder_is_in_the_registry() -> None:
    found = set()
    for each in pkgutil.iter_modules(rokt_export.authentication.__path__, "rokt_export.authentication."):
        module = import_module(each.name)
        found |= {
            model
            for model in vars(module).values()
            if isinstance(model, type) and issubclass(model, Authentication) and model.__module__ == each.name
        }
    missing = [model.__name__ for model in found - {Authentication} - set(TYPES.values())]
    assert not missing, f"not in rokt_export/authentication/registry.py: {missing}"


def test_each_type_has_a_sample() -> None:
    assert set(SAMPLES) == set(TYPES), "tests/authentication/samples.py has not one sample for each type"


FINISHED: dict[str, Any] = {
    "__annotations__": {"type": Literal["acme"], "name": Public[ValueTemplate], "key": Secret[ValueTemplate]},
    "credential": lambda self, fill: StaticHeader("X-Key", fill(self.key)),
    "verification": lambda self, fill, body_finder: NotChecked("a test"),
    "uses": lambda self: [Use(self, "header X-Key")],
}


def _annotated(**changes: Any) -> dict[str, Any]:
    return {"__annotations__": FINISHED["__annotations__"] | changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"credential": Authentication.credential}, "it has no method `credential`"),
        ({"verification": Authentication.verification}, "it has no method `verification`"),
        ({"uses": Authentication.uses}, "it has no method `uses`"),
        (_annotated(key=ValueTemplate), "its field `key` is neither Secret[...] nor Public[...]"),
        (_annotated(key=Secret[dict[str, ValueTemplate]]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Secret[tuple[ValueTemplate, ...]]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Secret[ValueTemplate | int]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Public[ValueTemplate]), "no field is Secret[...], and `no_secret` does not say why"),
        (_annotated(type=str), 'it does not name its `type` (`type: Literal["basic"]`)'),
    ],
)
def test_a_half_finished_type_says_what_it_lacks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"the authentication type Acme is not finished: {message}")):
        type("Acme", (Authentication,), FINISHED | changes | {"__module__": __name__})


def test_a_finished_type_is_taken() -> None:
    class Acme(Authentication):
        type: Literal["acme"]
        key: Secret[ValueTemplate]

        def credential(self, fill: Fill) -> StaticHeader:
            return StaticHeader("X-Key", fill(self.key))

        def verification(self, fill: Fill, body_finder: BodyFinder) -> NotChecked:
            return NotChecked("a test")

        def uses(self) -> Iterable[Use]:
            return [Use(self, "header X-Key")]

    assert list(Acme(type="acme", key="k").secrets()) == [("KEY", "k")]


NO_SECRET_BY_NAME = {"custom.auth", "mutual_tls.key"}  # the name of a class, the path of a file


def test_each_field_that_is_called_like_a_credential_is_secret() -> None:
    """Optional ones too, which no sample sets."""
    shown = {
        f"{kind}.{name}"
        for kind, model in TYPES.items()
        for name in model.model_fields.keys() - secret_fields(model).keys()
        if is_sensitive(name)
    }
    assert shown == NO_SECRET_BY_NAME, "mark these fields Secret[...], or say here why they may be shown"
