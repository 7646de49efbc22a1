"""Text that is not our own is harmless in each medium, and the mail's HTML part says what its text part says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from email import message_from_string
from email.message import EmailMessage
from email.policy import default

import pytest
from report_runs import HIDDEN, Run, every_outcome

from rokt_export.commands.terminal import Terminal
from rokt_export.redaction import display_text
from rokt_export.reports import eml
from rokt_export.reports.run_report import RunReport


@pytest.mark.parametrize(
    "write", [display_text.visible, display_text.one_line, display_text.markdown, display_text.html]
)
def test_hidden_characters_become_their_escapes(write: Callable[[str], str]) -> None:
    shown = write(f"a{HIDDEN}b")
    assert shown.isprintable()
    assert "x1b" in shown and "u202e" in shown and "U000e0041" in shown
    assert write("Zoë O'Brien 陳 🙂") in ("Zoë O'Brien 陳 🙂", "Zoë O&#x27;Brien 陳 🙂")


def test_json_keeps_the_value_and_hides_no_character() -> None:
    value = {f"k{HIDDEN}": [f"v{HIDDEN}", 'quote " and \\', 1]}
    for indent in (False, True):
        text = display_text.json_text(value, indent=indent)
        assert all(sign.isprintable() or sign == "\n" for sign in text)
        assert json.loads(text) == value


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_a_cell_is_no_formula(start: str) -> None:
    cell = display_text.csv_cell(f"{start}cmd|' /C calc'!A0{HIDDEN}")
    assert str(cell).startswith("'")
    assert "\x1b" not in str(cell) and "\u202e" not in str(cell)
    assert display_text.csv_cell(-5) == -5


def test_a_console_shows_control_characters_and_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say(f"title [bold]x[/bold]{HIDDEN}\nnext line")
    terminal.out.print(f"[red]{HIDDEN}")
    terminal.write(f"raw {HIDDEN}")
    terminal.csv([{"a": f"=1{HIDDEN}"}], ["a"])
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "[bold]x[/bold]" in err and "[red]" in out
    assert all(sign.isprintable() or sign == "\n" for sign in out + err)
    assert next(iter(csv.reader(io.StringIO(out.splitlines()[-1]))))[0].startswith("'=1")


def test_both_parts_of_the_mail_have_the_same_records(tell: Callable[[Run], RunReport]) -> None:
    stream = io.StringIO()
    eml.write(tell(Run(every_outcome())), stream)
    message = message_from_string(stream.getvalue(), policy=default)
    assert isinstance(message, EmailMessage)
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    assert parts[0] is not None and parts[1] is not None
    plain, html = parts[0].get_content(), parts[1].get_content()
    rows = sum(line.startswith("  - ") for line in plain.splitlines())
    assert rows == 8
    assert html.count("<tr>") == rows
