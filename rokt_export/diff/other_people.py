"""Hide people of other rows in what a comparison shows: redaction of a recording knows its own row's person alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Final

from rokt_export.diff.result import Sample
from rokt_export.redaction.dates import days_of
from rokt_export.redaction.decoded_view import DecodedText, fold_letters, squeezed
from rokt_export.redaction.personal import PHONE_TAIL, phone_of, spelled_out

_TOKEN = re.compile(r"person-[0-9a-f]{10}(?:-[0-9a-f]{4}\b)?(?::number)?", re.IGNORECASE)
_NOBODY = re.compile(
    r"\W*(?:error|null|none|nil|nan|unknown|undefined|n/a|true|false|redacted|hidden|anonymous|missing|invalid|x+)?\W*",
    re.IGNORECASE,
)
_WORD = re.compile(rf"(?P<apart>{_TOKEN.pattern}|\\[nrtbf]|hidden-\d+)|(?:(?!person-)[^\W_])+", re.IGNORECASE)
_ADDRESS = re.compile(rf"[\w.%+-]*{_TOKEN.pattern}[\w.%+-]*@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_OUR_WORDS: Final = re.compile(
    "days?|hours?|minutes?|later|earlier|more|less|small|capital|letters|always|never|near|new|sent|first|last|like|other"
    "|another|lost|whole|rising|falling|present|values?|numbers?|times?|person|name|text|form|rows?|notation|case|order"
)
"""Words of our own sentences that are people's names too."""
_LONGEST: Final = 2_000
_MOST_WORDS: Final = 8
_LEAST, _LEAST_DIGITS, _LEAST_REVERSED = 3, 5, 4
"""Letters and digits from which on a text may be a person's value, if it is all digits, and if it is reversed."""


class OtherPeople:
    """Names hidden values `hidden-1`, `hidden-2`, so that equal ones can be told.

    Args:
        people: personal values of all rows; None where they are not known.
    """

    def __init__(self, people: Collection[str] | None) -> None:
        self._names: dict[str, str] = {}
        self._keys: set[str] = set()
        self._phones: set[str] = set()
        self._days: set[int] = set()
        self._most_words = 1
        for value in people or ():
            self.know(value)

    def know(self, value: str) -> None:
        """Hide a value from now on."""
        words = value.split()
        forms = {value, spelled_out(value), value.partition("@")[0] if "@" in value else value}
        if 1 < len(words) <= _LEAST and value.replace(" ", "").isalpha():
            forms.update(map("".join, permutations(words)))
        for key in (squeezed(fold_letters(form)) for form in forms):
            if len(key) >= (_LEAST_DIGITS if key.isdigit() else _LEAST) and _NOBODY.fullmatch(key) is None:
                self._keys.add(key)
        self._most_words = max(self._most_words, min(_MOST_WORDS, len(_WORD.findall(value))))
        if phone := phone_of(value):
            self._phones.add(phone[-PHONE_TAIL:])
        self._days |= days_of(fold_letters(value))

    def without(self, text: str, *, ours: bool = False) -> str:
        """Return a text without personal values of any row.

        Args:
            text: any text.
            ours: whether it is a sentence of ours, whose own words stay.
        """
        if not self._keys:
            return text
        spans = sorted([*(match.span() for match in _ADDRESS.finditer(text)), *self._spans(text)])
        spans = [span for span in spans if not ours or _OUR_WORDS.fullmatch(text[slice(*span)]) is None]
        parts, at = [], 0
        for start, end in spans:
            if start >= at and _TOKEN.fullmatch(text[start:end].partition("@")[0]) is None:
                parts += [text[at:start], self._name(text[start:end])]
                at = end
        return "".join([*parts, text[at:]])

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        words = list(_WORD.finditer(text))
        keys = ["\0" if word["apart"] else squeezed(fold_letters(word[0])) for word in words]
        at = 0
        while at < len(words):
            sizes = range(min(self._most_words, len(words) - at), 0, -1)
            size = next((size for size in sizes if self._is_known("".join(keys[at : at + size]))), 0)
            if size:
                yield words[at].start(), words[at + size - 1].end()
            at += size or 1
        if self._days:
            reading = DecodedText(text)
            yield from (reading.plain.span(start, end) for start, end, days in reading.dates if days & self._days)

    def _is_known(self, key: str) -> bool:
        if key in self._keys or (len(key) >= _LEAST_REVERSED and key[::-1] in self._keys):
            return True
        if key.isdigit():
            return key[-PHONE_TAIL:] in self._phones
        cuts = range(_LEAST, len(key) - _LEAST + 1) if key.isalpha() else ()
        return any(key[:cut] in self._keys and key[cut:] in self._keys for cut in cuts)

    def hiding(self, pairs: Iterable[tuple[str, str]], *, words: bool) -> Callable[[str], str]:
        """Return what hides in a text what one side of these pairs has in place of a token of the other.

        Args:
            pairs: what both sides say.
            words: hide all values of letters as well.
        """
        pairs = list(pairs)
        found = {
            value for a, b in pairs for one, other in ((a, b), (b, a)) for value in _in_place_of_tokens(one, other)
        }
        found |= {
            text for pair in pairs for text in pair if text.isalpha() and squeezed(fold_letters(text)) in self._keys
        }
        if words:
            found |= {text for pair in pairs for text in pair if _WORDS.fullmatch(text) and not _TOKEN.search(text)}
        if not found:
            return str
        for value in sorted(found):
            self._name(value)
        pattern = re.compile(
            rf"(?<![\w-])(?:{'|'.join(re.escape(value) for value in sorted(found, key=len, reverse=True))})(?![\w-])"
        )
        return lambda text: pattern.sub(lambda match: self._names[match[0]], text)

    def _name(self, value: str) -> str:
        return self._names.setdefault(value, f"hidden-{len(self._names) + 1}")


_WORDS = re.compile(r"[^\W\d_]+(?:[ .'-]+[^\W\d_]+){0,3}")


def _in_place_of_tokens(text: str, other: str) -> Iterator[str]:
    """Yield the parts of `other` that stand where `text` has a token."""
    if len(text) > _LONGEST or len(other) > _LONGEST or _TOKEN.search(text) is None:
        return
    frame = "(.+?)".join(map(re.escape, _TOKEN.split(text)))
    match = re.fullmatch(frame, other, re.DOTALL)
    for part in match.groups() if match is not None else ():
        if _TOKEN.search(part) is None and _NOBODY.fullmatch(part) is None:
            yield part


def of_samples(samples: Iterable[Sample]) -> Iterator[tuple[str, str]]:
    """Yield what stands beside each other in samples."""
    for sample in samples:
        yield sample.a or "", sample.b or ""
        less = [line[1:] for line in sample.lines if line.startswith("-")]
        more = [line[1:] for line in sample.lines if line.startswith("+")]
        yield from zip(less, more, strict=False)


def hidden(sample: Sample, hide: Callable[[str], str]) -> Sample:
    """Return a sample without what another person's data may be."""
    a, b = (text if text is None else hide(text) for text in (sample.a, sample.b))
    return replace(sample, a=a, b=b, lines=tuple(map(hide, sample.lines)))
