"""Single deliveries of exchanges, which the tool itself makes a batch at a time."""

from __future__ import annotations

from dataclasses import fields

from rokt_export.exchange.delivery import Deliveries, Delivery
from rokt_export.exchange.model import Exchange


def delivery_of(exchange: Exchange) -> Delivery:
    columns = Deliveries.of([exchange])
    return Delivery(*(getattr(columns, each.name)[0] for each in fields(columns)))
