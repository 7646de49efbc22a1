"""Sample specs: each is without a finding, and together they show the whole language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rokt_export.authentication.base import secret_fields
from rokt_export.authentication.registry import TYPES
from rokt_export.exchange.model import Response
from rokt_export.partner_spec.attributes import ATTRIBUTES
from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import every_parameter, variable_names
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.encodings import ENCODINGS
from rokt_export.spec_language.rules import OUTCOMES
from rokt_export.transactions.transaction import Transaction

FOLDER = Path(__file__).parents[2] / "sample_specs"
FILES = sorted(FOLDER.glob("*.yaml"))
PARTNERS = [path for path in FILES if not path.stem.startswith("example-")]
HINT = "# yaml-language-server: $schema=../docs/partner-spec.schema.json"


def spec_of(path: Path) -> PartnerSpec:
    return load_spec(path).spec


SPECS = [spec_of(path) for path in FILES]


def authentications():
    for spec in SPECS:
        for name in spec.endpoint:
            yield from spec.environment(name).authentication


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@each_file
def test_it_says_who_it_is(path):
    spec, text = spec_of(path), path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == HINT
    assert spec.partner == path.stem
    assert spec.documentation
    assert (spec.contact.name, spec.contact.email) == ("Jane Doe", "jane.doe@example.com")


@each_file
def test_every_rule_has_an_example(path):
    spec = spec_of(path)
    bare = [name for name, rule in zip(spec.rule_names, spec.responses, strict=True) if not rule.examples]
    assert not bare
    assert {"delivered", "rejected", "failed"} <= {rule.outcome for rule in spec.responses} <= set(OUTCOMES)


@each_file
def test_staging_is_not_production(path):
    spec = spec_of(path)
    assert set(spec.endpoint) == {"staging", "production"}
    assert spec.endpoint["staging"].url != spec.endpoint["production"].url
    assert all(environment.url.startswith("https://") for environment in spec.endpoint.values())


@each_file
def test_what_it_states_of_limits(path):
    limits = spec_of(path).limits
    assert {"rate", "concurrency", "timeout"} <= limits.model_fields_set


@each_file
def test_secrets_stand_as_environment_variables_of_the_partner(path):
    spec = spec_of(path)
    for name in spec.endpoint:
        for authentication in spec.environment(name).authentication:
            for key in authentication.model_fields_set & secret_fields(type(authentication)).keys():
                assert re.fullmatch(r"\{\{ env\.[A-Z0-9_]+ \}\}", getattr(authentication, key))
    for name in variable_names(spec):
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", name)


def response_of(example):
    return Response(example.status, tuple(example.headers.items()), example.body.encode())


@each_file
def test_every_example_is_caught_by_its_own_rule_and_captured_as_stated(path):
    spec = spec_of(path)
    classifier = Classifier(spec.responses)
    for name, rule in zip(spec.rule_names, spec.responses, strict=True):
        for example in rule.examples:
            outcome = classifier.classify(response_of(example))
            assert (outcome.rule, outcome.kind) == (name, rule.outcome), example.body
            for key in ("reason", "reference", "code"):
                assert getattr(example, key) in (None, getattr(outcome, key))


def variables_of(spec):
    return {name: f"https://{name}.example.com" if "IDENTITY" in name else name for name in variable_names(spec)}


@each_file
def test_a_whole_transaction_renders_for_each_environment(path):
    spec = spec_of(path)
    row = Transaction(1, "XYZ123", {name: attribute.example for name, attribute in ATTRIBUTES.items()})
    for name in spec.endpoint:
        request = Renderer(spec, name, variables_of(spec), plugins=None).render(row)
        shown = f"{request.url} {request.body or b''}"
        assert request.method == spec.method
        assert (request.body is None) == (spec.encoding == "none")
        assert re.search(r"john\.smith(@|%40)rokt\.com", shown)


@each_file
def test_it_has_no_lint_finding(path):
    """A form submission alone knows no duplicate and is yet no update: the warning is true."""
    found = lint(load_spec(path), variables_of(spec_of(path)))
    codes = {finding.code for finding in found if finding.severity != "info"}
    assert codes == ({"RX109"} if path.stem == "hubspot-forms" else set())


def test_they_cover_the_language():
    parameters = [parameter for spec in SPECS for parameter in every_parameter(spec.parameters)]
    found = list(authentications())
    encodings = set(ENCODINGS) - {spec.encoding for spec in SPECS}
    assert not encodings, f"add a sample_specs/*.yaml with the encoding {encodings}, and its line in the README there"
    assert {spec.method for spec in SPECS} == {"GET", "POST", "PUT"}  # what the seed page names
    types = set(TYPES) - {authentication.type for authentication in found}
    assert not types, f"add a sample_specs/*.yaml with the authentication {types}, and its line in the README there"
    assert {a.in_ for a in found if a.type == "api_key"} == {"header", "query", "body"}
    assert {a.style for a in found if a.type == "hmac"} == {"sailthru", "header"}
    assert {parameter.in_ for parameter in parameters} == {"body", "query", "header", "path"}
    assert {parameter.encoding for parameter in parameters} == {None, "json", "xml"}
    assert {rule.outcome for spec in SPECS for rule in spec.responses} == set(OUTCOMES)
    assert {rule.provisional for spec in SPECS for rule in spec.responses} == {True, False}


def test_the_read_me_lists_each():
    listed = re.findall(
        r"^\| \[([\w-]+\.yaml)\]\(\1\) \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    names = [path.name for path in FILES]
    assert sorted(listed) == names, f"sample_specs/README.md and the folder differ: {set(listed) ^ set(names)}"
    assert len(PARTNERS) == 21


@pytest.mark.parametrize("path", PARTNERS, ids=lambda path: path.stem)
def test_a_partner_says_where_its_facts_come_from(path):
    """The head names sources and what is unchecked; what was not seen is marked in the examples."""
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    sources = [line for line in comments if re.match(r"# source: \S.*[./#\"]", line)]
    assert sources and any(re.match(r"# unchecked: \S", line) for line in comments)
    seen = [example for rule in spec_of(path).responses for example in rule.examples if not example.illustrative]
    assert len(seen) < sum(len(rule.examples) for rule in spec_of(path).responses)
