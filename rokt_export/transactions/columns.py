"""Maps the columns of a file to attributes, and reports which were mapped, guessed, kept or unused."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import Struct

from rokt_export.errors import TransactionsError, UsageError, nearest
from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, fold
from rokt_export.transactions.transaction import IDENTITIES

_MOST_NAMED = 1000
"""Maximum number of columns of one kind that are named: each JSON row may have keys of its own."""
_ALIKE = 0.7
"""Minimum similarity of a column and a suggested attribute: `Vorname` is not `lastname` (0.67)."""


@dataclass(frozen=True, slots=True)
class ColumnsReport:
    """What became of a file's columns.

    Attributes:
        mapped: column to attribute, for each attribute that the spec reads or Rokt knows.
        guessed: the part of `mapped` that matched without case and punctuation, or by an alias.
        unmapped: unrecognized columns, kept under their own name as custom attributes.
        unused: columns that no parameter of the spec reads and that do not identify a row; empty where the spec's
            attributes are not known.
        missing: attributes of the spec that no column holds.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    guessed: Mapping[str, str] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def joined(self, other: ColumnsReport) -> ColumnsReport:
        """Return this report joined with that of another file; `missing` is what neither file holds."""
        return ColumnsReport(
            {**self.mapped, **other.mapped},
            {**self.guessed, **other.guessed},
            _together(self.unmapped, other.unmapped),
            _together(self.unused, other.unused),
            tuple(name for name in self.missing if name in other.missing),
        )

    def likely(self) -> tuple[str, str] | None:
        """Return an unrecognized column and the missing attribute that its name resembles; None if there is none."""
        missing = _by_any_name(self.missing)
        for column in self.unmapped:
            if close := difflib.get_close_matches(fold(column), missing, n=1, cutoff=_ALIKE):
                return column, missing[close[0]]
        return None


class ColumnPlan(Struct, frozen=True):
    """The attributes of a header: `names[i]` is the attribute of column i.

    Attributes:
        columns: the columns' names in the file, in order, as messages show them.
        names: attribute name of each column; all different.
        report: what became of the columns.
        duplicates: column names that appear in the header more than once.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    report: ColumnsReport
    duplicates: tuple[str, ...]


def parse_map(pairs: Iterable[str]) -> dict[str, str]:
    """Return `COLUMN=ATTRIBUTE` pairs as a mapping. The last `=` separates, so a column's name may contain one.

    Raises:
        UsageError: a pair has no `=`, or an empty side, or one column is given two attributes.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        column, equals, attribute = (part.strip() for part in pair.rpartition("="))
        if not (column and equals and attribute):
            raise UsageError(f"“{pair}” is not a mapping", where="--map", remedy='Write it as --map "E-mail=email".')
        if mapping.setdefault(column, attribute) != attribute:
            raise UsageError(
                f"column “{column}” is mapped to both {mapping[column]} and {attribute}",
                where="--map",
                remedy="Keep one of the two.",
            )
    return mapping


class ColumnMapper:
    """Maps the columns of headers to attributes, by the same rules for every file.

    An explicit mapping wins. Otherwise the column's name is compared with the attributes of the spec and of the
    catalogue: exactly, then without case and punctuation, then by alias. A column without a match keeps its own name,
    as a custom attribute.

    Args:
        wanted: the attributes that the spec reads; None where they are not known.
        given: column to attribute, from the command line; each must be found (see `check_given`).
        spec: column to attribute, from the spec's `columns:`; may name columns that a file does not have.
    """

    def __init__(
        self,
        wanted: Iterable[str] | None = None,
        given: Mapping[str, str] | None = None,
        spec: Mapping[str, str] | None = None,
    ) -> None:
        self._wanted = None if wanted is None else tuple(dict.fromkeys(wanted))
        self._given = dict(given or {})
        given_names = set(self._given.values())  # the command line overrides the spec's column for an attribute
        self._explicit = {key: name for key, name in (spec or {}).items() if name not in given_names} | self._given
        self._by_folded = _by_folded_name(self._wanted or ())
        self._found: set[str] = set()

    def meant(self, columns: Sequence[str]) -> frozenset[str]:
        """Return the attributes that the columns of a header map to."""
        names = (name.strip() for name in columns)
        return frozenset(found for name in names if (found := self._explicit.get(name) or self._guess(name)))

    def plan(self, columns: Sequence[str], file: str) -> ColumnPlan:
        """Return the attribute of each column of a header.

        Raises:
            TransactionsError: two columns map to one attribute that the spec reads.
        """
        columns = tuple(name.strip().lstrip("\ufeff") or f"(column {at})" for at, name in enumerate(columns, start=1))
        given = self._given_names(columns)
        claimed = {name for name in given if name is not None}
        guesses = [
            None if said is not None or (guess := self._guess(name)) in claimed else guess
            for name, said in zip(columns, given, strict=True)
        ]
        meant = [said if said is not None else guess for said, guess in zip(given, guesses, strict=True)]
        self._settle_claims(columns, meant, file)
        names = _unique(meant, columns)
        duplicates = tuple(name for name, count in Counter(columns).items() if count > 1)
        report = self._report(columns, meant, names)
        guessed = {
            column: name
            for column, said, name in zip(columns, given, meant, strict=True)
            if said is None and name is not None and name != column
        }
        return ColumnPlan(columns, names, replace(report, guessed=guessed), duplicates)

    def check_given(self, columns: Iterable[str]) -> None:
        """Check that every column given on the command line was found in some file.

        Raises:
            TransactionsError: a column was not found; the error suggests the closest one.
        """
        for column in self._given:
            if column not in self._found:
                known = {fold(name): name for name in columns}
                close = nearest(fold(column), known)
                hint = f"Did you mean “{known[close[0]]}”?" if close else f"Columns: {', '.join(known.values())}."
                raise TransactionsError(f"no file has a column “{column}”", where="--map", remedy=hint)

    def _given_names(self, columns: Sequence[str]) -> list[str | None]:
        """Return the given attribute of each column: by its position (`#3`), its exact name, else its folded name."""
        names: list[str | None] = [None] * len(columns)
        keys: dict[int, str] = {}
        for key, attribute in self._explicit.items():
            at = [index for index, column in enumerate(columns) if key in (column, f"#{index + 1}")]
            for index in at or [index for index, column in enumerate(columns) if fold(column) == fold(key) != ""]:
                other = keys.get(index, key)
                if names[index] not in (None, attribute) and (other in self._given) is (key in self._given):
                    raise TransactionsError(
                        f"“{other}” and “{key}” both mean the column “{columns[index]}”, which is mapped to "
                        f"{names[index]} and to {attribute}",
                        where="--map" if key in self._given else "columns",
                        remedy="Keep one of the two.",
                    )
                names[index], keys[index] = attribute, key
                self._found.add(key)
        return names

    def _guess(self, column: str) -> str | None:
        if self._wanted is not None and column in self._wanted:
            return column
        return self._by_folded.get(fold(column)) or (column if column in ATTRIBUTES else canonical(column))

    def _settle_claims(self, columns: Sequence[str], meant: list[str | None], file: str) -> None:
        """Refuse two columns for one attribute of the spec; for any other attribute, both keep their own names."""
        for attribute, count in Counter(name for name in meant if name is not None).items():
            if count == 1:
                continue
            at = [index for index, name in enumerate(meant) if name == attribute]
            if self._wanted is None or attribute in self._wanted:
                listed = " and ".join(f"“{columns[index]}” (column {index + 1})" for index in at)
                raise TransactionsError(
                    f"{listed} all name the attribute {attribute}" if count > 2 else f"{listed} both name {attribute}",
                    where=file,
                    remedy=f'Choose one: --map "#{at[0] + 1}={attribute}".',
                )
            for index in at:
                meant[index] = None

    def _report(self, columns: Sequence[str], meant: Sequence[str | None], names: Sequence[str]) -> ColumnsReport:
        mapped = {column: name for column, name in zip(columns, meant, strict=True) if name is not None}
        unmapped = tuple(column for column, name in zip(columns, meant, strict=True) if name is None)
        if self._wanted is None:
            return ColumnsReport(mapped, unmapped=unmapped)
        identity = next((name for name in IDENTITIES if name in names), None)
        needed = {*self._wanted, identity}
        return ColumnsReport(
            mapped,
            {},
            unmapped,
            tuple(column for column, name in zip(columns, names, strict=True) if name not in needed),
            tuple(name for name in self._wanted if name not in names),
        )


def _together(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the union of two tuples of names, in order; about `_MOST_NAMED` at most."""
    if len(some) >= _MOST_NAMED:
        return some
    return (*some, *(name for name in more if name not in some))


def _by_folded_name(wanted: Sequence[str]) -> dict[str, str]:
    """Return folded column name to attribute of the spec, by the attribute's own name and the catalogue's aliases.

    A spec that reads `billingzipcode` takes a column `zip`, unless it also reads another name of the zip code.
    """
    meanings = Counter(canonical(name) for name in wanted)
    return _by_any_name(wanted, [name for name in wanted if meanings[canonical(name)] == 1])


def _by_any_name(names: Sequence[str], aliased: Sequence[str] | None = None) -> dict[str, str]:
    """Return folded name to attribute, by each attribute's own name, and by the aliases of those in `aliased`."""
    found = {fold(name): name for name in names}
    for name in names if aliased is None else aliased:
        if (known := canonical(name)) is not None:
            for alias in (known, *ATTRIBUTES[known].aliases):
                found.setdefault(alias, name)
    return found


def _unique(meant: Sequence[str | None], columns: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each column; a name that is taken gets the column's position (`email#3`)."""
    taken = {name for name in meant if name is not None}
    unique: list[str] = []
    for position, (name, column) in enumerate(zip(meant, columns, strict=True), start=1):
        if name is None:
            name = column if column not in taken else f"{column}#{position}"
            taken.add(name)
        unique.append(name)
    return tuple(unique)
