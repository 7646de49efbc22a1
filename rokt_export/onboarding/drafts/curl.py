"""Read a curl line as people paste it (bash, cmd.exe or PowerShell) into a recorded request."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.observed import word_set
from rokt_export.onboarding.drafts.recorded import ImportedRequest, marked

_IGNORED = word_set(
    "s S v i f N 0 # 1 2 3 4 6 O g Z q silent show-error verbose include fail fail-with-body fail-early compressed raw"
    " no-buffer progress-bar http1.0 http1.1 http2 http2-prior-knowledge http3 ipv4 ipv6 globoff parallel basic anyauth"
    " tcp-nodelay path-as-is tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 ssl-no-revoke remote-name location-trusted"
    " tcp-fastopen compressed-ssh styled-output disable"
)
"""Flags that say how curl behaves, and nothing about the request."""
_IGNORED_WITH_VALUE = word_set(
    "o output w write-out retry retry-delay retry-max-time D dump-header trace trace-ascii stderr A user-agent e"
    " referer"
    " c cookie-jar connect-timeout limit-rate speed-time speed-limit max-redirs keepalive-time ciphers tls-max"
    " C continue-at rate y Y z time-cond"
)
_NAMED_WITH_VALUE = word_set(
    "x proxy resolve connect-to interface K config T upload-file proxy-user U cacert capath pinnedpubkey unix-socket"
    " abstract-unix-socket doh-url proxy-header aws-sigv4 netrc-file r range Q quote t telnet-option socks5"
    " socks5-hostname expect100-timeout variable expand-url cert-type key-type pass krb delegation dns-servers"
)
"""Options with a value that are not taken over; they are named."""
_LONG = {
    "X": "request", "H": "header", "d": "data", "u": "user", "F": "form", "G": "get", "I": "head", "b": "cookie",
    "k": "insecure", "L": "location", "m": "max-time", "E": "cert",
}  # fmt: skip
_DATA = ("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json")
_TAKEN = frozenset(
    (*_LONG.values(), *_DATA, "url", "key", "form-string", "oauth2-bearer", "digest", "url-query", "next", "ntlm")
)
_FLAGS = word_set("get head insecure location digest next ntlm")
_MAX_FILE = 1_000_000
_ORIGIN = "the curl line"


def parse_curl(text: str) -> ImportedRequest:
    """Return the request of a curl line.

    Args:
        text: the line, perhaps of several lines, with the quotes of its shell.

    Raises:
        DocumentError: it is no curl line, a quote is open, or it names no URL.
    """
    words, stdin = _words(text)
    command = _Command(stdin)
    command.read(words)
    return command.recorded()


@dataclass(slots=True)
class _Command:
    """What the options of one curl line say."""

    stdin: str | None
    urls: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read(self, words: list[str]) -> None:
        """Read the words after `curl`."""
        left = iter(words)
        for word in left:
            if word == "--":
                self.urls += list(left)
            elif word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                if not self._long(name.lower(), left, value if equals else None):
                    return
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], left)
            elif word:
                self.urls.append(word)

    def _short(self, letters: str, left: Iterator[str]) -> None:
        for at, letter in enumerate(letters):
            rest = letters[at + 1 :]
            if letter in _IGNORED:
                continue
            name = _LONG.get(letter, letter)
            if name in _FLAGS:
                self.values[name] = "yes"
            elif name in _TAKEN or name in _IGNORED_WITH_VALUE or name in _NAMED_WITH_VALUE:
                self._option(name, rest or next(left, ""), f"-{letter}")
                return
            else:
                self.notes.append(f"curl's option `-{letter}` is not known, and was left out")

    def _long(self, name: str, left: Iterator[str], value: str | None) -> bool:
        """Read one long option; return False where the next request begins."""
        if name == "next":
            self.notes.append("the line has several requests; the first was taken")
            return False
        if name in _FLAGS:
            self.values[name] = "yes"
        elif name in _TAKEN or name in _IGNORED_WITH_VALUE or name in _NAMED_WITH_VALUE:
            self._option(name, value if value is not None else next(left, ""), f"--{name}")
        elif name not in _IGNORED and not name.startswith("no-"):
            self.notes.append(f"curl's option `--{name}` is not known, and was left out")
        return True

    def _option(self, name: str, value: str, shown: str) -> None:
        if name in _IGNORED_WITH_VALUE:
            return
        if name in _NAMED_WITH_VALUE:
            self.notes.append(f"curl's option `{shown}` was not taken over")
            return
        if name in _DATA:
            self._datum(name, value)
            return
        match name:
            case "url":
                self.urls.append(value)
            case "header":
                self._header(value)
            case "form" | "form-string":
                self._form_field(value, literal=name == "form-string")
            case "url-query":
                self.query.append(value)
            case _:
                self.values[name] = value

    def _datum(self, name: str, value: str) -> None:
        match name:
            case "data-urlencode":
                self.data.append(self._encoded(value))
            case "data-raw":
                self.data.append(value)
            case _:
                self.data.append(self._content(value))
        if name == "json":
            self.headers.append(("Content-Type", "application/json"))

    def _header(self, value: str) -> None:
        if value.startswith("@"):
            self.notes.append(f"the headers of the file `{value[1:]}` were not taken over")
            return
        name, colon, text = value.partition(":")
        if colon and text.strip():
            self.headers.append((name.strip(), text.strip()))

    def _form_field(self, value: str, *, literal: bool) -> None:
        name, _, text = value.partition("=")
        if text[:1] in ("@", "<") and not literal:
            self.notes.append(f"the file of the form's field `{name}` was not taken over")
            return
        self.form.append((name, text if literal else re.sub(r";(?:type|filename)=.*$", "", text)))

    def _encoded(self, value: str) -> str:
        found = re.match(r"([^=@]*)([=@])(.*)", value, re.DOTALL)
        if found is None:
            return quote_plus(value)
        name, sign, text = found.groups()
        text = self._content(f"@{text}") if sign == "@" else text
        return f"{name}={quote_plus(text, safe=_SAFE)}" if name else quote_plus(text, safe=_SAFE)

    def _content(self, value: str) -> str:
        """Return data, or the contents of a file in this folder or of standard input."""
        if not value.startswith("@"):
            return value
        name = value[1:]
        if name in ("-", "/dev/stdin"):
            if self.stdin is None:
                self.notes.append("the body comes from standard input, which the line does not show")
            return self.stdin or ""
        path = Path(name)
        inside = not path.is_absolute() and ".." not in path.parts
        if inside and path.is_file() and path.stat().st_size <= _MAX_FILE:
            return path.read_text(encoding="utf-8", errors="replace")
        self.notes.append(f"the body's file `{name}` is not in this folder, and was not read")
        return ""

    def recorded(self) -> ImportedRequest:
        """Return the request."""
        if not self.urls:
            raise DocumentError(
                "this curl line names no URL", where=_ORIGIN, remedy="Copy the whole line, up to its last quote."
            )
        if len(self.urls) > 1:
            self.notes.append(f"{len(self.urls) - 1} more words look like URLs; the first was taken")
        if "insecure" in self.values:
            self.notes.append("`-k` is not taken over: certificates are checked")
        if "location" in self.values:
            self.notes.append("`-L` is not taken over: redirects are not followed")
        if "cert" in self.values or "key" in self.values:
            self.notes.append("the client certificate is not taken over: write `type: mutual_tls`")
        headers = list(self.headers)
        if bearer := self.values.get("oauth2-bearer"):
            headers.append(("Authorization", f"Bearer {bearer}"))
        if cookie := self.values.get("cookie"):
            headers.append(("Cookie", cookie))
        return ImportedRequest(
            _ORIGIN,
            self._method(),
            self._url(),
            tuple(headers),
            body="" if self._as_query else "&".join(self.data),
            form=tuple(self.form),
            user=self.values.get("user", ""),
            digest="digest" in self.values,
            timeout=_duration(self.values.get("max-time", "")),
            notes=tuple(self.notes),
        )

    @property
    def _as_query(self) -> bool:
        return "get" in self.values

    def _method(self) -> str:
        implied = (
            "POST" if (self.data or self.form) and not self._as_query else "HEAD" if "head" in self.values else "GET"
        )
        return self.values.get("request", implied).upper()

    def _url(self) -> str:
        url = self.urls[0]
        more = [*self.query, *(self.data if self._as_query else [])]
        return url + ("&" if "?" in url else "?") * bool(more) + "&".join(more)


_SAFE = "\ue000\ue001"


def _duration(text: str) -> str:
    found = re.fullmatch(r"(\d+)(?:\.\d+)?", text)
    return f"{found[1]}s" if found and int(found[1]) else ""


def _words(text: str) -> tuple[list[str], str | None]:
    """Return the words after `curl`, unquoted as the line's shell would, and what goes to its standard input."""
    text = re.sub(r"\A(?:\s*(?:\$|>|%|#|PS [^>\n]*>|[A-Z]:\\[^>\n]*>)\s+)", "", text.strip().replace("\r\n", "\n"))
    start = re.search(r"(?:^|[\s|;&(/\\])(curl(?:\.exe)?)(?=[\s^`])", text, re.IGNORECASE)
    if start is None:
        other = re.match(r"\s*(Invoke-\w+|fetch\(|wget|https?ie|http|axios)", text, re.IGNORECASE)
        raise DocumentError(
            f"this is not a curl line: it begins with `{other[1]}`" if other else "this is not a curl line",
            where=_ORIGIN,
            remedy='In a browser\'s network panel: "Copy as cURL"; in Postman: Code, cURL.',
        )
    before, rest = text[: start.start(1)], text[start.end(1) :]
    if re.search(r'\^[ \t]*\n|\^"', rest) or re.search(r'"\s*[{\[]\s*""|""\s*:', rest):
        return _cmd(rest), None
    if re.search(r"`[ \t]*\n", rest) or "$env:" in rest:
        return _split(rest, _POWERSHELL, _powershell_part), None
    stdin = None
    if here := re.search(r"<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n(.*?)\n\s*\2\s*(?:\n|\Z)", rest, re.DOTALL):
        stdin, rest = here[4], rest[: here.start()] + here[3]
    elif echoed := re.search(
        r"(?:echo|printf)\s+(?:-\w+\s+)?('[^']*'|\"(?:\\.|[^\"\\])*\")\s*\|\s*$", before, re.DOTALL
    ):
        stdin = next(iter(_bash(echoed[1])), "")
    if string := re.search(r"<<<\s*('[^']*'|\"(?:\\.|[^\"\\])*\"|\S+)", rest, re.DOTALL):
        stdin, rest = next(iter(_bash(string[1])), ""), rest[: string.start()] + rest[string.end() :]
    return _bash(rest), stdin


_BASH = re.compile(
    r"""
    (?P<space>\s+|\\\n)
    | (?P<end>\#.*|[|;<>()]|&&?(?=\s|&|$)|\d?>&?\d?.*)
    | (?P<ansi>\$'(?:\\.|[^'\\])*')
    | (?P<single>'[^']*')
    | (?P<double>\$?"(?:\\.|\$\((?:[^()]*)\)|[^"\\])*")
    | (?P<escaped>\\.)
    | (?P<variable>\$\{\w+[^}]*\}|\$\w+|\$\([^()]*\)|`[^`]*`)
    | (?P<plain>[^\s'"\\$|;<>()&`]+|[$&])
    """,
    re.VERBOSE | re.DOTALL,
)


def _bash(text: str) -> list[str]:
    return _split(text, _BASH, _bash_part)


def _split(text: str, parts: re.Pattern[str], value: Callable[[str, str], str]) -> list[str]:
    """Return the words of a line.

    Args:
        text: the line.
        parts: what words are made of, and what is between them (`space`) and behind them (`end`).
        value: what a part of a word means, by its kind and its text.
    """
    words: list[str] = []
    word: str | None = None
    at = 0
    while at < len(text):
        found = parts.match(text, at)
        if found is None:
            raise _open_quote(text, at)
        kind, part = found.lastgroup, found[0]
        at = found.end()
        if kind == "end" and not (part.startswith("#") and word):
            break
        if kind == "space":
            if not part.startswith("\\") and word is not None:
                words.append(word)
                word = None
            continue
        word = (word or "") + value(kind or "", part)
    return [*words, word] if word is not None else words


def _bash_part(kind: str, part: str) -> str:
    match kind:
        case "ansi":
            return codecs.decode(part[2:-1].encode("latin-1", "backslashreplace"), "unicode_escape")
        case "single":
            return part[1:-1]
        case "double":
            inside = part.removeprefix("$")[1:-1].replace("\\\n", "")
            return re.sub(
                r"\\([\\\"$`])|(\$\{\w+[^}]*\}|\$[A-Za-z_]\w*|\$\([^()]*\)|`[^`]*`)",
                lambda found: found[1] or _variable(found[2]),
                inside,
            )
        case "escaped":
            return "" if part == "\\\n" else part[1]
        case "variable":
            return _variable(part)
    return part


def _variable(text: str) -> str:
    found = re.match(r"\$\{?(\w+)\}?", text)
    name = found[1] if found else re.sub(r"\W+", "_", text).strip("_")
    return marked(name or "VALUE")


_CMD = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<end>[|&>].*)
    | (?P<quoted>"(?:(?:\\\\)*\\"|""|[^"])*?(?<!\\)"(?!"))
    | (?P<plain>(?:\\"|[^\s"|&>])+)
    """,
    re.VERBOSE | re.DOTALL,
)
"""Words of Windows programs: within quotes, `\\"` and `""` are a quote."""


def _cmd(text: str) -> list[str]:
    text = re.sub(r"\^[ \t]*\n\s*", " ", text)
    if '^"' in text:  # as browsers copy it: each sign that cmd.exe knows is escaped
        text = re.sub(r"\^(.)", r"\1", text, flags=re.DOTALL)
    words = _split(text, _CMD, _cmd_part)
    return [re.sub(r"%(\w+)%", lambda found: marked(found[1]), each) for each in words]


def _cmd_part(kind: str, part: str) -> str:
    part = part[1:-1] if kind == "quoted" else part
    return part.replace('\\"', '"').replace('""', '"')


_POWERSHELL = re.compile(
    r"""
    (?P<space>\s+|`\s*\n\s*)
    | (?P<end>[|;])
    | (?P<single>'(?:''|[^'])*')
    | (?P<double>"(?:`.|""|[^"`])*")
    | (?P<escaped>`.)
    | (?P<plain>[^\s'"`|;]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def _powershell_part(kind: str, part: str) -> str:
    if kind == "single":
        part = part[1:-1].replace("''", "'")
    elif kind == "double":
        part = re.sub(r'`(.)|"(")', lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1] or '"'), part[1:-1])
    elif kind == "escaped":
        part = part[1]
    if kind != "single":
        part = re.sub(r"\$(?:env:)?\{?(\w+)\}?", lambda found: marked(found[1]), part)
    return part.replace('\\"', '"')


def _open_quote(text: str, at: int) -> DocumentError:
    line = text.count("\n", 0, at) + 1
    return DocumentError(
        "a quote is opened and never closed",
        where=f"{_ORIGIN}, line {line}",
        remedy="Copy the whole line; in a shell, give it in a file: `--curl @line.txt`.",
    )
