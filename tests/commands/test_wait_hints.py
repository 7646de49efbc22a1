"""A wait that the partner asks for in a form that is not understood is told once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from commands.conftest import CommandLine, Heard, Partner, spec_text

SAID = "which is not understood"


@pytest.mark.parametrize(
    ("after", "headers", "body", "shown"),
    [
        ("header", {"Retry-After": "soon"}, b"", "as `Retry-After: soon`"),
        ("X-Reset", {"X-Reset": "PT5S"}, b"", "as `X-Reset: PT5S`"),
        ("{body: $.wait}", {"Content-Type": "application/json"}, b'{"wait": "a while"}', "at `$.wait` of the body"),
        ("{body: $.wait, seconds: 0.01}", {}, b'{"wait": "a while"}', None),
        ("header", {"Retry-After": "0"}, b"", None),
        ("header", {}, b"", None),
    ],
)
def test_an_unread_wait_is_told_once(
    cli: CommandLine, partner: Partner, after: str, headers: Mapping[str, str], body: bytes, shown: str | None
) -> None:
    rule = f"  - {{outcome: failed, status: 500, retry: true, after: {after}}}\n  - {{outcome: duplicate, status: 409}}"
    text = spec_text(partner.url).replace("  - {outcome: duplicate, status: 409}", rule)
    cli.write("acme.yaml", text.replace("limits: {", "idempotent: true\nlimits: {backoff: 10ms, "))
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{number}@example.com\n" for number in range(4)))

    def answer(_heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        return (500, headers, body) if len(partner.heard) <= 2 else (200, {}, b"{}")

    partner.answer = answer
    done = cli("replay", "acme.yaml", "rows.csv", "--concurrency", "1")
    assert done.status == 0, done.err
    assert done.err.count(SAID) == (shown is not None)
    assert shown is None or shown in done.err


def test_several_workers_tell_an_unread_wait_once(cli: CommandLine, partner: Partner) -> None:
    rule = "  - {outcome: failed, status: 500, retry: true, after: header}\n  - {outcome: duplicate, status: 409}"
    text = spec_text(partner.url).replace("  - {outcome: duplicate, status: 409}", rule)
    cli.write("acme.yaml", text.replace("limits: {", "limits: {backoff: 10ms, "))
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{number}@example.com\n" for number in range(12)))
    partner.answer = lambda _heard: (500, {"Retry-After": "soon"}, b"")
    done = cli.process(
        "replay", "acme.yaml", "rows.csv", "--workers", "2", "--concurrency", "4", "--no-first-row-check"
    )
    assert done.status == 1 and done.err.count(SAID) == 1, done.err
