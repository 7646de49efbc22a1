"""Ctrl-C, readers that leave, narrow terminals: the program ends well whoever sits before it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands.conftest import PATIENCE, CommandLine, Partner, interrupt, spec_text, wait_for

USAGE, INTERRUPTED = 2, 130


def test_ctrl_c_settles_what_was_sent(cli: CommandLine, partner: Partner) -> None:
    partner.delay = 0.5
    spec = cli.write("x.yaml", spec_text(partner.url).replace("timeout: 5s", "timeout: 5s, concurrency: 2"))
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{n}@example.com\n" for n in range(50)))
    with cli.start("replay", spec, rows, "--output", "json") as process:
        wait_for(lambda: len(partner.heard) >= 1)
        interrupt(process)
        out, err = process.communicate(timeout=15)
    assert process.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    assert "waiting for" in err
    assert "runs resume" in err
    counts = json.loads(out)["counts"]
    assert counts == {"delivered": len(partner.heard)}
    [run] = cli("runs", "list", "--output", "json").json
    assert (run["state"], run["counts"]) == ("interrupted", counts)


def test_ctrl_c_twice_leaves_at_once(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        spec = cli.write("x.yaml", spec_text(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with cli.start("test", spec, "--output", "json") as process:
            connection, _ = silent.accept()
            with connection:
                connection.recv(65536)
                interrupt(process)
                assert process.stderr is not None
                while "waiting for" not in (line := process.stderr.readline()):
                    assert line
                interrupt(process)
                out, err = process.communicate(timeout=5)
    assert process.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    assert '"unknown":1' in re.sub(r"\s", "", out)


def read_all(terminal: int) -> bool:
    """Read what a process wrote to a terminal: a full one would make it wait."""
    while select.select([terminal], [], [], 0)[0]:
        os.read(terminal, 65536)
    return True


@pytest.mark.parametrize("workers", [1, 2])
def test_a_terminal_that_goes_away_stops_the_run_and_loses_no_answer(
    cli: CommandLine, partner: Partner, spec: Path, workers: int
) -> None:
    partner.delay = 0.02
    people = "".join(f"jane.doe.{number}@example.com,Jane\n" for number in range(2000))
    rows = cli.write("many.csv", f"email,firstname\n{people}")
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with cli.start("replay", spec, rows, "--workers", workers, preexec_fn=_lead, **streams) as process:
        os.close(theirs)
        wait_for(lambda: read_all(ours) and len(partner.heard) > 100)
        os.close(ours)
        assert process.wait(20) == INTERRUPTED
    [run] = cli("runs", "list", "--output", "json").json
    assert (run["state"], run["counts"]) == ("interrupted", {"delivered": len(partner.heard)})


@pytest.mark.parametrize(
    ("columns", "shown"), [(40, r"^\d+ of 400  \d+/s"), (60, r"^━+  \d+ of 400  \d+/s"), (60, r"^✓ \d+  \d+ in flight")]
)
def test_the_figures_of_a_run_fit_the_terminal(
    cli: CommandLine, partner: Partner, spec: Path, columns: int, shown: str
) -> None:
    people = "".join(f"jane.doe.{number}@example.com,Jane\n" for number in range(400))
    rows = cli.write("many.csv", f"email,firstname\n{people}")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with cli.start("replay", spec, rows, "--rate", "200/s", "--override-limits", stderr=theirs, env={"TERM": "xterm"}):
        os.close(theirs)
        said = b""
        with suppress(OSError):  # nobody writes to it any more
            while chunk := os.read(ours, 65536):
                said += chunk
    os.close(ours)
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", said).decode().replace("\r", "\n").splitlines()
    bars = [line for line in lines if re.search(shown, line)]
    assert bars, lines
    assert max(map(len, bars)) <= columns


def test_rows_typed_at_a_terminal_end_with_one_ctrl_d(cli: CommandLine, partner: Partner, spec: Path) -> None:
    ours, theirs = pty.openpty()
    with cli.start("replay", spec, "-", "--output", "json", stdin=theirs, preexec_fn=_lead) as process:
        assert process.stderr is not None
        while "end with Ctrl-D" not in (line := process.stderr.readline()):
            assert line
        os.write(ours, b"email,firstname\njane.doe@example.com,Jane\n")
        wait_for(lambda: len(partner.heard) == 1)
        os.write(ours, b"\x04")
        out, err = process.communicate(timeout=10)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, err
    assert json.loads(out)["counts"] == {"delivered": 1}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_answered_while_the_process_was_suspended_counts(
    cli: CommandLine, partner: Partner, rows: Path, workers: int
) -> None:
    partner.delay = 0.3
    spec = cli.write("x.yaml", spec_text(partner.url).replace("timeout: 5s", "timeout: 1s"))
    with cli.start("replay", spec, rows, "--workers", workers, "--output", "json", start_new_session=True) as process:
        wait_for(lambda: len(partner.heard) == 3)
        os.killpg(process.pid, signal.SIGSTOP)  # as Ctrl-Z does, or a lid that is closed
        time.sleep(1.5)
        os.killpg(process.pid, signal.SIGCONT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert json.loads(out)["counts"] == {"delivered": 3}


def _lead() -> None:
    """Be a session of its own, whose terminal is stdin, as a shell's child is."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


PIPES: dict[str, Callable[[Path], list[str]]] = {
    "schema": lambda _spec: ["schema"],
    "attributes": lambda _spec: ["attributes"],
    "help": lambda _spec: ["--help"],
    "render": lambda spec: ["render", str(spec), "--count", "3000"],
    "test": lambda spec: ["test", str(spec), "--sandbox", "--output", "ndjson"],
    "validate": lambda spec: ["validate", str(spec)],
}


@pytest.mark.parametrize("case", PIPES)
def test_a_reader_that_leaves_is_no_error(cli: CommandLine, case: str) -> None:
    spec = cli.write("x.yaml", spec_text("https://example.com"))
    read, write = os.pipe()
    os.close(read)
    with cli.start(*PIPES[case](spec), stdout=write) as process:
        os.close(write)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert "Exception ignored" not in err


def test_a_terminal_of_sixty_columns_and_no_colours(cli: CommandLine, spec: Path, rows: Path) -> None:
    env = {"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm-256color", "FORCE_COLOR": ""}
    done = cli("test", spec, rows, "--sandbox", env=env)
    assert done.status == 0
    assert "\x1b[" not in done.out + done.err
    table = done.out.split("\n\n")[0]
    assert max(len(line) for line in table.splitlines()) <= 60


def test_nothing_is_coloured_where_nobody_looks(cli: CommandLine, spec: Path, rows: Path) -> None:
    lines = (["test", spec, rows, "--sandbox"], ["validate", spec], ["--help"], ["runs", "list"], ["test", "x"])
    for arguments in lines:
        done = cli(*arguments)
        assert "\x1b" not in done.out + done.err


def app_commands() -> list[str]:
    from rokt_export.commands.cli import program

    return [str(each.name) for each in program().registered_commands] + ["runs"]


def test_a_help_page_for_each_command(cli: CommandLine) -> None:
    for command in app_commands():
        done = cli(command, "--help")
        assert done.status == 0
        assert "Usage: rokt-export " + command in done.out


def test_without_a_command_the_help_is_shown(cli: CommandLine) -> None:
    done = cli()
    assert done.status == USAGE
    assert "Usage:" in done.out + done.err


def test_the_program_runs_as_a_module_and_leaves_quietly(cli: CommandLine) -> None:
    done = cli.process("--version")
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(r"rokt-export \d+\.\d+\.\d+\n", done.out)


def at_a_terminal(cli: CommandLine, *arguments: object, typed: bytes = b"", columns: int = 60) -> str:
    """Return what a terminal shows of a command whose stderr it is, and stdin too."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    with cli.start(*arguments, stdin=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        while True:
            try:
                if not (data := os.read(ours, 4096)):
                    break
            except OSError:  # the other end is closed
                break
            shown += data
            if typed and (b"to go on" in shown or b"[y/N]" in shown):
                os.write(ours, typed)
                typed = b""
        process.communicate(timeout=PATIENCE)
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")


def test_messages_are_broken_between_words_and_commands_are_not(cli: CommandLine, spec: Path, partner: Partner) -> None:
    rows = cli.write("rows.csv", "email,firstname\n" + "jane.doe@example.com,=1+2\n" * 3)
    partner.answer = lambda _heard: (500, {}, b"")
    shown = at_a_terminal(cli, "replay", spec, rows, "--stop-after", "1", "--concurrency", "1").split("\n")
    whole = [line for line in shown if "rokt-export " in line]
    assert any(line.startswith("go on with: rokt-export runs resume ") for line in whole)
    lines = [line for line in shown if line not in whole and " " in line.strip() and "in flight" not in line]
    assert max(map(len, lines)) <= 60
    assert "  damaged values are taken as they are; in a guarded" in [line.rstrip() for line in lines]
    refused = at_a_terminal(cli, "replay", spec, rows, "--concurrency", "50").split("\n")
    assert max(len(line) for line in refused if " " in line.strip()) <= 60
    assert " ".join(line.strip() for line in refused).count("if the partner has agreed.") == 1


def test_the_question_before_production_says_how_many_rows_go_where(cli: CommandLine, spec: Path) -> None:
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{number}@example.com\n" for number in range(1, 6)))
    asked = ("replay", spec, rows, "-e", "production")
    shown = " ".join(at_a_terminal(cli, *asked, "--count", "2", typed=b"acme\n").split())
    assert "This sends 2 rows to PRODUCTION of acme, at " in shown
    shown = " ".join(at_a_terminal(cli, *asked, typed=b"no\n").split())
    assert "This sends 3 rows to PRODUCTION of acme, at " in shown


def test_the_question_before_production_promises_no_row_that_cannot_be_sent(cli: CommandLine, spec: Path) -> None:
    people = "".join(f"jane.doe.{number}@example.com,Zo{'ë' * (number > 1)}\n" for number in range(1, 6))
    latin = cli.write("latin.csv", "")
    latin.write_bytes(f"email,firstname\n{people}".encode("latin-1"))
    shown = " ".join(at_a_terminal(cli, "replay", spec, latin, "-e", "production", typed=b"no\n").split())
    assert "4 of the first 5 rows cannot be sent" in shown
    assert "This sends up to 1 row to PRODUCTION of acme, at " in shown
    shown = " ".join(
        at_a_terminal(cli, "replay", spec, latin, "-e", "production", "--count", "3", typed=b"no\n").split()
    )
    assert "2 of the first 3 rows cannot be sent" in shown
    assert "This sends up to 1 row to PRODUCTION of acme, at " in shown


def test_diff_asks_after_its_messages_and_says_how_many_rows_go_to_production(cli: CommandLine, spec: Path) -> None:
    rows = cli.write("rows.csv", "email,firstname\na@example.com,Ann\nb@example.com,Bo\n,Jo\nc@example.com,=1+2\n")
    shown = " ".join(at_a_terminal(cli, "diff", spec, rows, typed=b"no\n").split())
    assert shown.index("column firstname") < shown.index("This sends 2 rows to PRODUCTION of acme, at ")


@pytest.mark.parametrize("command", ["purge last", "recover"])
def test_a_question_answered_with_no_says_what_was_not_done(
    cli: CommandLine, spec: Path, rows: Path, command: str
) -> None:
    cli("replay", spec, rows)
    shown = at_a_terminal(cli, "runs", *command.split(), typed=b"n\n")
    assert "error: not confirmed; nothing was changed\n" in shown
