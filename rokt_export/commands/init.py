"""`init`: a first spec from what a partner gave: a document, a collection, a recorded request, a sample, or answers."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.terminal import GUARD, Terminal, number_of, to_stdout
from rokt_export.errors import DocumentError, ExitStatus, UsageError
from rokt_export.read_whole import read_whole

if TYPE_CHECKING:
    from rokt_export.onboarding.drafts.addresses import PartnerNaming
    from rokt_export.onboarding.drafts.observed import Operation
    from rokt_export.onboarding.init import WrittenSpec

_LONGEST_LINE = 1_000_000
"""Bytes of a curl line in a file or on stdin, at most."""
_LONGEST_NAME = 255
"""Bytes of a file's name, at most: to ask for a longer one is an error."""

Spec = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", help="File to write; default: the partner's slug and .yaml.", show_default=False),
]
OpenApi = Annotated[
    str | None,
    typer.Option("--openapi", metavar="FILE|URL", help="An OpenAPI 3 or Swagger 2 document.", show_default=False),
]
OperationName = Annotated[
    str | None,
    typer.Option("--operation", metavar="NAME", help='Which operation: its id, or "POST /path".', show_default=False),
]
Curl = Annotated[
    str | None,
    typer.Option("--curl", metavar="LINE", help="A curl line; @FILE or - (stdin) for where it is.", show_default=False),
]
Har = Annotated[
    Path | None, typer.Option("--har", metavar="FILE", help="A HAR, as a browser saves it.", show_default=False)
]
Postman = Annotated[
    Path | None, typer.Option("--postman", metavar="FILE", help="A Postman collection (v2).", show_default=False)
]
RequestName = Annotated[
    str | None,
    typer.Option("--request", metavar="NAME", help="Which request of a collection or HAR.", show_default=False),
]
Sample = Annotated[str | None, typer.Option("--sample", metavar="NAME", help="Copy a sample spec.", show_default=False)]
Ask = Annotated[bool, typer.Option("--ask", help="Answer questions; so does a terminal without a source.")]
Partner = Annotated[
    str | None, typer.Option("--partner", metavar="SLUG", help="The partner's slug.", show_default=False)
]
AllowRemote = Annotated[bool, typer.Option("--allow-remote", help="Fetch what a document references on public hosts.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def init(
    spec: Spec = None,
    openapi: OpenApi = None,
    operation: OperationName = None,
    curl: Curl = None,
    postman: Postman = None,
    har: Har = None,
    request: RequestName = None,
    sample: Sample = None,
    ask: Ask = False,
    partner: Partner = None,
    allow_remote: AllowRemote = False,
    force: Force = False,
    env_file: flag.EnvFile = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Write a first spec from what the partner gave: an API document, a recorded request, or your answers.

    Guesses are marked `# check` in the file. Secrets go to `.env`, never into the spec.
    Exit status: 0 the draft is a valid spec, 1 validate has errors to fix, 2 or 3 nothing was written.

    Examples:
        rokt-export init --openapi acme-openapi.json
        rokt-export init --openapi acme.yaml --operation "POST /contacts"
        rokt-export init --curl @line.txt
        rokt-export init --postman collection.json --request "Create contact"
        rokt-export init --sample mailchimp
    """
    from rokt_export.onboarding.init import begin, begin_from_sample, target_of

    terminal = Terminal(quiet, verbose, no_color)
    if partner is not None and not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", partner):
        from rokt_export.onboarding.drafts.observed import slug

        near = slug(partner)
        raise UsageError(
            "a slug has lower-case letters, digits, `-` and `_`",
            where="--partner",
            remedy=f"Write --partner {near}; the name as it is goes into `title:` of the spec." if near else None,
        )
    given = {"--openapi": openapi, "--curl": curl, "--postman": postman, "--har": har, "--sample": sample}
    named = [name for name, value in given.items() if value is not None]
    asks = ask or (not named and sys.stdin.isatty() and sys.stderr.isatty())
    if len(named) + asks != 1:
        named += ["--ask"] if asks else []
        raise UsageError(
            f"give one source, not {' and '.join(named)}" if named else "give a source",
            remedy=f"One of {', '.join(given)}, --ask.",
        )
    if asks:
        begun = _ask(terminal, spec, partner, env_file, force=force)
    elif sample is not None:
        begun = begin_from_sample(sample, spec, env_file, force=force)
    else:
        from rokt_export.onboarding.drafts.addresses import PartnerNaming
        from rokt_export.onboarding.drafts.observed import slug

        sent: frozenset[str] = frozenset()
        naming = PartnerNaming(partner, slug(spec.stem) if spec is not None else "")
        if openapi is not None:
            found = _of_document(terminal, openapi, operation, naming, allow_remote=allow_remote)
        else:
            found, sent = _of_request(curl, postman, har, request, naming)
        begun = begin(found, target_of(spec, found.partner, force=force), env_file, sent)
    if begun.secrets is not None and curl is not None and curl != "-" and not curl.startswith("@"):
        terminal.warn(
            "The line with its secrets is in your shell's history: `--curl @FILE` or `--curl -` keeps it out."
        )
    with to_stdout():
        _print(terminal, begun, env_file or Path(".env"))
    return ExitStatus.FINDINGS if begun.validation.errors else ExitStatus.OK


def _of_document(
    terminal: Terminal, source: str, wanted: str | None, naming: PartnerNaming, *, allow_remote: bool
) -> Operation:
    from rokt_export.onboarding.drafts.openapi import chosen, observe
    from rokt_export.onboarding.drafts.openapi_document import read_document

    document = read_document(source, allow_remote=allow_remote)
    terminal.detail(f"read: {source}, version {document.version}")
    return observe(document, chosen(document, wanted), naming)


def _of_request(
    curl: str | None, postman: Path | None, har: Path | None, wanted: str | None, naming: PartnerNaming
) -> tuple[Operation, frozenset[str]]:
    """Return the operation of a recorded request, and the values that it sent."""
    from rokt_export.onboarding.drafts.curl import parse_curl
    from rokt_export.onboarding.drafts.har import read_har
    from rokt_export.onboarding.drafts.postman import read_postman
    from rokt_export.onboarding.drafts.recorded import observe_recorded

    if curl is not None:
        recorded = parse_curl(_curl_line(curl))
    elif postman is not None:
        recorded = read_postman(postman, wanted)
    else:
        assert har is not None
        recorded = read_har(har, wanted)
    return observe_recorded(recorded, naming)


def _ask(
    terminal: Terminal, spec: Path | None, partner: str | None, env_file: Path | None, *, force: bool
) -> WrittenSpec:
    """Ask the questions; what was answered is kept until the spec is written."""
    from rokt_export.onboarding.drafts import dialogue
    from rokt_export.onboarding.init import begin, target_of

    kept = (spec or Path("rokt-export-init")).with_suffix(".answers.json")
    answers = dialogue.read_answers(kept)
    if partner is not None:
        answers["partner"] = partner
    if answers:
        terminal.say(f"Going on with {number_of(len(answers), 'answer', 'answers')} kept in {kept}.")
    else:
        terminal.say(
            "An empty line skips a question, unless its answer is needed. Ctrl-C quits; the same command goes on."
            " No secrets are asked for."
        )
    try:
        while (question := dialogue.next_question(answers)) is not None:
            answer = _line(question.prompt).strip() or question.default or ""
            if wrong := dialogue.problem(question, answer):
                terminal.warn(f"   {wrong}")
                continue
            answers[question.key] = answer
            dialogue.keep_answers(kept, answers)
    except (KeyboardInterrupt, typer.Abort):
        terminal.warn(
            f"\n{number_of(len(answers), 'answer', 'answers')} kept in {kept}; the same command goes on there."
        )
        raise
    operation = dialogue.operation_of(answers)
    begun = begin(operation, target_of(spec, operation.partner, force=force), env_file)
    kept.unlink(missing_ok=True)
    return begun


def _line(prompt: str) -> str:
    """Return a line of standard input.

    Raises:
        typer.Abort: it has ended.
    """
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.buffer.readline().decode(errors="replace")
    if not line:
        raise typer.Abort
    return line


def _curl_line(given: str) -> str:
    """Return a curl line: as given, of a file (`@line.txt`), or of standard input (`-`)."""
    if given != "-" and not given.startswith("@"):
        if len(given.encode(errors="replace")) <= _LONGEST_NAME and Path(given).is_file():
            raise DocumentError(
                "this is not a curl line, but the name of a file", where="--curl",
                remedy=f"`--curl {quote(f'@{given}')}` reads the line in it.",
            )  # fmt: skip
        return given
    try:
        raw = sys.stdin.buffer.read(_LONGEST_LINE + 1) if given == "-" else read_whole(Path(given[1:]), _LONGEST_LINE)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"this file cannot be read: {error}", where="--curl", remedy="Give a text file in UTF-8."
        ) from error
    if len(raw) > _LONGEST_LINE:
        raise UsageError(
            f"a curl line has at most {_LONGEST_LINE:,} bytes", where="--curl", remedy="Shorten the data in it."
        )
    return text


def _print(terminal: Terminal, begun: WrittenSpec, env_file: Path) -> None:
    from rokt_export.commands.error_output import print_findings

    out, path, draft = terminal.out, begun.path, begun.draft
    if draft is None:
        out.print(GUARD.line(f"{path}: copied"), style="bold green", markup=False, soft_wrap=True)
    else:
        not_sent = len(draft.commented) + len(draft.left)
        counts = f"{len(draft.mapped)} mapped, {len(draft.doubtful)} guessed, {not_sent} optional not sent"
        out.print(GUARD.line(f"{path}: parameters: {counts}"), style="bold green", markup=False, soft_wrap=True)
    if (secrets := begun.secrets) is not None and secrets.moved:
        _say(terminal, f"Secrets: {', '.join(secrets.moved)} moved to {secrets.file} (readable only by you).")
    if secrets is not None and secrets.kept:
        _say(terminal, f"{secrets.file} has another value of {', '.join(secrets.kept)}, which stays.")
    findings = [each for each in begun.validation.findings if each.code != "RX107" and str(each.severity) != "info"]
    print_findings(out, findings)
    errors = begun.validation.errors
    warnings = sum(
        str(each.severity) == "warning" for each in begun.validation.findings
    )  # RX107 is among what to fill in
    verdict = f"validate: {number_of(errors, 'error', 'errors')}, {number_of(warnings, 'warning', 'warnings')}"
    out.print(verdict, style="bold red" if errors else "bold green", markup=False, soft_wrap=True)
    _print_to_do(terminal, begun, env_file)
    _print_questions(terminal, begun)
    _print_next(terminal, begun)


def _print_to_do(terminal: Terminal, begun: WrittenSpec, env_file: Path) -> None:
    """Print what a person must fill in or confirm."""
    from rokt_export.partner_spec.references import variable_names

    lines = [f"  {begun.path}:{line}: {text}" for line, text in (begun.draft.checks if begun.draft else [])]
    loaded = begun.validation.loaded
    if loaded is not None:
        unset = [each for each in begun.validation.findings if each.code == "RX107"]
        names = sorted(variable_names(loaded.spec, list(loaded.spec.endpoint))) if unset else []
        lacking = [name for name in names if any(f"{name}" in each.message for each in unset)]
        if lacking:
            start = f"{env_file}: add" if env_file.exists() else f"make a file {env_file} with"
            words = ", ".join(f"{name}=…" for name in lacking)
            lines.append(f"  {start} the {'line' if len(lacking) == 1 else 'lines'} {words}")
    if lines:
        terminal.out.print("To fill in or confirm:", style="bold")
        for line in lines:
            _say(terminal, line)


def _print_questions(terminal: Terminal, begun: WrittenSpec) -> None:
    """Print what only the partner can tell."""
    checklist = begun.validation.checklist
    questions = [text for point in checklist.points for text in point.questions] if checklist else []
    if questions:
        terminal.out.print("Questions to the partner:", style="bold")
        for number, text in enumerate(questions, start=1):
            _say(terminal, f"  {number}. {text}")


def _print_next(terminal: Terminal, begun: WrittenSpec) -> None:
    loaded = begun.validation.loaded
    if begun.validation.errors or loaded is None:
        _say(terminal, f"Next: correct {begun.path}, then `rokt-export validate {quote(str(begun.path))}`")
        return
    place = "" if "staging" in loaded.spec.endpoint else f" -e {next(iter(loaded.spec.endpoint))}"
    _say(terminal, f"Next: `rokt-export test {quote(str(begun.path))} --sandbox{place}`")


def _say(terminal: Terminal, text: str) -> None:
    terminal.out.print(GUARD.line(text), markup=False, soft_wrap=True)
