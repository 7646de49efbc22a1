"""Read a body back into data, in each of the spec's encodings, as a partner's server would."""

from __future__ import annotations

from typing import Any
from xml.parsers.expat import ExpatError

import orjson
import xmltodict

from rokt_export.response.body_limits import MAX_NODES, json_refusal, xml_refusal
from rokt_export.response.charset import decode
from rokt_export.sandbox.incoming_request import pairs

_MEDIA_TYPES = {
    "json": ("application/json", "+json"),
    "form": ("application/x-www-form-urlencoded",),
    "xml": ("application/xml", "text/xml", "+xml"),
    "text": ("text/",),
}


class BodyProblem(ValueError):
    """A body that its encoding cannot read; the message says why."""


def read_body(encoding: str, body: bytes | str) -> Any:
    """Return the data in a body: JSON data, name to values of a form, what xmltodict makes of XML, or the text.

    Raises:
        BodyProblem: it is not in that encoding.
    """
    try:
        refuse_costly(encoding, body)
        return _READERS[encoding](body)
    except (ValueError, ExpatError, LookupError) as error:
        raise BodyProblem(f"the body is not {_NAMES[encoding]}: {error}") from error


def refuse_costly(encoding: str, body: bytes | str) -> None:
    """Refuse a body that would take much time or memory to read.

    Raises:
        ValueError: it is beyond the limits of `body_limits`; the message says which.
    """
    refusal = None
    if encoding == "json":
        refusal = json_refusal(body)
    elif encoding == "xml":
        refusal = xml_refusal(body if isinstance(body, str) else decode(body, None))
    elif encoding == "form" and len(body) > MAX_NODES:
        fields = body.count("&") if isinstance(body, str) else body.count(b"&")
        refusal = f"it has more than {MAX_NODES:,} fields" if fields > MAX_NODES else None
    if refusal:
        raise ValueError(refusal)


def content_type_problem(encoding: str, wanted: str | None, given: str | None) -> str | None:
    """Return what is wrong with a Content-Type header, None where it says what the encoding is.

    Args:
        encoding: the spec's.
        wanted: the content type that the spec states; None leaves the encoding's usual ones.
        given: the header's value.
    """
    if encoding == "none":
        return None
    media = (given or "").partition(";")[0].strip().lower()
    if wanted is not None:
        expected = wanted.partition(";")[0].strip().lower()
        right = media == expected
    else:
        expected = _MEDIA_TYPES[encoding][0]
        right = any(
            media.endswith(form) if form.startswith("+") else media.startswith(form) for form in _MEDIA_TYPES[encoding]
        )
    if right:
        return None
    return f"Content-Type is {f'`{media}`' if media else 'missing'}, wanted `{expected}`"


def _json(body: bytes | str) -> Any:
    return orjson.loads(body)


def _form(body: bytes | str) -> dict[str, list[str]]:
    return pairs(body if isinstance(body, str) else body.decode("ascii"))


def _xml(body: bytes | str) -> Any:
    # Blanks are kept: ` Jane ` must come back as it was sent.
    return xmltodict.parse(body, strip_whitespace=False, disable_entities=True)


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else body.decode()


def _none(body: bytes | str) -> None:
    if body:
        raise ValueError(f"it has {len(body)} bytes")


_READERS = {"json": _json, "form": _form, "xml": _xml, "text": _text, "none": _none}
_NAMES = {"json": "JSON", "form": "a URL-encoded form", "xml": "XML", "text": "UTF-8 text", "none": "empty"}
