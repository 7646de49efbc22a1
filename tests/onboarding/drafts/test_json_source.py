"""One request is chosen by name from a file that a tool has exported; a file of another kind is refused."""

from __future__ import annotations

import json

from commands.conftest import CommandLine

from onboarding.recorded_requests import COLLECTION


def test_requests_of_a_collection_by_name(cli: CommandLine) -> None:
    cli.write("acme.json", json.dumps(COLLECTION))
    wrong = cli("init", "--postman", "acme.json", "--request", "Creat persn")
    assert wrong.status == 2 and "People / Create person" in wrong.err
    cli.write("old.json", json.dumps({"requests": [], "name": "old"}))
    old = cli("init", "--postman", "old.json")
    assert old.status == 3 and "version 1" in old.err
    none = cli("init", "--har", "acme.json")
    assert none.status == 3 and "log.entries" in none.err
