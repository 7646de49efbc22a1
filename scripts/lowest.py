"""Turn the lower bounds of pyproject.toml into pins, as a constraints file for pip: what `make lowest` installs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
_BOUND = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)")


def main() -> None:
    """Print a pin for each direct dependency, also of the extras `parquet` and `zstd`."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *extras["parquet"], *extras["zstd"]):
        found = _BOUND.match(requirement)
        if found is None:
            raise SystemExit(f"{requirement} has no lower bound")
        print(f"{found[1]}=={found[2]}")


if __name__ == "__main__":
    main()
