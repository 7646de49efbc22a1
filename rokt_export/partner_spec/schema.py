"""Generates the JSON Schema of partner specs from the model, for editors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import orjson
from pydantic import BaseModel

from rokt_export.authentication.registry import TYPES
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.spec_language.fields import Strict

Schema: TypeAlias = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PATH = "^[$/]"


def json_schema() -> Schema:
    """Return the JSON Schema (2020-12) of a partner spec.

    It describes keys, types, choices and short forms. Templates, regular expressions and paths are checked by
    `validate`.
    """
    raw = PartnerSpec.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _subclasses(Strict)}
    definitions = {name: _definition(models[name], schema) for name, schema in raw.pop("$defs").items()}
    definitions["Authentication"] = _any_authentication()
    root = _definition(PartnerSpec, raw)
    return {
        "$schema": _DIALECT,
        "title": "Partner spec of rokt-export",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as the text of docs/partner-spec.schema.json."""
    return orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return key to description, from the `Attributes:` of a model's docstring and of its base classes."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel):
            found.update(_attributes(inspect.cleandoc(base.__doc__ or "")))
    return {field.alias or name: found[name] for name, field in model.model_fields.items() if name in found}


def _attributes(docstring: str) -> Iterator[tuple[str, str]]:
    section = docstring.partition("Attributes:\n")[2]
    for entry in re.split(r"\n(?=    \S)", section.rstrip()):
        names, colon, text = entry.strip().partition(": ")
        if colon:
            for name in names.split(", "):
                yield name, " ".join(text.split())


def _subclasses(model: type[Strict]) -> Iterator[type[Strict]]:
    for child in model.__subclasses__():
        yield child
        yield from _subclasses(child)


def _definition(model: type[Strict], raw: Schema) -> Schema:
    """Return the schema of one model, with descriptions and short forms.

    A short form is an additional `type`: with an `anyOf`, editors cannot tell which branch an error belongs to.
    """
    meanings = descriptions(model)
    properties = {
        key: {"description": meanings[key], **value} if key in meanings else value
        for key, value in ((key, _cleaned(value)) for key, value in raw["properties"].items())
    }
    own: Schema = {
        "description": inspect.cleandoc(model.__doc__ or "").partition("\n\nAttributes:")[0].replace("\n", " "),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required := raw.get("required"):
        own["required"] = required
    if model.shorthand is not None:
        own["type"] = ["string", "number", "object"]
    for key, value in _PROPERTIES.get(model.__name__, {}).items():
        properties[key] = {**({"description": meanings[key]} if key in meanings else {}), **value}
    return {**own, **_EXTRAS.get(model.__name__, {})}


def _cleaned(schema: Any) -> Any:
    """Remove titles, defaults that are not scalars, and unions with null, which only pydantic needs."""
    if isinstance(schema, list):
        return [_cleaned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _cleaned(value)
        for key, value in schema.items()
        if key not in ("title", "discriminator") and not (key == "default" and value in (None, [], {}, ""))
    }
    if isinstance(kept.get("default"), dict):
        del kept["default"]
    return _with_null(kept)


def _with_null(schema: Schema) -> Schema:
    options = schema.get("anyOf", [])
    if len(options) != 2 or options[1] != {"type": "null"} or "type" not in options[0]:
        return schema
    first = options[0]
    types = first["type"] if isinstance(first["type"], list) else [first["type"]]
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    merged: Schema = {**others, **first, "type": [*types, "null"]}
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    return merged


def _any_authentication() -> Schema:
    """Return the schema of an authentication: the names of the types, for completion, then the keys of each type."""
    return {
        "description": "How the partner authenticates us.",
        "type": "object",
        "properties": {"type": {"description": "Which kind of authentication this is.", "enum": list(TYPES)}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{model.__name__}"},
            }
            for kind, model in TYPES.items()
        ],
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _one_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _by_path(value: Schema) -> Schema:
    return {"type": "object", "propertyNames": {"pattern": _PATH}, "additionalProperties": value}


_AUTHENTICATION: Schema = {"anyOf": [{"const": "none"}, *_one_or_many(_ref("Authentication"))["anyOf"]]}
_CAPTURE: Schema = _one_or_many(_ref("CapturePath"))

_PROPERTIES: Mapping[str, Mapping[str, Schema]] = {
    "PartnerSpec": {
        "authentication": _AUTHENTICATION,
        "attributes": {
            "anyOf": [
                {"type": "object", "additionalProperties": _ref("CustomAttribute")},
                {"type": "array", "items": {"type": "string"}},
            ]
        },
        "endpoint": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z0-9][a-z0-9_-]*$"},
            "properties": {"staging": _ref("Environment"), "production": _ref("Environment")},
            "additionalProperties": _ref("Environment"),
        },
    },
    "Environment": {"authentication": {"anyOf": [*_AUTHENTICATION["anyOf"], {"type": "null"}]}},
    "Capture": {"reason": _CAPTURE, "reference": _CAPTURE, "code": _CAPTURE},
    "Test": {"body": _by_path(_ref("Condition"))},
    "Rule": {"body": _by_path(_ref("Condition"))},
    "RefreshOn": {"body": _by_path(_ref("Condition"))},
    "DiffSettings": {
        "varies": {
            "type": ["object", "array"],
            "additionalProperties": {"type": ["string", "number"]},
            "items": {"type": "string"},
        }
    },
    "Parameter": {
        "value": {
            "type": ["string", "number", "boolean", "null", "array"],
            "items": {"type": ["string", "number", "boolean", "null", "array"]},
        }
    },
}
"""Keys whose short forms are handled by a validator, so pydantic's schema does not contain them."""

_EXTRAS: Mapping[str, Schema] = {
    "Condition": {"type": ["string", "number", "boolean", "null", "array", "object"], "minProperties": 1},
    "CapturePath": {"type": ["string", "object"], "pattern": _PATH},
    "After": {"type": ["string", "number", "object"]},
    "CustomAttribute": {"type": ["string", "null", "object"]},
    "Parameter": {
        "oneOf": [{"required": ["attribute"]}, {"required": ["value"]}, {"required": ["parameters"]}],
        "dependentRequired": {"encoding": ["parameters"], "parameters": ["encoding"]},
    },
    "RequiredWhen": {"minProperties": 1, "maxProperties": 1},
}
"""Rules of a model's validator for a mapping as a whole."""
