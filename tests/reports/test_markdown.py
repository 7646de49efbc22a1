"""Markdown: the letter, then the run; a partner's text stays text."""

from __future__ import annotations

import json
import re

from reports.report_runs import Run, answer, exchange, post
from reports.report_texts import message_of, text_of, written
from rokt_export.reports.run_report import RunReport


def test_markdown_has_the_letter_of_the_mail_and_then_the_run(run_report: RunReport) -> None:
    text = written(run_report, "markdown")
    assert text.startswith(
        "# Acme Insurance, staging: 8 test deliveries, 1 invalid\n\nDear Jane Doe,\n\nOn 23 Nov 2026 we "
    )
    letter, _, run = text.partition("\n---\n")
    asked = re.findall(r"^\d\. .*", letter.replace("\\", ""), re.MULTILINE)
    mail = " ".join(text_of(message_of(written(run_report, "eml"))).split())
    assert len(asked) == 7
    assert [question for question in asked if question not in mail] == []
    assert "| ada.1@example.com | Ada | 02:13:21 | A-1 | status 201: a new record |" in letter
    assert "All 8 rows are in the table below, beside 1 other row of the run." in letter
    for theirs in ("tx-", "no rule matched", run_report.run.run):
        assert theirs not in letter
    for ours in (
        run_report.run.spec_sha256,
        "POST https://staging.example.com/leads",
        "| 1 | tx-1 | 2026-11-23 02:13:21.250 | delivered | 201 | A-1 |",
        "All 4 response rules matched.",
    ):
        assert ours in run


def test_of_real_people_only_tokens_are_named(tell) -> None:
    address = "jane.doe.real@example.com"
    real = exchange(1, post(f'{{"email": "{address}"}}'.encode()), answer(201, '{"id": "A-1"}'), invented=False)
    text = written(tell(Run([real], personal=[address])), "markdown")
    assert "real; their data is shown as tokens" in text
    assert address not in text
    assert "| email |" not in text


def test_markdown_shows_a_partners_text_as_text(tell) -> None:
    run_report = tell(Run([exchange(1, post(), answer(400, json.dumps({"error": "<b>| [a](javascript:1) `c`\nd"})))]))
    row = written(run_report, "markdown").partition("## Every delivery")[2].strip().splitlines()[2]
    assert row.endswith(r"| \<b\>\| \[a\](javascript:1) \`c\` d |")
