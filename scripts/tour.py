"""Run the commands in the README's `console` blocks and write what they print under them; with --check, compare."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "README.md"
WIDTH = "100"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
CHANGING = (
    (r"\b\d{8}-[a-z0-9]{6}\b", "<run>"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\b", "<time>"),
    (r"^Date: .*$", "Date: <time>"),
    (r"(?<=sent <time> UTC: ).*$", "<phases>"),
    (r"\b[0-9a-f]{12,64}\b(?![-@.])", "<id>"),
    (r"rokt-test-[0-9a-f]+", "<test>"),
    (r"127\.0\.0\.1:\d+", "<sandbox>"),
    (r"\d[\d,]*(\.\d+)?(?= (ms|s)\b)", "<n>"),
    (r"^( +\d+ .*) \d+(\.\d+)?$", r"\1 <n>"),
    (r"─+", "─"),
    (r"[ \t]+", " "),
    (r"\n\d[\d,]* of [\d,]+ rows, [^\n]*(?=\n)", ""),
)
"""What differs from run to run, and what stands for it when two runs are compared."""


def main() -> int:
    """Write the README's outputs anew, or compare them; 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show what differs")
    checking = parser.parse_args().check
    found = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="rokt-export-tour-") as folder:
        wanted = _toured(found, Path(folder))
    if not checking:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    before, after = (steady(text).splitlines(keepends=True) for text in (found, wanted))
    sys.stdout.writelines(difflib.unified_diff(before, after, str(PAGE), "what the commands print"))
    return int(before != after)


def steady(text: str) -> str:
    """Return the text without what differs from run to run."""
    for pattern, stand_in in CHANGING:
        text = re.sub(pattern, stand_in, text, flags=re.MULTILINE)
    return text


def _toured(page: str, folder: Path) -> str:
    """The page with its blocks run one after the other, in a folder that holds only the samples."""
    for samples in ("sample_specs", "sample_events"):
        shutil.copytree(ROOT / samples, folder / samples)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAILCHIMP", "FORCE_COLOR"))}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ROKT_EXPORT_JOURNAL": str(folder / "journal.sqlite"),
        "XDG_STATE_HOME": str(folder / "state"),
        "ROKT_EXPORT_KEY_FILE": str(folder / "key"),
        "COLUMNS": WIDTH,
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return BLOCK.sub(lambda block: _run(block[0], folder, environment), page)


def _run(block: str, folder: Path, environment: dict[str, str]) -> str:
    lines: list[str] = []
    status = 0
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        lines.append(line)
        command = line.removeprefix("$ ")
        if command == "echo $?":
            lines.append(str(status))
            continue
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        status = done.returncode
        lines += (text.rstrip() for text in done.stdout.decode("utf-8").strip("\n").splitlines())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
