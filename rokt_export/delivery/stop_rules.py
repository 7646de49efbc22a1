"""Decides by outcomes whether a run stops before its end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.shared_counts import FailureCounts
from rokt_export.exchange.model import Exchange, OutcomeKind, Response
from rokt_export.spec_language.statuses import REDIRECTS, SETUP_FAULTS

_SETUP_FAULTS = 10
_SERVER_ERROR = 500
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--[^>]{0,1000}-->\s*)*"
    rb"(?:<!doctype html|<html|<head|<meta )",
    re.IGNORECASE,
)
_BARRIER = re.compile(
    rb"type=[\"']?password|log ?in|sign ?in|checking your browser|captcha|denied|blocked|forbidden|enable javascript"
    rb"|just a moment|http-equiv=[\"']?refresh",
    re.IGNORECASE,
)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,100})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StopRules:
    """When to stop before the end.

    Attributes:
        failures: after so many exchanges with an unexpected outcome; None = never.
        consecutive: after so many of them in a row, invalid rows not counted; None = never.
        unclassified: at the first response that no rule matches.
        expected: the outcomes that count as success.
        setup: at a first response, or at ten in a row, that says that the set-up is wrong (`setup_fault`).
    """

    failures: int | None = None
    consecutive: int | None = None
    unclassified: bool = False
    expected: frozenset[OutcomeKind] = frozenset({OutcomeKind.DELIVERED, OutcomeKind.DUPLICATE})
    setup: bool = True

    @property
    def early(self) -> bool:
        """Whether anything but the end stops it, so that a response must be judged before the next send."""
        return self.unclassified or self.failures is not None or self.consecutive is not None


class StopJudge:
    """Counts unexpected outcomes, and says when to stop.

    Args:
        rules: when to stop.
        counts: the counts, which several workers may share.

    Attributes:
        setup_faults: responses in a row that doubt the set-up: only then does an expected outcome change anything.
    """

    def __init__(self, rules: StopRules, counts: FailureCounts) -> None:
        self._rules = rules
        self._counts = counts
        self.setup_faults = 0

    def judge(self, exchange: Exchange) -> Finished | None:
        """Count an outcome; return why to stop, or None."""
        rules, outcome = self._rules, exchange.outcome
        if outcome.kind not in rules.expected:
            return self._judge_unexpected(exchange, outcome.kind)
        if not outcome.by_body and rules.setup and (barred := setup_fault(exchange, expected=True)):
            if over := self._setup_fault(exchange, barred):
                return over
        elif self.setup_faults:
            self.setup_faults = 0
        if rules.consecutive is not None and self._counts.in_a_row:
            self._counts.succeeded()
        return None

    def _judge_unexpected(self, exchange: Exchange, kind: OutcomeKind) -> Finished | None:
        rules, counts = self._rules, self._counts
        if rules.setup and (why := setup_fault(exchange)):
            if over := self._setup_fault(exchange, why):
                return over
        else:
            self.setup_faults = 0
        # A row that was never sent says nothing of the partner.
        failures, in_a_row = counts.failed(in_a_row=kind is not OutcomeKind.INVALID)
        if rules.unclassified and kind is OutcomeKind.UNCLASSIFIED:
            why = "no rule matches this response"
            return Finished(StopReason.UNCLASSIFIED, why, exchange.status, exchange.transaction.row)
        if rules.failures is not None and failures >= rules.failures:
            return Finished(StopReason.FAILURES, _unexpected(failures))
        if kind is not OutcomeKind.INVALID and rules.consecutive is not None and in_a_row >= rules.consecutive:
            return Finished(StopReason.CONSECUTIVE, f"{_unexpected(in_a_row)} in a row")
        return None

    def _setup_fault(self, exchange: Exchange, why: str) -> Finished | None:
        if not _first_of_its_request(exchange):
            return None  # one response counts once
        self.setup_faults += 1
        if self.setup_faults < _SETUP_FAULTS:
            return None
        return Finished(StopReason.SETUP, f"{self.setup_faults} responses in a row: {why}", exchange.status)


def _unexpected(outcomes: int) -> str:
    return f"{outcomes} unexpected outcome{'' if outcomes == 1 else 's'}"


def _first_of_its_request(exchange: Exchange) -> bool:
    return not exchange.together or exchange.transaction is exchange.together[0]


def setup_fault(exchange: Exchange, *, expected: bool = False) -> str | None:
    """Return what a response says of the set-up: credentials, address, method or content type that do not fit.

    A response that a rule has understood by its body is the partner's word about the transaction, whatever its status.

    Args:
        exchange: a settled one.
        expected: whether its outcome is; then only a page that asks for a login, or bars the way, is a fault.
    """
    response = exchange.result
    if not isinstance(response, Response) or exchange.outcome.by_body:
        return None
    return response_fault(response, expected=expected)


def response_fault(response: Response, *, expected: bool = False) -> str | None:
    """As `setup_fault`, of a response that no rule has understood by its body."""
    status = response.status
    if status in SETUP_FAULTS and not expected:
        return f"{status}: {SETUP_FAULTS[status]}"
    if status in REDIRECTS and not expected:
        return f"{status}: the partner redirects to {response.header('location') or 'another address'}"
    if status < _SERVER_ERROR and _HTML.match(response.body) and (not expected or _BARRIER.search(response.body)):
        title = _TITLE.search(response.body)
        named = f' "{" ".join(title[1].decode("utf-8", "replace").split())}"' if title else ""
        return f"{status}: an HTML page{named} came, such as a login or a block"
    return None
