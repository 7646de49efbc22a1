"""Where do a row's microseconds go?"""

from __future__ import annotations

from bench.peers.model import Job
from bench.peers.ours import RoktExport
from bench.results import Section, Table, middle
from bench.rig import Measured, Rig
from bench.steps import ENGINE, Steps

_METHOD = """\
CPU microseconds per row, user and system, of each step by itself, in one process: the package's own classes on \
{rows:,} rows, {concurrency} in flight, fast partner; medians of {rounds}. The journal works in batches as large as \
the engine made them. *{engine}* sends the same rows through the engine: what the steps do not explain is the engine's \
own. *The command* is `replay` of the same file with one worker, less `replay` of {concurrency} rows, so that its \
start-up is not in it."""


def ask(rig: Rig) -> Section:
    settings = rig.settings
    section = Section(
        "profile",
        "Where a row's time goes",
        _METHOD.format(
            rows=settings.profile_rows, concurrency=settings.concurrency, rounds=settings.rounds, engine=ENGINE
        ),
    )
    job = rig.job(settings.profile_rows, "fast")
    costs: dict[str, list[float]] = {}
    commands: list[float] = []
    for turn in range(settings.rounds):
        rig.say(f"profile: round {turn + 1} of {settings.rounds}")
        for step, seconds in Steps(job).measure():
            costs.setdefault(step, []).append(1e6 * seconds / job.workload.rows)
        command = _command(rig, section, job)
        if command is not None:
            commands.append(command)
    rows = _rows({step: middle(found) for step, found in costs.items()}, middle(commands) if commands else None)
    section.tables.append(Table("CPU per row", ("Step", "us", "Share"), rows))
    return section


def _rows(costs: dict[str, float], command: float | None) -> list[tuple[str, ...]]:
    engine = costs.pop(ENGINE)
    found = [*costs.items(), ("the engine itself", engine - sum(costs.values())), (ENGINE, engine)]
    if command is not None:
        found += [
            ("around the engine: the file looked through before, counts, progress", command - engine),
            ("the command", command),
        ]
    whole = command or engine
    return [(step, f"{cost:,.1f}", f"{cost / whole:.0%}") for step, cost in found]


def _command(rig: Rig, section: Section, job: Job) -> float | None:
    """Microseconds of the command per row, without what it takes for a few."""
    peer = RoktExport(1)
    few = rig.job(rig.settings.concurrency, "fast")
    small, large = rig.measure(peer, few, section), rig.measure(peer, job, section)
    if small.problem or large.problem:
        return None
    return _slope(small, large)


def _slope(small: Measured, large: Measured) -> float:
    return 1e6 * (large.run.cpu - small.run.cpu) / (large.requests - small.requests)
