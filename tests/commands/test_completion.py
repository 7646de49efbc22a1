"""What the shell completes."""

from __future__ import annotations

import pytest

from rokt_export.__main__ import main
from tests.commands.conftest import SAMPLES, CommandLine


def test_the_shell_completes_what_is_known(
    cli: CommandLine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def completed(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main([])
        return capfd.readouterr().out.split()

    spec = next(str(path) for path in SAMPLES if path.stem == "brevo")
    assert cli("test", spec, "--sandbox", "--name", "monday").status == 0
    monkeypatch.setenv("_ROKT_EXPORT_COMPLETE", "complete_bash")
    assert completed(f"rokt-export test {spec} -e ") == ["staging", "production"]
    assert completed(f"rokt-export replay {spec} --confirm ") == ["brevo"]
    assert completed(f"rokt-export replay {spec} --only r") == ["rejected"]
    assert completed("rokt-export runs show m") == ["monday"]
    assert {"RX110", "RX111"} <= set(completed("rokt-export explain RX11"))
    assert completed("rokt-export test gone.yaml -e ") == []
