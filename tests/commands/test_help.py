"""Help, errors in the command line, completion: what a person reads before anything is sent."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.commands.conftest import SAMPLES, CommandLine, Partner, spec_text


def test_a_pager_gets_the_terminals_width_and_colours_on_demand(cli: CommandLine) -> None:
    spec = next(path for path in SAMPLES if path.stem == "brevo")
    plain = _through_a_pipe(cli, 66, "--help")
    assert 60 < max(len(line) for line in plain.splitlines()) <= 66
    assert "\x1b[" not in plain
    assert "\x1b[" in _through_a_pipe(cli, 66, "--help", CLICOLOR_FORCE="1")
    assert "\x1b[" in _through_a_pipe(cli, 66, "validate", str(spec), CLICOLOR_FORCE="1")


def _through_a_pipe(cli: CommandLine, columns: int, *arguments: str, **env: str) -> str:
    """Return what a reader of stdout gets while stderr is a terminal of so many columns."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rokt_export", *arguments], env=cli.environment() | env, stdout=subprocess.PIPE,
            stderr=terminal, text=True, timeout=60,
        )  # fmt: skip
    finally:
        os.close(terminal)
        os.close(main)
    return done.stdout


def test_color_decides_where_a_pager_reads(cli: CommandLine, partner: Partner) -> None:
    cli("test", cli.write("acme.yaml", spec_text(partner.url)))
    for flags, coloured in (((), False), (("--color", "always"), True), (("--color", "never"), False)):
        shown = cli("runs", "show", "last", *flags, env={"COLUMNS": "66"})
        assert ("\x1b[" in shown.out) is coloured, flags
        assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 66 for line in shown.out.splitlines() if "─" in line)
    forced = {"FORCE_COLOR": "1"}
    assert "\x1b[" in cli("runs", "list", env=forced).out
    assert "\x1b[" not in cli("runs", "list", "--color", "never", env=forced).out
    assert "`always` is not" not in cli("runs", "list", "--color", "sometimes").err
    assert "--color: `sometimes` is not one of auto, always, never" in cli("runs", "list", "--color", "sometimes").err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("diff acme.yaml --between", "`rokt-export diff --help`"),
        ("runs show last --row", "`rokt-export runs show --help`"),
        ("explain RX11O", "Did you mean `RX110`?"),
        ("explain rx1l0", "Did you mean `RX110`?"),
    ],
)
def test_an_error_leads_on(cli: CommandLine, line: str, words: str) -> None:
    refused = cli(*line.split())
    assert refused.status == 2 and words in refused.err, refused.err
