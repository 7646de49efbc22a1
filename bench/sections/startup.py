"""How soon does a command answer?"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import workload
from bench.processes import Run, measure
from bench.results import Section, Table, middle, target_at_most
from bench.rig import Rig
from bench.tools import rokt_export

_METHOD = """\
Wall-clock seconds of whole commands, taking turns {starts} times, after one turn that does not count. The Typer \
program has one command with one argument."""
_PROGRAM = """\
import typer


def main(name: str) -> None:
    typer.echo(f"Hello {name}")


if __name__ == "__main__":
    typer.run(main)
"""
_TYPER, _HELP, _VALIDATE = "one-command Typer program, --help", "rokt-export --help", "rokt-export validate, one spec"


def ask(rig: Rig) -> Section:
    section = Section("startup", "Start-up", _METHOD.format(starts=rig.settings.starts))
    program = rig.folder / "hello.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    spec = rig.folder / "startup.yaml"
    spec.write_text(workload.spec("https://partner.example.com/transactions"), encoding="utf-8")
    commands = {
        _TYPER: [sys.executable, str(program), "--help"],
        _HELP: [*rokt_export(), "--help"],
        _VALIDATE: [*rokt_export(), "validate", str(spec)],
    }
    section.commands += [rig.shown(tuple(command)) for command in commands.values()]
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(rig.settings.starts + 1):
        rig.say(f"startup: turn {turn} of {rig.settings.starts}")
        for name, command in commands.items():
            found = _run(rig, command)
            if turn:
                runs[name].append(found)
    _note_failures(section, runs)
    walls = {name: [run.wall for run in found] for name, found in runs.items()}
    table = Table("Seconds", ("Command", "Median", "Least", "Most"), [])
    for name, seconds in walls.items():
        table.rows.append((name, f"{middle(seconds):.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}"))
    section.tables.append(table)
    ratio = None if section.broken else middle(walls[_HELP]) / middle(walls[_TYPER])
    section.targets.append(target_at_most("--help: at most 1.5 x a one-command Typer program", 1.5, ratio))
    validating = None if section.broken else middle(walls[_VALIDATE])
    section.targets.append(target_at_most("validate of one spec: under 0.4 s", 0.4, validating, " s"))
    return section


def _run(rig: Rig, command: Sequence[str]) -> Run:
    variables = {workload.TOKEN_VARIABLE: workload.TOKEN, "NO_COLOR": "1"}
    return measure(command, folder=rig.folder, variables=variables, memory=False, timeout=60)


def _note_failures(section: Section, runs: dict[str, list[Run]]) -> None:
    """`validate` may have findings (1); anything graver is no start-up worth measuring."""
    for name, found in runs.items():
        bad = next((run for run in found if run.exit_status not in ((0, 1) if name == _VALIDATE else (0,))), None)
        if bad is not None:
            section.remarks.append(f"{name}: exit status {bad.exit_status}: {bad.stderr.strip()[-200:]}")
            section.broken = True
