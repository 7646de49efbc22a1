"""Turn a batch's personal values into clues: what each text that gives one of them away must hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import cast

from rokt_export.redaction.decoded_view import fold_letters
from rokt_export.redaction.personal import PHONE_TAIL, SHORTEST_LOCAL, phone_of
from rokt_export.transactions.transaction import Value

ADDRESS = re.compile(
    r"(?<![^\s@<>\"',;:()])[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+|\+[0-9][0-9 ().\-/]{6,}[0-9]"
)  # a run of signs is looked at from its beginning alone: linear
"""An e-mail address, or a telephone number with its country, in any cell: columns shift, and are mapped wrongly."""
NEVER = "\0"
"""The clue of a value that gives nobody away: no text holds it."""
FOREIGN = "\0\0"
"""What stands before the clues of a row whose values are not all ASCII; before others stands `NEVER`."""
_TO_CLUE = bytes(code + 32 if 65 <= code <= 90 else code for code in range(256))
_NOT_IN_CLUE = b"eE" + bytes(code for code in range(1, 128) if not chr(code).isalnum() and chr(code) != "\n")
_PART = "\1"
"""Stands in what is left of values for the signs that end the part of an address which points at its owner."""
_TO_PARTS = bytes(1 if chr(code) in "@+" else _TO_CLUE[code] for code in range(256))
_NOT_IN_PARTS = bytes(code for code in _NOT_IN_CLUE if chr(code) not in "@+")
_TO_ZEROS = bytes(48 if 48 <= code <= 57 else code for code in range(256))
_LONG = b"0" * PHONE_TAIL
_LONG_NUMBER = re.compile(r"[0-9](?:[^a-zA-Z\0]*[0-9]){6}")
_OF_PLAIN_NUMBERS = b"0123456789 ()+-./\0"
_DECIMALS = re.compile(r"\.0+\s*(?:\0|\Z)")
_DIGITS = frozenset("0123456789")
_BLANK = ("", "\0")
_WORD = re.compile(r"[^\W\d_]+")


def clue(text: str) -> str:
    """Return what is left of a text without accents, separators and the letter that spellings of one name differ in.

    `Müller`, `Mueller` and `MULLER` have one clue, as have `Håkan` and `Haakan`. A text that holds a value in any
    notation holds the value's clue.
    """
    return _left(text, _TO_CLUE, _NOT_IN_CLUE)


def _left(text: str, table: bytes, deleted: bytes) -> str:
    if text.isascii():  # as bytes, because str.translate takes four times as long
        return text.encode().translate(table, deleted).decode().replace("aa", "a")
    data = fold_letters(text).encode("utf-8", "surrogatepass").translate(table, deleted)
    return data.decode("utf-8", "surrogatepass").replace("aa", "a")


def clues_of(columns: Iterable[Sequence[Value]], rows: int) -> list[Sequence[str]]:
    """Return the clues of a batch: columns of which each has a clue of each row, but the first marks `FOREIGN` rows.

    Args:
        columns: the personal values, attribute by attribute.
        rows: how many rows there are.
    """
    texts, columns_together = _texts_of(columns)
    together = "\n".join(columns_together)
    left = _left(together, _TO_PARTS, _NOT_IN_PARTS).split("\n")
    found: list[Sequence[str]] = [[NEVER] * rows]
    if not together.isascii():
        found[0] = [NEVER if all(map(str.isascii, row)) else FOREIGN for row in zip(*texts, strict=True)]
    found += map(_clues_of_column, texts, columns_together, left)
    return found


def clue_columns(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the clues of single rows as columns; a row that has fewer gets some that no text holds."""
    return list(zip_longest(*rows, fillvalue=NEVER))


def addresses_in(columns: Sequence[Sequence[Value]]) -> list[list[str]]:
    """Return the addresses in each row of columns that should not hold any; no rows where there are none."""
    try:
        together = "".join(chain.from_iterable(columns))  # type: ignore[arg-type]
    except TypeError:
        together = "".join(text for column in columns for value in column for text in texts_in(value))
    if "@" not in together and "+" not in together:
        return []
    return [
        [address for value in row for text in texts_in(value) if "@" in text or "+" in text
         for address in ADDRESS.findall(text)]
        for row in zip(*columns, strict=True)
    ]  # fmt: skip


def _texts_of(columns: Iterable[Sequence[Value]]) -> tuple[list[Sequence[str]], list[str]]:
    """Return columns of texts, of each its longest line without NULs, and each column's texts between NULs.

    A column of lists becomes several columns of texts.
    """
    texts: list[Sequence[str]] = []
    together: list[str] = []
    for values in columns:
        try:
            together.append("\0".join(cast("Sequence[str]", values)))
            texts.append(cast("Sequence[str]", values))
        except TypeError:
            lists = zip_longest(*[texts_in(value) or [""] for value in values], fillvalue="")
            texts += lists
            together += map("\0".join, texts[len(together) :])
    plain = "".join(map("".join, texts))
    if "\n" in plain or "\0" in plain:
        texts = [[max(text.replace("\0", "").split("\n"), key=len) for text in column] for column in texts]
        together = list(map("\0".join, texts))
    return texts, together


def _clues_of_column(values: Sequence[str], together: str, left: str) -> Sequence[str]:
    """Return the clue of each value.

    Args:
        values: texts without line breaks and NULs.
        together: they between NULs.
        left: what is left of it in clues, with `_PART` for each `@` and `+`.
    """
    texts = values
    if _PART in left:
        if "@" in together and " " not in together and _hold_no_phone(values, together, left):
            clues = [parts.split(_PART, 1)[0] for parts in left.split("\0")]
            if min(map(len, clues)) >= SHORTEST_LOCAL:
                return clues
        if "@" in together:
            texts = [_local_part(text) for text in texts]
            together = "\0".join(texts)
        left = clue(together)
    if _has_long_number(together, left):
        if _is_of_plain_numbers(together):
            return _completed([number[-PHONE_TAIL:] for number in left.split("\0")], left, values)
        texts = [phone_of(text.strip())[-PHONE_TAIL:] or text for text in texts]
        together = "\0".join(texts)
        left = clue(together)
    if " " in together and not all(map(_keeps_its_order, texts)):
        texts = [text if _keeps_its_order(text) else _longest_word(text) for text in texts]
        left = clue("\0".join(texts))
    return _completed(left.split("\0"), left, values)


def _local_part(text: str) -> str:
    """Return of an address what is before the `@` or `+`, where that points at its owner; any other text as it is."""
    local, sign, _ = text.partition("@")
    local = local.partition("+")[0]
    return local if sign and len(local.strip()) >= SHORTEST_LOCAL else text


def _keeps_its_order(text: str) -> bool:
    """Tell whether a value is one word, or no name because of a digit: then it is found with all its words in order."""
    return " " not in text or text[-1:] in _DIGITS or text[:1] in _DIGITS


def _completed(clues: list[str], left: str, values: Sequence[str]) -> list[str]:
    """Return clues with what each text holds where nothing is left of a value that may be searched for."""
    if "\0\0" not in left and left[:1] not in _BLANK and left[-1:] not in _BLANK:
        return clues
    return [one or ("" if len(text.strip()) > 1 else NEVER) for one, text in zip(clues, values, strict=True)]


def _has_long_number(together: str, left: str) -> bool:
    """Tell whether a value has seven digits with no letter between them: it may be a telephone number."""
    if together.isascii():
        return _LONG in left.encode().translate(_TO_ZEROS)
    return _LONG_NUMBER.search(together) is not None


def _hold_no_phone(values: Sequence[str], together: str, left: str) -> bool:
    """Tell whether none of the values is a telephone number before its `@`: none is long enough, or all are words."""
    if not _has_long_number(together, left):
        return True
    begin = {value[:1] for value in values}
    return all(map(str.isalpha, begin)) and (":" not in together or begin.isdisjoint("tT"))


def _is_of_plain_numbers(together: str) -> bool:
    """Tell whether values are numbers that end with the last digit of what may be a telephone number."""
    if not together.isascii() or together.encode().translate(None, _OF_PLAIN_NUMBERS):
        return False
    return "." not in together or _DECIMALS.search(together) is None


def _longest_word(text: str) -> str:
    return max(_WORD.findall(text), key=len, default=text)


def texts_in(value: Value) -> list[str]:
    """Return the texts of a value, those of a list or a mapping one by one."""
    match value:
        case None:
            return []
        case str():
            return [value]
        case list():
            return [text for item in value for text in texts_in(item)]
        case dict():
            return [text for item in value.values() for text in texts_in(item)]
