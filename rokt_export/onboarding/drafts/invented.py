"""Replace what may be a person's in a response body by invented values, and what may be a secret by nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from rokt_export.onboarding.drafts.matching import LIKELY, match_one
from rokt_export.onboarding.drafts.observed import ObservedParameter
from rokt_export.partner_spec.attributes import ATTRIBUTES, is_personal
from rokt_export.redaction.sensitive_names import is_sensitive

_EMAIL = re.compile(r"[^\s@\"'<>:;,()\[\]]+@[^\s@\"'<>:;,()\[\]]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?<![\w.(/-])(?:\+\d[\d ().-]{7,}\d|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4})(?![\w-])")
_VALUES = {
    "email": "jane.doe@example.com",
    "emailmd5": "238afb9e862add7d56bbc4181b80fa32",
    "firstname": "Jane",
    "lastname": "Doe",
    "dob": "1983-12-15",
    "mobile": "+12025550143",
    "ipaddress": "203.0.113.7",
    "address1": "123 Example Street",
    "": "Jane Doe",
}


def invented(text: str, known: Collection[str] = ()) -> str:
    """Return a body without values of people and without secrets.

    JSON keeps its members: a value is replaced where its name means one of a person, where it is one that was sent, or
    looks like an e-mail address or a telephone number. Other texts lose what looks like one of these.

    Args:
        text: the body.
        known: values that were sent, which may be a person's.
    """
    sent = {each for each in known if len(each) > 2}
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _without(text, _longest_first(sent))
    if not isinstance(data, dict | list):
        return _without(text, _longest_first(sent))
    for keys, value in _texts(data):
        if len(value) > 3 and _of_a_person(keys, value) is not None:
            sent.add(value)  # a message beside it may quote it
    replaced = _replaced(data, (), _longest_first(sent))
    return text if replaced == data else orjson.dumps(replaced).decode()


def _longest_first(values: Collection[str]) -> list[str]:
    return sorted(values, key=len, reverse=True)


def _texts(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*keys, key))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, keys)
    elif isinstance(value, str) and keys:
        yield keys, value


def _replaced(value: Any, keys: tuple[str, ...], sent: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return {_without(key, sent): _replaced(item, (*keys, key), sent) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, keys, sent) for item in value]
    if value is None or isinstance(value, bool) or not keys:
        return _without(value, sent) if isinstance(value, str) else value
    if is_sensitive(keys[-1]) and isinstance(value, str) and len(value) > 7:
        return "…"
    if isinstance(value, str) and value and (own := _of_a_person(keys, value)) is not None:
        return own
    if isinstance(value, str):
        return _without(value, sent)
    return 0 if str(value) in sent and len(str(value)) > 3 else value


def _of_a_person(keys: tuple[str, ...], value: str) -> str | None:
    """Return an invented value where a member's name means a person's; None where it does not."""
    name = ".".join(f"['{key}']" if re.search(r"[.\[\]'\"]", key) else key for key in keys if key and "'" not in key)
    match = match_one(ObservedParameter(name or "x"))
    if match is not None and (match.confidence > LIKELY or not match.attribute):
        if match.attribute in _VALUES:
            return _VALUES[match.attribute]
        if match.attribute and ATTRIBUTES[match.attribute].personal:
            return ATTRIBUTES[match.attribute].example
        return None
    telling = "name" in keys[-1].lower() or re.search(r"[\d@]", value)
    return "…" if is_personal(keys[-1]) and telling else None


def _without(text: str, sent: Collection[str]) -> str:
    for value in sent:
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "jane.doe@example.com" if "@" in value else "…", text)
    return _PHONE.sub("+12025550143", _EMAIL.sub("jane.doe@example.com", text))
