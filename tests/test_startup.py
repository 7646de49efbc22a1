"""Help comes at once: what only a run needs is not loaded for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from rokt_export.commands.app import app

HEAVY = ("requests", "pycurl", "ruamel", "jinja2", "sqlalchemy", "rich.progress", "aiohttp", "faker", "orjson")
"""Not pydantic: a command's help in Typer loads it by itself where it is installed."""
PROGRAM = f"""
import sys
from rokt_export.__main__ import main
status = main(sys.argv[1:])
loaded = sorted(name for name in {HEAVY!r} if name in sys.modules)
sys.exit(f"loaded: {{loaded}}" if loaded else status)
"""


def _paths(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children: dict[str, object] = getattr(command, "commands", {})
    return [path, *(found for name, child in children.items() for found in _paths(child, (*path, name)))]


@pytest.mark.parametrize("path", _paths(typer.main.get_command(app)), ids=" ".join)
def test_help_loads_nothing_heavy(path: tuple[str, ...]) -> None:
    _runs_light(*path, "--help")


def test_version_loads_nothing_heavy() -> None:
    _runs_light("--version")


def _runs_light(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
