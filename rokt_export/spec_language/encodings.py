"""The registry of body encodings, one line each.

To add an encoding, add its line here and `request/encodings/<name>.py`. The spec's schema, its checks, the content type
of a request and the sandbox read this registry.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import parse_qsl

from msgspec import Struct

from rokt_export.spec_language.template_places import TemplatePlace


class EncodingFacts(Struct, frozen=True):
    """Facts about a body encoding.

    Attributes:
        title: its name in a sentence.
        content_type: the default Content-Type of a request; None for an encoding without a body.
        subtypes: its media subtypes, also as a suffix after `+`; if empty, all subtypes of its main type.
        names: whether a parameter's name is a plain name, or a path in a JSON or XML tree.
        place: how values are escaped if the whole body is one template; None refuses such a template.
        repeats: whether a body may have one name twice.
    """

    title: str
    content_type: str | None
    subtypes: tuple[str, ...]
    names: Literal["flat", "json", "xml"]
    place: TemplatePlace | None = None
    repeats: bool = False

    def owns(self, media_type: str) -> bool:
        """Return whether a media type (lower case, without parameters) belongs to this encoding."""
        if not self.subtypes and self.content_type is not None:
            return media_type.startswith(self.content_type.partition("/")[0] + "/")
        return subtype(media_type) in self.subtypes


ENCODINGS: Final[Mapping[str, EncodingFacts]] = {
    "json": EncodingFacts("JSON", "application/json", ("json",), "json", TemplatePlace.JSON),
    "form": EncodingFacts(
        "a URL-encoded form",
        "application/x-www-form-urlencoded",
        ("x-www-form-urlencoded",),
        "flat",
        TemplatePlace.URL,
        True,
    ),
    "xml": EncodingFacts("XML", "application/xml; charset=utf-8", ("xml",), "xml", TemplatePlace.XML),
    "text": EncodingFacts("plain text", "text/plain; charset=utf-8", (), "flat", TemplatePlace.TEXT, True),
    "none": EncodingFacts("empty", None, (), "flat", TemplatePlace.TEXT, True),
}
WITH_BODY: Final = tuple(name for name, facts in ENCODINGS.items() if facts.content_type is not None)
_SPECIFIC_FIRST: Final = sorted(WITH_BODY, key=lambda name: not ENCODINGS[name].subtypes)


def encoding_of(media_type: str) -> str | None:
    """Return the encoding that a media type belongs to, if any; one that names its subtypes comes first."""
    return next((name for name in _SPECIFIC_FIRST if ENCODINGS[name].owns(media_type)), None)


def nests(encoding: str) -> bool:
    """Return whether an encoding's parameter names are paths, and its values can be null."""
    return encoding in ENCODINGS and ENCODINGS[encoding].names != "flat"


def media_type_of(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, in lower case and without parameters; empty if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_NO_TEXT = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
"""Codecs of Python that are not charsets of HTTP."""


def charset_of(content_type: str | None) -> str | None:
    """Return the charset parameter of a Content-Type header, as written; None if there is none."""
    match = _CHARSET.search(content_type) if content_type else None
    return match[1] if match else None


@lru_cache(maxsize=64)
def codec_of(charset: str) -> str | None:
    """Return Python's codec name of a charset; None if it is unknown."""
    try:
        name = codecs.lookup(charset).name.replace("_", "-")
        if name in _NO_TEXT:
            return None
        with suppress(UnicodeError):
            b"0000".decode(name)  # raises for a codec between bytes and bytes (hex, zlib)
    except LookupError:
        return None
    return name


def subtype(media_type: str) -> str:
    """Return the syntax of a media type: `json` for `application/problem+json`."""
    return media_type.rpartition("/")[2].rpartition("+")[2]


def form_fields(text: str) -> dict[str, list[str]]:
    """Return name to values of URL-encoded text, including empty values.

    Raises:
        ValueError: its escapes are not UTF-8.
    """
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
        found.setdefault(name, []).append(value)
    return found
