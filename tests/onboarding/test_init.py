"""`init` writes the draft, its secrets and the schema, overwrites nothing, and says what is next."""

from __future__ import annotations

import json
from pathlib import Path

from commands.conftest import CommandLine

from onboarding.documents import ACME, SWAGGER
from onboarding.recorded_requests import BASH


def test_the_draft_runs_against_its_sandbox(cli: CommandLine, acme: str) -> None:
    cli.write(".env", "ACME_LIST_ID=l1\nACME_API_KEY=k1\nACME_ACCOUNT_ID=a1\n")
    done = cli("test", "acme.yaml", "--sandbox", "--count", "2", "--output", "json")
    assert done.status == 0, done.err
    assert done.json["counts"] == {"delivered": len(done.json["deliveries"])}


def test_what_is_printed_at_the_end(cli: CommandLine) -> None:
    cli.write("acme-api.yaml", ACME)
    done = cli("init", "mine.yaml", "--openapi", "acme-api.yaml", "--operation", "createcontact", "--partner", "mine")
    assert done.status == 0
    assert "validate: 0 errors" in done.out
    assert " mapped, 4 guessed, 2 optional not sent" in done.out
    assert "\n  make a file .env with the lines MINE_ACCOUNT_ID=…, MINE_API_KEY=…, MINE_LIST_ID=…\n" in done.out
    verdict = next(line for line in done.out.splitlines() if line.startswith("validate: "))
    assert cli("validate", "mine.yaml").out.count(" warning RX") == int(verdict.split()[-2])
    assert "mine.yaml:" in done.out
    cli.write("my.env", "MINE_API_KEY=k1\nMINE_LIST_ID=l1\n")
    flags = ("--operation", "createcontact", "--partner", "mine", "--env-file", "my.env", "--force")
    again = cli("init", "mine.yaml", "--openapi", "acme-api.yaml", *flags)
    assert "\n  my.env: add the line MINE_ACCOUNT_ID=…\n" in again.out
    assert "Who is the technical contact" in done.out
    assert done.out.rstrip().endswith("Next: `rokt-export test mine.yaml --sandbox`")
    assert json.loads((cli.folder / "partner-spec.schema.json").read_text())["title"].startswith("Partner spec")


def test_a_file_is_not_overwritten(cli: CommandLine) -> None:
    cli.write("old.json", json.dumps(SWAGGER))
    cli.write("old.yaml", "mine")
    refused = cli("init", "--openapi", "old.json")
    assert refused.status == 2 and "--force" in refused.err
    assert (cli.folder / "old.yaml").read_text() == "mine"
    assert cli("init", "--openapi", "old.json", "--force").status == 0


def test_a_sample_is_copied_with_a_hint_that_works(cli: CommandLine) -> None:
    done = cli("init", "--sample", "mailchimp")
    assert done.status == 0
    text = (cli.folder / "mailchimp.yaml").read_text()
    hint = text.splitlines()[0].partition("$schema=")[2]
    assert json.loads((cli.folder / hint).read_text())["properties"]["partner"]
    unknown = cli("init", "--sample", "mailchmp")
    assert unknown.status == 2 and "mailchimp" in unknown.err


def test_one_source_is_needed(cli: CommandLine) -> None:
    both = cli("init", "--openapi", "a.json", "--sample", "hubspot")
    assert both.status == 2 and "--openapi and --sample" in both.err
    missing = cli("init", "--openapi", "a.json")
    assert missing.status == 3 and "no such file" in missing.err


def test_a_name_that_is_no_slug_is_refused_with_the_slug_of_it(cli: CommandLine) -> None:
    done = cli("init", "--curl", "curl https://x.example.com -d a=b", "--partner", "Beta GmbH")
    assert done.status == 2 and "--partner beta-gmbh" in done.err


def test_secrets_go_to_a_file_of_their_own(cli: CommandLine) -> None:
    cli.write(".env", "OTHER=1\nMAILCHIMP_USERNAME=mine")
    Path(".env").chmod(0o644)
    done = cli("init", "--curl", "-", stdin=BASH.encode())
    assert done.status == 0
    assert "MAILCHIMP_LIST_ID, MAILCHIMP_PASSWORD moved to .env" in done.out
    assert "another value of MAILCHIMP_USERNAME, which stays" in done.out
    lines = Path(".env").read_text().splitlines()
    assert lines == [
        "OTHER=1",
        "MAILCHIMP_USERNAME=mine",
        "MAILCHIMP_LIST_ID=a1b2c3d4e5",
        "MAILCHIMP_PASSWORD=0123456789abcdef-us9",
    ]
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    run = cli("test", "mailchimp.yaml", "--sandbox", "-e", "production", "--count", "1", "--output", "json")
    assert run.json["counts"] == {"delivered": 1}, run.err
