"""The formats that a run can be reported in, by name and by suffix, and the writing of one or several files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rokt_export.atomic_write import write_draft
from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.reports.run_report import Story


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """One format of report.

    Attributes:
        name: what `--format` calls it.
        writer: `module:function` below `rokt_export.reports`, which takes a story and a text stream.
        letter: it has the letter to the tech contact, so its writer takes a `template` too.
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    writer: str
    letter: bool = False

    def write(self, story: Story, stream: TextIO, template: str = "en") -> None:
        """Write a story to a text stream, which translates no line ends.

        Args:
            story: the run.
            stream: where to.
            template: words of the letter, where there is one; see `ContactLetter`.

        Raises:
            UsageError: the template is missing, or fails.
            JournalError: the journal cannot be read.
            OSError: the stream cannot be written.
        """
        module, _, function = self.writer.partition(":")
        # Imported here: a run that writes CSV does without the template engine.
        write = getattr(import_module(f"rokt_export.reports.{module}"), function)
        write(story, stream, **({"template": template} if self.letter else {}))


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
        ReportFormat("csv", (".csv",), "one row per input row, for a spreadsheet", "rows:write_csv"),
        ReportFormat("ndjson", (".ndjson", ".jsonl"), "one JSON object a line", "rows:write_ndjson"),
        ReportFormat("json", (".json",), "one JSON document", "rows:write_json"),
    )
}
"""A new format is a module with a writer, and its line here: help, suffixes and checks come from this table."""
SUFFIXES = ", ".join(one.suffixes[0] for one in FORMATS.values())
"""The usual suffix of each, for help and messages."""


def format_named(name: str) -> ReportFormat:
    """Return the format of a name.

    Raises:
        UsageError: there is none.
    """
    try:
        return FORMATS[name.lower()]
    except KeyError as error:
        raise UsageError(f"no report has the format `{name}`", remedy=f"Choose one of {', '.join(FORMATS)}.") from error


def format_of(path: Path) -> ReportFormat:
    """Return the format that a file's suffix names, in either letter case.

    Raises:
        UsageError: none does.
    """
    for one in FORMATS.values():
        if path.name.lower().endswith(one.suffixes):
            return one
    raise UsageError(
        f"the name of the report does not say which format it has: {path}",
        remedy=f"End it in one of {SUFFIXES}, or name the format.",
    )


def write_reports(story: Story, targets: Iterable[tuple[ReportFormat, Path]]) -> None:
    """Write several reports of one story, all or none; see `write_files`."""
    write_files([(partial(form.write, story), path) for form, path in targets])


def write_files(targets: Sequence[tuple[Callable[[TextIO], object], Path]]) -> None:
    """Write several files, all or none: each is complete, and on the disk, before the first takes its name.

    A file is readable by its owner alone (0600) and replaces one of the same name in a single step. A symbolic link is
    refused: otherwise its maker would choose the file that is overwritten. A device or pipe is written to directly.

    Args:
        targets: what writes to a text stream that translates no line ends, and where it goes.

    Raises:
        UsageError: a path cannot be written; nothing has been left behind.
        JournalError: the journal cannot be read.
    """
    _check_distinct([path for _, path in targets])
    with ExitStack() as stack:
        finished: list[tuple[Path, Path, Path]] = []
        for write, path in targets:
            with _explained(path):
                target = _target(path)
                if target is None:
                    with path.open("w", encoding="utf-8", newline="", errors="replace") as stream:
                        write(stream)
                    continue
                draft = write_draft(target, write)
                stack.callback(_discard, draft)
                finished.append((draft, target, path))
        for draft, target, path in finished:
            with _explained(path):
                draft.replace(target)


def _check_distinct(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.absolute() in seen:
            raise UsageError(f"two reports would be written to {path}", remedy="Give each its own file.")
        seen.add(path.absolute())


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
