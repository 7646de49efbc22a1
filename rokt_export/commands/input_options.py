"""Where a run's transactions come from, as the command line says: files or invented people, with attributes changed."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from rokt_export.commands.spec_setup import check_attributes, parse_set
from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.transactions.source_options import SourceOptions


@dataclass(frozen=True, slots=True)
class RowFlags:
    """The flags that say how rows are read and changed, as the command line has them and by the names of its arguments.

    Attributes:
        columns: `--map`, unparsed.
        set_values: `--set`, unparsed.
        encoding, delimiter: given, not detected.
        skip_lines: lines before the header of delimited files and sheets.
        header: names of the columns, divided by commas, of files without a header.
        sheet: the sheet of a workbook.
        send_damaged: rows are sent to a guarded environment in spite of damage in what would be sent.
        test_data: the rows of the files are invented people.
    """

    columns: list[str] | None = None
    set_values: list[str] | None = None
    unset: list[str] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    skip_lines: int = 0
    header: str | None = None
    sheet: str | None = None
    send_damaged: bool = False
    test_data: bool = False

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> Self:
        """Return the flags out of a command's arguments by name; one that the command does not have is the default."""
        return cls(**{field.name: arguments[field.name] for field in fields(cls) if field.name in arguments})


def rows_of(
    spec: PartnerSpec,
    flags: RowFlags,
    files: Collection[str],
    *,
    count: int = 1,
    seed: int | None = None,
    guarded: bool = False,
) -> FileRows | GeneratedRows:
    """Return the rows of a run: of the files or, without files, invented people.

    Args:
        files: paths and globs as given.
        count: how many people are invented.
        seed: makes the same people again.
        guarded: rows with damage and rows of generated people are not sent, unless the flags allow it.

    Raises:
        UsageError: an attribute or a mapping on the command line makes no sense.
        TransactionsError: a file is missing, unreadable or named twice.
    """
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.partner_spec.references import attribute_names
    from rokt_export.transactions.files import expand

    overrides = parse_set(flags.set_values or [])
    unset = frozenset(flags.unset or ())
    check_attributes(spec, [*overrides], "--set")
    check_attributes(spec, flags.unset or [], "--unset")
    if files:
        # Here, so that a slip of the pen leaves no run behind, and no pattern is taken for a pipe.
        options = replace(
            source_options(spec, flags, overrides, refuse_damage=guarded and not flags.send_damaged),
            refuse_invented=guarded and not flags.test_data,
        )
        return FileRows(expand(tuple(files)), options, overrides, unset)
    if count < 1:
        raise UsageError("there is nothing to send", where="--count", remedy="Give a number of people, 1 or more.")
    return GeneratedRows(
        count,
        attribute_names(spec),
        secrets.randbits(48) if seed is None else seed,
        overrides,
        unset,
    )


def source_options(
    spec: PartnerSpec, flags: RowFlags, overrides: Collection[str], *, refuse_damage: bool
) -> SourceOptions:
    """Return what is said about the files, by the command line and by the spec's `columns:`."""
    from rokt_export.partner_spec.references import attribute_names, required_attributes, sent_attributes
    from rokt_export.transactions.columns import parse_map
    from rokt_export.transactions.source_options import SourceOptions

    columns = parse_map(flags.columns or [])
    check_attributes(spec, [*columns.values()], "--map")
    sent = sent_attributes(spec)
    left = sent.difference(overrides, flags.unset or ())
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
        required=tuple(name for name in required_attributes(spec) if name in left),
        refuse_damage_in=left if refuse_damage else frozenset(),
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
        raise UsageError(f"`{given}` is not a delimiter", where="--delimiter", remedy="Give it as ';', '||' or tab.")
    return delimiter
