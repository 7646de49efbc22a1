"""The command: chooses sections and how much is measured, runs them, and shows what they found."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import machine, report, sections
from bench.partner import Partner, PartnerError
from bench.results import Section
from bench.rig import Rig, Settings
from bench.tools import Missing, find

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_WIDTH = 180
_QUICK = Settings(
    rows=10_000,
    long_rows=20_000,
    few_rows=50,
    rounds=1,
    latency_seconds=1.5,
    memory_rows=(10_000, 50_000),
    rate_seconds=4,
    starts=5,
    profile_rows=5_000,
    guarded_rows=10_000,
    server_rows=10_000,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, and write the page; 1 if rokt-export failed in a run, 2 if there is no partner to measure with."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nginx and the folder go too
    console, talk = _console(), Console(stderr=True, soft_wrap=True)
    nginx = find("nginx")
    if isinstance(nginx, Missing):
        talk.print(f"nothing can be measured without nginx: {nginx.reason}")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="rokt-export-bench-", dir=options.folder))
    try:
        facts = machine.facts(folder)
        with Partner(nginx.path, folder / "nginx") as partner:
            rig = Rig(_settings(options), partner, folder, lambda text: talk.print(text, style="dim", highlight=False))
            found = [_answer(name, rig, console) for name in options.only]
    except PartnerError as error:
        talk.print(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        if options.keep:
            talk.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    path = options.page or (_PAGE if _is_whole(options) else None)
    if path is None:
        talk.print("part of a run: docs/benchmarks.md stays as it is (--page PATH writes it elsewhere)")
    else:
        report.write(path, found, facts, _typed(arguments))
        talk.print(f"written: {path}")
    return 1 if any(section.broken for section in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, for a look; writes no page")
    parser.add_argument(
        "--slow", action="store_true", help="5,000,000 rows in the memory section, 2,000,000 guarded ones"
    )
    parser.add_argument(
        "--only", type=_sections, default=sections.NAMES, metavar="SECTION,…", help=", ".join(sections.NAMES)
    )
    parser.add_argument("--rounds", type=int, help="how often each tool runs")
    parser.add_argument("--rows", type=int, help="rows of the throughput section")
    parser.add_argument("--page", type=Path, help="where the page is written; whole runs: docs/benchmarks.md")
    parser.add_argument("--folder", type=Path, help="where files and journals are made for the time of the run")
    parser.add_argument("--keep", action="store_true", help="keep that folder: scripts, specs, the last journal")
    return parser


def _sections(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in sections.NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"no section {', '.join(unknown) or 'given'}: there are {', '.join(sections.NAMES)}"
        )
    return names


def _settings(options: argparse.Namespace) -> Settings:
    settings = _QUICK if options.quick else Settings()
    if options.slow:
        settings = replace(settings, memory_rows=(settings.memory_rows[0], 5_000_000), guarded_rows=2_000_000)
    if options.rounds:
        settings = replace(settings, rounds=options.rounds)
    if options.rows:
        settings = replace(settings, rows=options.rows)
    return settings


def _is_whole(options: argparse.Namespace) -> bool:
    return not options.quick and not options.rows and tuple(options.only) == sections.NAMES


def _answer(name: str, rig: Rig, console: Console) -> Section:
    section = sections.ask(name, rig)
    report.show(section, console)
    return section


def _console() -> Console:
    """A file or a pipe has no width of its own: there, tables take what they need."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _typed(arguments: Sequence[str] | None) -> str:
    return " ".join(["python -m bench", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
