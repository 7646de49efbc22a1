"""Turn findings into what CI shows at their lines: SARIF 2.1.0, and annotations of a GitHub workflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from rokt_export import __version__
from rokt_export.partner_spec.document import Finding, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def sarif(findings: Iterable[Finding], titles: Mapping[str, str]) -> dict[str, object]:
    """Return a SARIF 2.1.0 log with one run (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

    Args:
        findings: of any number of specs.
        titles: what each code means, in a few words.
    """
    found = list(findings)
    codes = sorted({one.code for one in found})
    driver = {
        "name": "rokt-export",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": titles.get(code, code)}} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes.index(one.code)) for one in found],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(one: Finding, rule: int) -> dict[str, object]:
    path = Path(one.file)
    location: dict[str, object] = {
        "artifactLocation": {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    }
    if one.line > 0:
        location["region"] = {"startLine": one.line, "startColumn": max(1, one.column)}
    return {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": _LEVELS[one.severity],
        "message": {"text": _message(one)},
        "locations": [{"physicalLocation": location}],
    }


def workflow_commands(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a workflow command for each finding, which GitHub shows at its line."""
    for one in findings:
        place = {"file": one.file, "line": str(one.line), "col": str(one.column), "title": one.code}
        named = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in place.items())
        yield f"::{_COMMANDS[one.severity]} {named}::{_escaped(_message(one))}"


def _message(one: Finding) -> str:
    return f"{one.message}. {one.hint}" if one.hint else one.message


def _escaped(text: str, also: str = "") -> str:
    """Return text as GitHub's runner reads it back: `%`, line ends and, in properties, `,` and `:` as %XX."""
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
