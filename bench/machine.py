"""What a figure depends on: the machine and the versions of everything that took part."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.tools import Missing, find

_PACKAGES = ("rokt-export", "pycurl", "requests", "sqlalchemy", "orjson", "typer")
_TOOLS = ("nginx", "k6", "hey", "wrk", "newman", "bruno")


def facts(folder: Path) -> list[tuple[str, str]]:
    """Name and value of each, for a table; `folder` is where files and journals go. Peers are installed by this."""
    return [
        ("taken", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:,.0f} GB"),
        ("system", f"{_distribution()}, {platform.system()} {platform.release()}"),
        ("files and journals", file_system(folder)),
        ("load before the run", " ".join(f"{load:.2f}" for load in os.getloadavg())),
        ("Python", f"{platform.python_implementation()} {sys.version.split()[0]}"),
        *((package, _version(package)) for package in _PACKAGES),
        ("libcurl", _libcurl()),
        *((name, _tool(name)) for name in _TOOLS),
    ]


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.platform()


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on: a journal in memory would flatter."""
    place = folder.resolve()
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    under = [(len(where), kind) for where, kind in mounts if place.is_relative_to(where)]
    return max(under)[1] if under else "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _libcurl() -> str:
    import pycurl

    return str(pycurl.version_info()[1])


def _tool(name: str) -> str:
    tool = find(name)
    return f"missing: {tool.reason}" if isinstance(tool, Missing) else tool.version
