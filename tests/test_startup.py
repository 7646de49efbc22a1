"""Help comes at once: what only a run needs is not loaded for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import typer.main

from rokt_export.commands.cli import program

HEAVY = ("requests", "pycurl", "ruamel", "jinja2", "sqlalchemy", "rich.progress", "aiohttp", "faker", "orjson")
"""Not pydantic: a command's help in Typer loads it by itself where it is installed."""
PROGRAM = """
import sys
from pathlib import Path
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


OPENED = """
import sys
from pathlib import Path
from rokt_export.__main__ import main
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "sqlite3.connect") else None)
status = main(sys.argv[1:])
print("opened", *opened, sep="\\n", file=sys.stderr)
sys.exit(status)
"""


def test_one_row_opens_its_file_once_to_look_and_once_to_send(tmp_path: Path) -> None:
    rows = tmp_path / "people.csv"
    rows.write_text("email,firstname,lastname,transactionid\njane.doe@example.com,Jane,Doe,T1\n", encoding="utf-8")
    command = ("replay", "sample_specs/brevo.yaml", str(rows), "--sandbox", "--journal", str(tmp_path / "runs.db"))
    done = subprocess.run(
        [sys.executable, "-c", OPENED, *command], capture_output=True, text=True, timeout=60,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    opened = done.stderr.partition("\nopened\n")[2].splitlines()
    assert opened.count(str(rows)) == 2
