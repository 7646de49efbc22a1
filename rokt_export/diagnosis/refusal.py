"""Asks an endpoint without a transaction, and returns its refusal."""

from __future__ import annotations

from rokt_export.diagnosis.case import REDIRECTS, STATUSES, Case, Sent, edges_of
from rokt_export.diagnosis.requests import HarmlessRequests
from rokt_export.exchange.model import Fault, FaultKind, Response

_UNCLEAR = frozenset({404, 405})
"""Statuses with which servers answer OPTIONS and HEAD, whatever they do with the spec's method."""


def refusal(sent: Sent, requests: HarmlessRequests) -> Case | None:
    """Return the case of what an endpoint refuses to OPTIONS or HEAD; None where it refuses nothing.

    Args:
        sent: what a delivery carries.
        requests: asks the endpoint.
    """
    fault = requests.inspection.fault
    if fault is not None:
        return _case(sent, requests, fault, 0.0)
    for method in requests.methods[:2]:
        requests.ask(method)
    if requests.methods[1:] and (head := requests.ask("HEAD")) is not None and head.status in STATUSES:
        requests.ask("GET")
    asked = [each for each in requests.asked if not each.changed]
    ranked = sorted(asked, key=lambda each: (_rank(each.result, sent), each.method != "GET"))
    for each in ranked:
        if _rank(each.result, sent) < _NOTHING:
            if isinstance(each.result, Response) and each.result.status in _UNCLEAR and _rank(each.result, sent) > 1:
                statuses = {other.result.status for other in asked if isinstance(other.result, Response)}
                if not statuses <= {404, 501}:
                    continue
            return _case(sent, requests, each.result, each.at)
    if requests.token_fault:
        return Case(sent, None, (FaultKind.PROTOCOL, requests.token_fault), None, requests)
    return None


_NOTHING = 9


def _rank(result: Response | Fault, sent: Sent) -> int:
    """Return how much a result tells: 0 the most, `_NOTHING` where it refuses nothing."""
    if isinstance(result, Fault):
        return 1
    if result.status in _UNCLEAR:
        allow = result.header("allow")
        if result.status == 405 and allow:
            return 1 if sent.method not in allow.upper() else _NOTHING
        return 2
    blocked = any(blocks for _, blocks in edges_of(result))
    plain = result.status == 400 and b"https" in result.body.lower()
    return 0 if result.status in STATUSES or result.status in REDIRECTS or blocked or plain else _NOTHING


def _case(sent: Sent, requests: HarmlessRequests, result: Response | Fault, at: float) -> Case:
    if isinstance(result, Fault):
        return Case(sent, None, (str(result.kind), result.message), None, requests)
    return Case(sent, result, None, at, requests)
