"""Read a body back into data, and check its Content-Type, as a partner's server would."""

from __future__ import annotations

from typing import Any

from rokt_export.request.encodings import body_encoding
from rokt_export.spec_language.encodings import ENCODINGS, media_type_of


class BodyProblem(ValueError):
    """A body that its encoding cannot read; the message says why."""


def read_body(encoding: str, body: bytes | str, *, exact: bool = False) -> Any:
    """Return the data in a body, as the encoding's `read` or, with every digit, `read_exact` returns it.

    Raises:
        BodyProblem: it is not in that encoding.
    """
    reader = body_encoding(encoding)
    try:
        return reader.read_exact(body) if exact else reader.read(body)
    except (ValueError, LookupError, RecursionError) as error:
        raise BodyProblem(f"the body is not {ENCODINGS[encoding].title}: {error}") from error


def content_type_problem(encoding: str, stated: str | None, given: str | None) -> str | None:
    """Return what is wrong with a Content-Type header, None where it belongs to the encoding.

    Args:
        encoding: the spec's.
        stated: the content type that the spec states; None accepts all that belong to the encoding.
        given: the header's value.
    """
    facts, media_type = ENCODINGS[encoding], media_type_of(given)
    if facts.content_type is None:
        return None
    wanted = media_type_of(stated if stated is not None else facts.content_type)
    if media_type == wanted or (stated is None and facts.owns(media_type)):
        return None
    return f"Content-Type is {f'`{media_type}`' if media_type else 'missing'}, wanted `{wanted}`"
