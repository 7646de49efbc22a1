"""The reference of the language: docs/spec.md names every key with its default, and every example in it is true."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.spec_language.fields import Strict, duration, size
from rokt_export.spec_language.filters import ABSENT, FILTERS, FilterError, text_of
from rokt_export.spec_language.template import compile_template

PAGE = (Path(__file__).parents[2] / "docs" / "spec.md").read_text(encoding="utf-8")
LEAST = {
    "spec_version": "1",
    "partner": "acme",
    "endpoint": "{staging: 'https://staging.example.com/{order}'}",
    "responses": "[{outcome: failed}]",
}


def models(base=Strict):
    for model in base.__subclasses__():
        if not inspect.isabstract(model):
            yield model
        yield from models(model)


MODELS = {model.__name__: model for model in models()}
TABLES = {
    name: [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows.strip().splitlines()[2:]]
    for name, rows in re.findall(r"<!-- keys: (\w+) -->\n((?:\|.*\n)+)", PAGE)
}


def rows_of(name: str) -> list[list[str]]:
    assert name in TABLES, f"docs/spec.md has no table below `<!-- keys: {name} -->`"
    return TABLES[name]


def blocks(language: str):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_model_has_its_table_and_no_other():
    lacking, unknown = set(MODELS) - set(TABLES), set(TABLES) - set(MODELS)
    assert not lacking, f"add to docs/spec.md a table of keys below `<!-- keys: NAME -->`, where NAME is {lacking}"
    assert not unknown, f"docs/spec.md has a table of keys for {unknown}, and no model has that name"


@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_a_model_is_in_its_table(name):
    rows, keys = sorted(row[0].strip("`") for row in rows_of(name)), sorted(MODELS[name].keys())
    assert rows == keys, f"the table `<!-- keys: {name} -->` of docs/spec.md has other keys than the model"


def stated(cell: str, default):
    """What a cell says the default is, as a value of the default's kind."""
    text = cell.strip("`")
    match default:
        case bool():
            return text == "true"
        case float():
            return duration(text)
        case int():
            return size(text)
        case _:
            return text.strip('"')


@pytest.mark.parametrize("name", MODELS)
def test_every_default_is_stated(name):
    cells = {row[0].strip("`"): row[2] for row in rows_of(name)}
    for field_name, field in MODELS[name].model_fields.items():
        key = field.alias or field_name
        assert key in cells, f"the table `<!-- keys: {name} -->` of docs/spec.md lacks `{key}`"
        cell = cells[key]
        if field.is_required():
            assert cell == "required"
            continue
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            assert cell == ("`{status: 401}`" if field_name == "refresh_on" else "none")
        elif default in (None, (), {}):
            assert cell == "none"
        elif default == "":
            assert cell == "empty"
        else:
            assert stated(cell, default) == default


@pytest.mark.parametrize("name", MODELS)
def test_every_choice_is_named(name):
    meanings = {row[0].strip("`"): row[1] + row[3] for row in rows_of(name)}
    whole = MODELS[name].model_json_schema(by_alias=True)
    schema = whole.get("properties") or whole["$defs"][name]["properties"]
    for key, meaning in meanings.items():
        for option in [o for part in (schema[key], *schema[key].get("anyOf", ())) for o in part.get("enum", ())]:
            if not meaning.startswith("policy") and not meaning.endswith("environment."):
                named = f"`{option}`" in meaning or f'`"{option}"`' in meaning
                assert named, f"docs/spec.md, `<!-- keys: {name} -->`: the row of `{key}` does not name `{option}`"


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_example_loads(block):
    missing = [f"{key}: {value}\n" for key, value in LEAST.items() if not re.search(rf"^{key}:", block, re.MULTILINE)]
    assert read_spec(parse("docs/spec.md", "".join(missing) + block)).findings == ()


LINES = [line for block in blocks("filters") for line in block.splitlines()]
LINE = re.compile(
    r"(?P<template>.*?)\s{1,}(?P<values>(?:[\w-]+=(?:\"(?:[^\"\\]|\\.)*\"|null)(?:, )?)*)\s*→ ?(?P<result>.*)"
)
VALUE = re.compile(r"([\w-]+)=(\"(?:[^\"\\]|\\.)*\"|null)")


@pytest.mark.parametrize("line", LINES)
def test_every_filter_example_is_true(line):
    match = LINE.fullmatch(line)
    values = {name: json.loads(value) for name, value in VALUE.findall(match["values"])}
    template = compile_template(match["template"])
    if match["result"] == "(invalid)":
        with pytest.raises(FilterError):
            template.fill(values, {})
        return
    result = template.fill(values, {})
    assert ("(absent)" if result is ABSENT else text_of(result)) == match["result"]


def test_every_filter_has_an_example_and_a_heading():
    headings = " ".join(re.findall(r"^\*\*([a-z0-9, ]+)\*\*", PAGE, re.MULTILINE))
    for name in FILTERS:
        assert re.search(rf"\b{name}\b", headings)
        assert any(re.search(rf"\| {name}\b", line) for line in LINES)


def test_every_link_within_the_page_leads_somewhere():
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= headings
