"""An engine between rows and a partner on loopback."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from commands.conftest import Partner

from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.engine import Engine
from rokt_export.delivery.events import (
    Event,
    Finished,
    Intended,
    Paced,
    Settled,
    Withdrawn,
)
from rokt_export.delivery.input_feed import FileFeed
from rokt_export.delivery.plan import Pace
from rokt_export.exchange.model import Exchange, OutcomeKind
from rokt_export.partner_spec.loading import load_spec
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport, TransportOptions

DELIVERED, FAILED, UNKNOWN = OutcomeKind.DELIVERED, OutcomeKind.FAILED, OutcomeKind.UNKNOWN
SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: {url}/leads
authentication: {authentication}
encoding: json
parameters:
  - {{name: id, attribute: transactionid, required: true}}
responses:
  - {{outcome: failed, status: 429, retry: true{after}}}
  - {{outcome: delivered, status: 2xx}}
  - {{outcome: failed, status: 5xx, retry: true}}
  - {{outcome: rejected, status: 401}}
idempotent: {idempotent}
"""


def settled_in(event: Event) -> Settled | None:
    return event.settled if isinstance(event, Intended) else event if isinstance(event, Settled) else None


class Run:
    """What an engine told, sorted."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.finished = next((event for event in events if isinstance(event, Finished)), None)
        self.exchanges: list[Exchange] = [
            exchange for event in events if (over := settled_in(event)) for exchange in over.exchanges
        ]
        self.messages = [event.message for event in events if isinstance(event, Paced)]
        self.withdrawn = [each.row for event in events if isinstance(event, Withdrawn) for each in event.transactions]

    @property
    def outcomes(self) -> Counter[OutcomeKind]:
        return Counter(exchange.outcome.kind for exchange in self.exchanges)

    @property
    def rows(self) -> list[int]:
        return sorted(exchange.transaction.row for exchange in self.exchanges)


class Bench:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.engine: Engine | None = None

    def run(
        self,
        rows: int | Iterator[Transaction | None],
        *,
        authentication: str = "none",
        after: str = "",
        idempotent: bool = True,
        listen: Callable[[Event], None] = lambda _event: None,
        timeout: float = 5.0,
        **options: object,
    ) -> Run:
        text = SPEC.format(url=self.url, authentication=authentication, after=after, idempotent=str(idempotent).lower())
        path = self.folder / "acme.yaml"
        path.write_text(text)
        spec = load_spec(path).spec
        renderer = Renderer(spec, "staging", {})
        pace = Pace(**{"concurrency": 4, "backoff": 0.01, **options})
        events: list[Event] = []
        with Transport(TransportOptions(timeout=timeout, connect_timeout=1.0, max_connections=64)) as transport:
            feed = FileFeed(iter(people(rows)) if isinstance(rows, int) else rows)
            self.engine = Engine(
                feed, renderer, Classifier(spec.responses), transport, AttemptCredentials(renderer, {}), pace,
                repeatable=idempotent,
            )  # fmt: skip
            try:
                for event in self.engine.run():
                    events.append(event)
                    listen(event)
            finally:
                self.events = events
        return Run(events)


def people(count: int) -> list[Transaction]:
    return [Transaction(row, f"tx{row}", {"transactionid": f"tx{row}"}) for row in range(1, count + 1)]


Answer = tuple[int, Mapping[str, str], bytes]
OK: Answer = (200, {}, b"{}")


def ids(partner: Partner) -> list[str]:
    return [json.loads(heard.body)["id"] for heard in partner.heard if heard.body.startswith(b"{")]


INVALID, UNCLASSIFIED = OutcomeKind.INVALID, OutcomeKind.UNCLASSIFIED
