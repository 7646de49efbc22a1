"""Reads a token server's response: the token and its lifetime, or an error."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator

from rokt_export.spec_language.encodings import form_fields, media_type_of
from rokt_export.spec_language.fields import Text, problem
from rokt_export.spec_language.parameter_names import Index, Key, steps

DEFAULT_LIFE, LONGEST_LIFE = 3600.0, 31_536_000.0
"""Seconds that a token is valid if the response does not say, and the maximum."""
_UNITS = {"s": 1.0, "ms": 0.001, "m": 60.0}
_DURATION = re.compile(
    r"(?:PT)?(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)", re.ASCII | re.IGNORECASE
)
_IN_WORDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FIRST_MOMENT = 1e9
"""From this number on, a lifetime is a moment in seconds since 1970 (2001); from a thousand times it, in
milliseconds."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{8,}=*")
"""A response that is only a token (`b64token` of RFC 6750, 2.1). A shorter text is probably an `OK`."""


_MOST_ELEMENTS = 99
"""The highest index on a path."""
_WORD = re.compile(r"[\"'(]?(?:[^\W\d_]{1,20}|\d{1,3})(?:['’-][^\W\d_]{1,20})?[.,:;!?)\"']*")
"""A word of a person's language, which is no token."""


def field_path(field: str) -> tuple[str | int, ...]:
    """Return the names and indexes on the path to a field: `access_token`, `$.data['access.token']`, `data[0].token`.

    Raises:
        ValueError: the text is not such a path, or does not start with a name.
    """
    path = steps(field.removeprefix("$."))
    found = tuple(step.name if isinstance(step, Key) else step.number for step in path if isinstance(step, Key | Index))
    highest = max((step for step in found if isinstance(step, int)), default=0)
    if len(found) < len(path) or highest > _MOST_ELEMENTS or not isinstance(found[0], str):
        raise ValueError(f"`{field}` is not a path of names")
    return found


def _checked(field: str) -> str:
    try:
        field_path(field)
    except ValueError as error:
        remedy = "Write a name, or names with dots: `access_token`, `data.token`, `data[0].token`."
        raise problem("RX022", str(error), remedy) from error
    return field


ResponseField = Annotated[Text, AfterValidator(_checked)]
"""The place of a field in a token server's response: a name, or a path of names."""


def put_field(response: dict[str, Any], field: str, value: Any) -> None:
    """Put a value where `find_field` finds it, creating the objects and lists on the path."""
    node: Any = response
    *above, last = field_path(field)
    for step, following in zip(above, (*above, last)[1:], strict=True):
        made: Any = {} if isinstance(following, str) else []
        if isinstance(node, list) and isinstance(step, int):
            node.extend({} for _ in range(step + 1 - len(node)))
            node[step] = node[step] or made
            node = node[step]
        else:
            node = node.setdefault(step, made)
    if isinstance(node, list) and isinstance(last, int):
        node.extend({} for _ in range(last + 1 - len(node)))
    node[last] = value


def find_field(data: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field; None if there is none. A member whose name contains dots takes precedence."""
    if field in data:
        return data[field]
    return _at(data, field_path(field))


def _at(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def elsewhere(data: Any, name: str, *, depth: int = 4) -> str:
    """Return the path of the first text called so within other objects; empty if there is none."""
    if not depth or not isinstance(data, dict | list):
        return ""
    for step, inner in data.items() if isinstance(data, dict) else enumerate(data[:1]):
        place = f"[{step}]" if isinstance(step, int) else step
        if step == name and isinstance(inner, str):
            return place
        if found := elsewhere(inner, name, depth=depth - 1):
            return f"{place}{'' if found.startswith('[') else '.'}{found}"
    return ""


class TokenResponse(Struct, frozen=True):
    """The content of a token server's response.

    Attributes:
        token: the token; of any type if the response is wrong; None if there is none.
        lifetime: as stated; None if it is not.
        token_type: as stated; None if it is not.
        words: the text about an error, not redacted; may be empty.
        names: the names of its top-level fields.
        elsewhere: where the field's name is found instead; may be empty.
    """

    token: Any
    lifetime: Any = None
    token_type: str | None = None
    words: str = ""
    names: tuple[str, ...] = ()
    elsewhere: str = ""


def read_token_response(body: bytes, content_type: str | None, token_field: str, expires_field: str) -> TokenResponse:
    """Parse a response in JSON, as a form, or as only the token, with or without quotes."""
    text = body.decode("utf-8-sig", "replace").strip()
    data: Any = None
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
        if isinstance(data, str) and data.startswith("{"):  # JSON within a text
            data = json.loads(data)
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
    if not isinstance(data, dict) and "=" in text:
        with suppress(ValueError):
            form = {name: values[0] for name, values in form_fields(text).items()}
            data = form if token_field in form or "error" in form else data
    if isinstance(data, dict):
        kind = _at(data, [*field_path(token_field)[:-1], "token_type"])
        token = find_field(data, token_field)
        return TokenResponse(
            str(token) if isinstance(token, int) and not isinstance(token, bool) else token,
            find_field(data, expires_field),
            kind if isinstance(kind, str) else None,
            _words(data),
            tuple(data),
            "" if isinstance(token, str) else elsewhere(data, str(field_path(token_field)[-1])),
        )
    alone = (data if isinstance(data, str) else text).strip("'").removeprefix("Bearer ")
    page = media_type_of(content_type) in ("text/html", "application/xhtml+xml") or text[:1] == "<"
    if _TOKEN.fullmatch(alone) and not page:
        return TokenResponse(alone)
    return TokenResponse(None, words=_page_words(text) if page else _plain_words(text))


def _page_words(text: str) -> str:
    title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
    html = re.search(r"<html|<!doctype html", text[:1000], re.IGNORECASE)
    kind = "an HTML page" if html else "XML" if text[:1] == "<" else "a text that is called HTML"
    words = _plain_words(title[1]) if title else ""
    return f'{kind} "{words}" came' if words else f"{kind} came"


def _plain_words(text: str) -> str:
    """Return the start of a text that is words alone; empty where one of them may be a token or a secret."""
    words = text[:200].split()
    return " ".join(words) if len(words) > 1 and all(map(_WORD.fullmatch, words)) else ""


def _words(data: Mapping[str, Any]) -> str:
    """Return the first text in the fields in which servers explain errors, also in nested objects and lists.

    The code of an error (RFC 6749, 5.2) stands before its description.
    """
    code, words = data.get("error"), data.get("error_description")
    if isinstance(code, str) and code and isinstance(words, str) and words:
        return f"{code}: {words}".encode("utf-8", "replace").decode()
    for name in ("error_description", "error", "errors", "message", "detail"):
        said = data.get(name)
        said = said[0] if isinstance(said, list) and said else said
        if isinstance(said, dict):
            said = next((said[key] for key in ("message", "description", "code") if isinstance(said.get(key), str)), "")
        if isinstance(said, str) and said:
            return said.encode("utf-8", "replace").decode()
    return ""


def life_of(stated: Any, unit: str, stated_otherwise: float | None) -> float:
    """Return the seconds that a token is valid, from 1 to a year.

    Args:
        stated: in the response: a number, also as text; a moment since 1970; or a date (ISO 8601 or HTTP). Zero, null
            and any other value are ignored.
        unit: the unit of a number.
        stated_otherwise: seconds stated by the spec, which override the response.
    """
    if stated_otherwise is not None:
        return stated_otherwise
    try:
        number = math.nan if isinstance(stated, bool) else float(stated)
        seconds = number * _UNITS[unit]
        if seconds >= _FIRST_MOMENT:
            seconds = (number / 1000 if number >= 1000 * _FIRST_MOMENT else number) - time.time()
    except OverflowError:
        return LONGEST_LIFE
    except (TypeError, ValueError):
        seconds = (_in_words(stated) or _until(stated)) if isinstance(stated, str) else 0.0
    if math.isnan(seconds) or seconds == 0.0:
        return DEFAULT_LIFE
    return min(max(1.0, seconds), LONGEST_LIFE)


def _in_words(text: str) -> float:
    """Return the seconds of a number with its unit (`3600s`, `PT1H`, `2 hours`); 0.0 if the text is not one."""
    match = _DURATION.fullmatch(text.strip())
    return float(match[1]) * _IN_WORDS[match[2][:1].lower() if match[2].lower() != "ms" else "ms"] if match else 0.0


def _until(text: str) -> float:
    """Return the seconds until a date; 0.0 if the text is not a date."""
    from email.utils import parsedate_to_datetime  # imported late: it takes 10 ms, and few servers state a date

    if dotnet := re.fullmatch(
        r"/Date\((\d{10,16})(?:[+-]\d{4})?\)/", text.strip(), re.ASCII
    ):  # of .NET, in milliseconds
        return float(dotnet[1]) / 1000 - time.time()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            moment = read(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()
    return 0.0
