"""Asks an endpoint without a transaction, and returns its refusal."""

from __future__ import annotations

import re

from rokt_export.diagnosis.case import Case, SentDelivery, edges_of, needs_diagnosis
from rokt_export.diagnosis.requests import HarmlessRequests
from rokt_export.exchange.model import Fault, FaultKind, Response


def refusal(sent: SentDelivery, requests: HarmlessRequests) -> Case | None:
    """Return the case of what an endpoint refuses to OPTIONS or HEAD; None where it refuses nothing.

    Args:
        sent: what a delivery carries.
        requests: asks the endpoint.
    """
    fault = requests.inspection.fault
    if fault is not None:
        return Case(sent, None, (str(fault.kind), fault.message), None, requests, "connection")
    for method in requests.methods:
        requests.ask(method)
    asked = [each for each in requests.asked if not each.changed]
    known = [each.result.status for each in asked if isinstance(each.result, Response)]
    if known and not set(known) <= _UNKNOWN:  # the path is known: 404 to one method is the server's way
        asked = [each for each in asked if not isinstance(each.result, Response) or each.result.status not in _UNKNOWN]
    telling = [(_rank(each.result, sent.method), each.method != "GET", each) for each in asked]
    for rank, _, each in sorted(telling, key=lambda one: one[:2]):
        if rank == _NOTHING:
            break
        if isinstance(each.result, Fault):
            return Case(sent, None, (str(each.result.kind), each.result.message), each.at, requests, each.method)
        return Case(sent, each.result, None, each.at, requests, each.method)
    if requests.token_fault:
        return Case(sent, None, (str(FaultKind.PROTOCOL), requests.token_fault), None, requests, "token request")
    return None


_UNKNOWN = frozenset({404, 501})
"""Statuses with which some servers answer OPTIONS or HEAD, whatever they do with the spec's method."""
_NOTHING = 3


def _rank(result: Response | Fault, method: str) -> int:
    """Return how much a result tells: 0 the most, `_NOTHING` where it refuses nothing.

    Args:
        result: of OPTIONS, HEAD or GET.
        method: the spec's.
    """
    if isinstance(result, Fault):
        return 1
    match result.status:
        case 404:
            return 2
        case 405:
            allow = (result.header("allow") or "").upper()
            return 1 if allow and method not in allow else _NOTHING
        case 400:
            return 0 if re.search(rb"https|ssl|tls", result.body, re.IGNORECASE) else _NOTHING
        case status if needs_diagnosis(status, None):
            return 0
    return 0 if any(blocks for _, blocks in edges_of(result)) else _NOTHING
