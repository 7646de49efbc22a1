"""Sentences for a terminal end their lines between words."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from reports.test_console import printed
from rokt_export.reports import console as reports
from rokt_export.reports.prose import print_message
from rokt_export.reports.run_report import RunReport


def test_sentences_of_the_summary_end_their_lines_between_words(run_report: RunReport) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    reports.summary(Console(file=screen, width=40, no_color=True, force_terminal=False), run_report)
    wide = printed(reports.summary, run_report, width=400)
    words = [word for line in screen.getvalue().splitlines() if "rokt-export " not in line for word in line.split()]
    assert set(words) <= set(wide.split()) and len(screen.getvalue().splitlines()) > len(wide.splitlines())


@pytest.mark.parametrize(
    ("terminal", "text", "lines"),
    [
        (True, "one two three four", ["one two", "three four"]),
        (True, "run rokt-export validate acme.yaml", ["run rokt-export validate acme.yaml"]),
        (True, "https://example.com/a/long/path", ["https://example.com/a/long/path"]),
        (False, "one two three four", ["one two three four"]),
    ],
)
def test_only_a_terminal_breaks_lines_and_never_within_a_word_or_a_command(
    terminal: bool, text: str, lines: list[str]
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    screen = Screen()
    print_message(Console(file=screen, width=10, no_color=True, force_terminal=False), text)
    assert screen.getvalue().splitlines() == lines
