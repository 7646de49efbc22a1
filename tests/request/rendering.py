"""A spec's text and a row become a request, in tests."""

from __future__ import annotations

from typing import Any

import pytest

from rokt_export.exchange.model import Request
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.transactions.transaction import Transaction

URL = "https://api.example.com/leads"
A = {"a": "1", "b": "x", "email": "jane@example.com"}
"""A row."""


def renderer(
    rest: str,
    *,
    url: str = URL,
    variables: dict[str, str] | None = None,
    base: str | None = None,
    plugins: frozenset[str] = frozenset(),
) -> Renderer:
    head = f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{url}', other: '{url}'}}\n"
    loaded = read_spec(parse("spec.yaml", f"{head}{rest}\nresponses: [{{outcome: delivered, status: 2xx}}]\n"))
    assert not loaded.findings, loaded.findings
    return Renderer(loaded.spec, "staging", variables or {}, base_url=base, plugins=plugins)


def request(rest: str, row: dict[str, Any] | None = None, **more: Any) -> Request:
    made = renderer(rest, **more)
    return made.sign(made.render(Transaction(1, "row-1", row or {})))


def body(rest: str, row: dict[str, Any] | None = None, **more: Any) -> str:
    sent = request(rest, row, **more).body
    return "" if sent is None else sent.decode()


def spec(*items: str, encoding: str = "json") -> str:
    return f"encoding: {encoding}\nparameters:\n" + "".join(f"  - {item}\n" for item in items)


def problems(rest: str, row: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InvalidRowError) as caught:
        request(rest, row)
    return caught.value.problems
