"""Names of an observed operation: nested names, JSON paths, slugs and variables."""

from __future__ import annotations

import pytest

from rokt_export.onboarding.drafts.observed import (
    ObservedParameter,
    json_path,
    nested,
    slug,
    variable,
    without_templates,
)


@pytest.mark.parametrize(
    ("name", "keys", "path"),
    [
        ("email", ("email",), "$.email"),
        ("a.b[0].c", ("a", "b", "c"), "$.a.b[0].c"),
        ("people[].mail", ("people", "mail"), "$.people[0].mail"),
        ("a['b.c']", ("a", "b.c"), "$.a['b.c']"),
        ("fields[name=email].value", ("fields", "email"), "$.fields[?@.name=='email'].value"),
    ],
)
def test_keys_and_path_of_a_nested_name(name: str, keys: tuple[str, ...], path: str) -> None:
    assert ObservedParameter(name).keys == keys
    assert json_path(name) == path


def test_a_name_outside_the_body_is_one_key() -> None:
    assert ObservedParameter("a.b", "query").keys == ("a.b",)


def test_a_member_is_quoted_where_its_name_has_signs_of_the_grammar() -> None:
    assert [nested("a", key) for key in ("b", "b.c", "it's", "@id")] == ["a.b", "a['b.c']", 'a["it\'s"]', "a.@id"]
    assert nested("", "b") == "b"


def test_no_template_is_left_of_a_text_that_hides_one_in_another() -> None:
    assert without_templates("a {{{ env.K }}} {%{% x %}") == "a { env.K }} { x %}"


@pytest.mark.parametrize(
    ("text", "found"), [("Beta GmbH", "beta-gmbh"), ("Ärzte", "rzte"), ("—", ""), ("a" * 60, "a" * 40)]
)
def test_a_text_becomes_a_slug(text: str, found: str) -> None:
    assert slug(text) == found


@pytest.mark.parametrize(
    ("partner", "what", "found"),
    [("acme", "apiKey", "ACME_API_KEY"), ("beta-gmbh", "list id", "BETA_GMBH_LIST_ID"), ("9to5", "key", "P_9TO5_KEY")],
)
def test_a_variable_has_the_names_of_the_partner_and_of_its_use(partner: str, what: str, found: str) -> None:
    assert variable(partner, what) == found
