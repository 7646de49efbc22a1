"""`explain`: what the code of a finding means, with an example and a remedy."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

import typer

from rokt_export.commands import completion
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError, did_you_mean

Code = Annotated[
    str,
    typer.Argument(
        metavar="CODE", help="A finding's code, such as RX110.", show_default=False, autocompletion=completion.codes
    ),
]


_ALIKE = str.maketrans("OQILSZB", "0011528")
"""Letters that are read as digits."""


def explain(code: Code) -> int:
    """Explain a finding of `validate`: what it means, an example, and what to do.

    Examples:
        rokt-export explain RX110
    """
    known = entries()
    wanted = code.upper() if code.upper().startswith("RX") else f"RX{code}"
    if wanted not in known:
        digits = wanted[:2] + wanted[2:].translate(_ALIKE)
        near = f"Did you mean `{digits}`?" if digits in known else did_you_mean(wanted, known)
        near = near or "`rokt-export validate SPEC` prints the code of each finding."
        raise UsageError(f"no finding has the code `{code}`", remedy=near)
    Terminal().write(known[wanted])
    return ExitStatus.OK


@cache
def entries() -> dict[str, str]:
    """Return the code of each finding and its entry in docs/findings.md, which the package ships."""
    package = files("rokt_export")
    shipped = package / "docs" / "findings.md"
    page = shipped if shipped.is_file() else package.parent / "docs" / "findings.md"  # type: ignore[attr-defined]
    found: dict[str, str] = {}
    for title, text in re.findall(r"^### (RX.*)\n((?:(?!#).*\n?)*)", page.read_text(encoding="utf-8"), re.MULTILINE):
        found[title.partition(":")[0]] = f"{title}\n\n{text.strip()}"
    return found
