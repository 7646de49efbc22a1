"""Server addresses of a document become environments."""

from __future__ import annotations

import json

from commands.conftest import CommandLine

from onboarding.documents import SWAGGER


def test_a_document_without_a_host_has_no_endpoint(cli: CommandLine) -> None:
    document = {key: value for key, value in SWAGGER.items() if key != "host"}
    cli.write("old.json", json.dumps(document))
    done = cli("init", "--openapi", "old.json")
    assert "the endpoint is not known yet" in (cli.folder / "old.yaml").read_text()
    assert "What is the URL of your production endpoint?" in done.out
