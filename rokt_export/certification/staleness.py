"""Is a spec still the one that was certified: which parts of it changed, and which probes must run again.

A part is hashed by what it means in the file: comments, layout and the order of keys do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

import orjson

from rokt_export.certification.records import ProbeKind
from rokt_export.partner_spec.document import WrittenFloat, WrittenInt
from rokt_export.partner_spec.loading import LoadedSpec

_ALL: frozenset[str] = frozenset(get_args(ProbeKind))

ENDPOINT = "endpoint."
"""The beginning of the parts that have one environment each, such as `endpoint.staging`."""

_PART_OF: Mapping[str, str | None] = {
    "spec_version": None, "partner": None, "title": None, "description": None, "documentation": None, "contact": None,
    "openapi": None, "columns": None, "variables": None, "diff": None,
    "method": "request", "encoding": "request", "content_type": "request", "xml_declaration": "request",
    "body": "request",
    "endpoint": "endpoint", "limits": "batch",
    "authentication": "authentication",
    "parameters": "parameters", "attributes": "parameters",
    "responses": "rules", "confirmation": "rules",
    "idempotency": "repetition", "idempotent": "repetition",
    "tls": "connection", "proxy": "connection", "http_version": "connection",
    "read_back": "read_back", "cleanup": "cleanup",
}  # fmt: skip
"""Key of a spec to the part that it belongs to; None where no probe depends on it."""

_PROBES_OF: Mapping[str, frozenset[str]] = {
    "request": _ALL,
    "endpoint": _ALL,
    "batch": _ALL,
    "authentication": frozenset({"good", "no_credentials", "wrong_credentials"}),
    "parameters": _ALL - {"no_credentials", "wrong_credentials", "wrong_content_type"},
    "rules": _ALL,
    "repetition": frozenset({"good", "repeat", "race"}),
    "connection": frozenset({"good"}),
    "read_back": frozenset({"good", "hostile_text", "longest", "read_back"}),
    "cleanup": frozenset({"cleanup"}),
}
"""Part to the kinds of probes that prove something about it."""


def parts_of(loaded: LoadedSpec) -> dict[str, str]:
    """Return part of a spec to the SHA-256 of what it means; parts that the file does not have are left out.

    Each environment is a part of its own, `endpoint.staging`. Of limits only `batch` counts: it changes the request.

    Raises:
        KeyError: the language has a key that belongs to no part.
    """
    data: Mapping[str, Any] = loaded.document.data
    gathered: dict[str, dict[str, Any]] = {}
    for key, value in data.items():
        part = _PART_OF[key]
        if part == "endpoint":
            for name, environment in value.items():
                gathered[f"{ENDPOINT}{name}"] = {key: _probed(environment)}
        elif part == "batch":
            if isinstance(value, dict) and value.get("batch"):
                gathered[part] = {key: value["batch"]}
        elif part is not None:
            gathered.setdefault(part, {})[key] = value
    return {part: _hash(keys) for part, keys in sorted(gathered.items())}


def _probed(environment: Any) -> Any:
    """Return what an environment states, without what no probe depends on."""
    if not isinstance(environment, dict):
        return {"url": environment}
    limits = environment.get("limits") or {}
    kept = {key: value for key, value in environment.items() if key not in ("guarded", "limits")}
    return {**kept, "batch": limits["batch"]} if limits.get("batch") else kept


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(_meant(value), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _meant(value: Any) -> Any:
    """Return data as JSON that differs where the spec means something else: `00123` is not 123, nor "123"."""
    if isinstance(value, dict):
        return {str(key): _meant(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_meant(each) for each in value]
    if isinstance(value, (WrittenInt, WrittenFloat)):
        return {"written": value.written}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"integer": str(value)}  # of any size
    return value


def changed_parts(before: Mapping[str, str], now: Mapping[str, str], environment: str) -> list[str]:
    """Return the parts that changed, in alphabetical order, without those of environments that were not certified."""
    every = sorted({*before, *now})
    mine = f"{ENDPOINT}{environment}"
    return [
        part for part in every if before.get(part) != now.get(part) and (part == mine or not part.startswith(ENDPOINT))
    ]


def other_environments(before: Mapping[str, str], now: Mapping[str, str], environment: str) -> list[str]:
    """Return the environments that changed and were not certified: no probe knows anything of them."""
    every = sorted({*before, *now})
    changed = (part for part in every if part.startswith(ENDPOINT) and before.get(part) != now.get(part))
    return [name for part in changed if (name := part.removeprefix(ENDPOINT)) != environment]


def probes_again(parts: Collection[str]) -> frozenset[str]:
    """Return the kinds of probes that must run again where these parts changed."""
    return frozenset[str]().union(*(_PROBES_OF[_family(part)] for part in parts))


def _family(part: str) -> str:
    return "endpoint" if part.startswith(ENDPOINT) else part


def changes(before: Mapping[str, str], now: Mapping[str, str], environment: str) -> Iterator[tuple[str, str]]:
    """Yield each part that changed and how: `changed`, `new` or `removed`."""
    for part in changed_parts(before, now, environment):
        yield part, "new" if part not in before else "removed" if part not in now else "changed"
