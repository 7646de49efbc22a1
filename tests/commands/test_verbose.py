"""`--verbose` tells on stderr what is read, decided and sent, and no secret."""

from __future__ import annotations

from tests.commands.conftest import CommandLine, Partner

SPEC = """
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
authentication: {{type: api_key, in: query, name: key, value: "{{{{ env.ACME_KEY }}}}"}}
parameters: [{{name: email, attribute: email}}, {{name: e, in: query, attribute: email}}]
responses: [{{outcome: delivered, status: 2xx}}]
"""


def test_verbose_tells_what_is_read_decided_and_sent(cli: CommandLine, partner: Partner) -> None:
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\njane.doe@example.com\njohn.doe@example.com\n")
    done = cli("replay", spec, rows, "--verbose", "--output", "json", env={"ACME_KEY": "s3cret-s3cret"})
    assert done.status == 0
    for words in (
        f"read: spec {spec}",
        f"read: {rows}",
        "journal: ",
        "not guarded",
        "concurrency 10",
        "recognized by",
    ):
        assert words in done.err, words
    sent = [line for line in done.err.splitlines() if f"POST {partner.url}/leads" in line and " ms" in line]
    assert len(sent) == 2 and all(" 200, " in line or " 201, " in line for line in sent)
    assert "s3cret" not in done.err and "doe@" not in done.err and "doe%40" not in done.err
    quiet = cli("replay", spec, rows, "--output", "json", env={"ACME_KEY": "s3cret-s3cret"})
    assert "decided:" not in quiet.err and "row 1: " not in quiet.err


def test_verbose_on_commands_that_send_nothing(cli: CommandLine, partner: Partner) -> None:
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    for command in ("validate", "render"):
        assert f"{spec}" in cli(command, spec, "--verbose", env={"ACME_KEY": "s3cret-s3cret"}).err
    assert partner.heard == []
