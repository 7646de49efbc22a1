"""Names what several probes show together: everything is accepted, credentials are ignored, rules are swapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.sending import SentRow
from rokt_export.certification.verdicts import ProbeJudgement
from rokt_export.exchange.model import OutcomeKind

Judged = tuple[PlannedProbe, ProbeJudgement, Sequence[SentRow]]

_ACCEPTS = frozenset(
    {
        "accepts-without-required",
        "accepts-missing-credentials",
        "accepts-wrong-credentials",
        "accepts-wrong-content-type",
        "never-says-duplicate",
    }
)
_MUST_BE_REFUSED = frozenset({"missing_required", "no_credentials", "wrong_credentials", "wrong_content_type"})
_KINDS = 2
"""Kinds of bad transactions that are all accepted, from which on the partner accepts everything."""


def combined(judged: Sequence[Judged]) -> list[ProbeJudgement]:
    """Return the judgement of each probe, with one name for findings that have one cause."""
    return _swapped(judged, _credentials(_everything(judged)))


def _everything(judged: Sequence[Judged]) -> list[ProbeJudgement]:
    own = [judgement for _, judgement, _ in judged]
    bad = [(probe.kind, judgement) for probe, judgement, _ in judged if probe.kind in _MUST_BE_REFUSED]
    told = [(kind, judgement) for kind, judgement in bad if judgement.verdict in ("as expected", "finding")]
    kinds = {kind for kind, judgement in told}
    if "missing_required" not in kinds or len(kinds) < _KINDS or any(each.defect not in _ACCEPTS for _, each in told):
        return own
    return [replace(each, defect="accepts-everything") if each.defect in _ACCEPTS else each for each in own]


def _credentials(own: list[ProbeJudgement]) -> list[ProbeJudgement]:
    both = {"accepts-missing-credentials", "accepts-wrong-credentials"}
    if not both <= {each.defect for each in own}:
        return own
    return [replace(each, defect="ignores-credentials") if each.defect in both else each for each in own]


def _swapped(judged: Sequence[Judged], own: list[ProbeJudgement]) -> list[ProbeJudgement]:
    """Name rules whose outcomes are exchanged: a duplicate is read as rejected, and a refusal as duplicate."""
    repeats = [
        sent[-1].exchange.outcome.rule
        for (_, _, sent), each in zip(judged, own, strict=True)
        if each.defect == "duplicate-misread" and sent[-1].outcome is OutcomeKind.REJECTED
    ]
    refusals = [
        sent[-1].exchange.outcome.rule
        for (_, _, sent), each in zip(judged, own, strict=True)
        if each.defect == "rejection-misread" and sent[-1].outcome is OutcomeKind.DUPLICATE
    ]
    if not repeats or not refusals:
        return own
    advice = f"Exchange the conditions of `{repeats[0]}` and `{refusals[0]}`."
    return [
        replace(each, defect="rules-swapped", advice=advice)
        if each.defect in ("duplicate-misread", "rejection-misread")
        else each
        for each in own
    ]
