"""The encoding of a file is detected, guessed or given."""

import pytest

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.transactions.damage import DamageKind
from transactions.samples import ids, numbered, read


def test_cp1252_is_guessed_and_the_guess_is_told(write):
    (transaction,), source = read(write("email,firstname\njane@example.com,Jürgen Müller\n".encode("cp1252")))
    assert transaction.values["firstname"] == "Jürgen Müller"
    assert [damage.kind for damage in source.findings] == [DamageKind.ENCODING_GUESSED]


def test_the_first_letter_beyond_ascii_may_come_late(write):
    filler = "jane@example.com,Jane\n" * 20_000
    content = ("email,firstname\n" + filler + "j@example.com,Jürgen\n").encode("cp1252")
    rows, _ = read(write(content))
    assert rows[-1].values["firstname"] == "Jürgen"


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_told_utf_16_needs_no_mark_of_its_order(write, written):
    given = written.rpartition("-")[0] if written.count("-") > 1 else written
    (transaction,), _ = read(write("email,firstname\nj@example.com,Łukasz\n".encode(written)), encoding=given)
    assert transaction.values == {"email": "j@example.com", "firstname": "Łukasz"}


@pytest.mark.parametrize("given", ["utf-16", "utf-32"])
def test_a_given_encoding_that_is_wrong_is_an_error_of_the_file(write, given):
    with pytest.raises(TransactionsError):
        read(write(b"email,firstname\nj@example.com,Jane\n"), encoding=given)


def test_a_given_encoding_is_used(write):
    (transaction,), source = read(write("email,firstname\nj@example.com,Łukasz\n".encode("cp1250")), encoding="cp1250")
    assert transaction.values["firstname"] == "Łukasz"
    assert source.findings == ()


def test_an_unknown_encoding_is_a_usage_error(write):
    with pytest.raises(UsageError, match="no encoding is called"):
        ids(write(numbered(1)), encoding="utf-9")
