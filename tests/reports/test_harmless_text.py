"""Text that is not our own is harmless on the console, and the mail's HTML part says what its text part says."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from email import message_from_string
from email.message import EmailMessage
from email.policy import default

import pytest

from reports.report_runs import HIDDEN, Run, every_outcome
from rokt_export.commands.terminal import Terminal
from rokt_export.reports import eml
from rokt_export.reports.run_report import RunReport


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
