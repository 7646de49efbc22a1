"""`init --ask`: the eight points as questions, which can be left and taken up again."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands.conftest import ROOT, CommandLine

from rokt_export.onboarding.drafts.dialogue import QUESTIONS, problem
from rokt_export.partner_spec.loading import load_spec
from rokt_export.spec_language.encodings import ENCODINGS

FIRST = ["Acme!", "acme", "Acme Inc", "", "Jane Doe", "Support", "jane.doe@nowhere", "jane.doe@example.com"]
SECOND = [
    "https://api.example.com/leads",
    "",
    "POST",
    "api_key",
    "query",
    "k",
    "json",
    "email*, FNAME, surname, source=rokt, newsletter",
    '200 {"status": "ok", "id": "7"}',
    '200 {"status": "duplicate"}',
    '400 {"error": "bad email"}',
]


def _typed(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_a_dialogue_that_is_left_goes_on(cli: CommandLine) -> None:
    left = cli("init", "--ask", stdin=_typed(FIRST))
    assert left.status == 130 and "6 answers kept in" in left.err
    assert "lower-case letters" in left.err and "not an e-mail address" in left.err
    kept = cli.folder / "rokt-export-init.answers.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    done = cli("init", "--ask", stdin=_typed(SECOND))
    assert done.status == 0, done.err
    assert "Going on with 6 answers" in done.err and "What do you call the partner" not in done.err
    assert not kept.exists()
    spec = load_spec(cli.folder / "acme.yaml").spec
    assert spec.contact is not None and spec.contact.email == "jane.doe@example.com"
    assert {each.name: each.attribute or each.value for each in spec.parameters} == {
        "email": "email",
        "FNAME": "firstname",
        "surname": "lastname",
        "source": "rokt",
        "newsletter": "newsletter",
    }
    assert spec.parameters[0].required is True
    assert spec.authentication is not None
    assert spec.authentication[0].model_dump(exclude_defaults=True, by_alias=True) == {
        "type": "api_key", "in": "query", "name": "k", "value": "{{ env.ACME_API_KEY }}",
    }  # fmt: skip
    good, known, refused = spec.responses[:3]
    assert good.body["$.status"].equals == "ok" and known.body["$.status"].equals == "duplicate"
    assert (known.outcome, refused.outcome, refused.status) == ("duplicate", "rejected", ((400, 400),))
    run = cli("test", "acme.yaml", "--sandbox", "-e", "production", "--count", "1", env={"ACME_API_KEY": "k"})
    assert run.status == 0, run.err


def test_endpoints_that_are_not_known_are_both_asked_for(cli: CommandLine) -> None:
    answers = ["acme", "", "", "", "", "", "", "none", "", "email*", "", "", ""]
    done = cli("init", "--ask", stdin=_typed(answers))
    assert done.status == 0, done.err
    told = " ".join(cli("validate", "acme.yaml").out.split())
    assert "3 Endpoint missing no endpoint is known yet" in told
    asked = cli("validate", "acme.yaml", "--questions").out
    assert "production endpoint?" in asked and "staging or test endpoint" in asked


@pytest.mark.parametrize("answer", [b"\xff\xfe", b"\x1b[31m", b"x" * 30_000, "é".encode()], ids=repr)
def test_answers_that_are_refused(cli: CommandLine, answer: bytes) -> None:
    left = cli("init", "--ask", stdin=answer[:40_000] + b"\nacme\n")
    assert left.status == 130
    assert left.err.count("What do you call the partner") == 2
    assert "\x1b" not in left.err


def test_answers_kept_that_are_damaged(cli: CommandLine) -> None:
    cli.write("a.answers.json", '{"partner": "acme", "production": "no url", "method"')
    broken = cli("init", "a.yaml", "--ask")
    assert broken.status == 3 and "a.answers.json" in broken.err
    cli.write("a.answers.json", '{"partner": "acme", "production": "no url", "method": 7}')
    assert "1 answer kept" in cli("init", "a.yaml", "--ask").err


def test_ctrl_c_in_a_terminal_keeps_the_answers(cli: CommandLine) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "rokt_export", "init", "--no-color"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=cli.folder, env=environment, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    ) as process:  # fmt: skip
        os.close(slave)
        seen = _until(master, "call the partner")
        os.write(master, b"acme\n")
        seen += _until(master, "full name")
        os.write(master, b"\x03")
        seen += _until(master, "interrupted")
        assert process.wait(timeout=60) == 130, seen
    os.close(master)
    assert '"partner":"acme"' in Path("rokt-export-init.answers.json").read_text()


def _until(terminal: int, words: str) -> str:
    seen, end = "", time.monotonic() + 60
    while words not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
    return seen


def test_each_encoding_can_be_answered() -> None:
    (asked,) = (each for each in QUESTIONS if each.key == "encoding")
    assert [problem(asked, name) for name in ENCODINGS] == [""] * len(ENCODINGS)


def test_a_prompt_tells_an_example_from_the_answer_of_an_empty_line(cli: CommandLine) -> None:
    asked = cli("init", "--ask", stdin=_typed(["", "acme"]))
    assert "What do you call the partner? (for example acme; needed): " in asked.out + asked.err
    assert "unless its answer is needed" in asked.err
    for each in QUESTIONS:
        assert (each.default is None) == ("needed" in each.prompt)
        assert not each.default or f"an empty line is {each.default}" in each.prompt
        assert problem(each, each.default or "") == ("an answer is needed here" if each.default is None else "")
