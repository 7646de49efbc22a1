"""Where each environment variable goes is told before anything is sent, and another program's is a warning."""

from __future__ import annotations

import pytest

from tests.commands.conftest import CommandLine, Partner

SPEC = """
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/{{{{ env.LIST }}}}"}}
authentication: {{type: api_key, in: header, name: X-Key, value: "{{{{ env.AWS_SECRET_ACCESS_KEY }}}}"}}
{more}
parameters:
  - {{name: email, attribute: email}}
  - {{name: source, in: query, value: "{{{{ env.SOURCE }}}}"}}
responses: [{{outcome: delivered, status: 2xx}}]
"""
ENV = {"LIST": "l1", "AWS_SECRET_ACCESS_KEY": "s3cret-s3cret", "SOURCE": "rokt"}


@pytest.mark.parametrize("command", ["test", "validate", "probe"])
def test_a_line_says_where_each_variable_goes(cli: CommandLine, partner: Partner, command: str) -> None:
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url, more=""))
    done = cli(command, spec, env=ENV)
    host = partner.url.partition("://")[2]
    assert f"AWS_SECRET_ACCESS_KEY -> {host}, header X-Key" in done.err
    assert f"LIST -> {host}, URL path" in done.err
    assert f"SOURCE -> {host}, query source" in done.err
    assert done.err.count("environment variables, and where their values are sent:\n") == 1
    assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize("listed", ["variables: [AWS_SECRET_ACCESS_KEY]", "variables: {AWS_SECRET_ACCESS_KEY: theirs}"])
def test_another_programs_variable_is_a_warning_until_it_is_listed(
    cli: CommandLine, partner: Partner, listed: str
) -> None:
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url, more=""))
    assert "RX152" in [found["code"] for found in cli("validate", spec, "--output", "json", env=ENV).json]
    assert "AWS_SECRET_ACCESS_KEY" in cli("test", spec, "--quiet", env=ENV).err
    spec.write_text(SPEC.format(url=partner.url, more=listed))
    assert "RX152" not in [found["code"] for found in cli("validate", spec, "--output", "json", env=ENV).json]
    assert "AWS_SECRET_ACCESS_KEY" not in cli("test", spec, "--quiet", env=ENV).err
