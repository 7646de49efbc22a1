"""A reader that leaves, a full disk, a stream that was never open: the job is done, and its status is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def teapot(_heard: Heard) -> tuple[int, dict[str, str], bytes]:
    return 418, {}, b""


@pytest.fixture
def many(cli: CommandLine) -> Path:
    rows = "".join(f"jane.doe.{row}@example.com,tx{row}\n" for row in range(1, 601))
    return cli.write("many.csv", f"email,transactionid\n{rows}")


def shell(cli: CommandLine, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, as a person types it; `$R` is the program."""
    line = line.replace("$R", f"{sys.executable} -m rokt_export")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=cli.folder,
        env=cli.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("output", "reader"),
    [
        ("ndjson", "head -n 1"), ("csv", "head -n 1"), ("json", "head -n 1"), ("table", "head -n 1"),
        ("ndjson", "true"), ("table", "true"),
        pytest.param("csv", "true", marks=pytest.mark.soak), pytest.param("json", "true", marks=pytest.mark.soak),
    ],
)  # fmt: skip
def test_a_reader_that_leaves_does_not_change_the_status(
    cli: CommandLine, partner: Partner, spec: Path, many: Path, output: str, reader: str
) -> None:
    partner.answer = teapot
    done = shell(cli, f"$R replay {spec} {many} --all --output {output} --quiet | {reader}; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, "")
    assert len(partner.heard) == 600


def test_nor_does_one_of_a_comparison_or_a_validation(cli: CommandLine, partner: Partner, spec: Path) -> None:
    rows = cli.write("one.csv", "email\njane.doe@example.com\n")
    cli("replay", spec, rows, "--name", "a")
    partner.answer = teapot
    cli("replay", spec, rows, "--name", "b")
    assert shell(cli, "$R diff --runs a b | true; exit ${PIPESTATUS[0]}").returncode == 1
    broken = cli.write("broken.yaml", "spec_version: 1\n")
    assert shell(cli, f"$R validate {broken} | true; exit ${{PIPESTATUS[0]}}").returncode == 3


@needs_full
@pytest.mark.parametrize("output", ["csv", "json", "table"])
def test_a_full_disk_behind_stdout_is_told_with_the_way_to_the_rows(
    cli: CommandLine, partner: Partner, spec: Path, rows: Path, output: str
) -> None:
    done = shell(cli, f"$R replay {spec} {rows} --output {output} --quiet > /dev/full")
    assert done.returncode == 2
    assert "error: stdout cannot be written: No space left on device" in done.stderr
    export = done.stderr.partition("rokt-export runs export ")[2].split()[0]
    assert len(cli("runs", "export", export).out.splitlines()) == 4
    listed = shell(cli, "$R runs list > /dev/full")
    assert (listed.returncode, "stdout cannot be written" in listed.stderr) == (2, True)


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", pytest.param("2>/dev/full", marks=needs_full)]
)
def test_closed_streams_and_a_log_that_is_full_stop_no_job(
    cli: CommandLine, partner: Partner, spec: Path, rows: Path, streams: str
) -> None:
    assert shell(cli, f"$R replay {spec} {rows} {streams}").returncode == 0
    assert len(partner.heard) == 3
    assert cli("runs", "show", "last", "--output", "json").json["counts"] == {"delivered": 3}


@needs_full
def test_a_report_that_cannot_be_written_hides_no_result(
    cli: CommandLine, partner: Partner, spec: Path, rows: Path
) -> None:
    (cli.folder / "report.html").symlink_to(FULL)
    done = cli.process("replay", spec, rows, "--report", "report.html", "--output", "csv")
    assert done.status == 2
    assert "report.html: the report cannot be written: No space left on device" in done.err
    assert len(done.out.splitlines()) == 4


@pytest.mark.parametrize("columns", ["", "abc", "0", "-3", "40"])
def test_any_width_is_a_width(cli: CommandLine, partner: Partner, spec: Path, rows: Path, columns: str) -> None:
    done = cli("replay", spec, rows, "--all", env={"COLUMNS": columns})
    assert done.status == 0
    assert "delivered" in done.out
