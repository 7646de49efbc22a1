"""`test --watch`: a save shows what it changes, Enter sends, nothing else does, and the terminal is left as it was."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import termios
from pathlib import Path

from tests.commands.conftest import CommandLine, Partner, wait_for

TELLS = "Enter sends, Ctrl-C quits"


class Screen:
    """What a process has written to a terminal since the last look."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.text = ""

    def shows(self, *words: str) -> bool:
        while select.select([self._terminal], [], [], 0)[0]:
            self.text += os.read(self._terminal, 65536).decode(errors="replace")
        last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text.rpartition("\x1b[2J")[2])
        unbroken = " ".join(last.split())  # where a line breaks depends on how long the folder's path is
        return all(word in unbroken for word in (*words, TELLS))

    def wait_for(self, *words: str) -> None:
        """Wait until the last page shows all of these; fail with what it shows."""
        try:
            wait_for(lambda: self.shows(*words))
        except AssertionError as error:
            raise AssertionError(f"{words} are not in {self.text!r}") from error


def test_a_save_shows_and_only_enter_sends(cli: CommandLine, partner: Partner, spec: Path) -> None:
    before = spec.read_text(encoding="utf-8")
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with cli.start("test", spec, "--watch", env={"TERM": "xterm"}, preexec_fn=_lead, **streams) as process:
        screen = Screen(ours)
        screen.wait_for("POST ")
        spec.write_text(before.replace("outcome: delivered", "outcome: delivred"), encoding="utf-8")
        screen.wait_for("RX012", "delivered")
        spec.write_text(before, encoding="utf-8")
        screen.wait_for("POST ")
        assert partner.heard == []
        os.write(ours, b"\n")
        screen.wait_for("1 row", "delivered 1")
        assert len(partner.heard) == 1
        spec.write_text(before.replace("outcome: delivered", "outcome: duplicate"), encoding="utf-8")
        wait_for(lambda: screen.shows("(duplicate): matched") or screen.shows("duplicate: matched"))
        spec.unlink()
        screen.wait_for("is missing")
        spec.write_text(before, encoding="utf-8")
        screen.wait_for("delivered: matched")
        (cli.folder / ".env").write_text("A=1\n", encoding="utf-8")
        screen.wait_for(".env")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert termios.tcgetattr(theirs) == modes
    assert len(partner.heard) == 1
    os.close(ours)
    os.close(theirs)


def test_it_never_watches_where_it_may_not_send(cli: CommandLine, spec: Path, partner: Partner) -> None:
    pipe = cli("test", spec, "--watch")
    assert (pipe.status, "--watch: this needs a terminal" in pipe.err) == (2, True)
    guarded = cli("test", spec, "--watch", "--environment", "production", "--confirm", "acme")
    assert (guarded.status, "--watch never sends there" in guarded.err) == (2, True), guarded.err
    assert partner.heard == []


def _lead() -> None:
    """Lead a session of its own, at the terminal that is stdin."""
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))
