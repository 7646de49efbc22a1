"""Prove that the template of a URL decides its scheme, host and port without any row, and fill that much of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.spec_language.template import Place, TemplateProblem, compile_template, fixed_start
from rokt_export.spec_language.web_url import WebUrl, parse_url

PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_][\w.-]*)\}(?!\})")
"""The place of a path parameter."""
_VARIABLE = "\ue000"
"""Stands for the value of a variable; no URL holds it."""
_AUTHORITY = r"[^/?#\\\s]+"
_PROOF = re.compile(
    rf"\s*(?:https?://{_AUTHORITY}|{_VARIABLE}://{_AUTHORITY}|{_VARIABLE}[^/?#\\\s]*(?=$|[/?](?!/)))"
    r"(?P<end>[/?])?",
    re.IGNORECASE,
)
PROOF_REMEDY = (
    "Write https:// and the host out, or take them from `{{ env.NAME }}`, with a `/` before whatever a row fills."
)


def proof_problem(source: str) -> str | None:
    """Return why a URL's template does not decide where it goes by constants and variables alone; None where it does.

    Raises:
        TemplateProblem: a piece of it does not compile.
    """
    first, *others = PLACEHOLDER.split(source)
    for piece in others[1::2]:
        compile_template(piece, Place.URL)
    pieces, whole = fixed_start(first)
    found = _PROOF.match("".join(piece.text if piece.fill is None else _VARIABLE for piece in pieces))
    if found is None and not pieces:
        return "a row decides where it goes: nothing stands before the first attribute or condition"
    if found is None:
        return "it does not start with https:// and a host, nor with a variable that holds both"
    if found["end"] is None and (others or not whole):
        return "a row decides a part of its host: no `/` parts the host from what a row fills"
    return None


def check_proof(source: str) -> None:
    """Check that no row decides where a URL goes.

    Raises:
        SpecError: one might.
    """
    try:
        problem = proof_problem(source)
    except TemplateProblem as error:
        raise SpecError(f"the URL's template does not compile: {error}", where=source) from error
    if problem is not None:
        raise SpecError(f"the URL is not safe: {problem}", where=source, remedy=PROOF_REMEDY)


def fixed_url(source: str, variables: Mapping[str, str], what: str = "endpoint") -> WebUrl:
    """Return the parts of a URL as far as no row decides them: scheme, host and port, and the beginning of the rest.

    Args:
        source: the template.
        variables: the environment's variables.
        what: what the URL is of, for a message.

    Raises:
        SpecError: a row might decide where it goes.
        ConfigurationError: the variables do not make a URL of it, or change where the template itself goes.
    """
    check_proof(source)
    first, *others = PLACEHOLDER.split(source.strip())
    pieces, whole = fixed_start(first)
    for name in sorted(name for part in (first, *others[1::2]) for name in compile_template(part, Place.URL).env):
        _check_value(
            source, name, variables[name], r"[\\#\s\x00-\x1f\x7f-\x9f]", "a blank, a backslash, `#` or a line break"
        )
    text = ""
    for piece in pieces:
        value = piece.text if piece.fill is None else piece.fill(variables)
        if piece.fill is not None and re.fullmatch(r"https?://[^/?]*", text, re.IGNORECASE):
            for name in sorted(piece.env):
                _check_value(source, name, variables[name], r"[/?@%]", "`/`, `?`, `@` or `%` in the host")
        text += value
    try:
        url = parse_url(text)
        if not url.rest and (others or not whole):
            raise ValueError("a row would decide a part of its host")
    except ValueError as error:
        credentials = "credentials" in str(error)
        raise (SpecError if credentials else ConfigurationError)(
            f"the {what} is not an absolute http or https URL: {error}",
            where=source,
            remedy="Use `authentication: {type: basic, …}` with `{{ env.NAME }}`."
            if credentials
            else "Start it with https:// and the host; check the variables it names.",
        ) from error
    return url


def _check_value(source: str, name: str, value: str, forbidden: str, words: str) -> None:
    if re.search(forbidden, value):
        raise ConfigurationError(
            f"the value of {name} cannot stand in a URL: it holds {words}",
            where=source,
            remedy=f"Correct {name} in the environment or in `.env`.",
        )
