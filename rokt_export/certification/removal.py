"""Removes the records that probes made, each only if it is known to be ours, and says what stays at the partner."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.sending import ReadBackRecord, Sender, SentRow, StoppedError
from rokt_export.certification.verdicts import ProbeJudge, ProbeJudgement, as_expected, cannot_tell, found
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import PERHAPS_RECEIVED, Exchange, OutcomeKind
from rokt_export.redaction.display_text import cut, one_line

_MISREAD = frozenset({"error-read-as-delivered", "rules-swapped"})
"""Defects with which `delivered` does not mean that a record was made."""
_MUST_STAY = "the partner answers for another record, and that one must stay"
_STILL_THERE = "the partner says removed, and it is still there"
_MOST_REFERENCE = 40
_LEAVING = 5.0
"""Seconds in which records are removed after a person stopped the run."""


@dataclass
class ProbeRun:
    """A probe and what came of it."""

    planned: PlannedProbe
    judgement: ProbeJudgement
    sent: list[SentRow] = field(default_factory=list)
    controls: list[SentRow] = field(default_factory=list)
    reads: list[tuple[int, Exchange]] = field(default_factory=list)


@dataclass
class Removal:
    """Removes what one certification made.

    Args:
        sender: sends the requests; it has all rows.
        judge: knows whether a response spoke of another person.
        wait: seconds that a record may be there after its removal.
        ran: the probes so far; the finding of another person's record is added to them.

    Attributes:
        seen: row to its record as it was read back.
    """

    sender: Sender
    judge: ProbeJudge
    wait: float
    ran: Sequence[ProbeRun]
    seen: dict[int, Mapping[str, str | None]] = field(default_factory=dict)
    _urls: dict[str, str] = field(default_factory=dict)
    """URL of a record to why it could not be removed, or nothing."""

    def all(self) -> dict[int, str]:
        """Remove the records that were made, where the spec says how; return row to why that failed, or nothing."""
        cleaned = dict[int, str]()
        self._clean(cleaned)
        row = next((row for row, why in cleaned.items() if not why and row in self.seen), None)
        if row is not None and self._is_still_there(row):
            cleaned.update((each, _STILL_THERE) for each, why in cleaned.items() if not why)
        return cleaned

    def _clean(self, cleaned: dict[int, str]) -> None:
        """As `all`, without a look whether they are gone; what is done before an error is in `cleaned`.

        Raises:
            StoppedError: a person stopped the run.
            UnreachableError: a token server gives no token.
        """
        if self.judge.spec.cleanup is None or self.judge.sandbox:
            return
        misread = {
            sent.row for ran in self.ran if ran.judgement.defect in _MISREAD for sent in (*ran.sent, *ran.controls)
        }
        made = [
            sent
            for row, sent in self.sender.sent.items()
            if sent.outcome is OutcomeKind.DELIVERED and row not in misread
        ]
        for sent in made:
            if not self.judge.mixes:  # one is enough
                self._look_before_removing(sent)
        for sent in made:
            if self.judge.mixes:  # a reference may be that of a person whom we never sent
                cleaned[sent.row] = _MUST_STAY
            else:
                why = self.sender.remove(sent, self._urls, seen=sent.row in self.seen)
                cleaned[sent.row] = self.sender.redactor.text(why)

    def _look_before_removing(self, sent: SentRow) -> None:
        """Read a record back that was not read yet: another person's is a finding, and must stay."""
        if self.judge.spec.read_back is None or any(row == sent.row for each in self.ran for row, _ in each.reads):
            return
        read = self.sender.read_back(sent)
        if not isinstance(read, ReadBackRecord):
            return
        if self.judge.is_another(sent, read):
            self.judge.mixes = True
            for ran in self.ran:
                if any(each.row == sent.row for each in (*ran.sent, *ran.controls)):
                    ran.judgement = self.judge.read_back(ran.planned, sent, read) or ran.judgement
        elif any(read.found.values()):
            self.seen[sent.row] = read.found

    def _is_still_there(self, row: int) -> bool:
        """Return whether a record that was removed is read back as before, however long one waits."""
        end = time.monotonic() + self.wait
        while True:
            read = self.sender.read_back(self.sender.sent[row])
            if not isinstance(read, ReadBackRecord) or read.found != self.seen[row]:
                return False
            if time.monotonic() >= end:
                return True
            self.sender.pause(max(0.05, self.wait / 5))

    def after_stop(self) -> dict[int, str]:
        """Remove the records after a person stopped the run, in a short time; a second Ctrl-C leaves them."""
        cleaned = dict[int, str]()
        people = defaultdict[str, set[str]](set)
        for each in self.sender.sent.values():
            if each.outcome is OutcomeKind.DELIVERED and (reference := each.captured.get("reference")):
                people[reference].add(each.exchange.transaction.id)
        certain = all(len(who) == 1 for who in people.values())  # else a reference is not that of the person
        if self.judge.spec.cleanup is not None and certain and not self.judge.sandbox:
            self.sender.say(f"removing what was made, for at most {_LEAVING:g} s")
            with suppress(StoppedError, UnreachableError), self.sender.after_stop(_LEAVING):
                self._clean(cleaned)
        return cleaned

    def left(self, cleaned: Mapping[int, str]) -> list[str]:
        """Return what an incomplete run leaves at the partner, one sentence each; nothing of a sandbox.

        Args:
            cleaned: as `all` returns it.
        """
        if self.judge.sandbox:
            return []
        sent = self.sender.sent.values()
        made = [each for each in sent if each.outcome is OutcomeKind.DELIVERED and cleaned.get(each.row) != ""]
        maybe = [each for each in sent if each.outcome in PERHAPS_RECEIVED]
        removed = [row for row, why in cleaned.items() if not why]
        told = [f"removed again: the records of {_rows(removed)}"] if removed else []
        if made:
            named = ", ".join(f"row {each.row}{_named(each)}" for each in made)
            told.append(f"left at the partner, which must remove them: the test records of {named}")
        if maybe:
            told.append(f"perhaps left at the partner: the test records of {_rows([each.row for each in maybe])}")
        return told

    def probe(self, planned: PlannedProbe, cleaned: Mapping[int, str]) -> ProbeRun:
        """Return what came of the removal of the records.

        Args:
            planned: the probe.
            cleaned: as `all` returns it.
        """
        if _MUST_STAY in cleaned.values():
            return ProbeRun(
                planned, cannot_tell(f"nothing was removed: {_MUST_STAY}", "Ask the partner to remove the records.")
            )
        if _STILL_THERE in cleaned.values():
            row = min(row for row, why in cleaned.items() if why == _STILL_THERE)
            advice = "Ask the partner how a record is removed, and correct `cleanup`."
            return ProbeRun(planned, found("records-not-removed", f"R{row} was read back: {_STILL_THERE}", advice))
        failed = [f"R{row}: {why}" for row, why in sorted(cleaned.items()) if why]
        if failed:
            advice = "Remove them by hand, and correct `cleanup`."
            return ProbeRun(planned, found("records-not-removed", f"not removed: {'; '.join(failed)}", advice))
        if unknown := self._unanswered():
            left = f"no response came to {', '.join(f'R{row}' for row in unknown)}: their records may be left"
            return ProbeRun(planned, cannot_tell(left, "Ask the partner to look them up, and to remove them."))
        if not cleaned:
            return ProbeRun(planned, ProbeJudgement("not run", "no record was made"))
        made_by = "" if len(self._urls) == len(cleaned) else f", which {len(cleaned)} rows made: some share one"
        return ProbeRun(planned, as_expected(f"{len(self._urls)} removed{made_by}"))

    def _unanswered(self) -> list[int]:
        """Return the rows of which nobody knows whether a record was made."""
        return sorted(
            sent.row for ran in self.ran for sent in (*ran.sent, *ran.controls) if sent.outcome is OutcomeKind.UNKNOWN
        )


def _rows(rows: Sequence[int]) -> str:
    return f"row{'' if len(rows) == 1 else 's'} {', '.join(map(str, rows))}"


def _named(sent: SentRow) -> str:
    reference = sent.exchange.outcome.reference
    return f" ({cut(one_line(reference), _MOST_REFERENCE)})" if reference else ""
