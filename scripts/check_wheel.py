"""Compare a built wheel with the package's folder and the sample specs: each file must be inside, and nothing else."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "rokt_export"


def main() -> int:
    """Compare the wheel named on the command line; 1 if it lacks a file or has one too many."""
    files = (path.relative_to(ROOT) for path in (ROOT / PACKAGE).rglob("*") if path.is_file())
    wanted = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    wanted.add(f"{PACKAGE}/docs/findings.md")  # what `explain` prints
    wanted |= {f"{PACKAGE}/sample_specs/{path.name}" for path in (ROOT / "sample_specs").iterdir()}
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        names = wheel.namelist()
    found = {name for name in names if name.startswith(f"{PACKAGE}/")}
    for name in sorted(wanted - found):
        print(f"missing: {name}")
    for name in sorted(found - wanted):
        print(f"too many: {name}")
    licensed = any(name.endswith("licenses/LICENSE") for name in names)
    if not licensed:
        print("missing: LICENSE")
    data = sorted(name for name in wanted & found if not name.endswith(".py"))
    print(f"{Path(sys.argv[1]).name}: {len(found)} files, of which data: {', '.join(data)}")
    return int(found != wanted or not licensed)


if __name__ == "__main__":
    sys.exit(main())
