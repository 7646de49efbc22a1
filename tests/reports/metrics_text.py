"""Read a Prometheus text."""

from __future__ import annotations

import re

OF_RUN = {"run", "partner", "environment", "command"}
SAMPLE = re.compile(r'^(rokt_export_\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\} (\S+)$')


def samples(text: str) -> dict[tuple[str, str], float]:
    """The samples of a Prometheus text, each line of which must be one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match is not None, line
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2]))
            assert labels.keys() >= OF_RUN
            rest = ",".join(
                f"{k}={v}" for k, v in labels.items() if k not in ("run", "partner", "environment", "command")
            )
            found[match[1].removeprefix("rokt_export_"), rest] = float(match[3])
    return found
