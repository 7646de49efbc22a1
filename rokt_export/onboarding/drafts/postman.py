"""Read a Postman collection (version 2.0 or 2.1) into a recorded request with its saved responses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.json_source import choose, mapping_of, mappings_in, read_export
from rokt_export.onboarding.drafts.observed import DescribedResponse, ObservedBody
from rokt_export.onboarding.drafts.ranking import rank
from rokt_export.onboarding.drafts.recorded import ImportedRequest, marked
from rokt_export.onboarding.drafts.schemas import leaves_of

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_GENERATED = re.compile(r"\$\w+")
"""Postman's own values (`{{$guid}}`), new for each request."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A request of the collection, with what its folders give it."""

    name: str
    request: Mapping[str, Any]
    responses: list[Any]
    authentication: Mapping[str, Any] | None


def read_postman(path: Path, wanted: str | None = None) -> ImportedRequest:
    """Return the recorded request of a collection.

    Args:
        path: the exported file.
        wanted: the request's name, with or without its folders; None takes the only one that fits.

    Raises:
        DocumentError: it is no collection of version 2, or has no request.
        UsageError: none or several of that name, or several fit.
    """
    collection = read_export(path, "a Postman collection")
    if isinstance(collection.get("collection"), Mapping):
        collection = collection["collection"]  # as Postman's own API gives it
    if isinstance(collection.get("requests"), list):
        raise DocumentError(
            "this collection has version 1", where=str(path), remedy="Export it again as Collection v2.1."
        )
    if not isinstance(collection.get("item"), list):
        raise DocumentError(
            "this is not a Postman collection: it has no `item`",
            where=str(path),
            remedy="In Postman: the collection's menu, Export, Collection v2.1.",
        )
    items = list(_items(collection["item"], mapping_of(collection.get("auth"))))
    named = [(each.name, _rank(each), each) for each in items]
    known = {str(each.get("key")): str(each.get("value") or "") for each in mappings_in(collection.get("variable"))}
    title = str(mapping_of(collection.get("info")).get("name") or "")
    return _recorded(choose(named, wanted, str(path)), path, known, title)


def _items(listed: list[Any], inherited: Mapping[str, Any], folder: str = "") -> Iterator[_Item]:
    for each in listed:
        if not isinstance(each, Mapping):
            continue
        name = f"{folder}{each.get('name') or 'request'}"
        if isinstance(each.get("item"), list):
            yield from _items(each["item"], mapping_of(each.get("auth")) or inherited, f"{name} / ")
            continue
        request = each.get("request")
        request = {"method": "GET", "url": request} if isinstance(request, str) else mapping_of(request)
        if request:
            own = request.get("auth")
            responses = each.get("response")
            yield _Item(
                name,
                request,
                responses if isinstance(responses, list) else [],
                own if isinstance(own, Mapping) else inherited,
            )


def _rank(item: _Item) -> int:
    method = str(item.request.get("method") or "GET").upper()
    path = re.sub(r"^\w+://[^/]*|^\{\{[^}]*\}\}|[?#].*", "", _raw_url(item.request))
    return rank(method, path, item.name.rpartition(" / ")[2])


def _raw_url(request: Mapping[str, Any]) -> str:
    url = request.get("url")
    if isinstance(url, str):
        return url
    url = mapping_of(url)
    if isinstance(url.get("raw"), str):
        return str(url["raw"])
    host, path = url.get("host") or "", url.get("path") or ""
    host = ".".join(map(str, host)) if isinstance(host, list) else str(host)
    path = "/".join(map(str, path)) if isinstance(path, list) else str(path)
    return f"{url.get('protocol') or 'https'}://{host}/{path}"


def _recorded(item: _Item, path: Path, known: dict[str, str], title: str) -> ImportedRequest:
    request = item.request
    notes: list[str] = []
    url = _raw_url(request)
    for each in mappings_in(mapping_of(request.get("url")).get("variable")):
        name = str(each.get("key") or "")
        known.setdefault(name, str(each.get("value") or ""))
        url = re.sub(rf"/:{re.escape(name)}(?=[/?]|$)", lambda _, name=name: f"/{marked(name)}", url)  # type: ignore[misc]
    url = re.sub(r"(?<=/):(\w+)(?=[/?]|$)", lambda found: marked(found[1]), url)
    if isinstance(query := mapping_of(request.get("url")).get("query"), list):
        live = [each for each in mappings_in(query) if not each.get("disabled")]
        pairs = "&".join(f"{each.get('key')}={each.get('value') or ''}" for each in live)
        url = url.partition("?")[0] + (f"?{pairs}" if pairs else "")
    headers = [
        (str(each.get("key")), _text(each.get("value")))
        for each in mappings_in(request.get("header"))
        if not each.get("disabled")
    ]
    body, form, kind = _body(mapping_of(request.get("body")), notes)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    url, extra, user = _authenticated(item.authentication or {}, _text(url), notes)
    return ImportedRequest(
        f"{path.name}, request {item.name}",
        str(request.get("method") or "GET").upper(),
        url,
        (*headers, *extra),
        body=body,
        form=form,
        user=user,
        digest=(item.authentication or {}).get("type") == "digest",
        title=title,
        known={name: _text(value) for name, value in known.items() if value},
        notes=tuple(notes),
        replies=tuple(_reply(each) for each in mappings_in(item.responses) if isinstance(each.get("code"), int)),
    )


def _body(body: Mapping[str, Any], notes: list[str]) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Return text, multipart fields and media type of a body."""

    def pairs(name: str) -> list[tuple[str, str]]:
        live = [each for each in mappings_in(body.get(name)) if not each.get("disabled") and each.get("type") != "file"]
        return [(str(each.get("key")), _text(each.get("value"))) for each in live]

    match body.get("mode"):
        case "raw":
            options = mapping_of(mapping_of(body.get("options")).get("raw"))
            kind = {"json": "application/json", "xml": "application/xml"}.get(str(options.get("language")), "")
            return _text(body.get("raw")), (), kind
        case "urlencoded":
            return urlencode(pairs("urlencoded")), (), "application/x-www-form-urlencoded"
        case "formdata":
            return "", tuple(pairs("formdata")), ""
        case None:
            return "", (), ""
    notes.append(f"the body is of the kind {body.get('mode')}, and is not taken over")
    return "", (), ""


def _authenticated(auth: Mapping[str, Any], url: str, notes: list[str]) -> tuple[str, list[tuple[str, str]], str]:
    """Return the URL, more headers, and `name:password` of Postman's authentication."""
    kind = str(auth.get("type") or "noauth")
    own = auth.get(kind)
    values = {str(each.get("key")): _text(each.get("value")) for each in mappings_in(own)}
    if isinstance(own, Mapping):  # version 2.0
        values = {key: _text(value) for key, value in own.items()}
    match kind:
        case "noauth":
            return url, [], ""
        case "bearer":
            return url, [("Authorization", f"Bearer {values.get('token') or marked('token')}")], ""
        case "oauth2":
            notes.append("the collection uses OAuth 2: `type: oauth2` may fetch the token")
            return url, [("Authorization", f"Bearer {values.get('accessToken') or marked('token')}")], ""
        case "basic" | "digest":
            return url, [], f"{values.get('username') or marked('username')}:{values.get('password') or ''}"
        case "apikey":
            name, value = values.get("key") or "X-Api-Key", values.get("value") or marked("api_key")
            if values.get("in") == "query":
                return f"{url}{'&' if '?' in url else '?'}{name}={value}", [], ""
            return url, [(name, value)], ""
    notes.append(f"the collection's authentication `{kind}` is not taken over")
    return url, [], ""


def _reply(response: Mapping[str, Any]) -> DescribedResponse:
    body = response.get("body")
    text = body if isinstance(body, str) else ""
    shown = (ObservedBody(text, seen=True),) if text.strip() else ()
    names = tuple(str(each.get("key")) for each in mappings_in(response.get("header")))
    return DescribedResponse(str(response["code"]), str(response.get("name") or ""), leaves_of(text), shown, names)


def _text(value: Any) -> str:
    """Return a text with Postman's variables marked; generated values are dropped."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return _VARIABLE.sub(lambda found: "" if _GENERATED.match(found[1]) else marked(found[1]), text)
