"""Before a replay to a guarded environment: was this spec certified, by whom was it signed, has it changed since?"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rokt_export.commands.spec_setup import SpecSetup
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ConfigurationError, DocumentError

if TYPE_CHECKING:
    from rokt_export.certification.records import Certification
    from rokt_export.journal.certifications import CertificationSummary, SignOff

    Kept = tuple[str, CertificationSummary, list[SignOff]]
    """A certification: its run, what is kept of it, its sign-offs."""


def check_certified(setup: SpecSetup, place: str, terminal: Terminal, *, files: Sequence[Path], required: bool) -> None:
    """Say whether the spec is certified: by whom and when, or warn and say why not.

    Of the certifications of this very spec the newest decides. Where there is none, the spec is compared with the one
    that has the fewest changed parts, the newest of several. One by a sandbox counts for nothing.

    Args:
        setup: the spec.
        place: the journal.
        terminal: where it is told.
        files: packs of other journals, and answers to them.
        required: refuse a spec that is not certified.

    Raises:
        ConfigurationError: it is required, and not certified.
        DocumentError: a file is no pack and no answers, or was changed.
    """
    from rokt_export.certification.staleness import changed_parts, parts_of
    from rokt_export.journal import Journal
    from rokt_export.journal.certifications import refusal, signature

    given = list(_given(files, setup.spec.partner))
    with Journal.open(place) as journal:
        known = _together(journal.certifications(setup.spec.partner), given)
    # By the time in their ids; those of one tenth of a second stay as the journal has them, the newest first.
    found = sorted((each for each in known if not each[1].sandbox), key=lambda each: each[0][:-2], reverse=True)
    now, spec = parts_of(setup.loaded), setup.loaded.document.file
    changed = {run: changed_parts(kept.parts, now, kept.environment) for run, kept, _ in found}
    same = [each for each in found if not changed[each[0]]]
    again = f"`rokt-export certify {shlex.quote(spec)}`"
    remedy = f"{again} certifies it"
    if same:
        run, kept, signs = same[0]
        if (why := refusal(kept, signs)) is None:
            terminal.say(f"the spec is certified in {kept.environment} by run {run}, {signature(signs)}")
            return
        problem = f"{spec} is not certified: run {run} tried it, and {why}"
        remedy = f"Correct that, and run {again} anew"
        if kept.findings:
            remedy += (
                f"; `rokt-export certify --answers FILE {run}` reads the partner's answers, which may accept findings"
            )
    elif found:
        run, kept, signs = min(found, key=lambda each: len(changed[each[0]]))
        why = refusal(kept, signs)
        before = f"certified it in {kept.environment} ({signature(signs)})"
        if why is not None:
            before = f"tried it in {kept.environment}, and did not certify it ({why})"
        problem = f"{spec} has changed since run {run} {before}: {', '.join(changed[run])}"
    else:
        what = "certified only by a sandbox" if known else "never certified"
        problem = f"{spec} was {what}, as far as this journal knows"
    remedy += "; --certified PACK names a pack of another journal."
    if required:
        raise ConfigurationError(f"{problem}; nothing was sent", where="--require-certified", remedy=remedy)
    terminal.warn(f"{problem}. {remedy}")


def _together(kept: Iterable[Kept], given: Iterable[Kept]) -> list[Kept]:
    """Return the journal's certifications and the given ones; a run that is among both has the sign-offs of both.

    Raises:
        DocumentError: a pack is not the one that the journal's run wrote.
    """
    found = {run: (run, certificate, signs) for run, certificate, signs in kept}
    for run, certificate, signs in given:
        known = found.get(run)
        if known is not None and known[1].digest != certificate.digest:
            raise DocumentError(
                f"this is not the pack that run {run} wrote: the journal has the digest {known[1].digest}",
                where="--certified",
                remedy="Give the pack as it was written.",
            )
        before = [] if known is None else known[2]
        new = [each for each in signs if not any(each.same_as(other) for other in before)]
        found[run] = run, certificate, [*before, *new]
    return list(found.values())


def _given(files: Sequence[Path], partner: str) -> Iterator[Kept]:
    """Yield the certifications of these packs, with those of the answers that are about them."""
    if not files:  # few replays name any, and reading a pack takes half a dozen modules
        return
    from datetime import datetime

    from rokt_export.certification.pack import MOST_BYTES, certificate_of, pack_of, read_file
    from rokt_export.certification.sign_off import answers_of, holds_answers, sign_off_of

    packs: dict[str, tuple[Certification, CertificationSummary, list[SignOff]]] = {}
    texts = [(str(path), read_file(path, MOST_BYTES, "a certification pack")) for path in files]
    for where, text in texts:
        if holds_answers(text):
            continue
        pack = pack_of(where, text)
        if pack.spec.partner != partner:
            raise DocumentError(f"this pack is about {pack.spec.partner}, and the spec about {partner}", where=where)
        packs[pack.run.id] = pack, certificate_of(pack), []
    for where, text in texts:
        if holds_answers(text):
            answers = answers_of(where, text)
            if answers.run not in packs:
                raise DocumentError(
                    f"these answers are about run {answers.run}", where=where, remedy="Add --certified with its pack."
                )
            pack, certificate, signs = packs[answers.run]
            began = datetime.fromisoformat(pack.run.started_at)
            signs.append(sign_off_of(where, answers, answers.run, certificate, began))
    for run, (_, certificate, signs) in packs.items():
        yield run, certificate, signs
