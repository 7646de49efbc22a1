"""Keeps a finding open that an earlier run proved and this one cannot tell, as the partner answers for what it kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.staleness import changed_parts, probes_again
from rokt_export.certification.verdicts import UNAVAILABLE, ProbeJudgement, found
from rokt_export.journal.certifications import CertificationSummary, CertifiedProbe

_UNDECIDED = ("cannot be told", "not run")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """What an earlier certification of the same partner and environment proved.

    Attributes:
        run: its id.
        probes: title to probe.
        outdated: the kinds of probes that prove nothing any more, as their part of the spec has changed.
    """

    run: str
    probes: Mapping[str, CertifiedProbe]
    outdated: frozenset[str]

    @classmethod
    def of(cls, run: str, certificate: CertificationSummary, parts: Mapping[str, str]) -> EarlierRun:
        """Return it, compared with the parts of the spec as it is now."""
        changed = changed_parts(certificate.parts, parts, certificate.environment)
        return cls(run, {each.title: each for each in certificate.probes}, probes_again(changed))


def kept_open(probe: PlannedProbe, judgement: ProbeJudgement, earlier: Sequence[EarlierRun]) -> ProbeJudgement:
    """Return the judgement of a probe, or the finding that the last run which could tell had of it.

    Args:
        probe: what was tried.
        judgement: what came of it now.
        earlier: the earlier runs, newest first.
    """
    if judgement.verdict not in _UNDECIDED:
        return judgement
    since = defect = ""
    for one in earlier:
        before = one.probes.get(probe.title)
        if before is None or probe.kind in one.outdated or before.verdict in _UNDECIDED or before.defect == UNAVAILABLE:
            continue
        if before.verdict != "finding":
            break
        since, defect = one.run, defect or before.defect
    if not since:
        return judgement
    return found(
        defect,
        f"found by run {since}, and still open, as this run cannot tell: {judgement.finding}",
        "Correct it, have the partner remove the record that it kept, and certify again. "
        f"`rokt-export runs show {since}` shows what was found.",
    )
