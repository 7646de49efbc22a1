"""Where a run's transactions come from, as the command line says: files or invented people, with attributes changed."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rokt_export.commands.spec_setup import check_attributes, parse_set
from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.transactions.source_options import SourceOptions


@dataclass(frozen=True, slots=True)
class RowFlags:
    """What the command line says about rows.

    Attributes:
        files: as given; none for invented people.
        changes: `--set`, unparsed.
        columns: `--map`, unparsed.
        test_data: the rows of the files are invented people.
        encoding, delimiter: given, not detected.
        skip_lines: lines before the header of delimited files and sheets.
        header: names of the columns, divided by commas, of files without a header.
        sheet: the sheet of a workbook.
        refuse_damage: rows whose damage would be sent are not sent.
        seed: makes invented people the same again.
    """

    files: tuple[str, ...] = ()
    count: int = 1
    changes: list[str] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    test_data: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    seed: int | None = None
    skip_lines: int = 0
    refuse_damage: bool = False
    header: str | None = None
    sheet: str | None = None


def rows_of(spec: PartnerSpec, flags: RowFlags) -> FileRows | GeneratedRows:
    """Return the rows of a run.

    Raises:
        UsageError: an attribute or a mapping on the command line makes no sense.
        TransactionsError: a file is missing, unreadable or named twice.
    """
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.partner_spec.references import attribute_names
    from rokt_export.transactions.files import expand

    overrides = parse_set(flags.changes)
    check_attributes(spec, [*overrides], "--set")
    check_attributes(spec, flags.unset, "--unset")
    if flags.files:
        # Here, so that a slip of the pen leaves no run behind, and no pattern is taken for a pipe.
        return FileRows(expand(flags.files), source_options(spec, flags, overrides), overrides, frozenset(flags.unset))
    if flags.count < 1:
        raise UsageError("there is nothing to send", where="--count", remedy="Give a number of people, 1 or more.")
    return GeneratedRows(
        flags.count,
        attribute_names(spec),
        secrets.randbits(48) if flags.seed is None else flags.seed,
        {**_examples(spec), **overrides},
        frozenset(flags.unset),
    )


def _examples(spec: PartnerSpec) -> dict[str, str]:
    """The spec's own examples of attributes that only it knows."""
    return {name: attribute.example for name, attribute in spec.attributes.items() if attribute.example is not None}


def source_options(spec: PartnerSpec, flags: RowFlags, overrides: Collection[str]) -> SourceOptions:
    """Return what is said about the files, by the command line and by the spec's `columns:`."""
    from rokt_export.partner_spec.references import attribute_names, sent_attributes
    from rokt_export.transactions.columns import parse_map
    from rokt_export.transactions.source_options import SourceOptions

    columns = parse_map(flags.columns)
    check_attributes(spec, [*columns.values()], "--map")
    sent = sent_attributes(spec)
    left = sent.difference(overrides, flags.unset)
    return SourceOptions(
        wanted=attribute_names(spec),
        columns=columns,
        spec_columns=spec.columns,
        encoding=flags.encoding,
        delimiter=_delimiter(flags.delimiter),
        invented=flags.test_data,
        skip_lines=flags.skip_lines,
        header=_header(flags.header),
        sheet=flags.sheet,
        sent=sent if left else None,
        refuse_damage_in=left if flags.refuse_damage else frozenset(),
    )


def _header(given: str | None) -> tuple[str, ...] | None:
    """Return the names of columns that `--header` gives.

    Raises:
        UsageError: a name is empty, or given twice.
    """
    if given is None:
        return None
    names = tuple(name.strip() for name in next(csv.reader([given]), [""]))
    if not names or not all(names) or len(set(names)) < len(names):
        raise UsageError(
            f"`{given}` does not name each column once",
            where="--header",
            remedy="Give as many different names as the rows have cells, divided by commas.",
        )
    return names


def _delimiter(given: str | None) -> str | None:
    """Return the delimiter that is meant: a tab is hard to type.

    Raises:
        UsageError: it is empty, or holds a quote or a line end.
    """
    if given is None:
        return None
    delimiter = {"\\t": "\t", "tab": "\t"}.get(given.lower(), given)
    if not delimiter or any(character in '\r\n"\0' for character in delimiter):
        raise UsageError(f"`{given}` is no delimiter", where="--delimiter", remedy="Give one as ';' or '||', or tab.")
    return delimiter
