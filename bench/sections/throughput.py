"""How many rows a second, at what cost, beside the peers?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.peers.model import Job, Peer
from bench.peers.ours import RoktExport
from bench.results import Section, Table, Target, mega, middle, target_at_least
from bench.rig import Measured, Rig

_METHOD = """\
Fast partner, {concurrency} in flight, connections kept, {rows:,} rows of ten columns, a JSON body of eight \
parameters, three rules with a condition on the body, journal on. Tools take turns; medians of {rounds}. newman \
and bruno send {few:,} rows. *Whole command* is from its start to its end, start-up and everything before the first \
send included; *while sending* is from the first request's arrival at the partner to the last one's. A tool and the \
partner share the machine."""
_FILES = ("nginx/nginx.conf", "benchmark.yaml", "replay.js")


@dataclass(frozen=True)
class _Figures:
    """One tool's medians."""

    peer: Peer
    rows: int
    runs: list[Measured]

    def middle(self, read: Callable[[Measured], float]) -> float:
        return middle([read(run) for run in self.runs])

    @property
    def rate(self) -> float:
        return self.middle(lambda run: run.rate)

    @property
    def sending_rate(self) -> float:
        return self.middle(lambda run: run.sending_rate)


def ask(rig: Rig) -> Section:
    settings = rig.settings
    method = _METHOD.format(
        concurrency=settings.concurrency, rows=settings.rows, rounds=settings.rounds, few=settings.few_rows
    )
    section = Section("throughput", "Rows a second", method)
    peers: list[Peer] = [RoktExport(1), RoktExport(2), *rig.peers(section, "k6", "hey", "wrk", "newman", "bruno")]
    jobs = {peer.name: _job(rig, peer) for peer in peers}
    runs: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    for turn in range(settings.rounds):
        shift = turn % len(peers)
        for peer in peers[shift:] + peers[:shift]:
            measured = rig.measure(peer, jobs[peer.name], section)
            if measured.problem is None:
                runs[peer.name].append(measured)
    figures = {peer.name: _Figures(peer, jobs[peer.name].workload.rows, runs[peer.name]) for peer in peers}
    section.tables += [_speeds(list(figures.values())), _ratios(figures)]
    section.targets += _targets(figures)
    section.remarks += _whole_commands(figures)
    section.files = {name: rig.text(name) for name in _FILES if (rig.folder / name).exists()}
    return section


def _job(rig: Rig, peer: Peer) -> Job:
    slow = peer.name in {"newman", "bruno"}
    job = rig.job(rig.settings.few_rows if slow else rig.settings.rows, "fast")
    return replace(job, seconds=2 if rig.settings.rows < 50_000 else 5)


def _speeds(figures: list[_Figures]) -> Table:
    columns = (
        "Tool", "What it does", "Rows", "Rows/s, whole command", "Lowest to highest", "Rows/s while sending",
        "CPU s per 1,000", "Peak memory, a process", "All processes", "Connections",
    )  # fmt: skip
    return Table("Speed and cost", columns, [_speed(found) for found in figures], texts=2)


def _speed(found: _Figures) -> tuple[str, ...]:
    if not found.runs:
        return (found.peer.name, found.peer.does, f"{found.rows:,}", *("not measured",) * 7)
    rates = [run.rate for run in found.runs]
    return (
        found.peer.name,
        found.peer.does,
        "for a time" if found.peer.name == "wrk" else f"{found.rows:,}",
        f"{found.rate:,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f}",
        f"{found.sending_rate:,.0f}",
        f"{found.middle(lambda run: run.cpu_per_thousand):,.3f}",
        mega(max(run.run.peak for run in found.runs)),
        mega(max(run.run.peak_together for run in found.runs)),
        f"{found.middle(lambda run: run.connections):,.0f}",
    )


def _ratios(figures: dict[str, _Figures]) -> Table:
    ours = [found for found in figures.values() if isinstance(found.peer, RoktExport)]
    peers = [found for found in figures.values() if not isinstance(found.peer, RoktExport)]
    rows = [(found.peer.name, *(_against(found, peer) for peer in peers)) for found in ours]
    columns = ("Whole command (while sending)", *(f"to {peer.peer.name}" for peer in peers))
    return Table("Times as many rows a second", columns, rows)


def _against(ours: _Figures, peer: _Figures) -> str:
    if not ours.runs or not peer.runs:
        return "not measured"
    return f"{ours.rate / peer.rate:,.2f} ({ours.sending_rate / peer.sending_rate:,.2f})"


def _targets(figures: dict[str, _Figures]) -> list[Target]:
    """What is promised is the speed while sending; how soon a command answers is asked in a section of its own."""
    one, two = RoktExport(1).name, RoktExport(2).name
    wanted = (
        ("1 worker: at least 1.5 x k6", 1.5, one, "k6"),
        ("2 workers: at least 3 x k6", 3.0, two, "k6"),
        ("2 workers: no slower than hey", 1.0, two, "hey"),
        ("2 workers: at least 200 x newman", 200.0, two, "newman"),
    )
    return [
        target_at_least(promise, least, _ratio(figures.get(ours), figures.get(peer), lambda found: found.sending_rate))
        for promise, least, ours, peer in wanted
    ]


def _whole_commands(figures: dict[str, _Figures]) -> list[str]:
    """What the promise leaves out: hey has nothing to load, look through or write down before its end."""
    ours, hey = figures.get(RoktExport(2).name), figures.get("hey")
    ratio = _ratio(ours, hey, lambda found: found.rate)
    if ours is None or ratio is None:
        return []
    around = ours.rows / ours.rate - ours.rows / ours.sending_rate
    return [
        f"Promised is the speed while sending. As a whole command with these {ours.rows:,} rows, 2 workers are at "
        f"{ratio:,.2f} x hey: {around:.2f} s of each run are before the first send and after the last answer."
    ]


def _ratio(ours: _Figures | None, peer: _Figures | None, read: Callable[[_Figures], float]) -> float | None:
    if ours is None or peer is None or not ours.runs or not peer.runs:
        return None
    return read(ours) / read(peer)
