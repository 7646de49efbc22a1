"""How many cores a process may use, by affinity and by the quotas of control groups."""

from __future__ import annotations

import os

import pytest

from rokt_export.delivery.cores import usable_cores


@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({}, "", 8),
        ({"cpu.max": "max 100000"}, "0::/", 8),
        ({"cpu.max": "200000 100000"}, "0::/", 2),
        ({"cpu.max": "150000 100000"}, "0::/", 1),
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"cpu.max": "1600000 100000"}, "0::/", 8),
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 3),
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "400000 100000"}, "0::/a/b", 3),
        ({"c/cpu.max": "100000 100000"}, "0::/a", 8),
        ({"cpu.max": "200000 100000"}, "0::/outside/of/the/container", 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "1:cpu:/", 8),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, "9:name=systemd:/\n1:cpu:/\n0::/", 4),
        (
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "500000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
            "3:cpuset:/\n1:cpu,cpuacct:/x",
            5,
        ),
        ({"cpu.max": "what is this"}, "0::/", 8),
    ],
)
def test_the_least_of_affinity_and_quotas_counts(tmp_path, monkeypatch, files, membership, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    own = tmp_path / "membership"
    own.write_text(membership)
    assert usable_cores(tmp_path / "groups", own) == expected


def test_it_is_one_at_least_where_nothing_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cores(tmp_path, tmp_path / "absent") == 1
