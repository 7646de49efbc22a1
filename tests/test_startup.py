"""Help comes at once: what only a run needs is not loaded for it."""

from __future__ import annotations

import subprocess
import sys

import typer.main

from rokt_export.commands.cli import program

HEAVY = ("requests", "pycurl", "ruamel", "jinja2", "sqlalchemy", "rich.progress", "aiohttp", "faker", "orjson")
"""Not pydantic: a command's help in Typer loads it by itself where it is installed."""
PROGRAM = """
import sys
from rokt_export.__main__ import main
_, heavy, *lines = sys.argv
for line in lines:
    status = main(line.split())
    loaded = [name for name in heavy.split(",") if name in sys.modules]
    if loaded or status:
        sys.exit(f"{line}: status {status}, loaded: {loaded}")
"""
"""In one process, as what one help has loaded stays so for those after it: the first that loads it is named."""


def _paths(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children: dict[str, object] = getattr(command, "commands", {})
    return [path, *(found for name, child in children.items() for found in _paths(child, (*path, name)))]


def test_help_loads_nothing_heavy() -> None:
    _runs_light(*(" ".join((*path, "--help")) for path in _paths(typer.main.get_command(program()))))


def test_version_loads_nothing_heavy() -> None:
    _runs_light("--version")


def test_what_renders_needs_no_database_and_most_specs_no_requests() -> None:
    _runs_light("render sample_specs/brevo.yaml sample_events/few.csv", heavy=("requests", "urllib3", "sqlalchemy"))


def _runs_light(*lines: str, heavy: tuple[str, ...] = HEAVY) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(heavy), *lines], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
