"""Is a rate kept, on the whole and in every moment?"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bench.peers.ours import RoktExport
from bench.results import Section, Table, Target
from bench.rig import Rig

WINDOW = 0.1
_METHOD = """\
`--rate {rate}/s` for {seconds} s. The partner writes down each arrival to the millisecond. The busiest window is the \
most arrivals in any {window:.0f} ms, wherever they begin, beside its share of {share:.0f}."""


def ask(rig: Rig) -> Section:
    rate, seconds = rig.settings.rate, rig.settings.rate_seconds
    share = rate * WINDOW
    section = Section(
        "rate", "A rate kept", _METHOD.format(rate=rate, seconds=seconds, window=WINDOW * 1000, share=share)
    )
    columns = ("Tool", "Arrived", "Seconds", "Rate over the run", "Off by", "Busiest window", "Times its share")
    table = Table(f"{rate}/s", columns, [])
    for workers in (1, 2):
        peer = RoktExport(workers, rate=f"{rate}/s")
        arrivals = rig.partner.arrivals()
        measured = rig.measure(peer, rig.job(rate * seconds, "counted"), section)
        times = arrivals.times()
        within, even = f"{peer.name}: within 1 % of the rate", f"{peer.name}: no 100 ms above 1.2 x its share"
        if measured.problem is not None or len(times) < 2:
            table.rows.append((peer.name, f"{len(times):,}", *("not measured",) * 5))
            section.targets += [Target(within, "", None), Target(even, "", None)]
            continue
        lasted = times[-1] - times[0]
        found = (len(times) - 1) / lasted
        off = found / rate - 1
        most = busiest(times, WINDOW)
        table.rows.append(
            (
                peer.name, f"{len(times):,}", f"{lasted:.2f}", f"{found:,.1f}/s", f"{off:+.2%}", f"{most:,}",
                f"{most / share:.2f}",
            )
        )  # fmt: skip
        section.targets.append(Target(within, f"{off:+.2%}", abs(off) <= 0.01))
        section.targets.append(Target(even, f"{most / share:.2f} x", most <= 1.2 * share))
    section.tables.append(table)
    return section


def busiest(times: Sequence[float], window: float) -> int:
    """The most of the sorted times that lie in any half-open window of so many seconds."""
    inside: deque[float] = deque()
    most = 0
    for time in times:
        inside.append(time)
        while time - inside[0] >= window - 1e-6:  # times are whole milliseconds
            inside.popleft()
        most = max(most, len(inside))
    return most
