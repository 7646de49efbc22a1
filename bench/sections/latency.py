"""How much of what the partner's latency allows is used?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.partner import LATENCY
from bench.peers.model import Peer
from bench.peers.ours import RoktExport
from bench.results import Section, Table, mega, target_at_least
from bench.rig import Measured, Rig

_METHOD = """\
Partner with {latency:.0f} ms latency. With so many in flight, no tool can have more than in flight / latency answers \
a second; the share is what it had of them, from the first request's arrival to the last one's answer, connecting \
included. Every tool sends {seconds:g} s worth of rows, in whole waves. wrk shows what machine and partner allow."""
_PROMISED = {256: 0.95, 1000: 0.85}
_LEAST_WORK = ("hey", "wrk")
_NEAR = 0.01


def ask(rig: Rig) -> Section:
    seconds = rig.settings.latency_seconds
    section = Section("latency", "A partner with latency", _METHOD.format(latency=LATENCY * 1000, seconds=seconds))
    if not rig.partner.slow:
        section.remarks.append("not measured: nginx's echo module is missing (apt-get install libnginx-mod-http-echo)")
        return section
    peers: list[Peer] = [RoktExport(1), RoktExport(2), *rig.peers(section, "k6", "hey", "wrk")]
    columns = ("Tool", "In flight", "Rows", "Rows/s", "Share of in flight / latency", "CPU s per 1,000", "Peak memory")
    table = Table("Shares", columns, [])
    for in_flight, promised in _PROMISED.items():
        shares: dict[str, float] = {}
        for peer in peers:
            share = _measure(rig, section, table, peer, in_flight)
            if isinstance(peer, RoktExport):
                promise = f"{peer.name}, {in_flight:,} in flight: at least {promised:.0%}"
                percent = None if share is None else 100 * share
                section.targets.append(target_at_least(promise, 100 * promised, percent, " %"))
            elif share is not None:
                shares[peer.name] = share
        section.remarks.extend(_of_the_machine(shares, in_flight, promised))
    section.tables.append(table)
    return section


def _of_the_machine(shares: Mapping[str, float], in_flight: int, promised: float) -> Iterator[str]:
    """Say where the machine is the limit: the promise is a figure, not a ratio, and a slow one cannot keep it."""
    short = [
        f"{name} {share:.1%}" for name, share in shares.items() if name in _LEAST_WORK and share < promised + _NEAR
    ]
    if short:
        yield (
            f"With {in_flight:,} in flight this machine is at its own limit: {' and '.join(short)} of what the latency "
            "allows is all that tools have which read no rows, check nothing and keep no journal."
        )


def _measure(rig: Rig, section: Section, table: Table, peer: Peer, in_flight: int) -> float | None:
    waves = round(rig.settings.latency_seconds / LATENCY)
    job = replace(rig.job(in_flight * waves, "slow", in_flight), seconds=max(2, round(rig.settings.latency_seconds)))
    measured = rig.measure(peer, job, section)
    if measured.problem is not None:
        table.rows.append((peer.name, f"{in_flight:,}", f"{job.workload.rows:,}", *("not measured",) * 4))
        return None
    share = share_of(measured, in_flight)
    table.rows.append(
        (
            peer.name,
            f"{in_flight:,}",
            f"{measured.requests:,}",
            f"{share * in_flight / LATENCY:,.0f}",
            f"{share:.1%}",
            f"{measured.cpu_per_thousand:,.3f}",
            mega(measured.run.peak),
        )
    )
    return share


def share_of(measured: Measured, in_flight: int) -> float:
    """The last request arrives one latency before its answer."""
    return measured.requests / (measured.span + LATENCY) / (in_flight / LATENCY)
