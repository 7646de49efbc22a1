"""A plan carried out as one run: signals on the way, and what is checked before the first send."""

from __future__ import annotations

import resource
import signal
import time

import pytest

from commands.conftest import PATIENCE
from commands.replays import begun, ended, people
from rokt_export.commands.run_session import _Interrupts
from rokt_export.delivery.worker import StopRequest


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.01, 0.03])
def test_a_second_signal_amid_the_first_ones_message_ends_the_run_as_two_do(cli, spec, partner, pause):
    process = begun(cli, spec, partner, "--quiet")  # whose first message loads what writes it
    process.send_signal(signal.SIGTERM)
    time.sleep(pause)
    status, _, err = ended(process, signal.SIGINT)
    assert (status, "internal error" in err) == (130, False)
    assert "quitting now: rows without a response are listed as unknown" in err


@pytest.mark.parametrize("amid", ["press", "message"])
def test_a_second_signal_while_the_first_is_handled_counts_and_is_said_once(amid):
    said = []

    class Watch:
        def stopping(self, level):
            said.append(level)
            if amid == "message" and level == 1:
                interrupts.heard(signal.SIGINT, None)

    class Brakes(StopRequest):
        def press(self, level):
            if amid == "press" and not self.level and level == 1:
                interrupts.heard(signal.SIGINT, None)
            super().press(level)

    brake = Brakes()
    interrupts = _Interrupts(brake, Watch())
    interrupts.heard(signal.SIGTERM, None)
    interrupts.leaving.cancel()
    assert (brake.level, said) == (2, [2] if amid == "press" else [1, 2])
    with pytest.raises(KeyboardInterrupt):
        interrupts.heard(signal.SIGINT, None)


def test_too_few_open_files_are_named_before_the_first_send(cli, spec, partner):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    rows = cli.write("rows.csv", people(*range(1, 301)))
    with cli.start("replay", spec, rows, "--concurrency", 200, "--override-limits", preexec_fn=limit) as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "200 requests at a time need about 224 open files" in errors and "this system allows 64" in errors
    assert "lower --concurrency to 40" in errors
    assert partner.heard == []
