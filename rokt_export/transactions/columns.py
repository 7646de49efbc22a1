"""Turns the columns of a file into attributes, and reports which were mapped, guessed, kept or not used."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, fold
from rokt_export.transactions.transaction import IDENTITIES

_MOST_NAMED = 1000
"""Columns of one kind that are named: rows of JSON may each have keys of their own."""
_ALIKE = 0.7
"""How alike a column and an attribute must be to be named together: `Vorname` is no `lastname` (0.67)."""


@dataclass(frozen=True, slots=True)
class ColumnsReport:
    """What became of a file's columns.

    Attributes:
        mapped: column to attribute, for every column that names an attribute that the spec wants or Rokt knows.
        guessed: the part of `mapped` that matched without case and punctuation, or by an alias.
        unmapped: columns that name nothing known; kept under their own name as custom attributes.
        unused: columns that no parameter of the spec reads, and that do not say what a row is called; empty where the
            spec's wants were not given.
        missing: wanted attributes that no column holds.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    guessed: Mapping[str, str] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def joined(self, other: ColumnsReport) -> ColumnsReport:
        """Return this report and that of a further file as one; missing is what neither holds."""
        return ColumnsReport(
            {**self.mapped, **other.mapped},
            {**self.guessed, **other.guessed},
            _together(self.unmapped, other.unmapped),
            _together(self.unused, other.unused),
            tuple(name for name in self.missing if name in other.missing),
        )

    def likely(self) -> tuple[str, str] | None:
        """Return a column that nothing is known for, and the missing attribute that it carries by the look of it."""
        missing = _by_any_name(self.missing)
        for column in self.unmapped:
            if close := difflib.get_close_matches(fold(column), missing, n=1, cutoff=_ALIKE):
                return column, missing[close[0]]
        return None


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The attributes of a header: `names[i]` is the attribute of column i.

    Attributes:
        columns: the columns' names in the file, in order, as messages show them.
        names: attribute name of each column; all different.
        report: what became of the columns.
        duplicates: column names that stand in the header more than once.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    report: ColumnsReport
    duplicates: tuple[str, ...] = ()


def parse_map(pairs: Iterable[str]) -> dict[str, str]:
    """Return `COLUMN=ATTRIBUTE` pairs as a mapping; the last `=` divides, so a column's name may hold one.

    Raises:
        UsageError: a pair has no `=`, or an empty side, or one column is given two attributes.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        column, equals, attribute = (part.strip() for part in pair.rpartition("="))
        if not (column and equals and attribute):
            raise UsageError(f"“{pair}” maps nothing", where="--map", remedy='Write it as --map "E-mail=email".')
        if mapping.setdefault(column, attribute) != attribute:
            raise UsageError(
                f"column “{column}” is mapped to {mapping[column]} and to {attribute}",
                where="--map",
                remedy="Keep one of the two.",
            )
    return mapping


class ColumnMapper:
    """Maps the columns of headers to attributes, by the same rules for every file.

    A column's attribute is the one it is given; else the wanted attribute or catalogue name it equals, exactly or
    without case and punctuation, or by an alias; else the column's own name, as a custom attribute.

    Args:
        wanted: the attributes that the spec reads, or None where that is not known.
        given: column to attribute, from the command line; each must be found (see `check_given`).
        spec: column to attribute, from the spec's `columns:`; may name columns that a file lacks.
    """

    def __init__(
        self,
        wanted: Iterable[str] | None = None,
        given: Mapping[str, str] | None = None,
        spec: Mapping[str, str] | None = None,
    ) -> None:
        self._wanted = None if wanted is None else tuple(dict.fromkeys(wanted))
        self._given = dict(given or {})
        given_names = set(self._given.values())  # what is given wins, whichever column the spec means for the attribute
        self._explicit = {key: name for key, name in (spec or {}).items() if name not in given_names} | self._given
        self._by_folded = _by_folded_name(self._wanted or ())
        self._found: set[str] = set()

    def meant(self, columns: Sequence[str]) -> frozenset[str]:
        """Return the attributes that the columns of a header would name."""
        names = (name.strip() for name in columns)
        return frozenset(found for name in names if (found := self._explicit.get(name) or self._guess(name)))

    def plan(self, columns: Sequence[str], file: str) -> ColumnPlan:
        """Return what each column of a header is called.

        Raises:
            TransactionsError: two columns name one attribute that the spec wants; both are named.
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
        """Check that every column given on the command line was in some file.

        Raises:
            TransactionsError: one did not; the nearest column is named.
        """
        for column in self._given:
            if column not in self._found:
                known = {fold(name): name for name in columns}
                close = difflib.get_close_matches(fold(column), known, n=1)
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
        """Refuse two columns for one wanted attribute; where it is not wanted, leave both as they are named."""
        for attribute, count in Counter(name for name in meant if name is not None).items():
            if count == 1:
                continue
            at = [index for index, name in enumerate(meant) if name == attribute]
            if self._wanted is None or attribute in self._wanted:
                listed = " and ".join(f"“{columns[index]}” (column {index + 1})" for index in at)
                raise TransactionsError(
                    f"{listed} all name the attribute {attribute}" if count > 2 else f"{listed} both name {attribute}",
                    where=file,
                    remedy=f'Say which one is meant: --map "#{at[0] + 1}={attribute}".',
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
    """Return names and those of further ones that are not among them, up to about as many as are named."""
    if len(some) >= _MOST_NAMED:
        return some
    return (*some, *(name for name in more if name not in some))


def _by_folded_name(wanted: Sequence[str]) -> dict[str, str]:
    """Return folded column name to wanted attribute, by the attribute's own name and by the catalogue's aliases.

    A spec that wants `billingzipcode` reads a column `zip`, unless it wants another name of the zip code as well.
    """
    meanings = Counter(canonical(name) for name in wanted)
    return _by_any_name(wanted, [name for name in wanted if meanings[canonical(name)] == 1])


def _by_any_name(names: Sequence[str], aliased: Sequence[str] | None = None) -> dict[str, str]:
    """Return folded name to attribute: each by its own name, and, where none is given, by the catalogue's aliases."""
    found = {fold(name): name for name in names}
    for name in names if aliased is None else aliased:
        if (known := canonical(name)) is not None:
            for alias in (known, *ATTRIBUTES[known].aliases):
                found.setdefault(alias, name)
    return found


def _unique(meant: Sequence[str | None], columns: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each column; one whose own name is taken is distinguished by its position (`email#3`)."""
    taken = {name for name in meant if name is not None}
    unique: list[str] = []
    for position, (name, column) in enumerate(zip(meant, columns, strict=True), start=1):
        if name is None:
            name = column if column not in taken else f"{column}#{position}"
            taken.add(name)
        unique.append(name)
    return tuple(unique)
