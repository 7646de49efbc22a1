"""Sentences for a terminal end their lines between words."""

from __future__ import annotations

import io

from rich.console import Console

from reports.test_console import printed
from rokt_export.reports import console as reports
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
