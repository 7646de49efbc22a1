"""What is kept with a run for a resume: its flags, repeated unless given anew, and its files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from rokt_export.commands.input_options import RowFlags
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Keep, KeptRecordings

if TYPE_CHECKING:
    from rokt_export.journal import RunInfo
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.transactions.file_digests import FileDigests


@dataclass(frozen=True, slots=True)
class ReplayFlags(RowFlags):
    """The flags of `replay` that a resume repeats unless given otherwise, as the command line has them."""

    expect: str = "delivered"
    rate: str | None = None
    concurrency: int | None = None
    workers: str = "1"
    cluster: str | None = None
    override_limits: bool = False
    stop_after: int | None = None
    stop_in_a_row: int | None = None
    stop_unclassified: bool | None = None
    no_first_row_check: bool = False
    patience: str = "60s"
    record: KeptRecordings = KeptRecordings.SOME
    keep: Keep = Keep.ALL
    again: bool = False
    sandbox: bool = False
    sandbox_url: str | None = None

    def read_otherwise(self, run: RunInfo) -> list[str]:
        """Return the flags, as a user types them, by which these read or change rows otherwise than a run did."""
        before = {**asdict(_UNTOLD), **run.options.get("flags", {})}
        known = sorted(_OF_ROWS - {"set_values"})  # of these the journal has but the names
        return [_OF_ROWS_AS_TOLD[name] for name in known if getattr(self, name) != before[name]]

    def changes_of(self, run: RunInfo) -> str:
        """Return the flags of an earlier run that read or change these rows too, without the values of `--set`."""
        before = run.options.get("flags", {})
        flags = []
        for name, flag in _OF_ROWS_AS_TOLD.items():
            if (value := before.get(name)) and value == getattr(self, name):
                names = [item.partition("=")[0].strip() for item in value] if isinstance(value, list) else []
                flags += [f"{flag} {each}" for each in names] or [flag]
        return ", ".join(flags)

    def kept(self, spec: PartnerSpec) -> dict[str, Any]:
        """Return what is kept with the run: all flags that differ from their defaults.

        Of what was set of a real person only the attributes' names are: the journal contains no personal data.
        """
        from rokt_export.delivery.redaction_setup import holds_personal_data

        kept = {name: value for name, value in asdict(self).items() if value != getattr(_UNTOLD, name)}
        if self.set_values and not self.test_data:
            names = [item.partition("=")[0].strip() for item in self.set_values]
            kept["set_values"] = [
                name if holds_personal_data(name, spec) else item
                for name, item in zip(names, self.set_values, strict=True)
            ]
        return kept


class GivenFlags(Struct, frozen=True):
    """Flags, and which of them were set explicitly, even if equal to the default."""

    flags: ReplayFlags
    names: frozenset[str]

    @classmethod
    def among(cls, given: Mapping[str, Any], is_given: Callable[[str], bool]) -> GivenFlags:
        """Return them out of all arguments of the command."""
        names = [field.name for field in fields(ReplayFlags)]
        return cls(ReplayFlags.among(given), frozenset(filter(is_given, names)))

    def over(self, run: RunInfo) -> ReplayFlags:
        """Return the flags of a run, with what is given anew in their place.

        Raises:
            UsageError: it was given what the journal does not keep.
        """
        return self._over(run, {field.name for field in fields(self.flags)})

    def with_rows_of(self, run: RunInfo) -> ReplayFlags:
        """Return these, with, where nothing else is given, those of a run that say how its rows are read and changed.

        Raises:
            UsageError: it was given what the journal does not keep.
        """
        return self._over(run, _OF_ROWS)

    def _over(self, run: RunInfo, known: Collection[str]) -> ReplayFlags:
        before = {
            name: value
            for name, value in run.options.get("flags", {}).items()
            if name in known and name not in self.names
        }
        if left_out := [item for item in before.get("set_values", ()) if "=" not in item]:
            raise UsageError(
                f"run {run.run} was given {', '.join(f'--set {name}=…' for name in left_out)}, "
                "and the journal keeps no personal data",
                where="--set",
                remedy=f"Set all of it again, with `rokt-export replay {shlex.quote(run.spec_file)} … --set …`.",
            )
        if "workers" in before:
            before["workers"] = str(before["workers"])  # earlier versions kept a number
        if "record" in before:
            before["record"] = KeptRecordings(before["record"])
        if "keep" in before:
            before["keep"] = Keep(before["keep"])
        for group in _EXCLUSIVE:
            if group & self.names:
                before = {name: value for name, value in before.items() if name not in group}
        return replace(self.flags, **before)


def options_of(
    spec: PartnerSpec,
    rows: RowFlags,
    files: Sequence[str],
    *,
    sandbox: bool,
    sandbox_url: str | None,
    env_file: Path | None,
) -> dict[str, Any]:
    """Return what is kept with a run that is no replay, so that a command after it reads, changes and sends alike."""
    flags = ReplayFlags(**asdict(rows), sandbox=sandbox, sandbox_url=sandbox_url)
    kept = {"flags": flags.kept(spec), "stamps": stamps_of(tuple(files)) if files else []}
    return kept if env_file is None else {**kept, "env_file": str(env_file.absolute())}


def row_words(run: RunInfo) -> list[str]:
    """Return the flags by which a run read and changed its rows, as words of a command line.

    A value that was set, and is not kept as it is personal, is left to be filled in.
    """
    words: list[str] = []
    for name, value in run.options.get("flags", {}).items():
        if (flag := _OF_ROWS_AS_TOLD.get(name)) is None or not value:
            continue
        if value is True:
            words.append(flag)
            continue
        for each in value if isinstance(value, list) else [value]:
            words += [flag, f"{each}=…" if name == "set_values" and "=" not in each else str(each)]
    return words


def stamps_of(files: tuple[str, ...]) -> list[list[Any]]:
    """Return what each input looks like, in order: its path, bytes, and nanoseconds of its last change.

    Of a stream there is its name alone.
    """
    from rokt_export.transactions.files import FileStamp, absolute, expand

    stamps = [FileStamp.of(path) or path for path in expand(files)]
    return [
        [stamp, None, None] if isinstance(stamp, str) else [absolute(stamp.path), stamp.size, stamp.mtime_ns]
        for stamp in stamps
    ]


def are_alike(some: Sequence[Sequence[Any]], others: Sequence[Sequence[Any]]) -> bool:
    """Return whether two lists of stamps name the same inputs in the same order; a stream may have another name."""
    known, other = ([None if size is None else (path, size) for path, size, _ in each] for each in (some, others))
    return known == other


def file_digests() -> FileDigests | None:
    """Return what takes digests with the key of new journals; None where there is no key and none can be written."""
    from rokt_export.errors import JournalError
    from rokt_export.journal import keys
    from rokt_export.transactions.file_digests import FileDigests

    with suppress(JournalError):
        return FileDigests(keys.first())
    return None


def digests_of(stamps: Sequence[Sequence[Any]], digests: FileDigests | None) -> dict[str, str]:
    """Return the digest of each file's content, by path; of none that is large, and of none without a key."""
    if digests is None:
        return {}
    with suppress(OSError):
        taken = {path: digests.of(path, size) for path, size, _ in stamps if size is not None}
        return {path: digest for path, digest in taken.items() if digest is not None}
    return {}


_UNTOLD = ReplayFlags()
_EXCLUSIVE = (frozenset({"sandbox", "sandbox_url"}), frozenset({"workers", "cluster"}))
"""Flags of which one excludes the other: one that is given anew replaces the other of the earlier run."""
_OF_ROWS_AS_TOLD = {
    "columns": "--map",
    "set_values": "--set",
    "unset": "--unset",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "skip_lines": "--skip-lines",
    "header": "--header",
    "sheet": "--sheet",
    "test_data": "--test-data",
}
_OF_ROWS = frozenset(_OF_ROWS_AS_TOLD)
