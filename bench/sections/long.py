"""How many rows a second in a long run, in which a start-up no longer counts?"""

from __future__ import annotations

from bench.peers.model import Peer
from bench.peers.ours import RoktExport
from bench.results import Section, Table, middle
from bench.rig import Measured, Rig

_METHOD = """\
As in the first table, but {rows:,} rows: what a command takes to start and to end is a small part of it. Tools take \
turns; medians of {rounds}. *Whole command* and *while sending* mean the same as there."""


def ask(rig: Rig) -> Section:
    settings = rig.settings
    section = Section("long", "A long run", _METHOD.format(rows=settings.long_rows, rounds=settings.rounds))
    job = rig.job(settings.long_rows, "fast")
    peers: list[Peer] = [RoktExport(1), RoktExport(2), *rig.peers(section, "hey")]
    runs: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    for turn in range(settings.rounds):
        shift = turn % len(peers)
        for peer in peers[shift:] + peers[:shift]:
            measured = rig.measure(peer, job, section)
            if measured.problem is None:
                runs[peer.name].append(measured)
    columns = ("Tool", "Rows/s, whole command", "Lowest to highest", "Rows/s while sending", "CPU s per 1,000")
    section.tables.append(Table("Speed and cost", columns, [_row(peer.name, runs[peer.name]) for peer in peers]))
    section.remarks += _beside_hey(runs)
    job.workload.remove()
    return section


def _beside_hey(runs: dict[str, list[Measured]]) -> list[str]:
    """Told, and not promised: the two differ by less than one run does from the next."""
    ours, hey = runs[RoktExport(2).name], runs.get("hey")
    if not ours or not hey:
        return []
    whole = _rate(ours) / _rate(hey)
    sending = middle([run.sending_rate for run in ours]) / middle([run.sending_rate for run in hey])
    return [f"2 workers have {whole:,.2f} x hey's rows/s as a whole command, {sending:,.2f} x while sending."]


def _rate(runs: list[Measured]) -> float:
    return middle([run.rate for run in runs])


def _row(name: str, runs: list[Measured]) -> tuple[str, ...]:
    if not runs:
        return (name, *("not measured",) * 4)
    return (
        name,
        f"{_rate(runs):,.0f}",
        f"{min(run.rate for run in runs):,.0f} to {max(run.rate for run in runs):,.0f}",
        f"{middle([run.sending_rate for run in runs]):,.0f}",
        f"{middle([run.cpu_per_thousand for run in runs]):,.3f}",
    )
