"""The responses that an operation of the partner's document promises, and why another response is not one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rokt_export.errors import DocumentError
from rokt_export.exchange.model import Response
from rokt_export.onboarding.document_schemas import asks, broken, path_name
from rokt_export.onboarding.drafts.openapi_document import Cursor, OpenApiDocument
from rokt_export.redaction.display_text import cut
from rokt_export.response.body_reader import NoData, ResponseReader

_MOST = 5
"""Sentences on one response."""
_WITHOUT_BODY = frozenset({204, 205, 304})
_MEDIA_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+", re.ASCII)


class DocumentedResponses:
    """The responses of one operation.

    Args:
        document: the document.
        node: the operation.
        name: of the operation, for people: `POST /contacts`.
    """

    def __init__(self, document: OpenApiDocument, node: Cursor, name: str) -> None:
        self.document = document
        self.node = node
        self._unpromised = f"the document does not promise this response to {name}"
        self._unjudged = f"the document cannot judge this response to {name}"

    def against(self, response: Response) -> tuple[str, ...]:
        """Return why a response is not promised, a sentence each; nothing where it is. None holds a value of it."""
        found: list[str] = []
        try:
            for clause in self._clauses(response):
                found.append(f"{self._unpromised}: {clause}")
        except DocumentError as error:
            found.append(f"{self._unjudged}: {error.message}")
        return tuple(dict.fromkeys(found))[:_MOST]

    def _clauses(self, response: Response) -> Iterator[str]:
        listed = dict(self.node.members("responses"))
        fit = _key_of(response.status, listed)
        if fit is None:
            names = cut(", ".join(listed), 80) or "none"
            yield f"status {response.status} is not documented (documented: {names})"
            return
        media = self._media(listed[fit])
        if not media or response.status in _WITHOUT_BODY:
            return
        types = cut(", ".join(media), 80)
        if not response.body.strip() and not response.unreadable:
            yield f"status {response.status} comes without a body (documented: {types})"
            return
        name = _media_of(response, media)
        if name is None:
            stated = (response.header("Content-Type") or "").partition(";")[0].strip()
            shown = f"the content type `{stated.lower()}`" if _MEDIA_TYPE.fullmatch(stated) else "this content type"
            yield f"{shown} is not documented of status {response.status} (documented: {types})"
            return
        yield from self._body(response, name, media[name])

    def _media(self, reply: Cursor) -> Mapping[str, Cursor]:
        """Return media type to its schema; nothing where the document says nothing of a body."""
        if self.document.is_swagger:
            produced = self.node.node.get("produces") or self.document.root.node.get("produces")
            schema = reply.child("schema")
            names = produced if isinstance(produced, list) else ["application/json"]
            return dict.fromkeys(map(str, names), schema) if schema.node else {}
        return {name: each.child("schema") for name, each in reply.members("content")}

    def _body(self, response: Response, name: str, schema: Cursor) -> Iterator[str]:
        is_json = "json" in name or "json" in (response.header("Content-Type") or "")
        whole = (response.size or 0) <= len(response.body) and not response.unreadable
        if not (is_json and whole and schema.node):
            return
        data = ResponseReader(response).json
        if isinstance(data, NoData):
            yield f"with status {response.status}, the body is not JSON"
            return
        errors = broken(self.document, schema, data, reading=True)
        if isinstance(errors, str):
            raise DocumentError(f"with status {response.status}, {errors}")
        for error in errors:
            yield f"with status {response.status}, {asks(error, _shown_path(error))}"


def _key_of(status: int, listed: Mapping[str, Any]) -> str | None:
    """Return the documented status that a status is: exact before a range before `default` (OpenAPI 3.1, 4.8.16)."""
    folded = {name.lower(): name for name in listed}
    wanted = (str(status), f"{status // 100}xx", "default")
    return next((folded[each] for each in wanted if each in folded), None)


def _media_of(response: Response, media: Mapping[str, Any]) -> str | None:
    """Return the documented media type that a response has, the most specific; a paste without a head may be any."""
    if not response.headers:
        return next((name for name in media if "json" in name), next(iter(media)))
    stated = (response.header("Content-Type") or "").partition(";")[0].strip().lower()
    plain = {name.partition(";")[0].strip().lower(): name for name in media}
    wanted = (stated, f"{stated.partition('/')[0]}/*", "*/*")
    return next((plain[each] for each in wanted if each in plain), None)


def _shown_path(error: Any) -> str:
    """Return the place of an error; a name that the schema does not have may be data, and is shown as `*`."""
    known = set(error.absolute_schema_path)
    return path_name(part if isinstance(part, int) or part in known else "*" for part in error.absolute_path)
