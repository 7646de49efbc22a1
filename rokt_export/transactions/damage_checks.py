"""Finds cells that spreadsheets, databases or wrong encodings have damaged; cleans those whose value is certain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat

from rokt_export.partner_spec.attributes import canonical, fold
from rokt_export.spec_language.formats import foreign_letter
from rokt_export.transactions.columns import ColumnPlan
from rokt_export.transactions.damage import Damage, DamageKind, DamageLog
from rokt_export.transactions.transaction import Value

_ID_ATTRIBUTES = frozenset(
    (
        "transactionid",
        "confirmationref",
        "mobile",
        "ccbin",
        "sku",
        "majorcatid",
        "minorcatid",
        "rokttrackingid",
        "zipcode",
    )
)
_ID_LIKE = re.compile(r"(id|ref|reference|phone|mobile|number|no|sku|bin|code|barcode|ean|upc|account|card)$")
_DATE_ATTRIBUTES = frozenset(("dob", "transactiondatetime"))
_DATE_LIKE = re.compile(r"(date|datetime|birthday|dob|timestamp)$")

_NUMBERS = frozenset(("transactionid", "mobile", "zipcode", "ccbin", "majorcatid", "minorcatid"))
"""Attributes whose values are digits. Others, such as a reference, may legitimately be `4.90E2`."""
_EXPONENT = re.compile(r"\s*['\u2019]{0,2}[+-]?\d(?:[.,]\d+)?[eE]\+?\d{1,3}\s*")
_OF_SPREADSHEETS = re.compile(r"\s*['\u2019]{0,2}[+-]?\d(?:[.,]\d+)?[eE]\+\d{2,3}\s*")
_ROUNDED = re.compile(r"\s*['\u2019]{0,2}[+-]?\d[.,]\d{4,}E\+\d{2,3}\s*")
"""What a spreadsheet writes for a long number; certain in any column."""
_FLOAT_ID = re.compile(r"\s*\d+\.0\s*")
_SHORT_ZIP = re.compile(r"\s*\d{3,4}(?:-\d{4})?\s*")
_SERIAL = re.compile(r"\s*[1-7]\d{4}(?:\.\d+)?\s*")
_MOJIBAKE = re.compile(
    "[ÂÃÄÅÎÏÐÑ×Øâãäåæð][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc–-›€™]+"
)
_OF_MAC = "√ƒ≈"
"""What the first byte of a letter in UTF-8 is in Mac Roman (0xC3, 0xC4 and 0xC5)."""
_MAC_MOJIBAKE = re.compile(f"[{_OF_MAC}][{re.escape(bytes(range(0x80, 0xC0)).decode('mac_roman'))}]")
_C1 = "".join(map(chr, range(0x80, 0xA0)))
"""Control characters that no keyboard has: in cp1252, read as Latin-1, they are quotation marks, dashes and letters."""

_EXACT = frozenset(("email", "emailmd5", "emailsha256", "ipaddress", "country", "currency"))
"""Attributes, besides identifiers and dates, in which an invisible character or a NULL is always damage."""
_ERRORS = frozenset((
    "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#KALK!", "#FELD!",
    "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!", "#PROPAGATION!", "#CHAMP!",
    "#N/D", "#¡REF!", "#¡VALOR!", "#¿NOMBRE?", "#¡DIV/0!", "#¡NUM!", "#¡NULO!", "#¡DESBORDAMIENTO!", "#¡CALC!",
    "#RIF!", "#VALORE!", "#NOME?", "#NULLO!", "#ESPANSIONE!",
    "#N/B", "#VERW!", "#WAARDE!", "#NAAM?", "#DEEL/0!", "#GETAL!", "#LEEG!", "#OVERLOOP!",
    "#VALOR!", "#NÚM!", "#NULO!", "#DESPEJAR!",
))  # fmt: skip
"""The errors of a spreadsheet in English, German, French, Spanish, Italian, Dutch and Portuguese."""
_NULLS = frozenset(
    ("\\N", "(null)", "(NULL)", "[null]", "[NULL]", "<null>", "<NULL>", "<NA>", "<nil>", "undefined", "NaN")
)
_OBJECTS = frozenset(("[object Object]", "[object Array]", "[object Undefined]", "[object Null]"))
_WORDS = frozenset(("NULL", "null", "None"))
"""Leftovers that may also be values: Null is a family name."""
_GAPS = frozenset(("Null", "none", "NONE", "nil", "NIL", "Nil", "nan", "NAN", "N/A", "n/a", "n.a."))
"""Leftovers in identifiers, dates and e-mail addresses alone; elsewhere they are values."""
_LEFTOVERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        _ERRORS,
        ("the cell contains a spreadsheet's error, not a value", "Correct the formula, and export again."),
    ),
    **dict.fromkeys(
        _NULLS | _WORDS | _GAPS, ("the cell contains a program's word for “no value”", "Export nothing in its place.")
    ),
    **dict.fromkeys(
        _OBJECTS, ("the cell contains a program's word for an object", "Export one of the object's fields.")
    ),
}
NOTHING = "No action is needed."
_TOO_NARROW = (
    "the column was too narrow, so the cell contains # signs",
    "Widen the column, and export again.",
)
_AS_TEXT = "Format the column as text before saving, and export it again."
_ROUNDED_FOUND = "a spreadsheet has rounded the number to an exponent, as in 1.23E+10", _AS_TEXT
_FLOAT_FOUND = "the identifier was saved as a decimal number, ending in .0", "Export the column as text."
_AS_PLAIN = "Export the file again as plain text."
_SERIAL_FOUND = (
    "the date is a spreadsheet's day number, as in 43765.07",
    "Format the column as a date (yyyymmdd) before saving.",
)
_FORMULA_LEFT = "the cell contains a formula, not its result", "Export the file again as values."
_FORMULA = re.compile(r"""=[A-Za-z0-9"'(\[$+…-].+|=…""", re.DOTALL)
_WRAPPED = re.compile(r'="((?:[^"]|"")*)"')
"""A value in a formula, so that a spreadsheet does not change it: `="00123"`."""
_APOSTROPHE = re.compile(r"['\u2019]{1,2}[+(]?\d[\d ().\-/]{2,}")
_STARTS = frozenset("#\\=([<uNn'\u2019\t\x1f")
"""First characters of leftovers and of values that can be cleaned."""
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_NO_BREAK = "\u00a0\u202f\u2007"
JUNK = "\t\x1f" + _INVISIBLE + _NO_BREAK
"""Characters without meaning at the ends of a value. Joiners (U+200C, U+200D) are kept: words and emoji need them."""
_HIDDEN_INSIDE = re.compile(f"[{_INVISIBLE}{_NO_BREAK}]")
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROLS_IN_BLOCK = "".join(map(chr, (*range(2, 9), 11, 12, *range(14, 32), 127)))
"""Control characters, each of which is searched alone, which is fast. U+0001 may be the delimiter."""
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|amp|lt|gt|quot|apos|nbsp);")
_SIGNS_IN_BLOCK = _INVISIBLE + _NO_BREAK + _C1 + _OF_MAC

# If one of these matches, a cell of the block may be a formula or a number after an apostrophe. An equals sign in a
# URL, and an apostrophe in a name, do not match.
_FORMULA_IN_BLOCK = re.compile(r"""=(?<![\w/?&%.=-]=)[A-Za-z0-9"'(\[$+…-]""")
_APOSTROPHE_IN_BLOCK = re.compile(r"'[+(]?\d")
_CURLED_IN_BLOCK = re.compile(r"\u2019[+(]?\d")
_ERROR_IN_BLOCK = re.compile(r"#(?:N/[ABD]|NV|[¡¿]|[A-ZÜÚ/0]+[!?]|##)")

LEFTOVERS = frozenset(_LEFTOVERS)
"""Cells that hold a program's word instead of a value."""
_MOJIBAKE_REMEDY = "Export the file again as UTF-8, or give its --encoding; what was lost cannot be restored here."

_US = frozenset(("us", "usa", "unitedstates", "unitedstatesofamerica", "840"))
_STATES = re.compile(
    "al|ak|az|ar|ca|co|ct|de|dc|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|nc|nd|oh|ok|or|"
    "pa|pr|ri|sc|sd|tn|tx|ut|vt|va|vi|wa|wv|wi|wy|"
    "connecticut|maine|massachusetts|newhampshire|newjersey|newyork|puertorico|rhodeisland|vermont|(us)?virginislands"
)
"""All postal abbreviations, and the full names of the states whose zip codes start with a zero."""


class Inspector:
    """Checks cells for damage. Blocks of rows without damage, the usual case, are checked together.

    Args:
        plan: the columns and their attributes.
        file: path of the file, for messages.
        log: where damages go.
        refuse: attributes whose damage prevents a row from being sent.
        guessed: the file's encoding is a guess; cells of `refuse` with characters beyond ASCII then count as damaged.
    """

    def __init__(
        self,
        plan: ColumnPlan,
        file: str,
        log: DamageLog,
        refuse: frozenset[str],
        *,
        guessed: bool = False,
    ) -> None:
        self._refuse = refuse.intersection(plan.names)
        self._guessed = guessed and bool(self._refuse)
        self._refused: str | None = None
        self._place: tuple[int, int | None] = (0, None)
        self._file = file
        self._log = log
        self._columns = dict(zip(plan.names, plan.columns, strict=True))
        self._ids = tuple(name for name in plan.names if _is_id(name))
        self._dates = tuple(name for name in plan.names if _is_date(name))
        self._exact = {*self._ids, *self._dates, *(name for name in plan.names if canonical(name) in _EXACT)}
        by_meaning = {canonical(name): name for name in reversed(plan.names)}
        self._mail = by_meaning.get("email")
        self._zip = by_meaning.get("zipcode")
        self._country = by_meaning.get("country")
        self._state = by_meaning.get("state")

    def text_is_clean(self, block: str) -> bool:
        """Return True if the text of a block certainly shows no damage; see `columns_are_clean` for the rest."""
        return not (
            "E+" in block
            or any(map(block.__contains__, _CONTROLS_IN_BLOCK))
            or ("&" in block and _ENTITY.search(block))
            or ("#" in block and _ERROR_IN_BLOCK.search(block))
            or ("=" in block and _FORMULA_IN_BLOCK.search(block))
            or ("'" in block and _APOSTROPHE_IN_BLOCK.search(block))
            or ("\u2019" in block and _CURLED_IN_BLOCK.search(block))
            or (not block.isascii() and self._may_be_garbled(block))
        )

    def _may_be_garbled(self, block: str) -> bool:
        return (
            self._guessed
            or "\ufffd" in block
            or any(map(block.__contains__, _SIGNS_IN_BLOCK))
            or _MOJIBAKE.search(block) is not None
        )

    def columns_are_clean(self, columns: Sequence[Sequence[str]], *, leftovers: bool) -> bool:
        """Return True if a block whose text is clean certainly has no other damage.

        Args:
            columns: the cells of the rows, column by column. Checking row by row would cost as much as reading.
            leftovers: whether a cell may be one of `LEFTOVERS`.
        """
        cells = dict(zip(self._columns, columns, strict=True))
        return not (
            (leftovers and not all(map(LEFTOVERS.isdisjoint, columns)))
            or (self._zip is not None and self._has_short_zip(cells, cells[self._zip]))
            or (self._mail is not None and _has_odd_mail(cells[self._mail]))
            or any(_has_serial(cells[name]) for name in self._dates)
            or any(_has_number(cells[name]) for name in self._ids)
        )

    def check(self, values: dict[str, Value], row: int, line: int | None) -> None:
        """Log a row's damage, and clean cells in place if their value is certain.

        An exponent as spreadsheets write it (`1.23E+10`) is damage in any column; other notations only in identifiers.
        """
        self._place = row, line
        for name, cell in values.items():
            if cell.__class__ is not str:
                continue
            if "E+" in cell and name not in self._ids:
                self._check_id(name, cell)
            elif cell[:1] in _STARTS:
                self._check_leftover(values, name, cell)
            if "&" in cell or not cell.isprintable():
                self._check_signs(values, name)
        for name in self._ids:
            cell = values[name]
            if cell and ("+" in cell or "." in cell):
                self._check_id(name, cell)
        for name in self._dates:
            self._check_date(name, values[name])
        if self._zip is not None:
            self._check_zip(self._zip, values[self._zip], values)

    def refused(self) -> str | None:
        """Return why the damage found since the last call prevents a row from being sent; None if it does not."""
        found, self._refused = self._refused, None
        return found

    def refuse(self, name: str, message: str) -> None:
        """Prevent the current row from being sent, if damage in this attribute does so."""
        if name in self._refuse and self._refused is None:
            row, line = self._place
            place = f"line {line}" if line is not None else f"row {row}"
            self._refused = f"{place}, column {self._columns[name]}: {message}; --send-damaged sends it as it is"

    def _check_leftover(self, values: dict[str, Value], name: str, cell: str) -> None:
        if (found := _LEFTOVERS.get(cell)) is not None:
            if name in self._exact or cell not in _GAPS:
                add = self._add if cell not in _WORDS or name in self._exact else self._log_only
                add(DamageKind.LEFTOVER, name, *found)
        elif len(cell) > 2 and not cell.strip("#"):
            self._add(DamageKind.LEFTOVER, name, *_TOO_NARROW)
        elif wrapped := _WRAPPED.fullmatch(cell):
            self._clean(values, name, wrapped[1].replace('""', '"'), 'a formula around its value, ="…"')
        elif _FORMULA.fullmatch(cell):
            self._add(DamageKind.LEFTOVER, name, *_FORMULA_LEFT)
        elif _APOSTROPHE.fullmatch(cell):
            self._clean(values, name, cell.lstrip("'\u2019"), "an apostrophe before its number")
        elif name == self._mail and cell[0] in "'\u2019":
            what = "the e-mail address begins with an apostrophe"
            self._log_only(DamageKind.LEFTOVER, name, what, "Remove it, if a spreadsheet put it there.")
        elif cell[0] in JUNK:
            self._without_junk(values, name, cell)

    def _check_signs(self, values: dict[str, Value], name: str) -> None:
        """Log control characters and characters as HTML writes them."""
        cell = values[name]
        if not isinstance(cell, str) or not cell:
            return
        if _ENTITY.search(cell):
            self._tell(DamageKind.LEFTOVER, name, "the cell contains a character as HTML writes it", _AS_PLAIN)
        if cell[-1] in "\t\x1f":
            cell = self._without_junk(values, name, cell)
        if (found := _CONTROL.search(cell)) is not None:
            what = f"the cell contains a control character (U+{ord(found.group()):04X})"
            self._tell(DamageKind.INVISIBLE, name, what, _AS_PLAIN)

    def _without_junk(self, values: dict[str, Value], name: str, cell: str) -> str:
        """Return a cell without invisible characters at its start and its end; one that is nothing else as it is."""
        before, after = cell[0] in JUNK, cell[-1] in JUNK
        if not (before or after) or not (clean := cell.strip(JUNK)):
            return cell
        side = "at either end" if before and after else "at its start" if before else "at its end"
        self._clean(
            values, name, clean, f"an invisible character (U+{ord(cell[0] if before else cell[-1]):04X}) {side}"
        )
        return clean

    def _clean(self, values: dict[str, Value], name: str, clean: str, what: str) -> None:
        values[name] = clean
        self._log_only(
            DamageKind.CLEANED, name, f"the cell contained {what}, which is left out", "No action is needed."
        )

    def check_text(self, values: dict[str, Value]) -> None:
        """Log cells of the last checked row that were decoded wrongly or contain invisible characters beyond ASCII."""
        for name, cell in values.items():
            if not isinstance(cell, str) or cell.isascii():
                continue
            if self._guessed:
                self.refuse(name, "the file's encoding is a guess; --encoding confirms it")
            if (found := mojibake(cell)) is not None:
                self._add(DamageKind.MOJIBAKE, name, found, _MOJIBAKE_REMEDY)
                continue
            cell = self._without_junk(values, name, cell)
            if (hidden := _HIDDEN_INSIDE.search(cell)) is not None:
                what = f"the cell contains an invisible character (U+{ord(hidden.group()):04X}) within its text"
                self._tell(DamageKind.INVISIBLE, name, what, "Type the text around it again.")
            if name == self._mail and (letter := foreign_letter(cell)) is not None:
                what = f"the e-mail address has a {letter[0]} letter among Latin ones"
                self._add(DamageKind.INVISIBLE, name, what, "Type the address again.")

    def _check_id(self, name: str, cell: Value) -> None:
        if not isinstance(cell, str):
            return
        by_nature = (canonical(name) or "") in _NUMBERS or (canonical(name) is None and name in self._ids)
        if (_EXPONENT if by_nature else _OF_SPREADSHEETS).fullmatch(cell):
            add = self._add if by_nature or _ROUNDED.fullmatch(cell) else self._log_only
            add(DamageKind.EXPONENT, name, *_ROUNDED_FOUND)
        elif _FLOAT_ID.fullmatch(cell):
            self._add(DamageKind.FLOAT_ID, name, *_FLOAT_FOUND)

    def _check_date(self, name: str, cell: Value) -> None:
        if isinstance(cell, str) and (len(cell) == 5 or "." in cell) and _SERIAL.fullmatch(cell):
            self._add(DamageKind.SERIAL_DATE, name, *_SERIAL_FOUND)

    def _check_zip(self, name: str, cell: Value, values: Mapping[str, Value]) -> None:
        if not cell or not (len(cell) < 5 or "-" in cell):
            return
        country = None if self._country is None else values.get(self._country)
        state = None if self._state is None else values.get(self._state)
        if isinstance(cell, str) and _SHORT_ZIP.fullmatch(cell) and self._may_be_american(country, state):
            digits = len(cell.strip().partition("-")[0])
            self._add(
                DamageKind.SHORT_ZIP, name, f"a US zip code of {digits} digits has lost its leading zero", _AS_TEXT
            )

    def _has_short_zip(self, cells: Mapping[str, Sequence[str]], zips: Sequence[str]) -> bool:
        if min(map(len, zips)) >= 5 and "-" not in "".join(zips):
            return False
        countries = repeat("") if self._country is None else cells[self._country]
        states = repeat("") if self._state is None else cells[self._state]
        return any(
            _SHORT_ZIP.fullmatch(zipcode) and self._may_be_american(country, state)
            for zipcode, country, state in zip(zips, countries, states, strict=False)
        )

    def _may_be_american(self, country: Value, state: Value) -> bool:
        """Return whether a row may be from the US: by its country or state, or because the file has neither."""
        found = _is_american(country if isinstance(country, str) else "", state if isinstance(state, str) else "")
        return found if found is not None else self._country is None and self._state is None

    def _tell(self, kind: DamageKind, name: str, message: str, remedy: str) -> None:
        """Log a damage, which prevents a row from being sent only in attributes that are exact."""
        (self._add if name in self._exact else self._log_only)(kind, name, message, remedy)

    def _log_only(self, kind: DamageKind, name: str, message: str, remedy: str) -> None:
        row, line = self._place
        self._log.add(Damage(kind, row, self._columns[name], self._file, line, message, remedy))

    def _add(self, kind: DamageKind, name: str, message: str, remedy: str) -> None:
        self._log_only(kind, name, message, remedy)
        self.refuse(name, message)


def mojibake(text: str) -> str | None:
    """Return how a text was decoded wrongly, for a person; None if it was decoded correctly.

    UTF-8 read as cp1252 turns `é` into `Ã©`, and read as Mac Roman into `√©`. Such a pair counts only if converting it
    back gives one UTF-8 character, which pairs of these letters in real words do not; in Mac Roman, a letter beside
    another one.
    """
    if "\ufffd" in text:
        return "a character was lost (U+FFFD is in its place)"
    for found in _MOJIBAKE.finditer(text):
        for codec in ("cp1252", "latin-1"):
            try:
                meant = found.group().encode(codec).decode("utf-8")
            except UnicodeError:
                continue
            if not _may_be_meant(text, found, meant):
                return f"UTF-8 was read as another encoding: “{found.group()}” was “{meant}”"
    for found in _MAC_MOJIBAKE.finditer(text) if any(map(text.__contains__, _OF_MAC)) else ():
        meant = found.group().encode("mac_roman").decode("utf-8")
        beside = text[max(0, found.start() - 1) : found.start()] + text[found.end() : found.end() + 1]
        if meant.isalpha() and any(map(str.isalpha, beside)):
            return f"UTF-8 was read as Mac Roman: “{found.group()}” was “{meant}”"
    if not text.isprintable() and (sign := next(filter(text.__contains__, _C1), None)) is not None:
        return f"cp1252 was read as Latin-1, or a byte was lost: a control character (U+{ord(sign):04X}) is in it"
    return None


def _may_be_meant(text: str, found: re.Match[str], meant: str) -> bool:
    """Return whether such a pair may be correct text: in `MAÇÃ” x` a quotation ends, after `IRMÃ` is a no-break space.

    Then a quotation mark or a dash ends the word, or the decoded letter would be a small one after capitals.
    """
    before, after = text[max(0, found.start() - 2) : found.start()], text[found.end() : found.end() + 1]
    ends = len(meant) == 1 and found.group()[-1] in "“”‘’–—…" and found.group()[0] == "Ã" and not after.isalnum()
    return ends or (len(before) == 2 and before.isupper() and meant.islower())


@lru_cache(maxsize=1024)
def _is_american(country: str, state: str) -> bool | None:
    """Return whether a row is from the US, by its country, else by its state; None if both are blank."""
    if country.strip():
        return fold(country) in _US
    return _STATES.fullmatch(fold(state)) is not None if state.strip() else None


def _has_serial(column: Sequence[str]) -> bool:
    return (5 in set(map(len, column)) or "." in "".join(column)) and any(map(_SERIAL.fullmatch, column))


def _has_odd_mail(column: Sequence[str]) -> bool:
    """Return whether an address begins with an apostrophe, or mixes letters of two scripts."""
    text = "".join(column)
    if text.isascii() and "'" not in text:
        return False
    return any(cell[:1] in ("'", "\u2019") or foreign_letter(cell) is not None for cell in column)


def _has_number(column: Sequence[str]) -> bool:
    """Return whether a spreadsheet may have turned one of these identifiers into a number."""
    text = "".join(column)
    return ("." in text or "+" in text) and (
        any(map(_EXPONENT.fullmatch, column)) or any(map(_FLOAT_ID.fullmatch, column))
    )


def _is_id(name: str) -> bool:
    known = canonical(name)
    return known in _ID_ATTRIBUTES or (known is None and _ID_LIKE.search(fold(name)) is not None)


def _is_date(name: str) -> bool:
    known = canonical(name)
    return known in _DATE_ATTRIBUTES or (known is None and _DATE_LIKE.search(fold(name)) is not None)
