"""What a text must hold to give a personal value away."""

from __future__ import annotations

from delivery import redaction_samples
from rokt_export.delivery.redaction_screen import places_to_redact
from rokt_export.transactions.transaction import Transaction

personal = redaction_samples.personal


def test_an_address_is_known_by_its_local_part_beside_one_that_holds_a_long_number(personal):
    rows = [Transaction(row, "tx", {"email": address}) for row, address in
            enumerate(["user20240115@example.com", "jane.doe@example.com"])]  # fmt: skip
    assert places_to_redact(rows, ["tx", "jane.doe is taken"], personal.clues(rows), personal.days) == [1]
