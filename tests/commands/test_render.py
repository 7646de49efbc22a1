"""`render`: each sample without credentials, nothing sent, and what cannot be rendered is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

from commands.conftest import CommandLine, Partner
from commands.omitted import ROWS, TOLD, spec_of
from commands.replays import sample


@sample
def test_every_sample_renders_without_credentials(cli: CommandLine, sample: Path) -> None:
    http, curl, data = (cli("render", sample, "--as", form) for form in ("http", "curl", "json"))
    assert (http.status, curl.status, data.status) == (0, 0, 0)
    assert http.out.splitlines()[0].endswith(" HTTP/1.1")
    assert "curl -sS" in curl.out
    assert subprocess.run(["sh", "-n", "-c", curl.out], check=False).returncode == 0  # a shell can read it
    [row] = data.json
    assert row["problems"] == []
    assert row["url"].startswith("https://")
    assert http.err == curl.err == data.err == ""


def test_render_sends_nothing(cli: CommandLine, spec: Path, rows: Path, partner: Partner) -> None:
    for form in ("http", "curl", "json"):
        assert cli("render", spec, rows, "--as", form, "--count", 3).status == 0
    assert cli("render", spec, "--output", "ndjson", "--count", 4).out.count("\n") == 4
    assert partner.heard == []


def test_what_cannot_be_rendered_is_told(cli: CommandLine, spec: Path) -> None:
    done = cli("render", spec, "--unset", "email")
    assert (done.status, done.out) == (1, "")
    assert "row 1 cannot be sent: email is required" in done.err
    assert cli("render", spec, "--unset", "email", "--as", "json").json[0]["problems"]


def test_render_says_it_too(cli: CommandLine) -> None:
    spec = spec_of(cli, "http://127.0.0.1:9")
    for form in ("http", "json"):
        shown = cli("render", spec, cli.write("rows.csv", ROWS), "--count", "5", "--as", form)
        together = " ".join(shown.err.split())
        assert all(told in together for told in TOLD), shown.err
