"""Turn the help of every command into docs/commands.md; with --check, only tell how the page differs from it."""

from __future__ import annotations

import argparse
import difflib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main

from rokt_export.commands.cli import program

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
INTRODUCTION = """\
# Commands

Each command's help, as it prints it in a terminal of 80 columns. `make docs` writes this page; a test compares it.
"""
FORCING = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TERMINAL_WIDTH")
"""Variables that make rich or Typer print in another way than a plain terminal would."""
HELPS = """
import sys
from rokt_export.__main__ import main
for path in sys.argv[1:]:
    if status := main([*path.split(), "--help"]):
        sys.exit(status)
    print(end="\\0", flush=True)
"""
"""One process for all of them: each start of its own takes a moment, and there are many."""


def main() -> int:
    """Write the page, or compare it; 1 if it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show what differs")
    checking = parser.parse_args().check
    wanted = page()
    if not checking:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    difference = difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), str(PAGE), "--help")
    sys.stdout.writelines(difference)
    return int(found != wanted)


def page() -> str:
    """Return the page as it should be."""
    sections = [INTRODUCTION]
    paths = [(), *_paths(typer.main.get_command(program()))]
    for path, text in zip(paths, _helps(paths), strict=True):
        title = " ".join(("rokt-export", *path))
        sections.append(f"{'#' * max(2, len(path) + 1)} {title}\n\n```text\n{text}\n```\n")
    return "\n".join(sections)


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command under a group, in the order of its help."""
    for name, child in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from _paths(child, (*path, name))


def _helps(paths: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield what each command prints as its help."""
    environment = {name: value for name, value in os.environ.items() if name not in FORCING}
    done = subprocess.run(
        [sys.executable, "-c", HELPS, *map(" ".join, paths)],
        env=environment | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    )
    for text in done.stdout.decode("utf-8").split("\0")[:-1]:
        yield "\n".join(line.rstrip() for line in text.strip("\n").splitlines()).strip("\n")


if __name__ == "__main__":
    sys.exit(main())
