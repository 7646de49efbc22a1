"""The address of a URL template, in one form for all its spellings."""

from __future__ import annotations

import re
import socket
import threading
import time
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from posixpath import normpath
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.request.url import blank_url
from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace, TemplateProblem

SECONDS = 1.0
HERE = "loopback"


def resolved(names: Iterable[str], seconds: float = SECONDS) -> Mapping[str, frozenset[str]]:
    """Return the addresses of each host, `HERE` for one of this machine; none for a name that is not known in time.

    Args:
        names: host names, or addresses as text.
        seconds: after which what is not known yet is left out.
    """
    found: dict[str, frozenset[str]] = {}

    def ask(name: str) -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found[name] = frozenset(_place(str(answer[4][0])) for answer in answers)

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in {*names} - {HERE}]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {HERE: frozenset({HERE}), **dict(found)}


def _place(text: str) -> str:
    """`HERE` for an address of this machine: only those can be bound."""
    address = ip_address(text.partition("%")[0])
    if address.is_loopback or address.is_unspecified:
        return HERE
    try:
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except OSError:
        return str(address)
    return HERE


_PIECE = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|(?<!\{)\{[A-Za-z_][\w.-]*\}(?!\}))", re.DOTALL)
_OPEN = "\ue000"
"""A part of a path that a row decides."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """The address of an environment once its variables are filled in, in one form for all spellings.

    Attributes:
        host: `loopback`, an IP address, or the name in lower case and ASCII.
        port: None for the default one. Plain http and https on the default ports count as one server.
        path: its segments, decoded and without regard to case. A row may decide a segment. None: any path.
        shown: scheme, host and port as written, without credentials.
        query: names and values in its query, decoded and without regard to case; `_OPEN` for what a row decides.
    """

    host: str
    port: int | None
    path: tuple[str, ...] | None
    shown: str
    query: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, source: str, variables: Mapping[str, str]) -> Address | None:
        """Return the address of a URL template, as far as its variables are set; None where its host is not known."""
        variables = {**variables, **dict.fromkeys(unset_variables(source, variables), _OPEN)}
        text = filled_url(source, variables)
        try:
            url = blank_url(source, variables)
        except (SpecError, ConfigurationError, FilterError):  # nothing is sent there, and yet the host may be known
            url = text or ""
        address = cls.of_url(url, None if text is None else _path(text))
        return address and replace(address, query=_query(url if text is None else text))

    @classmethod
    def of_url(cls, url: str, path: tuple[str, ...] | None = ()) -> Address | None:
        """Return the address of a URL without templates; None where it has no host."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or _OPEN in host:
            return None
        default = _PORTS.get(parts.scheme)
        return cls(
            _host(host), None if port == default else port, path, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        )

    def same_host(self, other: Address) -> bool:
        """Return whether both are at one host and port."""
        return (self.host, self.port) == (other.host, other.port)

    def same_place(self, other: Address) -> bool:
        """Return whether both are at one host, port and path, for at least one row."""
        return self.same_host(other) and self.same_path(other)

    def same_path(self, other: Address) -> bool:
        """Return whether the paths are the same, for at least one row."""
        if self.path is None or other.path is None:
            return True
        return len(self.path) == len(other.path) and all(
            mine == theirs or _OPEN in mine + theirs for mine, theirs in zip(self.path, other.path, strict=True)
        )

    def same_query(self, other: Address) -> bool:
        """Return whether the queries may be the same: what a row decides may be anything."""
        return _may_hold(self.query, other.query) and _may_hold(other.query, self.query)

    def depth_in(self, url: Address) -> int | None:
        """Return how many segments of a URL's path are this path; None where the URL is not here or below."""
        if not self.same_host(url):
            return None
        path = self.path or ()
        if url.path is None:
            return 0
        below = len(url.path) >= len(path) and all(
            mine == theirs or _OPEN in mine + theirs for mine, theirs in zip(path, url.path, strict=False)
        )
        return len(path) if below else None


def hosts_in(text: str) -> Iterator[Address]:
    """Yield the hosts that a header may name: one, a list, URLs, or `host=` of `Forwarded`; a default port is None."""
    for word in re.split(r"[,;\s\"']+", text):
        word = re.sub(r"(?i)^(host=)?([a-z][a-z0-9+.-]*:)?//|^host=", "", word)
        netloc = re.split(r"[/?#\\]", word, maxsplit=1)[0].rpartition("@")[2]
        for form in (netloc, re.sub(r":[^:\]]*$", "", netloc), f"[{netloc}]"):
            if (address := Address.of_url(f"//{form}")) is not None:
                yield replace(address, port=None if address.port in _PORTS.values() else address.port)
                break


def paths_in(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths that a header may name: of a path or of a URL."""
    for word in text.split():
        if "/" in word:
            yield _path(word)


def _host(name: str) -> str:
    """The one form of a host: names as IDNA has them, IPv4 in each form that `inet_aton` reads."""
    name = unquote(name).rstrip(".").lower()
    if not name.isascii():  # a name of a URL that requests refuses; else it is in ASCII by now
        try:
            name = name.encode("idna").decode().rstrip(".")
        except UnicodeError:
            return name
    address: IPv4Address | IPv6Address | None
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        try:
            address = IPv4Address(socket.inet_aton(name)) if re.fullmatch(r"[0-9a-fx.]+", name) else None
        except OSError:
            address = None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if address is None:
        return HERE if re.fullmatch(r"(.+\.)?localhost(\.localdomain|6?)?", name) else name
    return HERE if address.is_loopback or address.is_unspecified else str(address)


def filled_url(source: str, variables: Mapping[str, str]) -> str | None:
    """Return the URL, with `_OPEN` for what is not known; None where a condition or a loop decides: it fills whole."""
    variables = {**variables, **dict.fromkeys(unset_variables(source, variables), _OPEN)}
    text = ""
    for index, piece in enumerate(_PIECE.split(source)):
        if index % 2 == 0:
            text += piece
        elif not piece.startswith(("{{", "{%", "{#")):
            text += _OPEN
        else:
            try:
                template = compile_template(piece, TemplatePlace.URL)
                filled = _OPEN if template.varies else template.fill({}, variables)
            except (TemplateProblem, FilterError):
                return None
            text += _OPEN if filled is ABSENT else text_of(filled)
    return text.strip()


def _path(url: str) -> tuple[str, ...]:
    """The segments of a path as the most lenient server reads them: decoded again and again, and trimmed."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ()
    path = re.split(r"[\0?#]", _decoded(path).replace("\\", "/"), maxsplit=1)[0].casefold()
    segments = normpath("/" + "/".join(part.partition(";")[0].strip() for part in path.split("/"))).split("/")
    return tuple(part for segment in segments if (part := segment.rstrip(". \t")))


def _query(url: str) -> frozenset[tuple[str, str]]:
    try:
        parts = re.split("[&;]", urlsplit(url).query)
    except ValueError:
        return frozenset()
    pairs = (part.partition("=") for part in parts if part)
    return frozenset((_plain(name), _plain(name if _OPEN in name else value)) for name, _, value in pairs)


def _plain(text: str) -> str:
    """Return a name or value of a query in the one form for all its spellings."""
    return _OPEN if _OPEN in text else _decoded(text.replace("+", " ")).strip().casefold()


def _may_hold(query: Collection[tuple[str, str]], constants: Iterable[tuple[str, str]]) -> bool:
    """Whether a query may hold all constants of another."""
    return all(
        any(mine in (name, _OPEN) and other in (value, _OPEN) for mine, other in query)
        for name, value in constants
        if _OPEN not in (name, value)
    )


_OVERLONG = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}")
"""UTF-8 of more bytes than the character needs, which lenient servers read."""


def _decoded(text: str) -> str:
    """Return a text as the most lenient server reads it: decoded again and again, `%u006c`, overlong and full width."""
    while True:
        signs = re.sub(r"%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        octets = unquote_to_bytes(signs.encode("utf-8", "backslashreplace"))
        found = unicodedata.normalize("NFKC", _OVERLONG.sub(_shortened, octets).decode("utf-8", "replace"))
        if found == text:
            return found
        text = found


def _shortened(overlong: re.Match[bytes]) -> bytes:
    number = overlong[0][0] & (0x1F >> (len(overlong[0]) - 2))
    for octet in overlong[0][1:]:
        number = number << 6 | octet & 0x3F
    return chr(number).encode("utf-8", "replace")


def unset_variables(url: str, variables: Mapping[str, str]) -> list[str]:
    """Return the variables that the template of a URL names and that have no value."""
    return sorted(each for each in compile_template(url, TemplatePlace.URL).env if not variables.get(each))
