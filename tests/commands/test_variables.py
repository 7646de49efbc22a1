"""Which source of a variable outweighs which: the process, `.env.<environment>`, `.env`, or a file that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine, Partner, spec_text

BEARER = "{type: bearer, token: '{{ env.ACME_TOKEN }}'}"


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    return cli.write("acme.yaml", spec_text(partner.url, authentication=BEARER))


def sent_token(partner: Partner) -> str:
    return dict(partner.heard.pop().headers)["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize(
    ("files", "env", "arguments", "token"),
    [
        ({".env": "base"}, {}, [], "base"),
        ({".env": "base", ".env.staging": "own"}, {}, [], "own"),
        ({".env": "base", ".env.staging": "own"}, {"ACME_TOKEN": "process"}, [], "process"),
        ({".env": "base", ".env.staging": "own"}, {"ACME_TOKEN": ""}, [], "own"),
        ({".env": "base", ".env.staging": ""}, {}, [], "base"),
        ({".env": "base", ".env.production": "other"}, {}, [], "base"),
        ({".env": "base", "acme.env": "named"}, {}, ["--env-file", "acme.env"], "named"),
        ({".env": "base", "acme.env": "named", "acme.env.staging": "both"}, {}, ["--env-file", "acme.env"], "both"),
        ({"acme.env": "named"}, {"ACME_TOKEN": "process"}, ["--env-file", "acme.env"], "process"),
    ],
)
def test_precedence(
    cli: CommandLine, partner: Partner, spec: Path, files: dict[str, str], env: dict[str, str], arguments: list[str],
    token: str,
) -> None:  # fmt: skip
    for name, value in files.items():
        cli.write(name, f"ACME_TOKEN={value}\n")
    assert cli("test", spec, *arguments, env=env).status == 0
    assert sent_token(partner) == token


def test_each_environment_has_its_own_file(cli: CommandLine, partner: Partner, spec: Path, rows: Path) -> None:
    cli.write(".env.staging", "ACME_TOKEN=staging\n")
    cli.write(".env.production", "ACME_TOKEN=production\n")
    assert cli("test", spec, rows, "--count", 1).status == 0
    assert sent_token(partner) == "staging"
    assert cli("test", spec, rows, "--count", 1, "-e", "production", "--confirm", "acme").status == 0
    assert sent_token(partner) == "production"


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("ACME_TOKEN='a b # c'\n", "a b # c"),
        ('ACME_TOKEN="quo\\"ted"\n', 'quo"ted'),
        ("\ufeff# comment\n\nexport ACME_TOKEN=x # why\r\n", "x"),
        ("ACME_TOKEN=${OTHER}-$x\nOTHER=no\n", "${OTHER}-$x"),  # a password may hold a dollar sign
    ],
)
def test_what_a_file_may_hold(cli: CommandLine, partner: Partner, spec: Path, text: str, token: str) -> None:
    cli.write(".env", text)
    assert cli("test", spec).status == 0
    assert sent_token(partner) == token


def test_a_variable_that_only_staging_has_is_told(cli: CommandLine) -> None:
    spec = cli.write(
        "two.yaml",
        "spec_version: 1\npartner: acme\n"
        "endpoint:\n  staging: https://test.example.com\n  production: https://api.example.com\n"
        f"authentication: {BEARER}\nparameters: [{{name: email, attribute: email}}]\n"
        "responses: [{outcome: delivered, status: 201}, {outcome: duplicate, status: 409}]\n",
    )
    cli.write(".env.staging", "ACME_TOKEN=staging\n")
    found = {each["code"]: each for each in cli("validate", spec, "--output", "json").json}
    assert (found["RX182"]["line"], "`ACME_TOKEN`" in found["RX182"]["message"]) == (5, True)
    cli.write(".env.production", "ACME_TOKEN=production\n")
    assert "RX182" not in {each["code"] for each in cli("validate", spec, "--output", "json").json}
