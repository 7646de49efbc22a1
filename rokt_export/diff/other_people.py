"""Hide what one side has where the other has a token of the row's person: it may be another person's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from rokt_export.diff.model import Sample

_TOKEN = re.compile(r"person-[0-9a-f]{10}(?:-[0-9a-f]{4}\b)?(?::number)?", re.IGNORECASE)
_NOBODY = re.compile(
    r"\W*(?:error|null|none|nil|nan|unknown|undefined|n/a|true|false|redacted|hidden|anonymous|missing|invalid|x+)?\W*",
    re.IGNORECASE,
)
_LONGEST = 2_000


class OtherPeople:
    """Names such values `hidden-1`, `hidden-2`, so that equal ones can be told."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def hiding(self, pairs: Iterable[tuple[str, str]]) -> Callable[[str], str]:
        """Return what hides in a text what one side of these pairs has in place of a token of the other."""
        found = {
            value for a, b in pairs for one, other in ((a, b), (b, a)) for value in _in_place_of_tokens(one, other)
        }
        if not found:
            return str
        for value in sorted(found):
            self._names.setdefault(value, f"hidden-{len(self._names) + 1}")
        words = "|".join(re.escape(value) for value in sorted(found, key=len, reverse=True))
        pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")
        return lambda text: pattern.sub(lambda match: self._names[match[0]], text)


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
