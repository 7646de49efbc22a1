"""`init --openapi`: the responses that a document describes become ordered rules."""

from __future__ import annotations

from commands.conftest import CommandLine

from onboarding.drafted import spec_of


def test_rules_of_a_document(cli: CommandLine, acme: str) -> None:
    spec = spec_of(cli.folder / "acme.yaml")
    rules = [(each.outcome, each.status, each.name) for each in spec.responses]
    assert [outcome for outcome, _, _ in rules] == [
        "duplicate", "delivered", "duplicate", "failed", "failed", "rejected", "failed",
    ]  # fmt: skip
    by_body, queued, conflict, setup, busy, rejected, _ = spec.responses
    assert by_body.body["$.code"].equals == "duplicate_contact"
    assert queued.provisional and queued.capture.reference[0].path == "$.job_id"
    assert conflict.status == ((409, 409),) and "409 is a conflict" in acme
    assert setup.status == tuple((code, code) for code in (401, 403, 404, 405, 415)) and not setup.retry
    assert busy.retry and busy.after is not None and busy.after.header == "Retry-After"
    assert rejected.capture.reason[0].path == "$.message" and rejected.capture.code[0].path == "$.code"
    examples = [example for rule in spec.responses for example in rule.examples]
    assert len(examples) == 3 and all(example.illustrative for example in examples)
    assert "real.person" not in acme and "jane.doe@example.com" in acme
