"""The suspects: one function each, which collects clues for one cause. `SUSPECTS` is the registry."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, NamedTuple
from urllib.parse import urljoin

from rokt_export.diagnosis.case import Case, edges_of, moment
from rokt_export.diagnosis.fingerprints import SAYINGS
from rokt_export.diagnosis.requests import HarmlessRequests
from rokt_export.diagnosis.similar_paths import similar
from rokt_export.exchange.model import Response
from rokt_export.onboarding.probing import SKEW, wrong_scheme
from rokt_export.redaction.display_text import cut, one_line
from rokt_export.response.log_ids import text_of
from rokt_export.spec_language.statuses import REDIRECTS
from rokt_export.spec_language.urls import WebUrl, parse_url
from rokt_export.transport.tls_probe import Inspection

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_LEAST = 0.15
_QUOTED = 160
"""Characters of the partner's words."""
_FRESH = 300.0
"""Seconds by which most partners let a signed moment differ."""
_LOGIN = re.compile(r"log-?in|sign-?in|sso|oauth|auth\b|account", re.IGNORECASE)
_UNKNOWN = (404, 405, 501)


class Clue(NamedTuple):
    """A piece of evidence: what it proves, 0 to 1, and a sentence. A negative weight speaks against the suspect."""

    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class SuspectFinding:
    """A suspect with its evidence.

    Attributes:
        cause: the suspect's name.
        title: the cause in a sentence.
        confidence: 0 to 1; the clues count as independent.
        evidence: a sentence each, the strongest first.
        advice: what to do.
    """

    cause: str
    title: str
    confidence: float
    evidence: tuple[str, ...]
    advice: str

    @property
    def word(self) -> str:
        """The confidence in words."""
        if self.confidence >= 0.9:
            return "almost certain"
        return "likely" if self.confidence >= 0.6 else "possible"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One cause, how to look for it, and what to do about it."""

    cause: str
    title: str
    advice: str
    look: Callable[[Case], Iterator[Clue]]

    def finding(self, case: Case) -> SuspectFinding | None:
        """Return what there is against the suspect; None for too little."""
        clues = _without_echoes([*_said(case, self.cause), *self.look(case)])
        innocent = doubt = 1.0
        for clue in clues:
            if clue.weight > 0:
                innocent *= 1 - min(clue.weight, 0.99)
            else:
                doubt *= 1 + clue.weight
        confidence = round((1 - innocent) * doubt, 2)
        if confidence < _LEAST:
            return None
        return SuspectFinding(self.cause, self.title, confidence, tuple(clue.text for clue in clues), self.advice)


def _without_echoes(clues: list[Clue]) -> list[Clue]:
    """Return clues, the strongest first, without those of a fact that a stronger one states: a fact counts once."""
    kept: list[Clue] = []
    for clue in sorted(clues, key=lambda each: -abs(each.weight)):
        fact = _fact(clue)
        if not any(fact in each.text or _fact(each) in clue.text for each in kept):
            kept.append(clue)
    return kept


def _fact(clue: Clue) -> str:
    """Return what a clue quotes; of one that quotes nothing its whole text."""
    return clue.text.partition('"')[2].removesuffix('"') or clue.text


SUSPECTS: dict[str, Suspect] = {}


def _by_words(_case: Case) -> Iterator[Clue]:
    """Find nothing more than the words of `SAYINGS`."""
    yield from ()


def _suspect(cause: str, title: str, advice: str) -> Callable[[Callable[[Case], Iterator[Clue]]], None]:
    def register(look: Callable[[Case], Iterator[Clue]]) -> None:
        SUSPECTS[cause] = Suspect(cause, title, advice, look)

    return register


def ranked(case: Case) -> list[SuspectFinding]:
    """Return the suspects of a case, the most likely first."""
    found = [finding for each in SUSPECTS.values() if (finding := each.finding(case)) is not None]
    return sorted(found, key=lambda each: -each.confidence)


def _said(case: Case, cause: str) -> Iterator[Clue]:
    for saying in SAYINGS:
        if saying.cause != cause or (saying.unless and re.search(saying.unless, case.text, re.IGNORECASE)):
            continue
        if found := re.search(saying.words, case.text, re.IGNORECASE):
            said = "the response says" if case.fault is None else "the connection failed"
            yield Clue(saying.weight, f'{said}: "{_words(case, saying.words, found)}"')


def _words(case: Case, pattern: str, found: re.Match[str]) -> str:
    """Return what to quote of a match: a fault's message; of JSON the texts of the object that has it."""
    if case.fault is not None:
        return cut(one_line(case.fault[1]), _QUOTED)
    texts = next(
        (each for each in _texts(case.data) if any(re.search(pattern, one, re.IGNORECASE) for one in each)), []
    )
    if texts:
        return cut(one_line(", ".join(dict.fromkeys(texts))), _QUOTED)
    start = max(case.text.rfind("\n", 0, found.start()) + 1, found.start() - 40)
    words = case.text[start : found.end() + 40].partition("\n")[0]
    return (words if case.data is None else re.sub(r"[\[\]{}\"]+", "", words)).strip(" ,:")


def _texts(data: Any) -> Iterator[list[str]]:
    """Yield the texts of each object and array in JSON, the outer ones first."""
    left = deque([data])
    while left:
        one = left.popleft()
        inner = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        yield [each for each in inner if isinstance(each, str)]
        left.extend(inner)


def _differs(one: Response | None, other: Response | None) -> bool:
    """Return whether two responses differ in status, challenge, or error text apart from ids."""
    if one is None or other is None:
        return False
    return _form(one) != _form(other)


def _form(response: Response) -> tuple[int, str, str]:
    return response.status, response.header("www-authenticate") or "", re.sub(r"\w*\d\w*", "", text_of(response))


def _bare(case: Case) -> tuple[Response | None, Response | None]:
    """Return how the endpoint answers the same harmless request with and without credentials."""
    if case.requests is None or not case.sent.credentials:
        return None, None
    method = case.requests.baseline(case.status)
    if method is None:
        return None, None
    method = "GET" if method == "HEAD" and case.requests.ask("GET") is not None else method
    return case.requests.ask(method), case.requests.ask(method, bare=True)


def _neighbour(case: Case, method: str) -> Response | None:
    """Return how a path is answered that cannot exist."""
    assert case.requests is not None
    start = case.requests.url.partition("?")[0].rstrip("/")
    return case.requests.ask(method, f"{start}-{_NEVER}")


_NEVER = token_hex(6)


@_suspect(
    "edge-firewall",
    "a firewall in front of the partner refused the request",
    "Give the tech contact the ids and times below, and your outgoing IP address: only they can see which rule fired.",
)
def _edge(case: Case) -> Iterator[Clue]:
    blocking = [edge.name for edge, blocks in case.edges if blocks]
    if case.status in (404, 405, 421) or case.status in REDIRECTS:
        return
    for name in blocking[:1]:
        yield Clue(0.93, f"the response is {name}'s own refusal, and not the partner's")
    for edge, blocks in case.edges:
        if not blocks and case.status in (403, 406, 429, 503):
            yield Clue(0.5 if case.is_page else 0.1, f"responses pass {edge.name}")
    if case.status == 403 and case.is_page and not case.edges:
        yield Clue(0.3, "an HTML page came, where an API was asked")
    if blocking and case.requests is not None:
        for method in case.requests.methods[:2]:
            if any(blocks for _, blocks in edges_of(_neighbour(case, method))):
                yield Clue(0.5, f"it refuses {method} to a path that cannot exist, too")
                return


@_suspect(
    "allow-list",
    "the partner lets in known addresses only, and this machine's is not among them",
    "Ask the tech contact to allow your outgoing IP address, or send from a host that is on the list.",
)
def _allow_list(case: Case) -> Iterator[Clue]:
    if case.status == 403:
        yield Clue(0.12, "403 refuses whoever asks, often by address")
        requests = case.requests
        method = requests.baseline(403) if requests is not None else None
        if requests is not None and method is not None:
            neighbour, bare = _neighbour(case, method), requests.ask(method, bare=True)
            other = requests.ask(method, agent=BROWSER)
            if all(each is not None and each.status == 403 for each in (neighbour, bare, other)):
                yield Clue(0.55, f"{method} gets 403 for each path, credential and user agent")
    if case.fault is not None and case.fault[0] == "connect":
        yield Clue(0.3, "no connection was made: a firewall may drop or refuse it")


@_suspect(
    "missing-credentials",
    "the partner did not find credentials in the request",
    "Check `authentication` in the spec: its type, and the header or parameter that the partner reads.",
)
def _missing(case: Case) -> Iterator[Clue]:
    if case.status in REDIRECTS and _LOGIN.search(case.header("location")):
        yield Clue(0.8, f"it redirects to a login: {case.header('location')}")
    if case.status not in (401, 403):
        return
    if case.sent.credentials is None:
        if case.status == 401:
            yield Clue(0.3, "401 came")
        return
    if not case.sent.credentials:
        yield Clue(0.7 if case.status == 401 else 0.3, "the request carried no credentials")
        if case.asks_for:
            yield Clue(0.5, f"the partner asks for {' or '.join(case.asks_for)}")
        return
    own, bare = _bare(case)
    if own is not None and bare is not None:
        if _differs(own, bare):
            yield Clue(-0.6, "a request without credentials is answered otherwise, so they are seen")
        elif case.status == 401:
            yield Clue(0.25, "a request without credentials is answered the same")


@_suspect(
    "wrong-credentials",
    "the partner does not accept the credentials",
    "Compare the values with what the partner issued: staging and production often have their own.",
)
def _wrong(case: Case) -> Iterator[Clue]:
    if case.requests is not None and case.requests.token_fault:
        yield Clue(0.95, f"the token server: {case.requests.token_fault}")
    if not case.sent.credentials:
        if case.sent.credentials is None and case.status == 401:
            yield Clue(0.3, "401 came")
        elif case.status in (401, 403):
            yield Clue(-0.8, "the request carried no credentials")
        return
    if case.status == 401:
        yield Clue(0.45, "credentials were sent, and 401 came")
    if case.status in (401, 403):
        own, bare = _bare(case)
        if _differs(own, bare) and own is not None and own.status == case.status:
            yield Clue(0.4, "a request without credentials is answered otherwise: they are read, and not accepted")


@_suspect(
    "credential-scheme",
    "the partner asks for another authentication scheme than the spec's",
    "Set `authentication: {type: …}` in the spec to the scheme that the partner asks for.",
)
def _scheme(case: Case) -> Iterator[Clue]:
    sent, asked = case.sent.scheme, case.asks_for
    if sent is not None and asked and sent not in asked:
        yield Clue(0.8, f"it asks for {' or '.join(asked)}, and the request carried {sent}")


@_suspect(
    "scope",
    "the credentials are known, and lack a permission",
    "Ask the tech contact to grant this key or client the permission to create records at this endpoint.",
)
def _scope(case: Case) -> Iterator[Clue]:
    if case.status != 403 or not case.sent.credentials:
        return
    if case.body and not case.is_page:
        yield Clue(0.2, "403 came with credentials, and from an API")
    requests = case.requests
    if requests is not None:
        for method in requests.methods[:2]:
            own, bare = requests.ask(method), requests.ask(method, bare=True)
            if own is not None and bare is not None and bare.status == 401 != own.status:
                yield Clue(0.45, f"{method} gets {own.status} with credentials and 401 without: they are known")
                break
    for claims in case.claims:
        scopes = claims.get("scope", claims.get("scp"))
        if isinstance(scopes, str | list):
            yield Clue(0.1, f"the token's scopes: {scopes if isinstance(scopes, str) else ' '.join(map(str, scopes))}")


@_suspect("expired-token", "the token has expired", "Fetch a new token, and set its variable in `.env`.")
def _expired(case: Case) -> Iterator[Clue]:
    for name, until in _times(case, "exp"):
        if until < time.time():
            yield Clue(0.95, f"the token's claim {name} is {moment(until)}, which is past")
        else:
            yield Clue(-0.6, f"the token's claim {name} is {moment(until)}, which is to come")


@_suspect(
    "token-not-yet-valid",
    "the token is not valid yet",
    "Wait until then, or correct the clock of the machine that made the token.",
)
def _not_yet(case: Case) -> Iterator[Clue]:
    for name, start in (*_times(case, "nbf"), *_times(case, "iat")):
        if start > time.time() + 1:
            yield Clue(0.95, f"the token's claim {name} is {moment(start)}, which is to come")


def _times(case: Case, name: str) -> Iterator[tuple[str, float]]:
    if case.status in (400, 401, 403):
        values = [each.get(name) for each in case.claims]
        yield from ((name, float(each)) for each in values if isinstance(each, int | float))


@_suspect(
    "clock-skew",
    "this machine's clock and the partner's differ",
    "Set this machine's clock (NTP): signatures and tokens expire by it.",
)
def _clock(case: Case) -> Iterator[Clue]:
    skew = case.skew
    if skew is None:
        return
    if abs(skew) <= SKEW:
        if case.status in (400, 401, 403):
            yield Clue(-0.7, "the clocks agree")
    elif case.status in (400, 401, 403):
        side = "ahead of" if skew > 0 else "behind"
        yield Clue(
            0.75 if abs(skew) > _FRESH else 0.4, f"this machine's clock is {abs(skew):,.0f} s {side} the partner's"
        )


@_suspect(
    "wrong-host",
    "the host does not serve this API",
    "Compare the host of `endpoint` in the spec with the partner's documentation for this environment.",
)
def _host(case: Case) -> Iterator[Clue]:
    if case.status == 421:
        yield Clue(0.93, "421 Misdirected Request: this server does not answer for the host")
    if case.fault is not None and case.fault[0] == "dns":
        yield Clue(0.9, case.fault[1])
    if (redirect := _redirect(case)) is not None:
        here, there = redirect
        if there.host != here.host and not _LOGIN.search(case.header("location")):
            yield Clue(0.85, f"it redirects to another host: {there.origin}")
    if (
        case.status == 404
        and case.is_page
        and re.search(r"welcome to nginx|it works!|default (?:web )?page", case.text, re.I)
    ):
        yield Clue(0.6, "a page of a server without this API came")


@_suspect(
    "wrong-path",
    "the host does not know this path",
    "Correct the path of `endpoint` in the spec.",
)
def _path(case: Case) -> Iterator[Clue]:
    if (redirect := _redirect(case)) is not None:
        here, there = redirect
        if there.host == here.host and there.scheme == here.scheme and not _LOGIN.search(case.header("location")):
            yield Clue(0.9, f"it redirects to {there.rest} at the same host")
    if case.status == 404:
        yield Clue(0.45, "404 came")
    elif not re.search(r"missing authentication token", case.text, re.IGNORECASE):
        return
    if case.requests is not None:
        yield from _paths_tried(case, case.requests)


def _paths_tried(case: Case, requests: HarmlessRequests) -> Iterator[Clue]:
    """Ask the path, one that cannot exist, and similar ones."""
    own = {method: requests.ask(method) for method in requests.methods[:2]}
    away = {method: _neighbour(case, method) for method in own}
    for method, response in own.items():
        if response is not None and response.status not in _UNKNOWN and _differs(response, away[method]):
            yield Clue(-0.5, "the path is answered otherwise than one that cannot exist")
            return
    for url in similar(requests.url):
        for method, nowhere in away.items():
            response = requests.ask(method, url)
            if nowhere is None or response is None or nowhere.status not in (401, 403, *_UNKNOWN):
                continue
            allows = case.sent.method in (response.header("allow") or "").upper()
            if response.status != nowhere.status or (allows and not nowhere.header("allow")):
                yield Clue(0.93, f"a similar path answers: {method} {url} gets {response.status}")
                return


def _plain(case: Case) -> str:
    return case.requests.url if case.requests is not None else case.sent.url.partition("?")[0]


def _redirect(case: Case) -> tuple[WebUrl, WebUrl] | None:
    """Return where a request went, and where its response redirects to; None without a redirect that can be read."""
    if case.status not in REDIRECTS or not case.header("location"):
        return None
    try:
        here = parse_url(_plain(case))
        return here, parse_url(urljoin(_plain(case), case.header("location").partition("#")[0]))
    except ValueError:
        return None


@_suspect("method", "the endpoint does not take this method", "Correct `method` in the spec.")
def _method(case: Case) -> Iterator[Clue]:
    if case.status == 405:
        yield Clue(0.7, f"405 came for {case.sent.method}")
    allow = case.header("allow")
    if not allow and case.requests is not None and case.status in _UNKNOWN:
        answers = [case.requests.ask(each) for each in case.requests.methods[:2]]
        allow = next((found for each in answers if each is not None and (found := each.header("allow"))), "")
    if allow and case.status in _UNKNOWN:
        if case.sent.method in allow.upper():
            yield Clue(-0.5, f"the endpoint allows {allow}")
        else:
            yield Clue(0.85, f"the endpoint allows {allow}, and the spec sends {case.sent.method}")


@_suspect(
    "user-agent",
    "the partner refuses our User-Agent",
    "Ask the tech contact to admit `rokt-export`, or send the one they name: {name: User-Agent, in: header, value: …}.",
)
def _agent(case: Case) -> Iterator[Clue]:
    requests = case.requests
    method = (
        requests.baseline(case.status) if requests is not None and case.status in (400, 403, 406, 429, 503) else None
    )
    if requests is None or method is None or method == "GET":
        return
    other = requests.ask(method, agent=BROWSER)
    if other is not None and other.status != case.status and other.status < 500:
        yield Clue(0.93, f"{method} gets {case.status}, and {other.status} with the User-Agent of a browser")


@_suspect(
    "content-type",
    "the partner does not take this content type",
    "Correct `encoding` or `content_type` in the spec.",
)
def _content_type(case: Case) -> Iterator[Clue]:
    if case.status == 415:
        yield Clue(0.85, f"415 came for {case.sent.headers.get('content-type', 'no content type')}")
    for name in ("accept-post", "accept-patch", "accept"):
        value = case.header(name)
        if not value and case.requests is not None and case.status == 415:
            response = case.requests.ask("OPTIONS")
            value = (response.header(name) or "") if response is not None else ""
        if value and case.status == 415:
            yield Clue(0.5, f"the partner takes {value}")
            return


@_suspect(
    "rate-limit",
    "too many requests were sent",
    "Wait, and set `limits: {rate: …}` in the spec to what the partner allows.",
)
def _rate(case: Case) -> Iterator[Clue]:
    if case.status == 429:
        yield Clue(0.8, "429 came")
    for name in ("retry-after", "x-ratelimit-remaining", "ratelimit-remaining", "ratelimit"):
        if value := case.header(name):
            yield Clue(0.5 if case.status == 429 or value == "0" else 0.05, f"{name}: {value}")


@_suspect(
    "proxy",
    "a proxy on the way asks for credentials",
    "Check `proxy` in the spec, and HTTPS_PROXY: they hold the proxy's user name and password.",
)
def _proxy(case: Case) -> Iterator[Clue]:
    if case.status == 407:
        yield Clue(0.95, "407 Proxy Authentication Required")


@_suspect(
    "https",
    "the partner wants HTTPS, and the URL says http://",
    "Write https:// in `endpoint` of the spec.",
)
def _https(case: Case) -> Iterator[Clue]:
    if not _plain(case).startswith("http:"):
        return
    if (redirect := _redirect(case)) is not None:
        plain, there = redirect
        if there.scheme == "https" and there.host == plain.host:
            yield Clue(0.95, f"it redirects to https at the same host: {there.origin}")
    if case.status == 426:
        yield Clue(0.7, "426 Upgrade Required")
    unclear = case.status == 400 or (case.fault is not None and case.fault[0] not in ("dns", "connect", "tls"))
    if case.requests is not None and unclear:
        for step in wrong_scheme(case.requests.url, case.requests.options):
            yield Clue(0.9, step.detail)


_suspect(
    "plain-port",
    "the port does not speak TLS, and the URL says https://",
    "Write http://, or the port that does.",
)(_by_words)


@_suspect("no-connection", "no connection could be made", "Check the host, the port, the VPN and the firewall.")
def _connection(case: Case) -> Iterator[Clue]:
    if case.fault is not None and case.fault[0] == "connect":
        yield Clue(0.6, case.fault[1])


_suspect(
    "client-certificate",
    "the partner asks for a client certificate",
    "Set `authentication: {type: mutual_tls, …}`.",
)(_by_words)


def _seen(case: Case) -> Inspection | None:
    """Return the connection that was looked at, where TLS failed and a certificate came."""
    if case.fault is None or case.fault[0] != "tls" or case.requests is None:
        return None
    return case.requests.inspection if case.requests.inspection.certificate is not None else None


@_suspect(
    "certificate-expired",
    "the partner's certificate has expired, or is not valid yet",
    "Tell the tech contact that the certificate needs renewal; check this machine's clock.",
)
def _certificate_expired(case: Case) -> Iterator[Clue]:
    if (seen := _seen(case)) is not None and (certificate := seen.certificate) is not None:
        if certificate.not_after.timestamp() < time.time():
            yield Clue(0.9, f"it was valid until {certificate.not_after:%Y-%m-%d %H:%M} UTC")
        if certificate.not_before.timestamp() > time.time():
            yield Clue(0.9, f"it is valid from {certificate.not_before:%Y-%m-%d %H:%M} UTC")


@_suspect(
    "self-signed",
    "the partner's certificate is self-signed",
    "Ask for a certificate of a public authority; to trust this one, name it: `tls: {ca_file: …}`.",
)
def _self_signed(case: Case) -> Iterator[Clue]:
    if (seen := _seen(case)) is not None and (certificate := seen.certificate) is not None:
        if certificate.subject == certificate.issuer:
            yield Clue(0.8, f"subject and issuer are the same: {certificate.issuer}")
        else:
            yield Clue(-0.6, f"it was issued by {certificate.issuer}")


@_suspect(
    "certificate-host",
    "the partner's certificate was issued for another host",
    "Check the host of `endpoint`; if it is right, the tech contact has to add it to the certificate.",
)
def _certificate_host(case: Case) -> Iterator[Clue]:
    if (seen := _seen(case)) is not None and (certificate := seen.certificate) is not None and certificate.names:
        yield Clue(0.05, f"it is valid for {', '.join(certificate.names[:5])}")


@_suspect(
    "certificate-chain",
    "the partner's chain of certificates does not lead to an authority that is trusted here",
    "The server has to send its intermediate certificate too; `tls: {ca_file: …}` names a private authority.",
)
def _certificate_chain(case: Case) -> Iterator[Clue]:
    if (seen := _seen(case)) is None or (certificate := seen.certificate) is None:
        return
    if certificate.subject == certificate.issuer:
        yield Clue(-0.8, "the certificate is self-signed")
    elif seen.chain == 1:
        yield Clue(0.3, f"the server sends one certificate, and none of its issuer {certificate.issuer}")
    else:
        yield Clue(0.1, f"the server sends {seen.chain} certificates, the first issued by {certificate.issuer}")
