"""Replace secrets by `$NAME` and personal values by tokens, in texts, URLs, headers, bodies and structured data."""

from __future__ import annotations

import hashlib
import re
import secrets as randomness
from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from msgspec import Struct

from rokt_export.redaction.character_encodings import fold_case
from rokt_export.redaction.decoded_view import BETWEEN, DecodedText, View, decoded_view, views
from rokt_export.redaction.display_text import OwnWords
from rokt_export.redaction.encoded_search import Spelling, variants
from rokt_export.redaction.literals import (
    Literal,
    SecretEncoding,
    base64_literals,
    basic_literals,
    byte_forms,
    secret_literals,
)
from rokt_export.redaction.personal import SHORTEST_HASH, find_people, is_whole_field, people_in
from rokt_export.redaction.quick_search import SecretScreen
from rokt_export.redaction.secret_runs import SecretRuns
from rokt_export.redaction.sensitive_names import hidden_in_header, hidden_in_url
from rokt_export.redaction.well_formed import Syntax, syntax_of, unescaped, within_values

_SHORT = 4
"""A shorter secret is hidden only where it fills a whole field, or by the name of its header or parameter: `a` as a
secret would spoil every text, and hiding each `a` would tell which letter it is."""
_COMMON = re.compile(r"[0-9]{1,4}|[A-Za-z]{1,11}|.{1,3}", re.DOTALL)
"""A number, a word, or a text too short to be a credential: hidden everywhere, it would spoil every text."""
_LONGEST_URL = 2_000
_URL_BEFORE = re.compile(r"[a-z]://(?:[^\s\"'<>]*[/.?&=:@#-])?\Z", re.IGNORECASE)
_KEY_AFTER = re.compile(r"\\*[\"']\s*:")
"""A key of JSON is no value."""
_URL_AFTER = re.compile(r"[/.?&=:@#\s\"'<>-]|\Z")
_CODED_CASE = re.compile(r"%(?:25)*[0-9A-Fa-f]{2}|(?<!\\)\\+(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|&#[xX][0-9A-Fa-f]+;")
_CODED_AT = re.compile(r"%40|\\u0040|&#(?:64|x40);", re.IGNORECASE)
_ADDRESS = re.compile(
    rf"(?<![\w.%+-])(?!person-[0-9a-f]{{10}}(?:-[0-9a-f]{{4}})?(?:@|%40|&#))[\w.%+-]+(?:@|{_CODED_AT.pattern})[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w+])\+[1-9][0-9 ().-]{6,}[0-9]\b",
    re.IGNORECASE,
)
_PACKED = re.compile(r"[\w+/=-]+", re.ASCII)
_DIGEST = re.compile("|".join(f"[0-9a-f]{{{length}}}" for length in (32, 40, 56, 64, 96, 128)), re.IGNORECASE)
_HEX = re.compile("[0-9a-f]+", re.IGNORECASE)
_PADDING = re.compile("=")
_ESCAPES = frozenset("%\\&=")
"""What each escape begins with."""
_WRAP = re.compile(r"(?<=[A-Za-z0-9+/_=-]{40})(?:\r?\n|(?:\\r)?\\n|(?:%0[Dd])?%0[Aa])[ \t]*(?=[A-Za-z0-9+/_=-])")
"""A line break inside base64: MIME writes 64 or 76 characters a line."""
_JWT_PARTS = 3
_LONGEST_KNOWN = 1_000
_MOST_KNOWN = 1_000
"""Texts, and their characters at most, whose secrets are remembered: most headers are the same in each exchange."""
_MOST_READINGS = 64
"""Combinations of such texts that are remembered as they are searched for personal values."""
_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class Span(NamedTuple):
    """A part of a text to hide, and what is shown in its place."""

    start: int
    end: int
    label: str
    encoding: SecretEncoding = SecretEncoding.RAW


class Piece(Struct, frozen=True):
    """A part of a text: literal, or standing for a secret.

    Attributes:
        text: what may be shown; for a secret, `$NAME`.
        name: the secret's name; None for a literal part.
        encoding: how the secret stood in the text; None for a literal part.
        credentials: for `basic`, the `user:password` that was encoded, itself in pieces.
    """

    text: str
    name: str | None = None
    encoding: SecretEncoding | None = None
    credentials: tuple[Piece, ...] = ()


class _Secret:
    """One secret with all that can give it away, prepared once; with `literals` given, only these do."""

    __slots__ = ("gates", "literals", "name", "number", "short", "spellings", "value")

    def __init__(
        self, name: str, value: str, literals: Iterator[Literal] | None = None, *, common: bool = False
    ) -> None:
        self.name = name
        self.value = value
        self.short = common or len(value) < _SHORT
        self.number = common and value.isdigit()
        self.spellings = [Spelling(text) for text in dict.fromkeys(variants(value)) if text and literals is None]
        found = secret_literals(value) if literals is None else literals
        self.literals = [] if self.short else list(dict.fromkeys(found))
        self.gates = [spelling.gate for spelling in self.spellings] + [literal.text for literal in self.literals]

    def spans(self, text: str, found: list[View], literal_views: list[View]) -> Iterator[Span]:
        label = f"${self.name}"
        for spelling in self.spellings:
            for start, end in (span for view in found for span in spelling.find(view)):
                if not self.short or self._fills_place(text, start, end):
                    yield Span(start, end, label, _encoding(text[start:end], self.value))
        for view in literal_views:
            folded = fold_case(view.text)
            for literal in self.literals:
                for start, end in literal.find(folded if literal.encoding is SecretEncoding.HEX else view.text):
                    yield Span(*view.span(start, end), label, literal.encoding)

    def _fills_place(self, text: str, start: int, end: int) -> bool:
        """Whether it fills a field, or a segment of a URL; a number that fills a field may mean anything."""
        if not self.number and is_whole_field(text, start, end) and not _KEY_AFTER.match(text, end):
            return True
        before = text[max(0, start - _LONGEST_URL) : start]
        return _URL_BEFORE.search(before) is not None and _URL_AFTER.match(text, end) is not None


class Redactor:
    """Keeps secrets and personal data out of everything that is written.

    A secret is found case-sensitively in every encoding that `rokt_export.redaction` knows, nested up to three deep,
    and shown as `$NAME`; a personal value is found in either letter case, and as its digests, and shown as a token.
    Where finds overlap, all are hidden, under the name of the longest. The empty string is never a secret.

    Args:
        secrets: name to value, such as the environment variables that a spec names.
        key: what tokens are keyed with; processes that share a run must share it. Random if not given.
    """

    def __init__(self, *, secrets: Mapping[str, str] | None = None, key: bytes | None = None) -> None:
        self.key = key or randomness.token_bytes(32)
        self._values: dict[tuple[str, ...], None] = {}
        self._common: dict[str, str] = {}
        self._prepared: list[_Secret] | None = None
        self._gates: tuple[str, ...] = ()
        self._runs: tuple[SecretRuns, ...] = ()
        self._screen: SecretScreen | None = None
        self._known_spans: dict[str, tuple[Span, ...]] = {}
        self._known_headers: dict[tuple[str, str], tuple[str, str]] = {}
        self._readings: dict[tuple[str, ...], DecodedText] = {}
        for name, value in (secrets or {}).items():
            self.add_secret(name, value)

    def __repr__(self) -> str:
        """Name the secrets, not their values: a redactor may be part of a logged message."""
        names = sorted({name for name, *_ in self._values})
        return f"Redactor(secrets={names})"

    def __getstate__(self) -> dict[str, Any]:
        found: dict[str, Any] = {"_prepared": None, "_gates": (), "_runs": (), "_screen": None}
        return {**self.__dict__, **found, "_known_spans": {}, "_known_headers": {}, "_readings": {}}

    def add_secret(self, name: str, value: str, *, common: bool = False) -> None:
        """Hide a value from now on, shown as `$name`; for what is learned at run time, such as an access token.

        Args:
            value: the secret; the parts of a JSON web token are secrets too.
            common: whether it may be a usual word or number, which is hidden only where it fills its place.
        """
        if not value.strip():
            return
        if common and _COMMON.fullmatch(value):
            self._common[value] = name
            self._prepared = None
            return
        self._add(name, value)
        parts = value.split(".")
        if len(parts) == _JWT_PARTS and value.startswith("eyJ"):
            for part in parts:
                self._add(name, part)
            self._add(name, b64decode(parts[1] + "==", "-_").decode("utf-8", "replace"))

    def add_basic(self, name: str, username: str, password: str) -> None:
        """Hide the credentials of Basic authentication, `user:password` in base64, shown as `$name`.

        A part alone is hidden only if it is a secret itself: in `anystring:KEY` the first is none, in `KEY:x` the
        second.
        """
        if username or password:
            self._add(name, username, password)

    def also(self, name: str, values: Collection[str]) -> Redactor:
        """Return a redactor that hides more values, all under one name; this one does not learn of them."""
        other = Redactor(key=self.key)
        other._values, other._common = dict(self._values), dict(self._common)
        other._prepared = [*self._secrets(), *(_Secret(name, value) for value in values)]
        other._gates = tuple(dict.fromkeys(gate for secret in other._prepared for gate in secret.gates))
        runs = SecretRuns()
        for value in values:
            runs.add(name, value, derived=True)
        other._runs = (*self._runs, runs)
        return other

    def _add(self, *entry: str) -> None:
        if entry not in self._values:
            self._values[entry] = None
            self._prepared = None

    def _secrets(self) -> list[_Secret]:
        if self._prepared is None:
            prepared = [_prepared(*entry) for entry in self._values]
            prepared += [_Secret(name, value, common=True) for value, name in self._common.items()]
            self._gates = tuple(dict.fromkeys(gate for secret in prepared for gate in secret.gates))
            runs = SecretRuns()
            for name, *parts in self._values:
                if len(parts) == 1:
                    runs.add(name, parts[0], parts=not parts[0].startswith("{"))  # claims of a token are usual words
            self._runs = (runs,)
            self._screen = SecretScreen((*self._gates, *runs.pieces()))
            self._known_spans, self._known_headers, self._readings = {}, {}, {}
            self._prepared = prepared
        return self._prepared

    def secrets_in(self, text: str) -> str:
        """Return the text with secrets replaced by `$NAME`, personal values left."""
        return _spliced(text, self._secret_spans(text))

    def text(self, text: str, personal: Collection[str] = ()) -> str:
        """Return the text with secrets replaced by `$NAME` and the given personal values by tokens.

        Args:
            text: any text; our own words (`OwnWords`) stay as they are.
            personal: values of the one person that the text is about; empty for an invented one.
        """
        if isinstance(text, OwnWords):
            return text
        spans = self._secret_spans(text)
        if personal:
            spans += self._personal_spans(text, personal)
        return _spliced(text, spans)

    def url(self, url: str, personal: Collection[str] = ()) -> str:
        """Return a URL as `text` does, with its userinfo and the parameters that name a credential hidden too."""
        return hidden_in_url(self.text(url, personal))

    def headers(
        self, headers: tuple[tuple[str, str], ...], personal: Collection[str] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Return headers as `text` does, with those hidden too whose names announce a credential.

        Of `Authorization` the scheme stays, of cookies the names.
        """
        if personal:
            personal = self.personal_in([part for header in headers for part in header], personal)
        return tuple([self._header(header, personal) for header in headers])

    def _header(self, header: tuple[str, str], personal: Collection[str]) -> tuple[str, str]:
        self._secrets()
        found = None if personal else self._known_headers.get(header)
        if found is None:
            name, value = header
            found = self.text(name, personal), hidden_in_header(name, self.text(value, personal))
            if not personal and len(name) + len(value) <= _LONGEST_KNOWN and not isinstance(value, OwnWords):
                if len(self._known_headers) >= _MOST_KNOWN:
                    self._known_headers.clear()
                self._known_headers[header] = found
        return found

    def personal_in(self, texts: Iterable[str], personal: Collection[str]) -> Collection[str]:
        """Return those of the personal values that any of the texts may hold: mostly none, so look once.

        Texts that were seen before, such as most headers, are read once for all exchanges.
        """
        if not personal:
            return personal
        usual: list[str] = []
        others: list[str] = []
        self._secrets()
        for text in texts:
            (usual if text in self._known_spans else others).append(text)
        self._look_for_secrets(others)
        found = people_in(personal, self._usual(tuple(usual))) if usual else []
        if others:
            more = people_in(personal, self._reading(others))
            found = [value for value in dict.fromkeys(personal) if value in found or value in more] if more else found
        return found

    def _usual(self, texts: tuple[str, ...]) -> DecodedText:
        reading = self._readings.get(texts)
        if reading is None:
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            reading = self._readings[texts] = self._reading(texts)
        return reading

    def _reading(self, texts: Collection[str]) -> DecodedText:
        """Return texts as one that is searched for personal values: in a secret, no hash is looked for."""
        hidden: list[tuple[int, int]] = []
        start = 0
        for text in texts:
            hidden += ((start + span.start, start + span.end) for span in self._secret_spans(text))
            start += len(text) + len(BETWEEN)
        return DecodedText(BETWEEN.join(texts), hidden=hidden)

    def body(self, body: bytes, personal: Collection[str] = ()) -> bytes:
        """Return a body as `text` does, in its own charset (UTF-8, UTF-16 with its mark, else byte for byte)."""
        charset = _charset(body)
        text = body.decode(charset)
        shown = self.text(text, personal)
        return body if shown == text else shown.encode(charset)

    def data(self, value: Any, personal: Collection[str] = ()) -> Any:
        """Return structured data with every text in it, keys and numbers too, as `text` does; the rest as it is."""
        match value:
            case str():
                return self.text(value, personal)
            case bytes():
                return self.body(value, personal)
            case Mapping():
                return {self.data(key, personal): self.data(item, personal) for key, item in value.items()}
            case list():
                return [self.data(item, personal) for item in value]
            case tuple():
                return tuple(self.data(item, personal) for item in value)
            case int() | float() if not isinstance(value, bool):
                shown = self.text(str(value), personal)
                return value if shown == str(value) else shown
            case _:
                return value

    def addresses(self, text: str) -> str:
        """Return a text with anyone's e-mail addresses and international telephone numbers as tokens.

        A partner that mixes rows up answers one person with the data of another, whom `text` does not know.
        """
        if not ("@" in text or "+" in text or _CODED_AT.search(text)):
            return text
        return _ADDRESS.sub(lambda found: self.token(decoded_view(found[0]).text), text)

    def token(self, value: str) -> str:
        """Return what a personal value is shown as: the same within a run, whatever its letter case; never reversible.

        In a text the token tells how the value is written there: `person-` as in the row, `PERSON-` in capitals,
        `Person-` in another letter case, `person-…-7f3a` in another notation.

        A keyed BLAKE2b of 40 bits: in a million values, less than one pair is expected to share a token. Its
        characters are safe in URLs, JSON, XML, shells and headers.
        """
        data = fold_case(value.strip()).encode("utf-8", "surrogatepass")
        return "person-" + hashlib.blake2b(data, digest_size=5, key=self.key[:64]).hexdigest()

    def pieces(self, text: str) -> list[Piece]:
        """Split a text into literal parts and secrets, for a writer that lets the reader's shell fill them in."""
        found: list[Piece] = []
        at = 0
        for span in _merged(self._secret_spans(text)):
            if at < span.start:
                found.append(Piece(text[at : span.start]))
            name = span.label[1:]
            credentials = tuple(self._credentials(name)) if span.encoding is SecretEncoding.BASIC else ()
            found.append(Piece(span.label, name, span.encoding, credentials))
            at = span.end
        if at < len(text):
            found.append(Piece(text[at:]))
        return found

    def _credentials(self, name: str) -> list[Piece]:
        pairs = (":".join(parts) for known, *parts in self._values if known == name and len(parts) > 1)
        return self.pieces(next(pairs, ""))

    def _look_for_secrets(self, texts: Collection[str]) -> None:
        """Remember of short texts that they hold no secret, where one look at all of them tells."""
        if self._screen is not None and not self._screen.may_hold_any("".join(texts)):
            for text in texts:
                self._remember(text, ())

    def _secret_spans(self, text: str) -> list[Span]:
        secrets = self._secrets() if self._prepared is None else self._prepared
        known = self._known_spans.get(text)
        if known is not None:
            return list(known)
        held = secrets and (self._screen is None or self._screen.may_hold_any(text))
        spans = self._searched(text, secrets) if held else []
        self._remember(text, spans)
        return spans

    def _remember(self, text: str, spans: Collection[Span]) -> None:
        if len(text) <= _LONGEST_KNOWN:
            if len(self._known_spans) >= _MOST_KNOWN:
                self._known_spans.clear()
            self._known_spans[text] = tuple(spans)

    def _searched(self, text: str, secrets: list[_Secret]) -> list[Span]:
        found = views(text)
        alike = _CODED_CASE.sub(lambda match: match[0].lower(), text) if "%" in text or "\\" in text else text
        if alike != text:  # hexadecimal digits of an escape in mixed letter case
            found += views(alike)
        whole = [View(text)]
        if _WRAP.search(text):
            whole.append(whole[0].replaced(_WRAP, lambda _match: ""))
        decoded = decoded_view(text)
        if decoded.text != text:
            found.append(decoded)
        hits = (hit for runs in self._runs for hit in runs.find(text, decoded))
        parts = [Span(start, end, f"${name}", SecretEncoding.ESCAPED) for start, end, name in hits]
        folded = text.lower()
        if len(found) == 1 == len(whole) and not any(gate in text or gate in folded for gate in self._gates):
            return parts
        return [span for secret in secrets for span in secret.spans(text, found, whole)] + parts

    def _personal_spans(self, text: str, personal: Collection[str]) -> list[Span]:
        found = dict.fromkeys(find_people(personal, DecodedText(text)))  # several normal forms find the same place
        syntax = syntax_of(text) if found else Syntax.NONE
        if syntax is Syntax.JSON:
            found = dict.fromkeys(within_values(text, found))
        return [self._personal_span(text, start, end, value, syntax) for start, end, value in _widest(found)]

    def _personal_span(self, text: str, start: int, end: int, value: str, syntax: Syntax) -> Span:
        """Return a part with its value's token, which tells in which letter case or notation the value is written."""
        token, own = self.token(value), value.strip()
        part = text[start:end]
        if part == own and _ESCAPES.isdisjoint(part):
            return Span(start, end, token)
        found = decoded_view(part).text
        read = found if syntax is Syntax.NONE else unescaped(part, syntax)
        if read == own:
            return Span(start, end, token)
        if fold_case(read) == fold_case(own):
            return Span(start, end, token.upper() if read.isupper() else token.capitalize())
        if len(found) >= SHORTEST_HASH and _PACKED.fullmatch(found) and not _DIGEST.fullmatch(found):
            padding = len(_PADDING.findall(text, end, end + 2))
            return Span(start, end + padding, self._in_notation(token, "hex" if _HEX.fullmatch(found) else "base64"))
        return Span(start, end, self._in_notation(token, read))

    def _in_notation(self, token: str, written: str) -> str:
        notation = hashlib.blake2b(written.encode("utf-8", "surrogatepass"), digest_size=2, key=self.key[:64])
        return f"{token}-{notation.hexdigest()}"


def _prepared(name: str, value: str, password: str | None = None) -> _Secret:
    if password is None:
        return _Secret(name, value)
    return _Secret(name, f"{value}:{password}", _credential_literals(value, password))


def _credential_literals(username: str, password: str) -> Iterator[Literal]:
    yield from basic_literals(username, password)
    for data in byte_forms(f"{username}:{password}"):
        yield from base64_literals(data)


def _encoding(found: str, value: str) -> SecretEncoding:
    if found == value:
        return SecretEncoding.RAW
    if value in (unquote(found), unquote_plus(found)):
        return SecretEncoding.URLENCODED
    return SecretEncoding.ESCAPED


def _charset(body: bytes) -> str:
    marked = _UTF16_MARKS.get(body[:2])
    for charset in (marked, "utf-8"):
        if charset is not None:
            try:
                body.decode(charset)
            except UnicodeDecodeError:
                continue
            return charset
    return "latin-1"


def _widest(found: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Yield places in order, without those inside another: they hide no more, and do not name what is hidden."""
    reached = -1
    for place in sorted(found, key=lambda place: (place[0], -place[1])):
        if place[1] > reached:
            reached = place[1]
            yield place


def _merged(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans in order, overlapping ones as one, labelled as the longest: no end of any is left."""
    if not spans:
        return
    spans.sort(key=itemgetter(0))
    group = spans[0]
    longest = group.end - group.start
    for span in spans[1:]:
        if span.start >= group.end:
            yield group
            group, longest = span, span.end - span.start
            continue
        widest = group
        if span.end - span.start > longest:
            widest, longest = span, span.end - span.start
        group = Span(group.start, max(group.end, span.end), widest.label, widest.encoding)
    yield group


def _spliced(text: str, spans: list[Span]) -> str:
    """Return the text with each span's label in its place."""
    if not spans:
        return text
    parts: list[str] = []
    at = 0
    for span in _merged(spans):
        parts += (text[at : span.start], span.label)
        at = span.end
    parts.append(text[at:])
    return "".join(parts)
