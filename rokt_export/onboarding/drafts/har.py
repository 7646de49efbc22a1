"""Read a HAR, as browsers and proxies save it, into a recorded request with its response."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.json_source import choose, mapping_of, mappings_in, read_export
from rokt_export.onboarding.drafts.observed import DescribedResponse, ObservedBody
from rokt_export.onboarding.drafts.ranking import rank
from rokt_export.onboarding.drafts.recorded import ImportedRequest
from rokt_export.onboarding.drafts.schemas import leaves_of

_STATIC = (".js", ".css", ".png", ".jpg", ".svg", ".woff2", ".ico", ".gif", ".map", ".html")


def read_har(path: Path, wanted: str | None = None) -> ImportedRequest:
    """Return the recorded request of a HAR (version 1.2).

    Args:
        path: the file.
        wanted: `POST https://host/path`, or a part of it that only one has; None takes the only one that fits.

    Raises:
        DocumentError: it is no HAR, or has no request.
        UsageError: none or several of that name, or several fit.
    """
    log = read_export(path, "a HAR").get("log")
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(entries, list):
        raise DocumentError(
            "this is not a HAR: it has no `log.entries`", where=str(path), remedy="Save it in the network panel."
        )
    named = []
    for entry in entries:
        request = entry.get("request") if isinstance(entry, Mapping) else None
        if not isinstance(request, Mapping) or not isinstance(request.get("url"), str):
            continue
        method, url = str(request.get("method") or "GET").upper(), urlsplit(request["url"])
        if method == "OPTIONS" or url.path.lower().endswith(_STATIC):
            continue
        body = isinstance(request.get("postData"), Mapping)
        score = rank(method, url.path, "") + (3 if body and method in ("POST", "PUT", "PATCH") else 0)
        named.append((f"{method} {url.scheme}://{url.hostname}{url.path}", score if body else 0, entry))
    unique = list({name: (name, score, entry) for name, score, entry in named}.values())
    return _recorded(choose(unique, wanted, str(path)), path)


def _recorded(entry: Mapping[str, Any], path: Path) -> ImportedRequest:
    request = entry["request"]
    post = mapping_of(request.get("postData"))
    headers = [*_pairs(request.get("headers"))]
    if post.get("mimeType") and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", str(post["mimeType"])))
    body, form = str(post.get("text") or ""), tuple(_pairs(post.get("params")))
    if form and not body and "multipart" not in str(post.get("mimeType")):
        from urllib.parse import urlencode

        body, form = urlencode(form), ()
    method = str(request.get("method") or "GET").upper()
    return ImportedRequest(
        f"{path.name}, {method} {urlsplit(request['url']).hostname}",
        method,
        request["url"],
        tuple(headers),
        body=body,
        form=() if body else form,
        replies=tuple(_replies(entry.get("response"))),
    )


def _pairs(listed: Any) -> list[tuple[str, str]]:
    return [(str(each.get("name")), str(each.get("value") or "")) for each in mappings_in(listed)]


def _replies(response: Any) -> list[DescribedResponse]:
    if not isinstance(response, Mapping) or not isinstance(response.get("status"), int) or response["status"] < 100:
        return []
    content = mapping_of(response.get("content"))
    text = str(content.get("text") or "")
    if content.get("encoding") == "base64":
        try:
            text = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
    kind = str(content.get("mimeType") or "").partition(";")[0]
    shown = (ObservedBody(text, kind, seen=True),) if text else ()
    names = tuple(name for name, _ in _pairs(response.get("headers")))
    return [
        DescribedResponse(str(response["status"]), str(response.get("statusText") or ""), leaves_of(text), shown, names)
    ]
