"""What a request carried, and in which writing a response gives it back."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from rokt_export.exchange.model import Request, Response
from rokt_export.redaction.well_formed import NUMBER_MARK
from rokt_export.response.body_reader import NoData, ResponseReader

_LEAST = 4
"""Characters from which on a part of the path counts as something that was sent."""
_OWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent"}
)
WORD: Final = r"""(?:[^\s"'<>()\[\]{},;:/?&=|\#!@]|(?<=\w)'(?=\w))+"""
"""What counts as one word of a text, as a regular expression."""
_WORD = re.compile(WORD)


class SentTexts:
    """The texts that one request carried, by the partner's names for them.

    Args:
        values: name to text.
    """

    __slots__ = ("_request", "_values", "_words", "_writings")

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = values
        self._request: Request | None = None
        self._writings: dict[str, frozenset[tuple[str, str]]] | None = None
        self._words: frozenset[str] | None = None

    @classmethod
    def of(cls, request: Request) -> SentTexts:
        """Return what a request carries in its query, its headers and its body; read only when it is asked for."""
        sent = cls()
        sent._request = request
        return sent

    @property
    def values(self) -> Mapping[str, str]:
        """Name to text."""
        if self._values is None:
            self._values = {} if self._request is None else dict(_carried(self._request))
        return self._values

    def carries_same(self, other: SentTexts) -> bool:
        """Return whether another request carries the same, to whatever path."""
        if self is other:
            return True
        a, b = (
            {name: text for name, text in one.values.items() if not name.startswith("path ")} for one in (self, other)
        )
        return a == b

    @property
    def path(self) -> str:
        """The path that was sent to, empty if not known."""
        return urlsplit(self._request.url).path if self._request is not None else self.values.get("path", "")

    @property
    def words(self) -> frozenset[str]:
        """All words of what was sent, in lower case."""
        if self._words is None:
            texts = (text for name, text in self.values.items() if name != "path")
            self._words = frozenset(word.lower().rstrip(".") for text in texts for word in _WORD.findall(text))
        return self._words

    @property
    def writings(self) -> dict[str, frozenset[tuple[str, str]]]:
        """Each writing of a value to the value's name and the writing's: `JANE` to `firstname` in capital letters."""
        if self._writings is None:
            found: dict[str, set[tuple[str, str]]] = {}
            for name, value in self.values.items():
                for writing, make in WRITINGS.items():
                    text = make(value)
                    if text and (writing == PLAIN or text != value):
                        found.setdefault(text, set()).add((name, writing))
            self._writings = {text: frozenset(keys) for text, keys in found.items()}
        return self._writings

    def ways(self, text: str) -> Collection[tuple[str, str]]:
        """Return the name and the writing of each value that a text is, of a hidden one in any notation too."""
        found = self.writings.get(text, ())
        if not found and (token := _NOTATION.fullmatch(text)) is not None:
            return [(name, OTHER) for name, writing in self.writings.get(token[1], ()) if writing == PLAIN]
        return found


def _hashed(algorithm: str, change: Callable[[str], str]) -> Callable[[str], str]:
    def make(value: str) -> str:
        data = change(value).encode("utf-8", "surrogatepass")
        return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()

    return make


PLAIN: Final = "the sent {}"
OTHER: Final = "the sent {} in another notation"
_NOTATION = re.compile(r"(person-[0-9a-f]{10})-[0-9a-f]{4}")
TOKEN: Final = re.compile(r"person-[0-9a-f]{10}", re.IGNORECASE)
"""What redaction puts in place of a person's value, whatever its notation."""
WRITINGS: Final[dict[str, Callable[[str], str]]] = {
    PLAIN: str,
    "the sent {} in capital letters": str.upper,
    "the sent {} in lower case": str.lower,
    "the sent {} in another letter case": str.capitalize,  # as a token of redaction says it
    "the sent {} with HTML escapes": html.escape,
    **{
        f"the sent {{}} as {name} of {case}": _hashed(name, change)
        for name in ("md5", "sha1", "sha256")
        for case, change in (("the text", str), ("the lower-case text", lambda text: text.strip().lower()))
    },
}
"""Sentence about a value's name to what writes the value so."""


NOTHING = SentTexts({})


def _carried(request: Request) -> Iterator[tuple[str, str]]:
    for name, value in request.headers:
        if name.lower() not in _OWN_HEADERS:
            yield name, value
    address = urlsplit(request.url)
    for segment in address.path.split("/"):
        if len(segment) >= _LEAST:
            yield f"path {segment}", unquote(segment)
    yield from parse_qsl(address.query)
    if request.body:
        yield from _in_body(request)


def _in_body(request: Request) -> Iterator[tuple[str, str]]:
    kind = (request.header("content-type") or "").lower()
    reading = ResponseReader(Response(200, request.headers, request.body or b""))
    if "form" in kind:
        for name, text in parse_qsl(reading.text):
            yield name, text
            if text[:1] in "{[<":  # a whole body in one field
                yield from _leaves(ResponseReader(Response(200, (), text.encode())).data, "")
    else:
        data = reading.data
        if isinstance(data, NoData):
            yield from (("body", line.strip()) for line in reading.text.splitlines()[:100])
        else:
            yield from _leaves(data, "")


def _leaves(data: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(data, NoData) or depth > 50:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(data, list):
        for item in data:
            yield from _leaves(item, path, depth + 1)
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool):
        yield path, str(data).removesuffix(NUMBER_MARK)
