"""A sound spec, and specs with one planted fault each: what the tests of the lints share."""

from __future__ import annotations

from dataclasses import dataclass

from rokt_export.partner_spec.document import Finding, parse
from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import LoadedSpec, read_spec

HEAD = "spec_version: 1\npartner: acme\n"
SET_UP = "  - {outcome: failed, status: [401, 403, 404, 405, 415]}\n"

PARTS = {
    "endpoint": "endpoint: {staging: https://test.example.com/leads, production: https://api.example.com/leads}\n",
    "parameters": "parameters:\n  - {name: email, attribute: email, required: true}\n",
    "responses": (
        "responses:\n"
        "  - {outcome: duplicate, status: 409}\n"
        "  - {outcome: delivered, status: 2xx}\n" + SET_UP + "  - {outcome: rejected, status: 4xx}\n"
    ),
}


def spec_text(**parts: str) -> str:
    """A sound spec, with parts replaced or added; the parts given stand first, from line 3 on."""
    return HEAD + "".join(parts.values()) + "".join(text for key, text in PARTS.items() if key not in parts)


def loaded(text: str) -> LoadedSpec:
    return read_spec(parse("spec.yaml", text))


def found(text: str, variables: dict[str, str] | None = None) -> list[Finding]:
    return lint(loaded(text), variables or {})


@dataclass(frozen=True)
class Case:
    """A spec with one fault: where `^` marks it, in the text of one part."""

    code: str
    part: str
    wrong: str
    right: str
    severity: str = "warning"
    variables: tuple[str, ...] = ("KEY", "OTHER")

    @property
    def place(self) -> tuple[int, int]:
        before = (HEAD + self.wrong).partition("^")[0]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    @property
    def found(self) -> list[tuple[str, int, int]]:
        """Severity, line and column of each finding with the code of the fault."""
        text = spec_text(**{self.part: self.wrong.replace("^", "")})
        if "\nencoding: xml" in text and self.code == "RX120":
            text = text.replace(PARTS["parameters"], "")
        findings = found(text, dict.fromkeys(self.variables, "x"))
        return [(each.severity.value, each.line, each.column) for each in findings if each.code == self.code]

    @property
    def found_without_fault(self) -> list[Finding]:
        """What loading finds in the same spec without the fault, and what lints find with the code of the fault."""
        keys = {line.partition(":")[0] for line in self.right.splitlines() if line[:1].isalpha()}
        text = HEAD + self.right + "".join(part for key, part in PARTS.items() if key not in keys)
        spec = loaded(text)
        findings = lint(spec, dict.fromkeys(self.variables, "x"))
        return [*spec.findings, *(each for each in findings if each.code == self.code)]


def with_parameter(text: str) -> str:
    return f"{PARTS['parameters']}  - {text}\n"


def with_rule(text: str) -> str:
    return f"{PARTS['responses']}  - {text}\n"


def with_first_rule(text: str) -> str:
    return PARTS["responses"].replace("responses:\n", f"responses:\n  - {text}\n")


OAUTH = (
    "authentication: {type: oauth2, client_id: a, client_secret: '{{ env.KEY }}', token_url: %s://id.example.com/t}\n"
)
