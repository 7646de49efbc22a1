"""Bytes are decoded into lines."""

from rokt_export.transactions.damage import DamageKind
from transactions.samples import HEADER, ROW, damaged


def test_bytes_that_are_no_text_cost_their_row(write):
    filler = (HEADER + ROW.replace("jane", "Zoë") + ROW * 3_000).encode()
    path = write(filler + ROW.replace("jane", "Jürgen").encode("cp1252") + ROW.encode())
    findings, problems = damaged(path)
    assert findings == [(DamageKind.UNDECODABLE, 3_002, None)]
    assert problems == [3_002]
