"""A rule's text and a response become an outcome, in tests."""

from __future__ import annotations

from typing import Any

import orjson

from rokt_export.exchange.model import Outcome, OutcomeKind, Response
from rokt_export.partner_spec.document import parse
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.rules import Rule


def rule(text: str) -> Rule:
    return Rule.model_validate({"outcome": "delivered", **(parse("rule.yaml", text).data or {})})


def holds(text: str, body: Any = "", *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> bool:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else orjson.dumps(body)
    outcome = Classifier([rule(text)]).classify(Response(status, headers, raw))
    return outcome.kind is OutcomeKind.DELIVERED


def captured(text: str, body: str | bytes, headers: tuple[tuple[str, str], ...] = ()) -> Outcome:
    raw = body if isinstance(body, bytes) else body.encode()
    return Classifier([rule(text)]).classify(Response(200, headers, raw))
