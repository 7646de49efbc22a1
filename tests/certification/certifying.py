"""Certify against a partner of these tests, and read what is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unicodedata import combining, normalize

from commands.conftest import CommandLine, Result

from certification.crm import KEY, SPEC, Crm, serving

ENV = {"ACME_KEY": KEY}


def certified(
    cli: CommandLine, crm: Crm, *flags: str, spec: Callable[[str], str] = str, env: dict[str, str] | None = None
) -> Result:
    with serving(crm) as url:
        path = cli.write("acme.yaml", spec(SPEC.format(url=url)))
        return cli("certify", path, "--output", "json", "--wait", "0.1s", *flags, env=ENV if env is None else env)


def probes(done: Result) -> list[dict[str, Any]]:
    assert done.out, done.err
    return done.json["certification"]["probes"]


def defects(done: Result) -> set[str]:
    return {each["defect"] for each in probes(done) if each["verdict"] == "finding"}


def of_kind(done: Result, kind: str) -> list[dict[str, Any]]:
    return [each for each in probes(done) if each["kind"] == kind]


def without_accents(text: str) -> str:
    return "".join(sign for sign in normalize("NFKD", text) if not combining(sign)).replace("Ł", "L")


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def without_duplicates(text: str) -> str:
    return replaced("  - {name: known, outcome: duplicate, status: 409, capture: {reason: $.error.message}}\n", "")(
        text
    ).replace("status: 4xx", "status: 422")
