"""The commands of docs/examples are ones that there are: a flag that was renamed would fail at the user's."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml
from distributed.cli.dask_scheduler import main as scheduler
from distributed.cli.dask_worker import main as worker

from tests.commands.conftest import ROOT, CommandLine

EXAMPLES = ROOT / "docs" / "examples"
DASK = {"scheduler": scheduler, "worker": worker}
SPEC = 3


def test_the_commands_of_the_examples_are_understood(cli: CommandLine) -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    pods = [
        container
        for document in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())
        for container in document["spec"].get("template", {}).get("spec", {}).get("containers", ())
    ]
    commands = [each["command"] + each.get("args", []) for each in [*services.values(), *pods] if "command" in each]
    commands.append(_told_in(EXAMPLES / "compose.yaml"))
    assert len(commands) == 6
    for command in commands:
        _check(cli, command)


def _told_in(path: Path) -> list[str]:
    """Return the replay that a file's head tells to run, without what brings it into a container."""
    line = next(line for line in path.read_text().splitlines() if " run --rm client " in line)
    return ["rokt-export", *shlex.split(line.partition(" client ")[2])]


def _check(cli: CommandLine, command: list[Any]) -> None:
    if command[0] == "dask":
        DASK[command[1]].make_context("dask", [*command[2:]])
        return
    assert command[:2] == ["rokt-export", "replay"]
    done = cli(*command[1:])
    assert done.status == SPEC, done.err  # there is no such spec: its flags were understood
