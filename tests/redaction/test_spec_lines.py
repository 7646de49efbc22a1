"""The copy of a spec that a run keeps: secrets are masked, and it is still that spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from rokt_export.authentication.registry import TYPES
from rokt_export.partner_spec.document import Severity, parse
from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction.spec_lines import MASK, masked_line, masked_spec

SPECS = sorted((Path(__file__).resolve().parents[2] / "sample_specs").glob("*.yaml"))
RULE = "responses:\n  - {outcome: failed, status: 401, examples: [{status: 401, body: %s}]}\n"
TEXT = "spec_version: 1\npartner: acme-2go\nendpoint: {staging: 'https://example.com/a'}\nencoding: json\n"


def copy_of(text: str) -> Any:
    """The spec of the copy of a text; both must be without errors."""
    assert not read_spec(parse("acme.yaml", text)).findings
    masked = masked_spec(text)
    assert len(masked) == len(text)
    found = read_spec(parse("acme.yaml", masked))
    assert not found.findings, found.findings
    return found.spec


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_copy_of_a_sample_is_that_spec(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    copy, spec = copy_of(text), read_spec(parse(path.name, text)).spec
    assert (copy.name, copy.contact, copy.rule_names) == (spec.name, spec.contact, spec.rule_names)
    assert [each.name for each in copy.parameters] == [each.name for each in spec.parameters]


@pytest.mark.parametrize(
    "body",
    [
        r'"{\"message\":\"Access Token Invalid\"}"',
        r'"{\"message\":\"Bearer token missing\"}"',
        r'"{\"token\":\"abcdefgh\",\"n\":1}"',
        '\'{"message":"Invalid token supplied","password":"hunter2hunter2"}\'',
        r'"Token: abcdef\\"',
    ],
)
def test_the_copy_of_an_example_that_speaks_of_tokens_is_an_example(body: str) -> None:
    spec = copy_of(TEXT + RULE % body)
    assert spec.responses[0].examples[0].status == 401


@pytest.mark.parametrize("name", ["acme2go", "a1", "extra500", "acme-noise2", "acme_2026"])
def test_a_slug_is_no_secret(name: str) -> None:
    assert copy_of((TEXT + RULE % "a").replace("acme-2go", name)).partner == name


def test_each_choice_of_an_authentication_stays() -> None:
    choices = {
        word
        for model in TYPES.values()
        for name, field in model.model_fields.items()
        if name != "type" and get_origin(field.annotation) is Literal
        for word in get_args(field.annotation)
    }
    for word in choices:
        assert MASK not in masked_spec(f"authentication: {{type: x, in: {word}, a: {word}}}\n"), word


def test_a_literal_secret_is_masked() -> None:
    masked = masked_spec("authentication: {type: bearer, token: hunter2}\nproxy: https://joe:hunter2@example.com\n")
    assert "hunter2" not in masked


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("fields[name=email].value", None),
        ("//FL[@val='Id']", None),
        ("date(x, given='%d/%m/%Y %H:%M')", None),
        ("date('%H:%MZ', utc=true, tz='Europe/Berlin')", None),
        ("application/json; charset=utf-8", None),
        ("token_field: data[0].token", None),
        ("USER=bob", "USER=•••"),
        ("fields[token=abcdef].value", "fields[token=••••••].value"),
        ("fields[name=0123456789abcdefg].value", "fields[••••••••••••••••••••••].value"),
    ],
)
def test_only_what_may_be_a_secret_is_masked(value, shown):
    assert masked_line(value) == (shown or value)


NAME = "ACME_V3_API_KEY_2026"
SECRET = "sk_live_0123456789abcdef"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("{{ env.%s }}", True),
        ("a: 'x{{ env.OTHER ~ env.%s | upper }}'", True),
        ("{%% if env.%s %%}", True),
        ("cut short: {{ env.%s", True),
        ("env.%s", False),
        ("{{ %s }}", False),
        ("{{ 'env.%s' }}", False),
        ("{{ env.A }} env.%s", False),
        ("{{ env.A-%s }}", False),
        ("{{ row.env.%s }}", False),
    ],
)
def test_the_name_of_a_variable_stays_and_nothing_else_does(line: str, *, shown: bool) -> None:
    assert (NAME in masked_line(line % NAME)) is shown
    if not shown:
        assert SECRET not in masked_line(line % SECRET)


def test_a_copy_keeps_the_names_of_its_variables() -> None:
    login = f"authentication: {{type: bearer, token: '{{{{ env.{NAME} }}}}'}}\n"
    text = f"{TEXT}{login}variables: {{{NAME}: the key}}\n" + RULE % "a"
    copy = copy_of(text)
    assert (copy.authentication[0].token, list(copy.variables)) == (f"{{{{ env.{NAME} }}}}", [NAME])
    assert SECRET not in masked_spec(f"{text}# {SECRET} {NAME}={SECRET}\n")


def test_a_finding_names_a_variable_and_no_secret() -> None:
    text = f"{TEXT}# {{{{ env.{NAME} }}}}\n"
    found = parse("a.yaml", text).finding("RX107", Severity.WARNING, ("title",), f"`{NAME}` not set", f"`{SECRET}`")
    assert (found.message, SECRET in found.hint, type(found.message)) == (f"`{NAME}` not set", False, str)


def test_a_secret_in_a_template_of_an_authentication_is_in_no_finding() -> None:
    login = f"authentication: {{type: bearer, token: '{{{{ {SECRET} }}}}'}}\n"
    findings = [str(each) for each in lint(read_spec(parse("a.yaml", TEXT + login + RULE % "a")), {})]
    assert any("RX101" in each for each in findings)
    assert not [each for each in findings if SECRET in each]
