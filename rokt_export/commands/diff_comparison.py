"""Compares two runs of the journal, with what their specs and files say of them; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rokt_export.commands.named_run import find_to_read, open_existing

if TYPE_CHECKING:
    from rokt_export.delivery.plan import FileRows
    from rokt_export.diff import DiffResult
    from rokt_export.journal import Journal, RunInfo
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.partner_spec.model import DiffSettings, PartnerSpec
    from rokt_export.reports.run_report import RunReport


def compare_recorded(
    place: str, runs: tuple[str, str], spec: Path | None, control: str | None, by_spec: Path | None
) -> DiffResult:
    """Compare what two runs recorded.

    Args:
        place: of the journal.
        runs: the two, as a person names them.
        spec: whose `diff:` holds, before the one that the second run went with.
        control: a run that was sent other rows, to see what varies by itself.
        by_spec: reads the recorded responses of both again.
    """
    from rokt_export.commands.reclassify import spec_for
    from rokt_export.commands.run_output import place_flag
    from rokt_export.diff.reclassify import RowReclassifier
    from rokt_export.diff.run_pairs import compare_runs, varying_by_itself
    from rokt_export.reports.run_report import RunReport

    with open_existing(place) as journal:
        a, b = find_to_read(journal, runs[0]), find_to_read(journal, runs[1])
        settings = _settings(journal, b, spec)
        loaded = [spec_for(run, by_spec) for run in (a, b)] if by_spec is not None else []
        before = [RunReport.of(journal, run).spec for run in (a, b)] if loaded else []
        known = [rule for each in before if each is not None for rule in each.responses]
        rereader = RowReclassifier(loaded[0].spec.responses, known) if loaded else None
        result = compare_runs(
            journal, a, b, settings, rereader=rereader, people=_people(journal, (a, b), spec or by_spec)
        )
        result = replace(
            result,
            partner=b.partner,
            spec=str(spec or b.spec_file),
            events=b.events,
            between=(a.environment, b.environment),
            journal_flag=place_flag(place),
            send_flags=_send_flags((a, b)),
            guarded=_is_guarded(journal, (a, b), spec or by_spec),
            invalid=_invalid(RunReport.of(journal, a)),
        )
        if control is None:
            return result
        return result.without(varying_by_itself(journal, a, find_to_read(journal, control), settings))


def _settings(journal: Journal, run: RunInfo, spec: Path | None) -> DiffSettings | None:
    """The `diff:` of the spec that is named, else of the one that the second run went with."""
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.reports.run_report import RunReport

    if spec is not None:
        return load_spec(spec).spec.diff
    kept = RunReport.of(journal, run).spec
    return kept.diff if kept is not None else None


def _send_flags(runs: Sequence[RunInfo]) -> tuple[str, ...] | None:
    """Return what a command that sends the same to the runs' environments needs.

    How rows are read, sandboxes, variables and plug-ins. None where one of two runs went to a sandbox.
    """
    from rokt_export.commands.replay_flags import row_words
    from rokt_export.commands.run_output import NextCommands, sandbox_words

    options = [run.options for run in runs]
    flags = [*row_words(runs[-1]), *sandbox_words(*options)]
    if flags.count("--sandbox-url") == 1 or len({run.sandbox for run in runs}) > 1:
        return None
    last = runs[-1]
    flags += NextCommands(last.spec_file, (), last.options, last.environment, "", None).endpoint_words()
    return tuple(flags)


def _invalid(run_report: RunReport) -> tuple[tuple[str, int], ...]:
    """Return why rows of a run could not be sent, and how many, the most frequent reason first."""
    from rokt_export.exchange.model import OutcomeKind

    groups = [one for one in run_report.reasons.groups if one.outcome is OutcomeKind.INVALID]
    return tuple((one.reason or "no reason is kept", one.rows) for one in groups)


def _is_guarded(journal: Journal, runs: Sequence[RunInfo], path: Path | None) -> bool:
    """Return whether one of the runs went to an environment that its spec guards, and not to a sandbox."""
    from rokt_export.reports.run_report import RunReport

    if runs[-1].sandbox:
        return False
    specs = [(RunReport.of(journal, run, _readable_spec(path or Path(run.spec_file))).spec, run) for run in runs]
    return any(
        spec is not None and run.environment in spec.endpoint and spec.guards(run.environment) for spec, run in specs
    )


def _people(journal: Journal, runs: Sequence[RunInfo], path: Path | None) -> set[str] | None:
    """Return the personal values of all rows that runs read from files, None where they cannot be read again.

    Args:
        path: the spec file; of a run that went with its very text it is read before the recorded text, which is masked.
    """
    from rokt_export.commands.input_options import RowFlags, rows_of
    from rokt_export.commands.replay_flags import stamps_of
    from rokt_export.delivery.plan import FileRows
    from rokt_export.errors import RoktExportError
    from rokt_export.reports.run_report import RunReport

    found: dict[str, set[str]] = {}
    for run in runs:
        flags, stamps = run.options.get("flags", {}), run.options.get("stamps", [])
        paths = tuple(path for path, _, _ in stamps)
        spec, key = RunReport.of(journal, run, _readable_spec(path or Path(run.spec_file))).spec, repr((flags, stamps))
        if not run.events or flags.get("test_data") or key in found:
            continue
        if spec is None or not stamps or any(size is None for _, size, _ in stamps):
            return None
        try:
            if stamps_of(paths) != stamps:
                return None
            read = RowFlags.among({name: value for name, value in flags.items() if name != "set_values"})
            rows = rows_of(spec, read, paths)
            assert isinstance(rows, FileRows)
            found[key] = _personal_values(spec, rows)
        except RoktExportError:
            return None
    return set().union(*found.values())


def _personal_values(spec: PartnerSpec, rows: FileRows) -> set[str]:
    from rokt_export.delivery.input_feed import with_changes
    from rokt_export.delivery.redaction_clues import texts_in
    from rokt_export.delivery.redaction_setup import holds_personal_data
    from rokt_export.transactions.claims import ALL
    from rokt_export.transactions.sources import open_transactions

    personal: dict[str, bool] = {}
    found: set[str] = set()
    for each in with_changes(rows, open_transactions(rows.paths, options=rows.options).part(ALL)):
        for name, value in each.values.items():
            if name not in personal:
                personal[name] = holds_personal_data(name, spec)
            if personal[name]:
                found.update(texts_in(value))
    return found


def _readable_spec(path: Path) -> LoadedSpec | None:
    from rokt_export.errors import RoktExportError
    from rokt_export.partner_spec.loading import load_spec

    try:
        return load_spec(path)
    except RoktExportError:
        return None
