"""What `certify` does besides its probes: the pack handed over, the answers read back, a changed spec checked."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands.named_run import find_to_change, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.run_output import check_folder, place_flag
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ConfigurationError, DocumentError, ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.certification.records import Certification, CertifiedRun, Probe
    from rokt_export.journal import Journal
    from rokt_export.journal.certifications import CertificationSummary, SignOff
    from rokt_export.partner_spec.loading import LoadedSpec

AnswersFile = Annotated[
    str | None,
    typer.Option(
        "--answers", metavar="FILE", show_default=False,
        help="Read the partner's answers to RUN: the saved file, or the pasted mail; - for stdin.",
    ),
]  # fmt: skip
CheckPack = Annotated[
    Path | None,
    typer.Option(
        "--check",
        metavar="PACK",
        show_default=False,
        help="Is the spec still as this pack (.json, .html) certified it?",
    ),
]
CheckedSpec = Annotated[
    Path | None,
    typer.Option(
        "--spec", metavar="SPEC", show_default=False,
        help="The spec to check; default: that of the pack's run, where the journal has it.",
    ),
]  # fmt: skip
PackFolder = Annotated[Path, typer.Option("--pack", metavar="FOLDER", help="Where the certification pack is written.")]
PageLanguage = Annotated[
    str, typer.Option("--template", metavar="en|de", help="Language of the pack's page.", show_default=False)
]


def check_alone(*, answers: str | None, check: Path | None, spec: Path | None) -> None:
    """Check that only one thing is asked for.

    Raises:
        UsageError: two are.
    """
    if answers is not None and check is not None:
        raise UsageError("--answers and --check are two things", remedy="Read the answers first, then check the pack.")
    if spec is not None and check is None:
        raise UsageError(
            "--spec names the spec of a pack", where="--spec", remedy="Add --check PACK, or write: certify SPEC."
        )


def check_pack_folder(folder: Path, language: str) -> None:
    """Check that a pack can be written, before anything is sent; make its folder in one that exists.

    Raises:
        UsageError: the folder cannot be made or written to, or there is no page in that language.
    """
    from rokt_export.certification.pack import words_of

    words_of(language)
    if not folder.exists():
        check_folder(folder)
        try:
            folder.mkdir()
        except OSError as error:
            raise UsageError(f"this folder cannot be made: {error.strerror}", where=str(folder)) from error
    check_folder(folder / "pack.json")


def hand_over(certification: Certification, place: str, folder: Path, language: str, terminal: Terminal) -> None:
    """Keep a certification in the journal, write its pack, and say what comes next.

    Args:
        certification: its run is in the journal, and has ended.
        place: the journal.
        folder: where the pack is written.
        language: of the page.
        terminal: where it is told.
    """
    from rokt_export.certification.pack import certificate_of, targets
    from rokt_export.journal import Journal
    from rokt_export.reports.formats import write_files

    run = certification.run.id
    with Journal.open(place) as journal:
        journal.certify(run, certificate_of(certification))
    files = targets(certification, folder, language)
    write_files(files)
    for _, path in files:
        terminal.say(f"pack: {path}")
    if not certification.run.sandbox:
        page = files[0][1].name
        terminal.say(f"Send {page} to the partner's tech contact, and read the answers back:")
        terminal.say(f"  rokt-export certify --answers FILE {run}{place_flag(place)}")


def read_answers(file: str, run: str | None, place: str, terminal: Terminal, output: Output) -> int:
    """Read the partner's answers to a certification, keep them, and print what they say.

    Raises:
        UsageError: no run is named, or it is no certification.
        DocumentError: the answers are damaged, forged or about something else; nothing is kept.
    """
    from rokt_export.certification.pack import read_file, text_of
    from rokt_export.certification.sign_off import MOST_BYTES, answers_of, sign_off_of
    from rokt_export.journal.certifications import judged, signature

    what = "a file of answers"
    where = "stdin" if file == "-" else file
    text = (
        text_of(where, sys.stdin.buffer.read(MOST_BYTES + 1), MOST_BYTES, what)
        if file == "-"
        else read_file(Path(file), MOST_BYTES, what)
    )
    answers = answers_of(where, text)
    with open_existing(place) as journal:
        info = find_to_change(journal, run or answers.run)
        kept = journal.certification(info.run)
        if kept is None:
            raise UsageError(
                f"run {info.run} is no certification", where="--answers", remedy="Name a run of `certify`."
            )
        certificate, known = kept
        signed = sign_off_of(where, answers, info.run, certificate, info.started)
        signs = journal.sign(info.run, signed)
    if len(signs) == len(known):
        newer = "" if signs[-1].same_as(signed) else f"; later answers count, {signature(signs)}"
        terminal.say(f"these answers were read before; nothing is kept twice{newer}")
    _print(terminal, output, info.run, certificate, signs)
    found = judged(certificate, signs[-1])
    return ExitStatus.FINDINGS if found.contradicted or found.unanswered else ExitStatus.OK


def _print(
    terminal: Terminal, output: Output, run: str, certificate: CertificationSummary, signs: Sequence[SignOff]
) -> None:
    from rokt_export.journal.certifications import as_json, judged, refusal, sentences

    if output is not Output.TABLE:
        terminal.json({"run": run, **as_json(certificate, signs)})
        return
    for sentence in sentences(run, certificate, signs):
        terminal.write(sentence)
    why = refusal(certificate, signs)
    terminal.write(f"run {run} counts as a certification" if why is None else f"not certified: {why}")
    if signs and judged(certificate, signs[-1]).contradicted:
        terminal.say("Next: correct the spec, or have the partner correct its system; then certify again.")
        terminal.say(
            "Where the answers are a mistake: have the page filled in again, and read it the same way; the last "
            "sign-off counts."
        )


def check_pack(
    pack: Path, spec: Path | None, env_file: Path | None, place: str, terminal: Terminal, output: Output
) -> int:
    """Say whether a spec, with the variables at hand, is the one that a pack certified, and which probes to run again.

    Raises:
        DocumentError: the file is no pack, or was changed after it was written.
        UsageError: it is not known which spec to check.
        SpecError: the spec cannot be read.
        ConfigurationError: a file of variables cannot be read.
    """
    from rokt_export.certification.pack import certificate_of, read_pack
    from rokt_export.certification.staleness import changes, other_environments, parts_of
    from rokt_export.journal.certifications import refusal, signature
    from rokt_export.partner_spec.loading import load_spec

    with open_existing(place) as journal:
        _check_file(pack, journal)
        certification = read_pack(pack)
        run, certificate = certification.run, certificate_of(certification)
        signs = _signs(journal, str(pack), certification, certificate)
        path = spec or _spec_of(journal, run.id)
    loaded = load_spec(path)
    if loaded.spec.partner != certification.spec.partner:
        raise DocumentError(
            f"this pack is about {certification.spec.partner}, and {path} about {loaded.spec.partner}", where=str(pack)
        )
    now = parts_of(loaded)
    changed = list(changes(certificate.parts, now, run.environment))
    probes = _run_again(certification, changed)
    others = other_environments(certificate.parts, now, run.environment)
    why = refusal(certificate, signs)
    address = _address_now(run, loaded, env_file, terminal)
    if why is None and not changed:
        why = _elsewhere(run, address)
    if output is not Output.TABLE:
        terminal.json(
            {
                "run": run.id,
                "partner": certification.spec.partner,
                "environment": run.environment,
                "certified": not changed and why is None,
                "refusal": why,
                "address": {"certified": run.origin, "now": address},
                "changed": [{"part": part, "how": how} for part, how in changed],
                "run_again": [probe.id for probe in probes],
                "not_probed": others,
                "signed": [{"name": each.name, "date": each.date} for each in signs],
            }
        )
    elif changed:
        _print_changes(terminal, path, run, changed, probes, why)
    elif why is not None:
        terminal.write(f"{path} has not changed, but is not certified: {why}")
    else:
        when = datetime.fromisoformat(run.ended_at)
        terminal.write(
            f"{path} is certified in {run.environment} by run {run.id} of {when:%Y-%m-%d}, {signature(signs)}"
        )
    for name in others:
        terminal.say(f"{name} has changed: no probe knew it before, so this certification says nothing of it")
    return ExitStatus.FINDINGS if changed or why is not None else ExitStatus.OK


def _print_changes(
    terminal: Terminal,
    path: Path,
    run: CertifiedRun,
    changed: Sequence[tuple[str, str]],
    probes: Sequence[Probe],
    refused: str | None,
) -> None:
    did = "certified" if refused is None else "tried"
    terminal.write(f"{path} has changed since run {run.id} {did} it in {run.environment}:")
    for part, how in changed:
        terminal.write(f"  {part}: {how}")
    if probes:
        terminal.write("These probes must run again:")
    for probe in probes:
        terminal.write(f"  {probe.id} {probe.title}")
    terminal.write(f"  rokt-export certify {shlex.quote(str(path))} -e {run.environment}")
    if refused is not None:
        terminal.write(f"It did not count as certified before: {refused}")


def _run_again(certification: Certification, changed: Sequence[tuple[str, str]]) -> list[Probe]:
    """Return the probes to run again; of those that could not run the ones that a new part of the spec may allow.

    Args:
        certification: the pack.
        changed: part of the spec and how it changed, as `changes` yields them.
    """
    from rokt_export.certification.staleness import probes_again

    again = probes_again([part for part, _ in changed])
    possible = probes_again([part for part, how in changed if how == "new"])
    return [each for each in certification.probes if each.kind in (possible if each.verdict == "not run" else again)]


def _check_file(pack: Path, journal: Journal) -> None:
    """Check that a pack is named, and not the run that wrote it.

    Raises:
        UsageError: a run is.
    """
    if pack.exists():
        return
    try:
        info = journal.find(str(pack))
    except UsageError:
        return
    raise UsageError(
        f"{info.run} is a run, and --check takes the file of its pack",
        where=f"--check {pack}",
        remedy=f"Name {info.partner}-{info.run}.certification.json, or the .html, which `certify` wrote.",
    )


def _elsewhere(run: CertifiedRun, address: str | None) -> str | None:
    """Return why a certification does not count at an address; None where it is the certified one, or unknown."""
    if address in (None, run.origin):
        return None
    return f"{run.environment} is {address} by the variables at hand, and {run.origin} was certified"


def _address_now(run: CertifiedRun, loaded: LoadedSpec, env_file: Path | None, terminal: Terminal) -> str | None:
    """Return scheme, host and port of the certified environment by the variables at hand; say it where there are none.

    Raises:
        ConfigurationError: a file of variables cannot be read.
    """
    from rokt_export.delivery.address import unset_variables
    from rokt_export.partner_spec.variables import load_variables
    from rokt_export.request.url import blank_url, origin

    if run.sandbox or run.environment not in loaded.spec.endpoint:
        return None
    url, variables = loaded.spec.environment(run.environment).url, load_variables(run.environment, env_file)
    try:
        variables.require(unset_variables(url, variables.values), run.environment)
        return origin(blank_url(url, variables.values))
    except ConfigurationError as error:
        terminal.warn(f"the address of {run.environment} cannot be compared with {run.origin}: {error.message}")
        return None


def _signs(
    journal: Journal, where: str, certification: Certification, certificate: CertificationSummary
) -> list[SignOff]:
    """Return the sign-offs that the journal has; none for a run of another journal.

    Raises:
        DocumentError: the journal has the run, with another pack.
    """
    for run, kept, signs in journal.certifications(certification.spec.partner):
        if run == certification.run.id:
            if kept.digest != certificate.digest:
                raise DocumentError(
                    f"this pack is not the one that run {run} wrote: it has the digest {certificate.digest}, and the "
                    f"journal has {kept.digest}",
                    where=where,
                    remedy="Give the pack as it was written.",
                )
            return signs
    return []


def _spec_of(journal: Journal, run: str) -> Path:
    try:
        info = journal.find(run)
    except UsageError as error:
        raise UsageError(
            f"the journal does not have run {run}, and so knows no spec to check", remedy="Add --spec SPEC."
        ) from error
    return Path(info.options.get("spec_path", info.spec_file))
