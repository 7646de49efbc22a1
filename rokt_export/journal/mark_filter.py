"""A set of fingerprints that takes little memory, and tells of most others that they are not in it."""

from __future__ import annotations

from collections.abc import Iterable

_BITS = 24
"""Bits of a fingerprint that are its place: 2 MB. With 1,000,000 in the set, 6 % of all others seem to be in it."""
_READ = 4
"""Bytes of a fingerprint that hold them."""
_SHIFT = 8 * _READ - _BITS


class MarkFilter:
    """A Bloom filter (Bloom 1970) with one hash: fingerprints are keyed hashes, so their first bits are as good as any.

    What is in the set is never said not to be.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS - 3))

    def add(self, marks: Iterable[bytes]) -> None:
        """Put fingerprints into the set."""
        bits, number_of = self._bits, int.from_bytes
        for mark in marks:
            place = number_of(mark[:_READ], "big") >> _SHIFT
            bits[place >> 3] |= 1 << (place & 7)

    def perhaps(self, marks: Iterable[bytes]) -> list[bytes]:
        """Return those of the fingerprints that may be in the set, in their order."""
        bits, number_of = self._bits, int.from_bytes
        return [
            mark for mark in marks if bits[(place := number_of(mark[:_READ], "big") >> _SHIFT) >> 3] >> (place & 7) & 1
        ]
