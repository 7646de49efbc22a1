"""The questions that only the partner can answer, from what the probes left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rokt_export.certification.records import Probe, RuleCoverage, SentRecord
from rokt_export.partner_spec.checklist import case_in_words
from rokt_export.partner_spec.model import PartnerSpec

_MOST_RULES = 5


def questions_for(
    spec: PartnerSpec,
    probes: Sequence[Probe],
    coverage: Sequence[RuleCoverage],
    records: Sequence[SentRecord],
    *,
    sandbox: bool = False,
) -> tuple[tuple[str, str], ...]:
    """Return text and reason of each question, the most important first.

    Args:
        sandbox: a sandbox answered: the partner has none of the records, so none is asked about.
    """
    removed = frozenset(each.id for each in records if each.cleaned == "removed")
    of_records = () if sandbox else _of_records(spec, probes, removed)
    to_remove = () if sandbox else _to_remove(spec, probes)
    return (*of_records, *_of_rules(spec, coverage), *to_remove)


def _of_records(spec: PartnerSpec, probes: Sequence[Probe], removed: frozenset[str]) -> Iterator[tuple[str, str]]:
    good = _good(probes)
    if good is not None and good.records[0] not in removed:
        yield (
            f"Is record {good.records[0]} where such records belong, with each value in its field?",
            "Our side sees only that it was taken.",
        )
    outcomes = {rule.outcome for rule in spec.responses}
    for each in probes:
        if each.kind == "repeat" and each.outcome == "delivered" and "duplicate" not in outcomes and good is not None:
            yield (
                f"{good.records[0]} and {', '.join(each.records)} are the same: do you have one record or two?",
                "Our spec has no rule for duplicates.",
            )
    stored = [each for each in probes if each.kind in ("hostile_text", "longest") and each.outcome == "delivered"]
    if stored and spec.read_back is None:
        records = ", ".join(record for each in stored for record in each.records)
        yield f"Are the values of {records} stored exactly as they are listed?", "We cannot read them back."
    undecided = [each for each in probes if each.verdict == "cannot be told" and "not decided" in each.finding]
    if undecided:
        records = ", ".join(record for each in undecided for record in each.records)
        yield f"What became of {records}?", "They were accepted, and no decision came while we asked."


def _of_rules(spec: PartnerSpec, coverage: Sequence[RuleCoverage]) -> Iterator[tuple[str, str]]:
    rules = dict(zip(spec.rule_names, spec.responses, strict=True))
    unseen = [rules[each.rule] for each in coverage if not each.seen and each.outcome != "failed"]
    for case in dict.fromkeys(map(case_in_words, unseen[:_MOST_RULES])):
        yield (
            f"In which case do you respond that {case}, and how can we bring it about?",
            "No request of this test brought such a response.",
        )


def _to_remove(spec: PartnerSpec, probes: Sequence[Probe]) -> Iterator[tuple[str, str]]:
    if _good(probes) is not None and spec.cleanup is None:
        yield "Will you remove these records? All of them are test data.", "We have no request that removes them."


def _good(probes: Sequence[Probe]) -> Probe | None:
    """Return the probe of the good transaction, if it may have created a record."""
    return next((each for each in probes if each.kind == "good" and each.records), None)
