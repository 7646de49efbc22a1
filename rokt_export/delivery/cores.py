"""Counts the processor cores that this process may use, by its affinity and the quotas of its control groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return how many cores this process may use, at least 1. A quota of 1.5 cores counts as 1.

    Args:
        groups: where the control groups are mounted; of version 1 or 2 (`man 7 cgroups`).
        membership: the file that names the groups of this process.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([affinity, *_quotas(groups, membership)])))


def _quotas(groups: Path, membership: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of this process's groups and of all groups above them."""
    lines: list[str] = []
    with suppress(OSError):
        lines = membership.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = groups / controllers if controllers else groups
        own = mount / path.lstrip("/")
        for group in (own, *own.parents):
            if group.is_relative_to(mount) and (quota := _quota(group)) is not None:
                yield quota


def _quota(group: Path) -> float | None:
    """Return a group's quota in cores; None where it has none."""
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return None if int(quota) < 0 else int(quota) / int(period)
    return None
