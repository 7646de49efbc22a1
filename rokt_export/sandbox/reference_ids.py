"""Identifiers of the same shape as an example's, each given out once."""

from __future__ import annotations

import hashlib
import math
import random
import re
import string

ENOUGH = 100_000_000
"""Identifiers that a shape must have room for; one that has not grows to ten digits, or by ten."""
_KEY_BYTES, _DIGEST_BYTES, _ROUNDS = 16, 64, 4
_TEN_DIGITS = ["123456789", *[string.digits] * 9]

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_FIXED = (14, 19)  # the version and the variant (RFC 9562, 4)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|(?=.*\d)(?=.*[A-F])[0-9A-F]{8,}")


class References:
    """A series of identifiers like one that a partner gave: digits stay digits, hex stays hex, a UUID stays one.

    Args:
        example: the identifier to resemble.
        random_numbers: decides a random series; None counts up from 1.
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
    """Return the place of a number in an order of all below `space` that looks like chance: each has its own.

    A Feistel network over as many bits as the space needs, repeated until it stays within (Black and Rogaway 2002).
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
    """Return the signs that each place may have; one sign where it is fixed."""
    if _UUID.fullmatch(example) or _HEX.fullmatch(example):
        digits = "0123456789ABCDEF" if example.upper() == example else "0123456789abcdef"
        fixed = _UUID_FIXED if "-" in example else ()
        return [sign if sign == "-" or at in fixed else digits for at, sign in enumerate(example)]
    by_digits = [_digits(at, sign, example) if sign in string.digits else sign for at, sign in enumerate(example)]
    if _space(by_digits) >= ENOUGH:
        return by_digits
    return [_letters(sign) or alphabet for sign, alphabet in zip(example, by_digits, strict=True)]


def _digits(at: int, sign: str, example: str) -> str:
    """A number that starts with no zero must not get one: JSON forbids it."""
    return "123456789" if at == 0 and sign != "0" and example.isdigit() else string.digits


def _letters(sign: str) -> str | None:
    return next((letters for letters in (string.ascii_lowercase, string.ascii_uppercase) if sign in letters), None)
