"""Makes responses from a rule's example, each with its own reference, e-mail address and reason."""

from __future__ import annotations

import hashlib
import math
import random
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from rokt_export.exchange.model import Response
from rokt_export.sandbox.capture_places import CaptureSpot, Spell, body_kind, body_spot, header_spot, spellings
from rokt_export.sandbox.synthetic_responses import synthesise
from rokt_export.spec_language.encodings import ENCODINGS
from rokt_export.spec_language.rules import CapturePath, Example, Rule

_EMAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_ANOTHER_REASON = "the sandbox's own words"
# Set by the server, or wrong for another body.
_OWN_HEADERS = {"content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date"}


def text_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """Return a response in plain text, for cases without an example in the spec."""
    return Response(status, (("Content-Type", _content_type("text")), *headers), text.encode("utf-8", "replace"))


def with_header(response: Response, name: str, value: str) -> Response:
    """Return the response with one more header."""
    return replace(response, headers=(*response.headers, (name, value)))


class ExampleResponses:
    """Responses made from a rule's example, or from its conditions if it has no example.

    Args:
        rule: the rule.
        example: one of its examples; None = its first one, else a synthetic one.
        random_numbers: the source of random references; None = counted references.
    """

    def __init__(self, rule: Rule, example: Example | None = None, random_numbers: random.Random | None = None) -> None:
        example = example or next(iter(rule.examples), None) or synthesise(rule)
        self.status = example.status
        kind = body_kind(example.body, rule.as_)
        slots = _Slots(rule, example, kind, random_numbers)
        self._references = slots.references
        self._body = _cut(example.body, slots.in_body)
        self._headers = [
            (name, _cut(value, slots.in_headers.get(name, []))) for name, value in _headers(example, kind).items()
        ]
        self._varying_headers = bool(slots.in_headers)
        self._constant_headers = tuple((name, value) for name, value in _headers(example, kind).items())

    @property
    def refers(self) -> bool:
        """Whether its responses have a reference."""
        return self._references is not None

    def next_reference(self) -> str | None:
        """Return a new reference; None if its responses have none."""
        return self._references.next() if self._references else None

    def make(self, *, reference: str | None = None, email: str | None = None, reason: str | None = None) -> Response:
        """Return a response.

        Args:
            reference: the record's identifier; None = a new one.
            email: the person's address, which replaces the addresses in the example.
            reason: replaces the captured reason, unless the rule depends on it.
        """
        filling = {"reference": reference or self.next_reference(), "email": email, "reason": reason}
        headers = self._constant_headers
        if self._varying_headers:
            headers = tuple((name, _fill(parts, filling)) for name, parts in self._headers)
        return Response(self.status, headers, _fill(self._body, filling).encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str
    value: str
    spell: Spell


_Parts = list[str | _Slot]


class _Slots:
    """The places of an example's reference, reason and addresses."""

    def __init__(self, rule: Rule, example: Example, kind: str, random_numbers: random.Random | None) -> None:
        self.references: References | None = None
        self.in_body: list[tuple[str, CaptureSpot]] = []
        self.in_headers: dict[str, list[tuple[str, CaptureSpot]]] = {}
        self._random = random_numbers
        self._find_reference(rule.capture.reference, example, kind)
        if rule.outcome == "rejected" and not _decided_by_text(rule):
            self._find_reason(rule.capture.reason, example, kind)
        spell = spellings(kind)[0]
        self.in_body += [
            ("email", CaptureSpot(found.start(), found.end(), found[0], spell))
            for found in _EMAIL.finditer(example.body)
        ]

    def _find_reference(self, captures: Sequence[CapturePath], example: Example, kind: str) -> None:
        for capture in captures:
            if capture.header is not None:
                header = next((name for name in example.headers if name.lower() == capture.header.lower()), None)
                spot = header_spot(example.headers[header], capture) if header else None
                place = self.in_headers.setdefault(header, []) if header and spot else self.in_body
            else:
                found = body_spot(example.body, kind, capture, "1234567890") or body_spot(
                    example.body, kind, capture, "sandbox-reference"
                )
                spot, place = found, self.in_body
            if spot:
                place.append(("reference", spot))
                self.references = References(spot.value, self._random)
                return

    def _find_reason(self, captures: Sequence[CapturePath], example: Example, kind: str) -> None:
        for capture in captures:
            if capture.header is not None:
                continue
            if spot := body_spot(example.body, kind, capture, _ANOTHER_REASON):
                self.in_body.append(("reason", spot))
                return


def _decided_by_text(rule: Rule) -> bool:
    """Return whether with another reason the rule might not match its own response."""
    reasons = {capture.path for capture in rule.capture.reason}
    return rule.text is not None or bool(reasons & set(rule.body)) or bool(rule.all or rule.any or rule.not_)


def _cut(text: str, spots: list[tuple[str, CaptureSpot]]) -> _Parts:
    parts: _Parts = []
    at = 0
    for name, spot in sorted(spots, key=lambda item: (item[1].start, -item[1].end)):
        if spot.start < at:
            continue  # an address inside the reason
        parts += [text[at : spot.start], _Slot(name, text[spot.start : spot.end], spot.spell)]
        at = spot.end
    return [*parts, text[at:]]


def _fill(parts: _Parts, filling: dict[str, str | None]) -> str:
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        else:
            value = filling[part.name]
            text.append(part.value if value is None else part.spell(value))
    return "".join(text)


def _headers(example: Example, kind: str) -> dict[str, str]:
    kept = {name: value for name, value in example.headers.items() if name.lower() not in _OWN_HEADERS}
    if example.body and not any(name.lower() == "content-type" for name in kept):
        kept["Content-Type"] = _content_type(kind)
    return kept


def _content_type(encoding: str) -> str:
    return ENCODINGS[encoding].content_type or ""


ENOUGH = 100_000_000
"""Minimum number of identifiers of a form. A form with fewer is extended to ten digits, or by ten digits."""
_KEY_BYTES, _DIGEST_BYTES, _ROUNDS = 16, 64, 4
_TEN_DIGITS = ["123456789", *[string.digits] * 9]

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_FIXED = (14, 19)  # the version and the variant (RFC 9562, 4)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|(?=.*\d)(?=.*[A-F])[0-9A-F]{8,}")


class References:
    """A series of identifiers with the form of an example: digits stay digits, hex stays hex, a UUID stays a UUID.

    Args:
        example: the example.
        random_numbers: the source of a random series; None = counted from 1.
    """

    def __init__(self, example: str, random_numbers: random.Random | None = None) -> None:
        self._places = _places(example)
        if _space(self._places) < ENOUGH:
            self._places = _TEN_DIGITS if example.isdigit() else self._places + _TEN_DIGITS
        self._space = space = _space(self._places)
        self._number = 0
        self._key: bytes | None = None
        if random_numbers is not None:
            self._number = random_numbers.randrange(space)
            self._key = random_numbers.randbytes(_KEY_BYTES)

    def next(self) -> str:
        """Return the next identifier."""
        self._number = rest = (self._number + 1) % self._space
        if self._key is not None:
            rest = _shuffled(rest, self._space, self._key)
        signs: list[str] = []
        for alphabet in reversed(self._places):
            rest, place = divmod(rest, len(alphabet))
            signs.append(alphabet[place])
        return "".join(reversed(signs))


def _shuffled(number: int, space: int, key: bytes) -> int:
    """Return the image of a number under a pseudorandom permutation of the numbers below `space`.

    It is a Feistel network over as many bits as `space` needs, repeated until the result is below it (Black and Rogaway
    2002).
    """
    half = (space.bit_length() + 1) // 2
    mask = (1 << half) - 1
    while True:
        left, right = number >> half, number & mask
        for turn in range(_ROUNDS):
            text = turn.to_bytes(1) + right.to_bytes((half + 7) // 8)
            mixed = hashlib.blake2b(text, key=key, digest_size=_DIGEST_BYTES).digest()
            left, right = right, left ^ (int.from_bytes(mixed) & mask)
        number = left << half | right
        if number < space:
            return number


def _space(places: list[str]) -> int:
    return math.prod(map(len, places))


def _places(example: str) -> list[str]:
    """Return the possible characters of each position; a single one if it is fixed."""
    if _UUID.fullmatch(example) or _HEX.fullmatch(example):
        digits = "0123456789ABCDEF" if example.upper() == example else "0123456789abcdef"
        fixed = _UUID_FIXED if "-" in example else ()
        return [sign if sign == "-" or at in fixed else digits for at, sign in enumerate(example)]
    by_digits = [_digits(at, sign, example) if sign in string.digits else sign for at, sign in enumerate(example)]
    if _space(by_digits) >= ENOUGH:
        return by_digits
    return [_letters(sign) or alphabet for sign, alphabet in zip(example, by_digits, strict=True)]


def _digits(at: int, sign: str, example: str) -> str:
    """Return the possible digits; a number must not get a leading zero, which JSON forbids."""
    return "123456789" if at == 0 and sign != "0" and example.isdigit() else string.digits


def _letters(sign: str) -> str | None:
    return next((letters for letters in (string.ascii_lowercase, string.ascii_uppercase) if sign in letters), None)
