"""Unfold a JSON schema of an OpenAPI document into the values that a body has, each with its nested name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from rokt_export.onboarding.drafts.observed import ObservedParameter, ParameterPlace, json_path, nested
from rokt_export.onboarding.drafts.openapi_document import Cursor
from rokt_export.partner_spec.attributes import canonical

MAX_FIELDS = 400
"""Values of one body at most; the largest body of the documents tried has 3,000, of which a draft needs twenty."""
MAX_DEPTH = 7
MAX_SCHEMAS = 20_000
"""Schemas that are looked at for one body at most: alternatives within alternatives would multiply."""


@dataclass(slots=True)
class SchemaValues:
    """The values of one schema.

    Attributes:
        style: how nested names are written: `json`, `form` (`a[b]`) or `xml`.
        reading: whether the schema is of a response: what is read-only counts, what is write-only does not.
        fields: what was found.
        notes: what was chosen or left out, for people.
    """

    style: str = "json"
    reading: bool = False
    fields: list[ObservedParameter] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _looked_at: int = 0

    def unfold(self, schema: Cursor, name: str = "", *, within: str = "", depth: int = 0, sample: Any = None) -> None:
        """Note the values of a schema.

        Args:
            schema: the schema.
            name: its nested name.
            within: the outermost optional part that it belongs to and must have it; empty where the body must have it.
            depth: how deep it is.
            sample: an example of its value, from further out.
        """
        if len(self.fields) >= MAX_FIELDS or depth > MAX_DEPTH:
            self._note(f"values deeper than {MAX_DEPTH} levels, or beyond the first {MAX_FIELDS}, are left out")
            return
        if schema.circular:
            self._note(f"`{name}` refers to itself and is left out")
            return
        node = self.flat(schema, name)
        if node.get("writeOnly" if self.reading else "readOnly") is True or node.get("deprecated") is True:
            return
        sample = _sample(node) if _sample(node) is not None else sample
        kind = _kind(node)
        if kind == "object":
            self._object(schema, node, name, within=within, depth=depth, sample=sample)
        elif kind == "array":
            self._array(schema, node, name, within=within, depth=depth, sample=sample)
        else:
            found = leaf(node, name or "$", "body", required=not within, kind=kind, sample=sample)
            self.fields.append(replace(found, within=within))

    def _object(
        self, schema: Cursor, node: Mapping[str, Any], name: str, *, within: str, depth: int, sample: Any
    ) -> None:
        members = node.get("properties")
        members = members if isinstance(members, Mapping) else {}
        needed = node.get("required")
        needed = frozenset(map(str, needed)) if isinstance(needed, list) else frozenset()
        shown = sample if isinstance(sample, Mapping) else {}
        for key, member in members.items():
            inner = self._member(name, str(key), member)
            self.unfold(
                _within(node, schema, key).at(member),
                inner,
                within=within if str(key) in needed else inner,
                depth=depth + 1,
                sample=shown.get(key),
            )
        for key, value in shown.items():  # names that only the example has, where the schema lists none
            if key not in members and (not members or node.get("additionalProperties") not in (None, False)):
                self._shown(nested(name, str(key)) if self.style != "form" else self._form(name, str(key)), value)
        if not members and not shown:
            text = str(node.get("description") or "")
            self.fields.append(ObservedParameter(name or "$", "body", not within, within, "object", description=text))

    def _shown(self, name: str, value: Any) -> None:
        for found, item in values_of(value, name):
            self.fields.append(ObservedParameter(found, "body", within=found, kind=kind_of(item), example=item))

    def _array(
        self, schema: Cursor, node: Mapping[str, Any], name: str, *, within: str, depth: int, sample: Any
    ) -> None:
        items = schema.at(node.get("items"))
        if items.circular:
            self._note(f"`{name}` refers to itself and is left out")
            return
        inner = self.flat(items, name)
        first = sample[0] if isinstance(sample, list) and sample else None
        if _kind(inner) in ("object", "array"):
            start = len(self.fields)
            place = name if self.style == "xml" else f"{name}[0]"
            self.unfold(items, place, within=within, depth=depth + 1, sample=first)
            if not self.reading and not within and not node.get("minItems") and not _identifies(self.fields[start:]):
                # A list that may be empty: nothing in it is needed, and it is not a list of people.
                del self.fields[start:]
                text = str(node.get("description") or "")
                self.fields.append(ObservedParameter(name, "body", True, "", "array", description=text))
        else:
            suffix = "" if self.style != "json" else "[]"
            found = leaf(inner, f"{name}{suffix}", "body", required=not within, kind=_kind(inner), sample=first)
            text = str(node.get("description") or "") or found.description
            self.fields.append(
                replace(found, within=within and f"{within}{suffix}" if within == name else within, description=text)
            )

    def _member(self, name: str, key: str, member: Any) -> str:
        if self.style == "form":
            return self._form(name, key)
        if self.style == "xml" and isinstance(member, Mapping) and isinstance(xml := member.get("xml"), Mapping):
            key = str(xml.get("name") or key)
            if xml.get("attribute") is True:
                return f"{name}.@{key}"
        return nested(name, key)

    def _form(self, name: str, key: str) -> str:
        return f"{name}[{key}]" if name else key

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def flat(self, schema: Cursor, name: str, depth: int = 0) -> dict[str, Any]:
        """Return a schema as one mapping: allOf merged, of oneOf and anyOf the branch that says most of a person.

        Each member that a branch adds keeps the cursor of that branch, in `$within`, for its references.
        """
        node = dict(schema.node)
        node["$within"] = dict.fromkeys(_properties(node), schema)
        self._looked_at += 1
        if depth > MAX_DEPTH or self._looked_at > MAX_SCHEMAS:
            return node
        for part in schema.items("allOf"):
            _merge(node, self.flat(part, name, depth + 1))
        for word in ("oneOf", "anyOf"):
            branches = [part for part in schema.items(word) if part.node.get("type") != "null" and not part.circular]
            flats = [self.flat(part, name, depth + 1) for part in branches]
            if flats and _properties(node) and not any(map(_properties, flats)):
                groups = ["+".join(map(str, each.get("required") or ())) for each in flats]
                self._note(f"`{name or 'the body'}` needs one of: {', '.join(filter(None, groups))}")
            elif flats:
                best = max(flats, key=_worth)
                alternatives = sum(1 for each in flats if _properties(each) or _kind(each) != "object")
                if alternatives > 1 and _kind(best) == "object":
                    title = str(best.get("title") or f"number {flats.index(best) + 1}")
                    self._note(f"`{name or 'the body'}` has {alternatives} alternatives; {title} was taken")
                _merge(node, best)
        return node


def _properties(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = node.get("properties")
    return found if isinstance(found, Mapping) else {}


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        if key in ("properties", "$within") and isinstance(value, Mapping):
            into[key] = {**value, **(into.get(key) or {})}
        elif key == "required" and isinstance(value, list):
            into[key] = [*(into.get(key) or []), *value]
        elif into.get(key) in (None, "", []) or (key == "type" and "null" in _types(into)):
            into[key] = value


def _within(node: Mapping[str, Any], schema: Cursor, key: str) -> Cursor:
    """Return where a member's references start from: the branch of the schema that contains it."""
    origin = node.get("$within", {}).get(key)
    return origin if isinstance(origin, Cursor) else schema


def _types(node: Mapping[str, Any]) -> list[str]:
    given = node.get("type")
    return [str(each) for each in given] if isinstance(given, list) else [str(given)] if given else []


def _kind(node: Mapping[str, Any]) -> str:
    types = [each for each in _types(node) if each != "null"]
    if not types:
        if _properties(node) or node.get("additionalProperties"):
            return "object"
        return "array" if "items" in node else "string"
    return next((each for each in ("object", "array", "string") if each in types), types[0])


def _worth(node: Mapping[str, Any]) -> tuple[int, int]:
    known = sum(1 for key in _properties(node) if canonical(str(key)) is not None)
    return known, min(len(_properties(node)), 20) if _kind(node) == "object" else 1


def _identifies(fields: list[ObservedParameter]) -> bool:
    return any(canonical(each.keys[-1]) in ("email", "mobile", "firstname") for each in fields)


def _sample(node: Mapping[str, Any]) -> Any:
    if node.get("example") is not None:
        return node["example"]
    shown = node.get("examples")
    return next(iter(shown), None) if isinstance(shown, list) else None


def leaf(
    node: Mapping[str, Any], name: str, place: ParameterPlace, *, required: bool, kind: str, sample: Any = None
) -> ObservedParameter:
    """Return the field of a schema that is no object and no list.

    Args:
        node: the flat schema.
        name: the nested name.
        place: where it is sent.
        required: whether it must be sent.
        kind: its JSON type.
        sample: an example of its value.
    """
    choices = (
        [each for each in node.get("enum") or () if each is not None] if isinstance(node.get("enum"), list) else []
    )
    only = node.get("const") if node.get("const") is not None else choices[0] if len(choices) == 1 else None
    longest = node.get("maxLength")
    example = sample if sample is not None else _sample(node)
    default = node.get("default")
    return ObservedParameter(
        name,
        place,
        required,
        kind=kind,
        form=str(node.get("format") or ""),
        choices=tuple(choices) if len(choices) > 1 else (),
        constant=only if isinstance(only, str | int | float | bool) else None,
        example=next((each for each in (default, example) if isinstance(each, str | int | float | bool)), None),
        longest=longest if isinstance(longest, int) and not isinstance(longest, bool) else None,
        pattern=str(node.get("pattern") or ""),
        description=str(node.get("description") or node.get("title") or ""),
    )


def values_of(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the nested name and value of each scalar of JSON data; of a list, the first element's."""
    if isinstance(value, Mapping) and depth <= MAX_DEPTH:
        for key, item in value.items():
            yield from values_of(item, nested(name, str(key)), depth + 1)
    elif isinstance(value, list) and depth <= MAX_DEPTH:
        if named := _named_values(value):
            for key, item in named:
                others = (other for other in item if other != key)
                yield from ((nested(f"{name}[{key}={item[key]}]", str(other)), item[other]) for other in others)
        elif value and isinstance(value[0], Mapping | list):
            yield from values_of(value[0], f"{name}[0]", depth + 1)
        else:
            yield from ((f"{name}[]", item) for item in value[:1])
    elif not isinstance(value, Mapping | list):
        yield name or "$", value


def _named_values(items: list[Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the elements of a list like `[{name: email, value: …}]` with the key that names them; none of others."""
    for key in ("name", "key", "field", "id"):
        named = [
            each for each in items if isinstance(each, Mapping) and isinstance(each.get("value"), str | int | float)
        ]
        plain = [each for each in named if re.fullmatch(r"[\w-]+", str(each.get(key) or ""))]
        if items and len(plain) == len(items):
            return [(key, each) for each in plain]
    return []


def kind_of(value: Any) -> str:
    """Return the JSON type of a value."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case _:
            return "string"


def leaves_of(body: str) -> dict[str, ObservedParameter]:
    """Return the places of a JSON body that is shown, for a response without a schema."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return {json_path(name): ObservedParameter(name, example=value) for name, value in values_of(data) if name != "$"}
