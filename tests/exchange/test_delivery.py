"""Deliveries: their columns as a batch, and what is said of an exchange."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

from delivery.exchanges import REJECTED, batch, deliveries_of

from rokt_export.exchange.delivery import Deliveries, Delivery, LeftOut
from rokt_export.exchange.model import OutcomeKind


def test_the_columns_of_a_batch_are_the_fields_of_its_deliveries():
    known_later = ("first_outcome", "provisional")  # `runs confirm` and the reports set them
    assert (*(each.name for each in fields(Deliveries)), *known_later) == Delivery.__struct_fields__
    assert Deliveries.together(deliveries_of(batch())) == Deliveries.of(batch())
    assert deliveries_of(batch())[1] == Delivery(
        2, "tx2", REJECTED, 201, "rule 1", "jane.doe@example.com is known", attempts=1, latency_ms=12.346, started=1.7e9
    )
    assert [one.error for one in deliveries_of(batch())] == [None, None, None, "dns: no such host", None, None]
    assert Deliveries.of([]).texts() == []


def test_a_row_can_be_left_out_for_each_outcome_that_a_sent_row_can_have() -> None:
    never_sent = {OutcomeKind.INVALID.name}
    assert {kind.name for kind in OutcomeKind} - never_sent <= {why.name for why in LeftOut}
    assert all(OutcomeKind[why.name].value == why.value for why in LeftOut if why.name in OutcomeKind.__members__)


def test_importing_delivery_does_not_load_sqlalchemy():
    code = "import sys, rokt_export.exchange.delivery; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
