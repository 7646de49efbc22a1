"""The formats that a run can be reported in, by name and by suffix, and the writing of one or several files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct

from rokt_export.atomic_write import write_draft
from rokt_export.errors import ConfigurationError, RoktExportError, UsageError

if TYPE_CHECKING:
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.reports.run_report import RunReport


class ReportFormat(Struct, frozen=True):
    """One format of report.

    Attributes:
        name: what `--format` calls it.
        writer: `module:function` below `rokt_export.reports`, which takes a `RunReport` and a text stream.
        letter: it has the letter to the tech contact, so its writer takes a `template` too.
        rows: it has one entry a row and nothing else, so its writer takes `deliveries` too.
        binary: its writer needs a text stream with a binary stream beneath it (`buffer`), and writes to that.
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    writer: str
    letter: bool = False
    rows: bool = False
    binary: bool = False

    def write(
        self, run_report: RunReport, stream: TextIO, template: str = "en", deliveries: Iterable[Delivery] | None = None
    ) -> None:
        """Write a run's report to a text stream, which translates no line ends.

        Args:
            run_report: the run.
            stream: where to.
            template: words of the letter, where there is one; see `ContactLetter`.
            deliveries: some of the rows, for a format of rows; None for all.

        Raises:
            UsageError: the template is missing, or fails.
            JournalError: the journal cannot be read.
            OSError: the stream cannot be written.
        """
        module, _, function = self.writer.partition(":")
        # Imported here: a run that writes CSV does without the template engine.
        write = getattr(import_module(f"rokt_export.reports.{module}"), function)
        letter, rows = (
            ({"template": template} if self.letter else {}),
            ({"deliveries": deliveries} if self.rows else {}),
        )
        write(run_report, stream, **letter, **rows)


FORMATS: Mapping[str, ReportFormat] = {
    one.name: one
    for one in (
        ReportFormat("html", (".html", ".htm"), "one page with everything, for a browser, offline", "html:write"),
        ReportFormat(
            "markdown", (".md", ".markdown"), "the letter to the tech contact, then the run", "markdown:write", True
        ),
        ReportFormat("eml", (".eml",), "the letter as an e-mail, ready to be sent", "eml:write", True),
        ReportFormat("junit", (".xml",), "JUnit XML, for CI", "junit:write"),
        ReportFormat("har", (".har",), "HTTP Archive 1.2, for a browser's developer tools", "har:write"),
        ReportFormat("csv", (".csv",), "one row per input row, for a spreadsheet", "rows:write_csv", rows=True),
        ReportFormat("ndjson", (".ndjson", ".jsonl"), "one JSON object a line", "rows:write_ndjson", rows=True),
        ReportFormat("json", (".json",), "one JSON document", "rows:write_json", rows=True),
        ReportFormat("parquet", (".parquet",), "Parquet, for a data frame", "parquet:write", rows=True, binary=True),
    )
}
"""A new format is a module with a writer, and its line here: help, suffixes and checks come from this table."""
SUFFIXES = ", ".join(one.suffixes[0] for one in FORMATS.values())
"""The usual suffix of each, for help and messages."""
STDOUT = Path("-")
"""The name of a report that goes to stdout, as for other tools."""
_PACKED = {".gz": None, ".zst": "zstandard"}
"""Suffix behind a format's own to the package that compresses, where Python has none."""
_NEEDED = {"parquet": ("pyarrow", "parquet"), "zstandard": ("zstandard", "zstd")}
"""What needs a package that may be missing, that package, and the extra that brings it."""


def format_named(name: str) -> ReportFormat:
    """Return the format of a name.

    Raises:
        UsageError: there is none.
        ConfigurationError: it needs a package that is not installed.
    """
    try:
        found = FORMATS[name.lower()]
    except KeyError as error:
        raise UsageError(f"no report has the format `{name}`", remedy=f"Choose one of {', '.join(FORMATS)}.") from error
    _check_installed(found.name)
    return found


def format_of(path: Path) -> ReportFormat:
    """Return the format that a file's suffix names, in either letter case; `.gz` or `.zst` may follow it.

    Raises:
        UsageError: none does.
        ConfigurationError: it needs a package that is not installed.
    """
    packed = _packed_as(path)
    for one in FORMATS.values():
        if path.name.lower().removesuffix(packed).endswith(one.suffixes):
            if packed and one.binary:
                raise UsageError(f"a {one.name} file is compressed already: {path}", remedy=f"Leave out {packed}.")
            _check_installed(one.name)
            if packed:
                _check_installed(_PACKED[packed])
            return one
    raise UsageError(
        f"the name of the report does not say which format it has: {path}",
        remedy=f"End it in one of {SUFFIXES}, or name the format.",
    )


def _packed_as(path: Path) -> str:
    """Return `.gz` or `.zst` where a file's name asks for compression; else nothing."""
    return next((suffix for suffix in _PACKED if path.name.lower().endswith(suffix)), "")


def _check_installed(name: str | None) -> None:
    package, extra = _NEEDED.get(name or "", (None, None))
    if package is not None and find_spec(package) is None:
        raise ConfigurationError(
            f"{name} files need the package {package}, which is not installed",
            remedy=f'Install it: pip install "rokt-export[{extra}]", or choose another format.',
        )


def part_of(path: Path, number: int) -> Path:
    """Return the name of one of several files: `rows-0002.csv.gz` for `rows.csv.gz`."""
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}-{number:04}{dot}{suffixes}")


def write_parts(
    run_report: RunReport, form: ReportFormat, path: Path, rows: int, check: Callable[[Path], None]
) -> list[Path]:
    """Write a run as several files of so many rows each, all or none; see `part_of` and `write_files`.

    Args:
        run_report: the run.
        form: a format of rows.
        path: the name that the parts' names are made of.
        rows: rows of each part but the last.
        check: is called with each path before it is written.

    Returns:
        The files.
    """
    deliveries, written = run_report.deliveries(), list[Path]()

    def parts() -> Iterator[tuple[Callable[[TextIO], object], Path]]:
        first = list(islice(deliveries, 1))
        for number in count(1):
            part = part_of(path, number)
            check(part)
            written.append(part)
            some = chain(first, islice(deliveries, rows - 1))
            yield partial(form.write, run_report, deliveries=some), part
            if not (first := list(islice(deliveries, 1))):
                return

    write_files(parts())
    return written


def write_reports(run_report: RunReport, targets: Iterable[tuple[ReportFormat, Path]]) -> None:
    """Write several reports of one run; see `write_files`."""
    write_files([(partial(form.write, run_report), path) for form, path in targets])


def write_files(targets: Iterable[tuple[Callable[[TextIO], object], Path]]) -> None:
    """Write several files, all or none: each is complete, and on the disk, before the first takes its name.

    Only a defect of ours in one report does not take the others along: they are written before it is raised.

    A file whose name ends in `.gz` or `.zst` is compressed. A file is readable by its owner alone (0600) and replaces
    one of the same name in a single step. A symbolic link is refused: otherwise its maker would choose the file that is
    overwritten. A device, a pipe and `-`, which is stdout, are written to directly.

    Args:
        targets: what writes to a text stream that translates no line ends, and where it goes. Each is written before
            the next is asked for.

    Raises:
        UsageError: a path cannot be written; nothing has been left behind.
        JournalError: the journal cannot be read.
    """
    seen: set[Path] = set()
    with ExitStack() as stack:
        finished: list[tuple[Path, Path, Path]] = []
        defects: list[Exception] = []
        for write, path in targets:
            if path.absolute() in seen:
                raise UsageError(f"two reports would be written to {path}", remedy="Give each its own file.")
            seen.add(path.absolute())
            try:
                draft, target = _drafted(write, path)
            except (RoktExportError, OSError):
                raise
            except Exception as defect:  # noqa: BLE001 - a defect of ours, raised below
                defects.append(defect)
                continue
            if draft is not None:
                stack.callback(_discard, draft)
                finished.append((draft, target, path))
        for draft, target, path in finished:
            with _explained(path):
                draft.replace(target)
        if defects:
            raise defects[0]


def _drafted(write: Callable[[TextIO], object], path: Path) -> tuple[Path | None, Path]:
    """Write one file beside its target, and return both; stdout, a device and a pipe have no draft."""
    if path == STDOUT:
        write(sys.stdout)
        return None, path
    write = partial(_write_packed, write, _packed_as(path))
    with _explained(path):
        target = _target(path)
        if target is None:
            with path.open("w", encoding="utf-8", newline="", errors="replace") as stream:
                write(stream)
            return None, path
        return write_draft(target, write), target


def _write_packed(write: Callable[[TextIO], object], packed: str, stream: TextIO) -> None:
    """Write to a text stream, compressed as a suffix says."""
    sink: Any
    match packed:
        case "":
            write(stream)
            return
        case ".gz":
            import gzip

            # Without name and time: equal content makes an equal file.
            sink = gzip.GzipFile(filename="", mode="wb", fileobj=stream.buffer, compresslevel=6, mtime=0)
        case ".zst":
            import zstandard

            sink = zstandard.ZstdCompressor().stream_writer(stream.buffer, closefd=False)
        case _:
            raise ValueError(f"no compression has the suffix {packed}")
    with io.TextIOWrapper(sink, encoding="utf-8", newline="", errors="replace") as text:
        write(text)


def _target(path: Path) -> Path | None:
    """The file to replace; None for a device or pipe, which must not be replaced."""
    if path.is_dir():
        raise UsageError(
            "the report cannot be written: this is a directory", where=str(path), remedy="Name a file in it."
        )
    if path.exists() and not path.is_file():
        return None
    if path.is_symlink():
        raise UsageError(
            "the report cannot be written: this is a symbolic link",
            where=str(path),
            remedy="Remove the link, or name the file that it points to.",
        )
    return path


def _discard(draft: Path) -> None:
    with suppress(OSError):
        draft.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an operating system's error into one that names the report's path and a remedy."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        remedy = "Choose another place; nothing was left behind."
        if isinstance(error, FileNotFoundError):
            remedy = "Create the folder first, or name another."
        elif isinstance(error, PermissionError):
            remedy = "Choose a folder that you may write to."
        reason = error.strerror or error
        raise UsageError(f"the report cannot be written: {reason}", where=str(path), remedy=remedy) from error
