"""Digests of a person's values are hidden as the values are, by each hash function and in each notation."""

from __future__ import annotations

import hashlib
import re

import pytest

from rokt_export.redaction import Redactor


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256", "sha512_224", "sha512_256"])
def test_a_digest_of_a_personal_value_is_hidden(digest: str) -> None:
    hexed = hashlib.new(digest, b"jane.doe@example.com").hexdigest()
    redactor = Redactor(key=b"k")
    token = redactor.token("Jane.Doe@example.com")
    for text in (hexed, hexed.upper()):
        shown = redactor.text(f"em={text}&x", [" Jane.Doe@example.com "])
        assert re.fullmatch(f"em={token}(-[0-9a-f]{{4}})?&x", shown, re.IGNORECASE)  # a mark tells the digest


@pytest.mark.parametrize("name", ["md5", "sha256"])
def test_a_hash_with_colons_is_hidden(name: str) -> None:
    digest = hashlib.new(name, b"jane@example.com").digest()
    for text in (digest.hex(":"), digest.hex(":").upper()):
        assert text not in Redactor(key=b"key").text(f"seen: {text}", ["jane@example.com"])
