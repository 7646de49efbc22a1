"""Parses URLs unambiguously, and proves that no row decides scheme, host or port of a URL template."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping

from msgspec import Struct

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.template import Template, compile_template
from rokt_export.spec_language.template_places import EXPRESSION, TemplatePlace, TemplateProblem

DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>[^/?#]*))?(?P<rest>[/?].*)?", re.I)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


class WebUrl(Struct, frozen=True):
    """An absolute http or https URL.

    Attributes:
        scheme: `http` or `https`.
        host: lower case and ASCII, an IPv6 address without its brackets.
        port: None for the scheme's default.
        rest: path and query as written; empty, or starts with `/` or `?`.
        start: number of characters before `rest`.
    """

    scheme: str
    host: str
    port: int | None
    rest: str
    start: int

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def is_address(self) -> bool:
        """Whether its host is an IP address, not a name."""
        try:
            return bool(ipaddress.ip_address(self.host))
        except ValueError:
            return False

    @property
    def is_loopback(self) -> bool:
        """Whether its host is this machine."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether a name or address is this machine; `0.0.0.0` is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def parse_url(text: str) -> WebUrl:
    """Return the parts of a URL.

    Only URLs that all parsers read alike are accepted, because libcurl, Python and the WHATWG standard differ. Not
    allowed are credentials, backslashes, blanks, control characters, fragments, percent signs in the host, and IPv4
    addresses that are not four decimal numbers.

    Raises:
        ValueError: the text is not such a URL; the message says why, without quoting it.
    """
    if (bad := forbidden_sign(text)) is not None:
        raise ValueError(f"it holds {bad}")
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError("it does not start with http:// or https:// and a host")
    if "@" in re.split("[/?]", text.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("it contains credentials")
    scheme, port = found["scheme"].lower(), found["port"]
    if port is not None and not (_PORT.fullmatch(port) and int(port) < 65_536):
        raise ValueError("its port is not a number from 1 to 65535")
    number = None if port is None or int(port) == DEFAULT_PORTS[scheme] else int(port)
    rest = found["rest"] or ""
    return WebUrl(scheme, _host(found["host"]), number, rest, len(text) - len(rest))


def forbidden_sign(text: str) -> str | None:
    """Return a description of the first character that a URL must not contain; None if there is none."""
    bad = next((sign for sign in text if sign in "\\#" or not (sign.isprintable() and sign != " ")), None)
    return None if bad is None else _named(bad)


def _named(sign: str) -> str:
    match sign:
        case "\\":
            return "a backslash"
        case "#":
            return "a fragment (`#`)"
        case "\r" | "\n":
            return "a line break"
    return "a blank" if sign.isspace() else "an invisible or control character"


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address("" if "%" in text else text[1:-1]))
        except ValueError as error:
            raise ValueError("its host is not an IPv6 address without a zone") from error
    host = (text if text.isascii() else _ascii(text)).lower()
    name = host.removesuffix(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("its host is not a name or an address")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise ValueError("its host is not an IPv4 address of four decimal numbers") from error
    return host


def _ascii(text: str) -> str:
    """Return an international name in ASCII (IDNA 2008); a name that is not in its canonical form is refused."""
    import idna  # imported late: it is slow to load

    if unicodedata.normalize("NFKC", text.lower()) != text.lower():
        raise ValueError("its host has characters that are equivalent to others")
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"its host is not an international name: {error}") from error


PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_][\w.-]*)\}(?!\})")
"""The placeholder of a path parameter."""
_VARIABLE = "\ue000"
"""Replaces the value of a variable; a private-use character that no URL contains."""
_AUTHORITY = r"[^/?#\\\s]+"
_PROOF = re.compile(
    rf"\s*(?:https?://{_AUTHORITY}|{_VARIABLE}://{_AUTHORITY}|{_VARIABLE}[^/?#\\\s]*(?=$|[/?](?!/)))"
    r"(?P<end>[/?])?",
    re.IGNORECASE,
)
PROOF_REMEDY = (
    "Write https:// and the host out, or take them from `{{ env.NAME }}`, with a `/` before whatever a row fills."
)


_PIECES = re.compile(f"({EXPRESSION.pattern})", re.DOTALL)


def _fixed_start(source: str) -> tuple[list[str | Template], bool]:
    """Return the texts and templates of a URL up to the first that depends on a row, the moment or control flow.

    Returns:
        The pieces, and whether they are the whole URL.
    """
    pieces: list[str | Template] = []
    for piece in filter(None, _PIECES.split(source)):
        if piece.startswith("{%"):
            return pieces, False
        if not piece.startswith(("{{", "{#")):
            pieces.append(piece)
        elif piece.startswith("{{"):
            template = compile_template(piece, TemplatePlace.URL)
            if template.varies:
                return pieces, False
            pieces.append(template)
    return pieces, True


def proof_problem(source: str) -> str | None:
    """Return why a row could decide scheme, host or port of a URL template; None if it cannot.

    Raises:
        TemplateProblem: a part of it does not compile.
    """
    first, *others = PLACEHOLDER.split(source)
    for piece in others[1::2]:
        compile_template(piece, TemplatePlace.URL)
    compile_template(first, TemplatePlace.URL)
    pieces, whole = _fixed_start(first)
    found = _PROOF.match("".join(piece if isinstance(piece, str) else _VARIABLE for piece in pieces))
    if not source.strip():
        return "it is empty"
    if found is None and (before := re.match(r"\s*([^\w\s{])\W*https?:", source)) is not None:
        sign = before[1]
        return f"a character is before https://: {unicodedata.name(sign, 'a control character')} (U+{ord(sign):04X})"
    if found is None and not pieces:
        return "a row decides where it goes: there is nothing before the first attribute or condition"
    if found is None:
        return "it does not start with https:// and a host, nor with a variable that contains both"
    if found["end"] is None and (others or not whole):
        return "a row decides a part of its host: no `/` separates the host from what a row fills"
    return None


def check_proof(source: str) -> None:
    """Check that no row decides scheme, host or port of a URL template.

    Raises:
        SpecError: a row could.
    """
    try:
        problem = proof_problem(source)
    except TemplateProblem as error:
        raise SpecError(f"the URL's template does not compile: {error}", where=source, remedy=error.remedy) from error
    if problem is not None:
        raise SpecError(f"the URL is not safe: {problem}", where=source, remedy=PROOF_REMEDY)


def fixed_url(source: str, variables: Mapping[str, str], what: str = "endpoint") -> WebUrl:
    """Return the parts of a URL that no row decides: scheme, host, port, and the start of the rest.

    Args:
        source: the template.
        variables: the environment variables.
        what: what the URL is for, for a message.

    Raises:
        SpecError: a row could decide scheme, host or port.
        ConfigurationError: with these variables it is not a URL, or a variable changes a host that the template states.
    """
    check_proof(source)
    first, *others = PLACEHOLDER.split(source.strip())
    pieces, whole = _fixed_start(first)
    for name in sorted(
        name for part in (first, *others[1::2]) for name in compile_template(part, TemplatePlace.URL).env
    ):
        _check_value(
            source, name, variables[name], r"[\\#\s\x00-\x1f\x7f-\x9f]", "a blank, a backslash, `#` or a line break"
        )
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if re.fullmatch(r"https?://[^/?]*", text, re.IGNORECASE):
            for name in sorted(piece.env):
                _check_value(source, name, variables[name], r"[/?@%]", "`/`, `?`, `@` or `%` in the host")
        text += text_of(piece.fill({}, variables))
    try:
        url = parse_url(text)
        if not url.rest and (others or not whole):
            raise ValueError("a row would decide a part of its host")
    except ValueError as error:
        credentials = "credentials" in str(error)
        raise (SpecError if credentials else ConfigurationError)(
            f"the {what} is not an absolute http or https URL: {error}",
            where=source,
            remedy="Use `authentication: {type: basic, …}` with `{{ env.NAME }}`."
            if credentials
            else "Start it with https:// and the host; check the variables it names.",
        ) from error
    return url


def _check_value(source: str, name: str, value: str, forbidden: str, words: str) -> None:
    if re.search(forbidden, value):
        raise ConfigurationError(
            f"the value of {name} cannot be used in a URL: it contains {words}",
            where=source,
            remedy=f"Correct {name} in the environment or in `.env`.",
        )
