"""`sandbox` serves until Ctrl-C, remembers, and tells what it was sent."""

from __future__ import annotations

import json
import urllib.request

from commands.replays import MAILCHIMP
from tests.commands.conftest import FEW, CommandLine, interrupt


def test_a_running_sandbox_remembers_and_tells(cli: CommandLine) -> None:
    with cli.start("sandbox", MAILCHIMP, "--port", 0, "--token", "t0ken") as serving:
        try:
            assert serving.stdout is not None
            url = serving.stdout.readline().strip()
            first = cli("test", MAILCHIMP, FEW, "--sandbox-url", url, "--output", "json")
            again = cli("test", MAILCHIMP, FEW, "--sandbox-url", url, "--output", "json")
            with urllib.request.urlopen(f"{url}/_sandbox/deliveries?token=t0ken", timeout=5) as answer:
                recorded = json.load(answer)
        finally:
            interrupt(serving)
        out, err = serving.communicate(timeout=10)
    assert (first.status, first.json["counts"]) == (0, {"delivered": 5})
    assert (again.status, again.json["counts"]) == (1, {"duplicate": 5})
    assert len(recorded["deliveries"]) == 10
    assert (serving.returncode, out) == (0, "")
    assert "5 delivered, 5 duplicate" in err
    assert "Traceback" not in err
