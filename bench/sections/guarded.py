"""What do the promises of a guarded environment cost?"""

from __future__ import annotations

from bench.peers.ours import RoktExport
from bench.results import Section, Table, mega, middle, target_at_least, target_at_most
from bench.rig import Measured, Rig

_METHOD = """\
{rows:,} rows, fast partner, {concurrency} in flight: to staging; to production, which keeps a ledger and waits for \
the disk; and to production once more, where all rows are known and none is sent. Runs take turns; medians of \
{rounds}. *First send* is from the command's start to the first request's arrival. *Rows/s* is while sending; of known \
rows, rows by the time of the whole command, less that of a command with {concurrency} of them."""
_STAGING, _NEW, _KNOWN = RoktExport(), RoktExport(guarded=True), RoktExport(guarded=True, again=True)
_MOST_BYTES = 120_000_000


def ask(rig: Rig) -> Section:
    settings = rig.settings
    rows, rounds = settings.guarded_rows, 1 if settings.guarded_rows > 1_000_000 else settings.rounds
    method = _METHOD.format(rows=rows, concurrency=settings.concurrency, rounds=rounds)
    section = Section("guarded", "Guarded sends", method)
    job, few = rig.job(rows, "fast"), rig.job(settings.concurrency, "fast")
    runs: dict[str, list[Measured]] = {peer.name: [] for peer in (_STAGING, _NEW, _KNOWN)}
    starts: list[float] = []
    for _ in range(rounds):
        for peer in (_STAGING, _NEW, _KNOWN):
            measured = rig.measure(peer, job, section)
            if measured.problem is None:
                runs[peer.name].append(measured)
        start = rig.measure(_KNOWN, few, section)  # the first rows of the same people
        if start.problem is None:
            starts.append(start.run.wall)
    job.workload.remove()
    speeds = {name: middle([run.sending_rate for run in found]) for name, found in runs.items() if found}
    if (known := runs[_KNOWN.name]) and starts:
        speeds[_KNOWN.name] = middle([rows / max(run.run.wall - middle(starts), 1e-3) for run in known])
    columns = ("Run", "Rows/s", "First send, s", "CPU s per 1,000 rows", "Peak memory")
    table = Table("Speed and cost", columns, [_row(name, found, speeds, rows) for name, found in runs.items()])
    section.tables.append(table)
    new, staging = speeds.get(_NEW.name), speeds.get(_STAGING.name)
    section.targets += [
        target_at_least("guarded, new rows: at least 0.6 x staging", 0.6, new / staging if new and staging else None),
        target_at_least("known rows: at least 100,000/s", 100_000, speeds.get(_KNOWN.name), "/s"),
        target_at_most(
            "guarded: first send within 2 s", 2.0, max((run.first for run in runs[_NEW.name]), default=None), " s"
        ),
        target_at_most(
            f"guarded: {rows:,} rows under 120 MB",
            _MOST_BYTES / 1e6,
            max((run.run.peak / 1e6 for run in runs[_NEW.name]), default=None),
            " MB",
        ),
    ]
    return section


def _row(name: str, found: list[Measured], speeds: dict[str, float], rows: int) -> tuple[str, ...]:
    if not found or name not in speeds:
        return (name, *("not measured",) * 4)
    first = middle([run.first for run in found])
    return (
        name,
        f"{speeds[name]:,.0f}",
        f"{first:.2f}" if first else "none",
        f"{middle([1000 * run.run.cpu / rows for run in found]):,.3f}",
        mega(max(run.run.peak for run in found)),
    )
