"""What the partner can look a row up by, where its request was recorded and where it was not."""

from __future__ import annotations

import csv
import io
import json

import pytest
from msgspec.structs import replace

from reports.report_runs import SPEC, Run, answer, exchange, post
from reports.report_texts import message_of, text_of, written
from rokt_export.exchange.model import Fault, FaultKind
from rokt_export.reports.run_facts import lookups
from rokt_export.reports.run_report import RunReport


@pytest.mark.parametrize(
    ("parameter", "ids", "received", "known"),
    [
        ("attribute: transactionid", {}, "tx-1", True),
        ("attribute: confirmationref", {}, "tx-1", True),
        ("attribute: confirmationref", {}, "C-1", False),  # the rows have a transactionid beside it
        ("attribute: confirmationref", {2: "row-2", 3: "row-3"}, "tx-1", False),
        ('value: "{{ confirmationref | upper }}"', {}, "tx-1", False),
        ("attribute: transactionid, type: integer", {}, "tx-1", False),
    ],
)
def test_a_row_without_a_recording_is_named_by_the_id_that_the_partner_received(
    tell, parameter: str, ids: dict[int, str], received: str, known: bool
) -> None:
    spec = SPEC.replace("responses:", f"  - {{name: order.id, {parameter}}}\nresponses:", 1)
    sent = post(json.dumps({"email": "ada@example.com", "order": {"id": received}}).encode())
    lost = Fault(FaultKind.TIMEOUT_AFTER_SEND, "gave no answer", True)
    rows = [exchange(row, sent, answer(201, "{}")) for row in (1, 2)] + [exchange(3, sent, lost)]
    for row, own in ids.items():
        rows[row - 1] = replace(rows[row - 1], transaction=replace(rows[row - 1].transaction, id=own))
    run_report = tell(Run(rows, spec=spec, personal=["ada@example.com"], unrecorded=(2, 3)))
    message = message_of(written(run_report, "eml"))
    (attached,) = message.iter_attachments()
    column = [one["order.id"] for one in csv.DictReader(io.StringIO(attached.get_content()))]
    assert column == [received, *(("tx-2", "tx-3") if known else ("", ""))]
    assert ("We received no response for this: tx-3. Did it arrive?" in " ".join(text_of(message).split())) == known
    only = RunReport.of(run_report._journal, run_report.run, only=["unknown"])
    assert ("tx-3" in " ".join(lookups(only))) == known
