"""Turn a recorded request (a curl line, an entry of a HAR, a Postman request) into an observed operation.

Secrets become variables, values of people attributes; of other values only what every request would have stays.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.addresses import PartnerNaming, environments_of
from rokt_export.onboarding.drafts.matching import OF_A_PERSON, SURE, match_one, split
from rokt_export.onboarding.drafts.observed import (
    DescribedResponse,
    ObservedParameter,
    Operation,
    ParameterPlace,
    ServerAddress,
    is_template,
    variable,
    without_templates,
    word_set,
)
from rokt_export.onboarding.drafts.schemas import kind_of, values_of
from rokt_export.partner_spec.attributes import is_personal
from rokt_export.redaction.sensitive_names import is_sensitive
from rokt_export.spec_language.formats import matches

MARKS = ("\ue000", "\ue001")
"""Signs around the name of a variable of the source (`$TOKEN`, `{{token}}`): no text of a person has them."""
_MARK = re.compile(f"{MARKS[0]}([^{MARKS[1]}]*){MARKS[1]}")
_NOISE = re.compile(
    r"(?:accept|accept-.*|user-agent|sec-.*|origin|referer|host|content-length|content-type|connection|cache-control"
    r"|pragma|priority|dnt|te|upgrade-insecure-requests|if-.*|:.*|cookie|postman-token|x-requested-with|expect|newrelic"
    r"|traceparent|tracestate|x-request-id|x-correlation-id|x-b3-.*|transfer-encoding|keep-alive)",
    re.IGNORECASE,
)
"""Headers that a browser or tool adds by itself, or that belong to one request."""
_SETTINGS = word_set(
    "status source type format lang action event channel kind mode version form topic category method medium campaign"
    " object resource revision doubleoptin double confirm update resubscribe tier plan env currency"
    " encoding src charset"
)
"""Words of parameters whose value says how, not who."""
_IDENTIFIER = re.compile(r"(?:^|_)(?:[a-z]{0,2}ids?|key|uuid|guid|code|list|account|form|portal)$")
_ACCOUNT = re.compile(r"(?=.*\d)[A-Za-z0-9_-]{6,}|\d{4,}")
_VERSION = re.compile(r"v?\d{1,2}(?:\.\d+)*|\d{4}-\d\d(?:-\d\d)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImportedRequest:
    """A request as a source has it.

    Attributes:
        origin: the source, for people, without values.
        method: of HTTP.
        url: absolute; may contain marked variables, as the other texts may.
        headers: name and value.
        body: its text.
        form: the fields of a multipart body.
        user: `name:password`, where the source states it apart from the headers.
        digest: whether that is for digest authentication.
        title: the partner's name, where the source has one.
        timeout: a duration of the spec language.
        known: variable of the source to its value; secrets are moved, others filled in.
        notes: what was left out.
        replies: the responses recorded.
    """

    origin: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    form: tuple[tuple[str, str], ...] = ()
    user: str = ""
    digest: bool = False
    title: str = ""
    timeout: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replies: tuple[DescribedResponse, ...] = ()


def marked(name: str) -> str:
    """Return the mark of a variable of the source."""
    return f"{MARKS[0]}{name}{MARKS[1]}"


def observe_recorded(recorded: ImportedRequest, naming: PartnerNaming) -> tuple[Operation, frozenset[str]]:
    """Return the operation of a recorded request, and the values that it sent.

    Args:
        recorded: the request.
        naming: how the partner is called.

    Raises:
        DocumentError: its URL or method is none that can be sent to.
    """
    return _RequestObserver(recorded, naming).observed()


class _RequestObserver:
    def __init__(self, recorded: ImportedRequest, naming: PartnerNaming) -> None:
        self.recorded = recorded
        self.secrets: dict[str, str] = {}
        self.sent: set[str] = set()
        self.notes = list(recorded.notes)
        self.authentication: list[Mapping[str, Any]] = []
        self.said: list[str] = []
        url = self._filled(recorded.url)
        parts = urlsplit(url if "://" in url or url.startswith(MARKS[0]) else f"https://{url}")
        self.parts = parts
        if parts.scheme not in ("http", "https") and not url.startswith(MARKS[0]):
            raise DocumentError("this is not a web address", where=recorded.origin, remedy="Give one with https://.")
        host = _MARK.sub("", parts.hostname or "")
        self.partner = naming.slug_of(recorded.title, [f"https://{host}"])

    def observed(self) -> tuple[Operation, frozenset[str]]:
        """Return the operation and the values sent."""
        recorded = self.recorded
        if recorded.method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            raise DocumentError(
                f"a request by {recorded.method} creates nobody", where=recorded.origin, remedy="Give another request."
            )
        fields = list(self._path_and_query())
        fields += self._headers()
        self._user()
        encoding, content_type, body = self._body()
        fields += body
        unclear = "the source shows no credentials"
        if any(each.body for reply in recorded.replies for each in reply.shown):
            self.notes.append(
                "check the examples: personal values were replaced where their names or formats show them"
            )
        operation = Operation(
            origin=recorded.origin,
            partner=self.partner,
            title=recorded.title,
            method=recorded.method,
            environments=self.environments,
            authentication=tuple(self.authentication) or None,
            authentication_notes=tuple(self.said) if self.authentication else (unclear,),
            encoding=encoding,
            content_type=content_type,
            fields=tuple({(each.place, each.name): each for each in fields}.values()),
            replies=recorded.replies,
            idempotent="PUT replaces what is there (RFC 9110, 9.2.2)" if recorded.method == "PUT" else "",
            idempotency_header=self.idempotency,
            timeout=recorded.timeout,
            notes=tuple(dict.fromkeys(self.notes)),
            secrets=self.secrets,
        )
        return operation, frozenset(self.sent | set(self.secrets.values()))

    def _filled(self, text: str) -> str:
        """Fill in the source's own variables, but for secrets; what is left is marked still."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            known = self.recorded.known.get(name, "")
            return known if known and not is_sensitive(name) and MARKS[0] not in known else found[0]

        return _MARK.sub(value, text)

    def _template(self, text: str) -> str:
        """Return a text with our variables for the source's; a template of another tool is taken apart."""

        def value(found: re.Match[str]) -> str:
            name = variable("", found[1]) if found[1].isupper() else variable(self.partner, found[1])
            if known := self.recorded.known.get(found[1]):
                self.secrets[name] = known
            return f"{{{{ env.{name} }}}}"

        return _MARK.sub(value, without_templates(text))

    def _keep(self, what: str, value: str) -> str:
        """Return the template of a secret, which moves to a variable."""
        if MARKS[0] in value:
            return self._template(value)
        first = name = variable(self.partner, what)
        number = 1
        while self.secrets.get(name, value) != value:
            number += 1
            name = f"{first}_{number}"
        self.secrets[name] = value
        return f"{{{{ env.{name} }}}}"

    def _path_and_query(self) -> Iterator[ObservedParameter]:
        parts, found, fields = self.parts, [], []
        before = ""
        for segment in parts.path.split("/"):
            text = unquote(segment)
            if "@" in text and matches("email", text):
                found.append("{email}")
                fields.append(ObservedParameter("email", "path", True))
                self.sent.add(text)
            elif segment and not _VERSION.fullmatch(segment) and _ACCOUNT.fullmatch(segment):
                found.append(self._keep(f"{before.removesuffix('s') or 'path'}_id", text))
            else:
                found.append(self._template(segment))
                before = text
        if parts.username:
            self._basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}", "basic")
        host = self._template(parts.netloc.rpartition("@")[2])
        url = f"{parts.scheme}://{host}" if parts.scheme in ("http", "https") else self._template(self.parts.geturl())
        path = "/".join(found) if parts.scheme in ("http", "https") else ""
        self.environments: tuple[ServerAddress, ...] = ()
        for each in environments_of([(url if "{{" not in url else parts.netloc, "", {})], "", self.partner):
            self.environments = (ServerAddress(each.name, url + path, ""),)
        yield from fields
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            yield from self._value(name, value, "query")

    def _headers(self) -> Iterator[ObservedParameter]:
        self.idempotency = ""
        for name, value in self.recorded.headers:
            value = self._filled(value)
            lower = name.lower()
            if lower == "authorization":
                self._authorization(value)
            elif lower == "cookie":
                self.notes.append("the cookies of the source are left out: a server seldom has them")
            elif "idempotency" in lower:
                self.idempotency = name
            elif _NOISE.fullmatch(lower):
                continue
            else:
                yield from self._value(name, value, "header")

    def _authorization(self, value: str) -> None:
        scheme, _, rest = value.partition(" ")
        match scheme.lower():
            case "bearer":
                self.authentication.append({"type": "bearer", "token": self._keep("token", rest.strip())})
            case "basic":
                self._basic(_decoded(rest), "basic")
            case "digest":
                name, word = self._keep("username", ""), self._keep("password", "")
                self.authentication.append({"type": "digest", "username": name, "password": word})
            case _ if rest and "=" not in scheme:
                key = {"type": "api_key", "in": "header", "name": "Authorization", "prefix": f"{scheme} "}
                self.authentication.append({**key, "value": self._keep("api_key", rest.strip())})
            case _:
                key = {"type": "api_key", "in": "header", "name": "Authorization"}
                self.authentication.append({**key, "value": self._keep("api_key", value)})

    def _user(self) -> None:
        if self.recorded.user:
            self._basic(self._filled(self.recorded.user), "digest" if self.recorded.digest else "basic")

    def _basic(self, pair: str, kind: str) -> None:
        name, _, password = pair.partition(":")
        found: dict[str, Any] = {"type": kind, "username": self._keep("username", name)}
        if password or kind == "digest":
            found["password"] = self._keep("password", password)
        self.authentication.append(found)

    def _body(self) -> tuple[str, str, list[ObservedParameter]]:
        recorded = self.recorded
        given = next((value for name, value in recorded.headers if name.lower() == "content-type"), "")
        kind = given.partition(";")[0].strip().lower()
        if recorded.form:
            self.notes.append("the source sends multipart/form-data, which is not sent; a URL-encoded form is a guess")
            return "form", "", [each for pair in recorded.form for each in self._value(*pair, "body")]
        text = self._filled(recorded.body)
        if not text.strip():
            return "none", "", []
        if "xml" in kind or text.lstrip().startswith("<"):
            return "xml", "" if kind in ("application/xml", "") else kind, self._tree(_xml(text, recorded.origin))
        data = _json(text)
        if data is not None and "form" not in kind:
            return "json", kind if kind.endswith("+json") else "", self._tree(data)
        if "json" in kind:
            raise DocumentError(
                "the body of this request is not JSON, as its Content-Type says",
                where=recorded.origin,
                remedy="Check that the whole body was copied, with its quotes.",
            )
        pairs = parse_qsl(text, keep_blank_values=True)
        if pairs and ("form" in kind or not kind or "=" in text.split("\n")[0]):
            return "form", "", [each for pair in pairs for each in self._value(*pair, "body")]
        self.notes.append("the body is text, and is not taken over: write it as a template under `body:`")
        return "text", "" if kind == "text/plain" else kind, []

    def _tree(self, data: Any) -> list[ObservedParameter]:
        return [each for name, value in values_of(data) if name != "$" for each in self._value(name, value, "body")]

    def _value(self, name: str, value: Any, place: ParameterPlace) -> Iterator[ObservedParameter]:
        """Yield the field of a value; a secret yields none, and becomes authentication."""
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        text = self._filled(text)
        bare = ObservedParameter(name, place)
        last = bare.keys[-1]
        if is_sensitive(last) and text:
            key = {"type": "api_key", "in": place, "name": name, "value": self._keep(last, text)}
            self.authentication.append(key)
            return
        if MARKS[0] in text:
            yield ObservedParameter(
                name, place, True, constant=None, example=None, description="a variable of the source"
            )
            return
        found = ObservedParameter(
            name, place, kind=kind_of(value), suggestion=_looks_like(text), description=_form_of(text)
        )
        match = match_one(found)
        kept = ObservedParameter(name, place, True, kind=found.kind, suggestion="constant", description="as recorded")
        if match is not None and match.confidence >= SURE:
            yield found
        elif self._may_stay(last, value, text):
            yield replace(kept, constant=value)
            return
        elif place == "header":
            yield replace(kept, constant=self._keep(name, text))
            return
        elif (
            match is None
            and _IDENTIFIER.search("_".join(split(last)))
            and not OF_A_PERSON.search(last.lower())
            and text
        ):
            yield replace(kept, kind="string", constant=self._keep(last, text))
            return
        else:
            yield found if match is not None else replace(found, within=name)
        self.sent.add(text)

    def _may_stay(self, name: str, value: Any, text: str) -> bool:
        """Return whether a recorded value says how a request is meant, and nothing of a person."""
        if isinstance(value, bool) or text in ("true", "false", "yes", "no"):
            return True
        if is_personal(name) or is_template(text) or value is None:
            return False
        words = set(split(name))
        plain = (
            re.fullmatch(r"[A-Za-z][A-Za-z_ -]{1,30}|UTF-8|\d{1,4}(?:[.-]\d+)?|\d{4}-\d\d(?:-\d\d)?", text) is not None
        )
        return plain and bool(words & _SETTINGS)


def _decoded(text: str) -> str:
    if MARKS[0] in text:
        return text
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return f"{text.strip()}:"


def _json(text: str) -> Any:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:  # a variable without quotes
            found = orjson.loads(re.sub(rf"(?<=[:,\[\s]){_MARK.pattern}(?=[,\]}}\s])", r'"\g<0>"', text))
        except orjson.JSONDecodeError:
            return None
    return found if isinstance(found, dict | list) else None


def _xml(text: str, origin: str) -> Any:
    from xml.parsers.expat import ExpatError

    import xmltodict

    try:
        return xmltodict.parse(text)
    except (ExpatError, ValueError) as error:
        raise DocumentError(
            f"the body of this request is not XML: {str(error).splitlines()[0]}",
            where=origin,
            remedy="Check that the whole body was copied, with its quotes.",
        ) from error


def _looks_like(text: str) -> str:
    """Return the attribute that a value looks like; empty where its form says nothing."""
    digits = sum(map(str.isdigit, text))
    if matches("email", text):
        return "email"
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return "emailsha256"
    if re.fullmatch(r"[0-9a-f]{32}", text):
        return "emailmd5"
    if matches("ip", text):
        return "ipaddress"
    if re.match(r"\+|\(?\d{3}\)?[ .-]", text) and 9 <= digits <= 15 and matches("phone", text):
        return "mobile"
    return ""


def _form_of(text: str) -> str:
    """Return in words how a value is written, as documents say it, without the value."""
    for pattern, words in (
        (r"\+\d[\d ]{7,}", "E.164"),
        (r"\d{4}-\d\d-\d\d", "yyyy-mm-dd"),
        (r"(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])/\d{4}", "mm/dd/yyyy"),
        (r"(?:1[3-9]|2\d|3[01])/(?:0?[1-9]|1[0-2])/\d{4}", "dd/mm/yyyy"),
        (r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])", "mm/dd"),
        (r"[A-Z]{2}", "two letters, ISO 3166"),
    ):
        if re.fullmatch(pattern, text):
            return words
    return ""
