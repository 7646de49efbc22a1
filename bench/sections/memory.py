"""Does memory grow with the file?"""

from __future__ import annotations

from bench.peers.ours import RoktExport
from bench.results import Section, Table, Target, mega, target_at_most
from bench.rig import Rig
from bench.workload import Workload

_METHOD = """\
The same replay of a small and a large file, fast partner, {concurrency} in flight, journal on. The peak is that of \
the largest process; *all processes* adds up each one's peak, shared pages counted in each."""
_MOST_BYTES = 120_000_000


def ask(rig: Rig) -> Section:
    section = Section("memory", "Memory", _METHOD.format(concurrency=rig.settings.concurrency))
    columns = ("Tool", "Rows", "File", "Peak memory, a process", "All processes", "Rows/s, whole command")
    table = Table("Peaks", columns, [])
    peaks: dict[tuple[int, int], int | None] = {}
    for rows in rig.settings.memory_rows:
        job = rig.job(rows, "fast")
        size = mega(job.workload.csv.stat().st_size)
        for workers in (1, 2):
            peer = RoktExport(workers)
            measured = rig.measure(peer, job, section)
            peaks[workers, rows] = None if measured.problem else measured.run.peak
            figures = (mega(measured.run.peak), mega(measured.run.peak_together), f"{measured.rate:,.0f}")
            shown = ("not measured",) * 3 if measured.problem else figures
            table.rows.append((peer.name, f"{rows:,}", size, *shown))
    section.tables.append(table)
    section.targets += [target for workers in (1, 2) for target in _targets(rig, workers, peaks)]
    _remove(rig)
    return section


def _targets(rig: Rig, workers: int, peaks: dict[tuple[int, int], int | None]) -> list[Target]:
    few, many = rig.settings.memory_rows
    small, large = peaks[workers, few], peaks[workers, many]
    name = RoktExport(workers).name
    growth = None if not small or not large else large / small
    return [
        target_at_most(f"{name}: {many:,} rows within 10 % of {few:,}", 1.1, growth),
        target_at_most(f"{name}: under 120 MB a worker", _MOST_BYTES / 1e6, large and large / 1e6, " MB"),
    ]


def _remove(rig: Rig) -> None:
    """The large file and its journal are of no more use, and large."""
    Workload.make(rig.folder, rig.settings.memory_rows[1]).remove()
