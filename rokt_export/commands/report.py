"""`report`: writes a run in one of the formats of `reports/formats.py`."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_read, open_existing
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError
from rokt_export.reports.formats import FORMATS, STDOUT, ReportFormat, format_named, format_of, write_files

Forms = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="NAME", help=f"One of {', '.join(FORMATS)}. Repeatable.",
        show_default=False,
    ),
]  # fmt: skip
Out = Annotated[
    list[Path] | None,
    typer.Option(
        "--out", metavar="PATH", show_default=False,
        help="A file (its suffix selects the format), a folder, or - for stdout. Repeatable.",
    ),
]  # fmt: skip


Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]

Brief = Annotated[bool, typer.Option("--brief", help="Print a summary in Markdown, for a chat or a ticket.")]
Template = Annotated[
    str,
    typer.Option(
        "--template", metavar="en|de|DIR", help="Language of the mail (eml), or a folder with words.jinja of your own."
    ),
]


def report(
    run: flag.Run = "last",
    form: Forms = None,
    out: Out = None,
    open_it: Open = False,
    brief: Brief = False,
    only: flag.OnlyOutcomes = None,
    template: Template = "en",
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
) -> int:
    """Write reports of a run from the journal, redacted, as stored.

    Of a large run, Markdown lists 10,000 rows and HTML 100,000, unexpected outcomes first; the report says how many are
    left out. CSV, JSON, NDJSON and Parquet have every row. A name that ends in .gz or .zst is compressed.

    Examples:
        rokt-export report last --open
        rokt-export report last --brief
        rokt-export report last --only rejected,failed --out refused.md
        rokt-export report last --out acme.html --out acme.eml --template de
    """
    from rokt_export.commands.run_output import check_spared, outcomes_named, sources_of, stdout_for, warn_if_unfinished
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(quiet)
    forms = [format_named(name) for name in form or ()]
    out = _checked(out, open_it)
    with open_existing(journal_place(journal)) as opened:
        info = find_to_read(opened, run)
        run_report = RunReport.of(opened, info, only=outcomes_named(flag.joined(only) or "") if only else None)
        if brief:
            from rokt_export.reports.brief import write

            _check_brief(forms, out, only)
            write(run_report, sys.stdout)
            return ExitStatus.OK
        if not out and open_it:
            out = [Path(tempfile.mkdtemp(prefix="rokt-export-"))]
        if not out:
            if len(forms) > 1:
                raise UsageError("several reports need a folder", where="--out", remedy="Add --out FOLDER.")
            chosen_form = forms[0] if forms else format_named("markdown")
            chosen_form.write(run_report, stdout_for(chosen_form), template)
            warn_if_unfinished(run_report, [chosen_form], terminal)
            return ExitStatus.OK
        targets = _targets(forms, out, f"{info.partner}-{info.run}")
        check_spared((path for _, path in targets), [*sources_of(info), journal_place(journal)])
        write_files([(partial(one.write, run_report, template=template), path) for one, path in targets])
        warn_if_unfinished(run_report, [one for one, _ in targets], terminal)
    for path in (path for _, path in targets if path != STDOUT):
        terminal.say(f"report: {path}")
    if open_it and not _opened(targets[0][1]):
        terminal.warn(f"no browser could be started; open {targets[0][1].absolute()}")
    return ExitStatus.OK


def _checked(out: list[Path] | None, open_it: bool) -> list[Path] | None:
    """Return where the reports go; None for stdout alone."""
    if open_it and STDOUT in (out or ()):
        raise UsageError("a browser opens files only", where="--out", remedy="Name a file, or leave out --open.")
    return None if out == [STDOUT] else out


def _targets(forms: list[ReportFormat], out: list[Path], stem: str) -> list[tuple[ReportFormat, Path]]:
    """Return each report's format and file; in a folder it is called after the run."""
    from rokt_export.commands.run_output import stdout_for

    if len(out) == 1 and (out[0].is_dir() or not (out[0].suffix or out[0].exists() or forms)):
        _make_folder(out[0])
        return [(one, out[0] / f"{stem}{one.suffixes[0]}") for one in forms or [format_named("html")]]
    if len(out) == 1 and len(forms) > 1:
        remedy = "Name a folder that exists, or one file for each."
        raise UsageError("there is no such folder", where=str(out[0]), remedy=remedy)
    if forms and len(forms) != len(out):
        raise UsageError("--format and --out do not match", remedy="One --out for each --format, or one folder.")
    targets = list(zip(forms, out, strict=True)) if forms else [(format_of(path), path) for path in out]
    for form in (form for form, path in targets if path == STDOUT):
        stdout_for(form)
    return targets


def _check_brief(forms: list[ReportFormat], out: list[Path] | None, only: list[str] | None) -> None:
    if only:
        raise UsageError("--brief lists no rows", where="--only", remedy="Leave out --only, or --brief.")
    if forms or out:
        raise UsageError("--brief prints to the terminal", remedy="Leave out --format and --out, or --brief.")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made: {error.strerror}", where=str(path), remedy="Name another."
        ) from error


def _opened(path: Path) -> bool:
    try:
        return webbrowser.open(path.absolute().as_uri())
    except webbrowser.Error:
        return False
