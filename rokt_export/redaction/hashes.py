"""The hash functions whose digests of a value are hidden as the value is."""

from __future__ import annotations

import hashlib


def _known(*names: str) -> tuple[str, ...]:
    """Leave out what this machine's OpenSSL does not compute, the truncated SHA-512 for example."""
    return tuple(name for name in names if name in hashlib.algorithms_available)


UP_TO_SHA_2 = _known("md5", "sha1", "sha224", "sha512_224", "sha256", "sha512_256", "sha384", "sha512")
"""From the shortest digest to the longest."""
SHA_3 = _known("sha3_224", "sha3_256", "sha3_384", "sha3_512")


def digest(name: str, data: bytes) -> bytes:
    """Return the digest of data by the hash function of a name."""
    return hashlib.new(name, data, usedforsecurity=False).digest()
