"""Turn an operation of an OpenAPI or Swagger document into an observed operation, and rank those that create people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson

from rokt_export.errors import DocumentError, UsageError
from rokt_export.onboarding.drafts.addresses import PartnerNaming, environments_of
from rokt_export.onboarding.drafts.job_status import confirmation_of, job_paths
from rokt_export.onboarding.drafts.observed import (
    DescribedResponse,
    ObservedBody,
    ObservedParameter,
    Operation,
    ParameterPlace,
    ServerAddress,
    env_template,
    is_template,
    json_path,
)
from rokt_export.onboarding.drafts.openapi_document import Cursor, OpenApiDocument
from rokt_export.onboarding.drafts.ranking import rank
from rokt_export.onboarding.drafts.schemas import SchemaValues, leaf, leaves_of
from rokt_export.partner_spec.checklist import UNKNOWN_ENDPOINT
from rokt_export.redaction.display_text import cut
from rokt_export.redaction.sensitive_names import hidden_in_url
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, encoding_of, media_type_of, subtype
from rokt_export.spec_language.formats import matches

_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization", "content-length", "host"})
"""OpenAPI 3.1, 4.8.12: such header parameters are ignored; the encoding and the authentication say them."""
_RATE = re.compile(
    r"(?P<count>\d[\d,]*)\s*(?:requests?|calls?|req)?\s*(?:/|per)\s*(?P<unit>s|sec|second|m|min|minute|h|hour|d|day)\b",
    re.I,
)
_ANY_MEDIA = ("*/*", "application/*")
_MULTIPART, _UNKNOWN = "multipart", "unknown"
_PREFERRED = (
    *(name for name in WITH_BODY if ENCODINGS[name].subtypes),
    _MULTIPART,
    *(name for name in WITH_BODY if not ENCODINGS[name].subtypes),
    _UNKNOWN,
)
"""Encodings, the one that is sent best first; multipart is sent as a form, and an unknown one as JSON."""
_NO_HOST = "api.example.com"
"""Holds the place of a host that the document does not name."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation of the document.

    Attributes:
        method: of HTTP, in upper case.
        path: its path, as the document has it.
        operation_id: its identifier; empty where it has none.
        summary: what it does.
        score: how much it looks like creating a person; above 0 it does.
    """

    method: str
    path: str
    operation_id: str
    summary: str
    score: int

    @property
    def name(self) -> str:
        """`POST /contacts`."""
        return f"{self.method} {self.path}"


def candidates(document: OpenApiDocument) -> list[Candidate]:
    """Return the operations of a document, those that create a person first."""
    found = []
    for method, path, item in document.operations():
        node = item.node[method.lower()]
        identifier, summary = str(node.get("operationId") or ""), str(node.get("summary") or "")
        text = summary or str(node.get("description") or "")
        score = 0 if node.get("deprecated") is True else rank(method, path, f"{identifier} {summary}")
        found.append(Candidate(method, path, identifier, cut(" ".join(text.split()), 80), score))
    return sorted(found, key=lambda each: -each.score)


def chosen(document: OpenApiDocument, wanted: str | None) -> Candidate:
    """Return the operation that the user named, or the only one that fits.

    Args:
        document: the document.
        wanted: an operationId, or `POST /path`.

    Raises:
        UsageError: there is none of that name, or several fit.
        DocumentError: the document has no operation.
    """
    known = candidates(document)
    if not known:
        raise DocumentError("this document has no operation", where=document.source, remedy="It needs `paths`.")
    if wanted is None:
        fit = [each for each in known if each.score > 0]
        if len(fit) == 1:
            return fit[0]
        return _refuse_to_choose(document, fit or known, fit=bool(fit))
    plain = " ".join(wanted.split())
    method, _, path = plain.partition(" ")
    for each in known:
        if each.operation_id.lower() == wanted.lower() or (
            each.method == method.upper() and each.path.rstrip("/") == path.rstrip("/")
        ):
            return each
    same = [each for each in known if each.path.rstrip("/") == plain.rstrip("/") and each.score > 0]
    if len(same) == 1:
        return same[0]
    names = {name.lower(): name for each in known for name in (each.name, each.operation_id) if name}
    near = [names[each] for each in get_close_matches(plain.lower(), list(names), n=3, cutoff=0.5)]
    raise UsageError(
        f"this document has no operation `{cut(wanted, 80)}`",
        where=document.source,
        remedy=f"The nearest: {', '.join(near)}." if near else "Leave --operation out to list those that fit.",
    )


def _refuse_to_choose(document: OpenApiDocument, known: Sequence[Candidate], *, fit: bool) -> Candidate:
    head = f"{len(known)} operations could create a person" if fit else "no operation looks like creating a person"
    lines = [f"  {each.name}" + (f"  ({each.summary})" if each.summary else "") for each in known[:10]]
    more = [f"  … and {len(known) - 10} more"] if len(known) > 10 else []
    raise UsageError(
        head + (", best first:" if fit else "; the document has:") + "\n" + "\n".join([*lines, *more]),
        where=document.source,
        remedy=f'Name one: --operation "{known[0].name}"',
    )


def observe(document: OpenApiDocument, candidate: Candidate, naming: PartnerNaming) -> Operation:
    """Return what the document says about an operation.

    Args:
        document: the document.
        candidate: the operation.
        naming: how the partner is called.
    """
    return _OperationObserver(document, candidate, naming).operation()


class _OperationObserver:
    """Reads one operation; notes what is a guess."""

    def __init__(self, document: OpenApiDocument, candidate: Candidate, naming: PartnerNaming) -> None:
        self.document = document
        self.candidate = candidate
        self.item = document.root.at(document.root.node["paths"][candidate.path])
        self.node = self.item.child(candidate.method.lower())
        self.notes: list[str] = []
        self.info = document.root.child("info")
        urls = [url for url, _ in self._servers()]
        self.partner = naming.slug_of(self.info.text("title"), urls)

    def operation(self) -> Operation:
        """Return it."""
        parameters = list(self._parameters())
        encoding, content_type, body = self._body(parameters)
        fields = [
            *(self._parameter(each) for each in parameters if each.text("in") in ("query", "header", "path")),
            *body,
        ]
        fields = [each for each in fields if each.name.lower() not in _IGNORED_HEADERS or each.place != "header"]
        key = next((f.name for f in fields if f.place == "header" and "idempotency" in f.name.lower()), "")
        authentication, notes = self._authentication()
        rates, rate_note = self._rate()
        replies = tuple(self._replies(self.node))
        contact = self._contact()
        return Operation(
            origin=f"{hidden_in_url(self.document.source)}, {self.candidate.name}",
            partner=self.partner,
            title=self.info.text("title"),
            method=self.candidate.method,
            environments=self._environments(),
            documentation=self._documentation(),
            document=self.document.source,
            document_operation=self.candidate.name,
            contact=contact,
            contact_note="from `info.contact` of the document" if contact else "",
            summary=self.candidate.summary,
            authentication=authentication,
            authentication_notes=tuple(notes),
            encoding=encoding,
            content_type=content_type,
            fields=tuple(each for each in fields if each.name != key),
            replies=replies,
            rates=rates,
            rate_note=rate_note,
            idempotent=self._idempotent(),
            idempotency_header=key,
            confirmation=self._confirmation() if any(each.status == "202" for each in replies) else {},
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _parameters(self) -> Iterator[Cursor]:
        """Yield the parameters of the path and of the operation, which replace those of the same name and place."""
        own = list(self.node.items("parameters"))
        names = {(each.text("in"), each.text("name")) for each in own}
        yield from (each for each in self.item.items("parameters") if (each.text("in"), each.text("name")) not in names)
        yield from own

    def _parameter(self, cursor: Cursor) -> ObservedParameter:
        schema = cursor if self.document.is_swagger else cursor.child("schema")
        if not schema.node and isinstance(content := cursor.node.get("content"), Mapping):
            schema = cursor.at(next(iter(content.values()), None)).child("schema")
        flat = SchemaValues().flat(schema, cursor.text("name"))
        sample = cursor.node.get("example", cursor.node.get("x-example"))
        kind = next(
            (each for each in ("array", "object") if flat.get("type") == each), str(flat.get("type") or "string")
        )
        place: ParameterPlace = "query"
        match cursor.text("in"):
            case "header":
                place = "header"
            case "path":
                place = "path"
        found = leaf(
            flat, cursor.text("name"), place, required=cursor.node.get("required") is True, kind=kind, sample=sample
        )
        return replace(found, within=cursor.text("name"), description=cursor.text("description") or found.description)

    def _body(self, parameters: Iterable[Cursor]) -> tuple[str, str, list[ObservedParameter]]:
        """Return encoding, content type and fields of the body."""
        if self.document.is_swagger:
            return self._swagger_body(list(parameters))
        content = self.node.child("requestBody").child("content")
        media = _best_media(list(content.node))
        if media is None:
            return "none", "", []
        kind, name = media
        chosen_media = content.child(name)
        sample = _example_of(chosen_media)
        unfolding = SchemaValues(style=_style(kind))
        schema = chosen_media.child("schema")
        unfolding.unfold(schema, _root(kind, schema), sample=sample)
        self.notes += unfolding.notes
        return self._encoded(kind, name, unfolding.fields)

    def _swagger_body(self, parameters: list[Cursor]) -> tuple[str, str, list[ObservedParameter]]:
        consumes = self.node.node.get("consumes") or self.document.root.node.get("consumes") or ["application/json"]
        form = [each for each in parameters if each.text("in") == "formData"]
        if form:
            kinds = [each for each in map(str, consumes) if "form" in each] or ["application/x-www-form-urlencoded"]
            kind, name = _best_media(kinds) or ("form", kinds[0])
            return self._encoded(kind, name, [replace(self._parameter(each), place="body") for each in form])
        body = next((each for each in parameters if each.text("in") == "body"), None)
        if body is None:
            return "none", "", []
        kind, name = _best_media([str(each) for each in consumes]) or ("json", "application/json")
        unfolding = SchemaValues(style=_style(kind))
        schema = body.child("schema")
        unfolding.unfold(schema, _root(kind, schema), sample=schema.node.get("example"))
        self.notes += unfolding.notes
        return self._encoded(kind, name, unfolding.fields)

    def _encoded(
        self, kind: str, name: str, fields: list[ObservedParameter]
    ) -> tuple[str, str, list[ObservedParameter]]:
        media_type = media_type_of(name)
        if kind == _UNKNOWN:
            self.notes.append(f"the document wants `{cut(media_type, 80)}`, which is not sent; JSON is a guess")
            return "", "", fields
        if kind == _MULTIPART:
            self.notes.append(
                "the document wants multipart/form-data, which is not sent; many servers take a URL-encoded form too"
            )
            return "form", "", fields
        if kind == "text":
            self.notes.append("the body is text, its fields are not taken over: write it as a template under `body:`")
            fields = []
        own = "" if "*" in media_type or media_type == media_type_of(ENCODINGS[kind].content_type) else media_type
        return kind, own, fields

    def _confirmation(self) -> Mapping[str, Any]:
        """Return how to ask about the job of a 202, if an operation of the document tells its state."""
        items = {(method, path): item.child(method.lower()) for method, path, item in self.document.operations()}
        said = [(*name, f"{node.text('operationId')} {node.text('summary')}") for name, node in items.items()]
        for path in job_paths(said, self.candidate.path):
            for reply in self._replies(items["GET", path]):
                if reply.status in ("200", "2xx") and (
                    found := confirmation_of(path, self.candidate.path, self._environments(), reply)
                ):
                    return found
        return {}

    def _replies(self, node: Cursor) -> Iterator[DescribedResponse]:
        for status, cursor in node.members("responses"):
            media = cursor if self.document.is_swagger else self._reply_media(cursor)
            unfolding = SchemaValues(reading=True)
            schema = media.child("schema")
            if schema.node:
                unfolding.unfold(schema)
            leaves = {json_path(each.name): each for each in unfolding.fields if not each.name.startswith("$")}
            shown = list(self._shown(cursor, media))
            if not leaves:
                for each in shown:
                    leaves |= leaves_of(each.body)
            yield DescribedResponse(
                status.lower(),
                " ".join(cursor.text("description").split()),
                leaves,
                tuple(shown),
                tuple(name for name, _ in cursor.members("headers")),
            )

    def _reply_media(self, cursor: Cursor) -> Cursor:
        content = cursor.child("content")
        media = _best_media(list(content.node))
        return content.child(media[1]) if media and media[0] != _UNKNOWN else Cursor({}, cursor.resolver)

    def _shown(self, cursor: Cursor, media: Cursor) -> Iterator[ObservedBody]:
        if self.document.is_swagger:
            for name, value in (cursor.node.get("examples") or {}).items():
                yield ObservedBody(_text_of(value), str(name))
            return
        found = [media.node.get("example"), *(each.node.get("value") for _, each in media.members("examples"))]
        schema = media.child("schema").node
        for value in found if any(each is not None for each in found) else [schema.get("example")]:
            if value is not None:
                yield ObservedBody(_text_of(value))

    def _servers(self) -> Iterator[tuple[str, Cursor]]:
        root = self.document.root
        if self.document.is_swagger:
            host, base = root.text("host"), root.text("basePath").rstrip("/")
            schemes = root.node.get("schemes")
            schemes = schemes if isinstance(schemes, list) and schemes else ["https"]
            yield f"{'https' if 'https' in schemes else schemes[0]}://{host or self._own_host()}{base}", root.child("x")
            return
        node = self.document.root
        for place in (self.node, self.item, node):
            if isinstance(place.node.get("servers"), list) and place.node["servers"]:
                for server in place.items("servers"):
                    url = server.text("url")
                    if url.startswith("/") or not url:
                        url = urljoin(f"https://{self._own_host()}", url)
                    yield url, server
                return
        yield f"https://{self._own_host()}", root.child("x")

    def _own_host(self) -> str:
        """Return the host that the document was fetched from (OpenAPI 3.1, 4.8.5: a server may be relative to it)."""
        return urlsplit(self.document.source).netloc or _NO_HOST

    def _environments(self) -> tuple[ServerAddress, ...]:
        servers = [
            (url, server.text("description"), {name: dict(each.node) for name, each in server.members("variables")})
            for url, server in self._servers()
        ]
        found = environments_of(servers, self.candidate.path, self.partner)
        if self._own_host() != _NO_HOST:
            return found
        return tuple(
            replace(each, note="; ".join(filter(None, (UNKNOWN_ENDPOINT, each.note))))
            if urlsplit(each.url).netloc == _NO_HOST
            else each
            for each in found
        )

    def _contact(self) -> Mapping[str, str]:
        """Return the contact of the document; nothing without an e-mail address to ask at."""
        stated = self.info.child("contact")
        email = stated.text("email").strip()
        if not matches("email", email):
            return {}
        return {
            "name": " ".join(stated.text("name").split()) or self.info.text("title") or self.partner,
            "email": email,
        }

    def _documentation(self) -> str:
        for place in (self.node, self.document.root):
            if url := place.child("externalDocs").text("url"):
                return url
        contact = self.info.child("contact").text("url")
        return contact or (hidden_in_url(self.document.source) if "://" in self.document.source else "")

    def _authentication(self) -> tuple[tuple[Mapping[str, Any], ...] | None, list[str]]:
        root = self.document.root
        schemes = (
            root.child("securityDefinitions")
            if self.document.is_swagger
            else root.child("components", "securitySchemes")
        )
        stated = self.node.node.get("security", root.node.get("security"))
        notes: list[str] = []
        if isinstance(stated, list) and not stated:
            return ({"type": "none"},), ["the document says that this operation needs no authentication"]
        alternatives = [list(each) for each in stated or () if isinstance(each, Mapping)]
        if not alternatives and schemes.node:
            alternatives = [[name] for name in schemes.node]
            notes.append("the document does not say which of its security schemes this operation needs")
        judged = [
            (cost, found, said)
            for names in alternatives
            for cost, found, said in [_credentials([(each, schemes.child(each)) for each in names], self.partner)]
        ]
        if not judged:
            return None, notes
        _, found, said = min(judged, key=lambda each: each[0])
        others = [" and ".join(names) for names in alternatives if len(alternatives) > 1]
        if others:
            notes.append(f"the document allows: {cut('; '.join(others), 160)}")
        return tuple(found) or None, [*notes, *said]

    def _rate(self) -> tuple[tuple[str, ...], str]:
        """Return the rates of a vendor's extension, else of the description."""
        for place in (self.node, self.item, self.document.root):
            for key, value in place.node.items():
                known = str(key).startswith("x-") and re.search(r"rate-?_?limit|throttl", str(key), re.I)
                if known and (rate := _rates_in(_text_of(value))):
                    return rate, f"`{key}` of the document"
        text = self.node.text("description")
        if re.search(r"rate.?limit|requests per|throttl", text, re.I) and (rate := _rates_in(text)):
            return rate, "the document's description"
        return (), ""

    def _idempotent(self) -> str:
        words = f"{self.candidate.operation_id} {self.candidate.summary} {self.candidate.path}".lower()
        if re.search(r"upsert|create.?(?:or|and).?update|add.?or.?update|merge.?or.?create", words):
            return "the operation creates or updates"
        return "PUT replaces what is there (RFC 9110, 9.2.2)" if self.candidate.method == "PUT" else ""


def _style(kind: str) -> str:
    if kind == _MULTIPART:
        return "form"
    names = ENCODINGS[kind].names if kind in ENCODINGS else "json"
    return "form" if names == "flat" else names


def _root(kind: str, schema: Cursor) -> str:
    """Return the name of an XML body's root element."""
    if kind != "xml":
        return ""
    named = schema.child("xml").text("name")
    return named or (schema.seen[-1].rpartition("/")[2] if schema.seen else "root")


def _best_media(names: list[str]) -> tuple[str, str] | None:
    """Return the kind, one of `_PREFERRED`, and the name of the media type that is sent best; None for no names."""
    found = {_kind_of(media_type_of(name)): name for name in reversed(names)}
    return next(((kind, found[kind]) for kind in _PREFERRED if kind in found), None)


def _kind_of(media_type: str) -> str:
    if media_type in _ANY_MEDIA:
        return "json"
    return _MULTIPART if subtype(media_type) == "form-data" else encoding_of(media_type) or _UNKNOWN


def _example_of(media: Cursor) -> Any:
    if media.node.get("example") is not None:
        return media.node["example"]
    return next((each.node.get("value") for _, each in media.members("examples")), None)


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def _rates_in(text: str) -> tuple[str, ...]:
    """Return the rates that a text names, one a unit: a burst a second, what lasts a minute or an hour."""
    found = {m["unit"][0].lower(): int(m["count"].replace(",", "")) for m in _RATE.finditer(text)}
    return tuple(f"{found[unit]}/{unit}" for unit in "smhd" if found.get(unit))


_Judged = tuple[int, list[Mapping[str, Any]], list[str]]


def _credentials(schemes: list[tuple[str, Cursor]], partner: str) -> _Judged:
    """Return how far from usable a set of schemes is, what it is in the spec, and what to check."""
    cost, found, notes = 0, [], []
    for name, scheme in schemes:
        own, mapping, said = _credential(name, scheme, partner)
        cost += own
        notes += said
        if mapping is not None:
            found.append(mapping)
    return cost, found, notes


def _credential(name: str, scheme: Cursor, partner: str) -> tuple[int, Mapping[str, Any] | None, list[str]]:
    env = partial(env_template, partner)
    bearer = {"type": "bearer", "token": env("token")}
    match scheme.text("type").lower(), scheme.text("scheme").lower():
        case ("basic", _) | ("http", "basic"):
            return 1, {"type": "basic", "username": env("username"), "password": env("password")}, []
        case "http", "digest":
            return 1, {"type": "digest", "username": env("username"), "password": env("password")}, []
        case "http", "bearer":
            return 0, bearer, []
        case "apikey", _:
            return _api_key(scheme, env)
        case "mutualtls", _:
            return 3, {"type": "mutual_tls", "certificate": env("certificate"), "key": env("certificate_key")}, []
        case "oauth2", _:
            return _oauth2(scheme, env, bearer)
        case "openidconnect", _:
            return 4, bearer, ["the document asks for OpenID Connect: how a server gets a token is a question"]
        case kind, other:
            return 9, None, [f"the security scheme `{name}` ({other or kind or 'unknown'}) cannot be written as one"]


def _api_key(scheme: Cursor, env: Any) -> tuple[int, Mapping[str, Any] | None, list[str]]:
    place, name = scheme.text("in"), scheme.text("name")
    if place == "header" and name.lower() == "authorization":
        text = f"{scheme.text('x-default')} {scheme.text('description')}"
        prefix = re.search(
            r"(?:^|[`'\":]\s*|: )((?!Authorization\b)[A-Za-z][\w-]*)[ :]+[{<\[]?(?:your|token|api|private|key|[{<])",
            text,
        )
        if prefix is None:
            return 1, {"type": "bearer", "token": env("token")}, ["`Bearer` before the token is a guess"]
        word = prefix[1]
        if word.lower() == "bearer":
            return 0, {"type": "bearer", "token": env("token")}, []
        mapping = {"type": "api_key", "in": "header", "name": name, "prefix": f"{word} ", "value": env("api_key")}
        return 0, mapping, [f"the prefix `{word} ` is from the document's description"]
    if place in ("header", "query"):
        return 0, {"type": "api_key", "in": place, "name": name, "value": env("api_key")}, []
    cookie = {"type": "api_key", "in": "header", "name": "Cookie", "prefix": f"{name}=", "value": env("session")}
    return 5, cookie, ["the document asks for a cookie, which a server seldom has"]


def _oauth2(scheme: Cursor, env: Any, bearer: Mapping[str, Any]) -> tuple[int, Mapping[str, Any] | None, list[str]]:
    flows = scheme.child("flows")
    flow = flows.child("clientCredentials")
    url = flow.text("tokenUrl")
    if scheme.text("flow") == "application":
        url = scheme.text("tokenUrl")
    if url and not is_template(url):
        return (
            1,
            {
                "type": "oauth2",
                "token_url": url,
                "client_id": env("client_id"),
                "client_secret": env("client_secret"),
            },
            ["which scopes are needed is a question"] if flow.node.get("scopes") else [],
        )
    kinds = ", ".join(flows.node) or scheme.text("flow")
    return 2, bearer, [f"the document knows OAuth 2 by {kinds}, for people; ask for a token that a server may use"]
