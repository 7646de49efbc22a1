"""Find secrets by their letters and digits alone: whole, or a part long enough to tell, and what is computed from them.

Texts and secrets are compared in one normal form: no case, accents, blanks, punctuation or line breaks. So one search
finds a secret that was wrapped, spaced, capitalised, cut, or written in hexadecimal, base64, base32 or as a digest.
"""

from __future__ import annotations

from base64 import a85encode, b32encode, b64encode, b85encode
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rokt_export.redaction.decoded_view import View, fold_letters, folded_view, squeezed
from rokt_export.redaction.hashes import SHA_3, UP_TO_SHA_2, digest

_SHORTEST = 8
"""Letters and digits of a secret that is searched for in this way, and of a part of one that is hidden."""
_CUT = 16
"""Letters and digits of a secret whose parts are hidden too; and of a part of what encodes one."""
_TO_SQUEEZED: dict[int, str | None] = {code: None for code in range(128) if not chr(code).isalnum()}
_TO_SQUEEZED |= {code: chr(code).lower() for code in range(65, 91)}


class _Form(NamedTuple):
    """A normal form of a secret.

    Attributes:
        name: the secret's.
        text: letters and digits.
        least: how many of them in a row give it away.
    """

    name: str
    text: str
    least: int


class _Index:
    """Pieces of forms, to be met at every `step`-th place of a text: a part of `size + step - 1` holds such a piece."""

    def __init__(self, size: int, step: int) -> None:
        self.size = size
        self.step = step
        self.pieces: dict[str, list[tuple[_Form, int]]] = {}

    def add(self, form: _Form) -> None:
        whole = form.least == len(form.text)
        last = len(form.text) - self.size
        for place in range(min(last + 1, self.step) if whole else last + 1):
            piece = form.text[place : place + self.size]
            if len(set(piece)) > 1:
                self.pieces.setdefault(piece, []).append((form, place))

    def enough(self) -> Iterator[str]:
        """Yield pieces of which a text holds one, at any place, where it holds a part of a form that is long enough."""
        for form in {form: None for entries in self.pieces.values() for form, _ in entries}:
            last = len(form.text) - self.size
            for place in range(0, 1 if form.least == len(form.text) else last + 1, self.step):
                piece = form.text[place : place + self.size]
                beside = range(max(0, place - self.step + 1), min(last + 1, place + self.step))
                yield from (piece,) if len(set(piece)) > 1 else (form.text[at : at + self.size] for at in beside)

    def is_met(self, text: str) -> bool:
        size = self.size
        return not self.pieces.keys().isdisjoint(
            [text[at : at + size] for at in range(0, len(text) - size + 1, self.step)]
        )

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        reached = 0
        for at in range(0, len(text) - self.size + 1, self.step):
            if at < reached:
                continue
            for form, place in self.pieces.get(text[at : at + self.size], ()):
                start, end = _common(text, at, form.text, place)
                if end - start >= form.least and _tells(text[start:end]):
                    yield start, end, form.name
                    reached = max(reached, end)


class SecretRuns:
    """The normal forms of some secrets, prepared once; a text is read once for all of them."""

    def __init__(self) -> None:
        self._short = _Index(5, 4)
        self._long = _Index(9, 8)
        self._signs: list[tuple[str, str]] = []

    def add(self, name: str, value: str, *, derived: bool = False, parts: bool = True) -> None:
        """Search for a secret.

        Args:
            name: shown in its place.
            value: the secret.
            derived: whether it was computed from another, for one request: what encodes it is not prepared.
            parts: whether parts of it give it away too; not of a URL, which others share.
        """
        folded = squeezed(fold_letters(value))
        if len(folded) < _SHORTEST:
            return
        # Words alone are a name or a phrase, such as a list's: a part of one stands in many harmless texts.
        cut = parts and len(folded) >= _CUT and "://" not in value and not folded.isalpha()
        self._add(_Form(name, folded, _SHORTEST if cut else len(folded)))
        if derived:
            return
        data = value.encode("utf-8", "surrogatepass")
        for text in _encoded(value, data):
            if len(text) >= _SHORTEST:
                self._add(_Form(name, text, min(_CUT, len(text)) if parts else len(text)))
        for text in (folded[::-1], *_digests(data)):
            self._add(_Form(name, text, len(text)))
        self._signs += [(name, text) for text in dict.fromkeys(_base85(data))]

    def _add(self, form: _Form) -> None:
        (self._long if form.least >= _CUT else self._short).add(form)

    def pieces(self) -> Iterator[str]:
        """Yield letters and digits of which a text holds some, in normal form, where it gives a secret away."""
        yield from self._short.enough()
        yield from self._long.enough()
        yield from (squeezed(text.lower()) for _, text in self._signs)

    def find(self, text: str, decoded: View) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and the secret's name of each place in a text that gives a secret away.

        Args:
            text: the text.
            decoded: it without percent signs, entities and escapes.
        """
        for view in (decoded,) if decoded.text is text else (View(text), decoded):
            for name, signs in self._signs:
                at = view.text.find(signs)
                while at >= 0:
                    yield (*view.span(*_to_blanks(view.text, at, at + len(signs))), name)
                    at = view.text.find(signs, at + len(signs))
        letters = (
            decoded.text.translate(_TO_SQUEEZED) if decoded.text.isascii() else squeezed(fold_letters(decoded.text))
        )
        indexes = [index for index in (self._short, self._long) if index.is_met(letters)]
        if indexes:
            view = folded_view(decoded)
            for index in indexes:
                yield from ((*view.span(start, end), name) for start, end, name in index.find(view.text))


def _common(text: str, at: int, form: str, place: int) -> tuple[int, int]:
    """Return the longest part of a text around a place that a form has around one of its own."""
    most = min(at, place)
    return at - _alike(text[at - most : at][::-1], form[place - most : place][::-1]), at + _alike(
        text[at : at + len(form) - place], form[place : place + len(text) - at]
    )


def _alike(first: str, second: str) -> int:
    """Return how many characters two texts of one length have in common at their beginnings."""
    if first == second:
        return len(first)
    known, unlike = 0, len(first)
    while unlike - known > 1:
        middle = (known + unlike) // 2
        known, unlike = (middle, unlike) if first[known:middle] == second[known:middle] else (known, middle)
    return known


def _tells(part: str) -> bool:
    """Whether a part of a text cannot be a mere word or number."""
    return len(part) >= _CUT or not (part.isalpha() or part.isdigit())


def _encoded(value: str, data: bytes) -> Iterator[str]:
    """Yield a secret in hexadecimal, base64 and base32, at any alignment, of UTF-8 and of UTF-16 in either order."""
    wide = value.encode("utf-16-le", "surrogatepass")[:-1]  # in the other order a zero precedes it
    yield data.hex()
    yield wide.hex()
    yield "".join(f"0x{byte:02x}" for byte in data)
    yield "".join(map(str, data))
    for raw in (data, wide):
        yield from (squeezed(core.lower()) for core in _cores(raw, b64encode, 3, 6))
    yield from (core.lower() for core in _cores(data, b32encode, 5, 5))


def _cores(data: bytes, encode: Callable[[bytes], bytes], alignments: int, bits: int) -> Iterator[str]:
    """Yield what an encoding shows of data alone, at each alignment of its bytes."""
    for lead in range(alignments):
        encoded = encode(bytes(lead) + data).decode()
        yield encoded[-(-lead * 8 // bits) : (lead + len(data)) * 8 // bits]


def _digests(data: bytes) -> Iterator[str]:
    for text in (data, data + b"\n"):
        for name in (*UP_TO_SHA_2, *SHA_3):
            hashed = digest(name, text)
            yield hashed.hex()
            yield squeezed(b64encode(hashed).decode().lower())


def _base85(data: bytes) -> Iterator[str]:
    """Yield the whole groups of ascii85 and base85 at each alignment."""
    for lead in range(4):
        groups = data[lead : lead + (len(data) - lead) // 4 * 4]
        if len(groups) >= _SHORTEST:
            yield a85encode(groups).decode()
            yield b85encode(groups).decode()


def _to_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a place with the signs beside it that may be a part of it: a group of five at each end."""
    for _ in range(5):
        start -= start > 0 and not text[start - 1].isspace()
        end += end < len(text) and not text[end].isspace()
    return start, end
