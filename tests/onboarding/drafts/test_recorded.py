"""A recorded request becomes parameters and variables."""

from __future__ import annotations

from pathlib import Path

from commands.conftest import CommandLine

from onboarding.drafted import parameters_of, spec_of


def test_a_source_without_a_name_takes_that_of_the_file_and_an_order_is_no_secret(cli: CommandLine) -> None:
    body = '{"email": "max@mail.example", "order": {"id": "A-1", "total": 12.5}, "order_id": "A-1", "list_id": 7788}'
    done = cli("init", "Beta GmbH.yaml", "--curl", f"curl http://127.0.0.1:8080/members -d '{body}'")
    spec = spec_of(cli.folder / "Beta GmbH.yaml")
    assert (done.status, spec.partner) == (0, "beta-gmbh")
    found = parameters_of(spec)
    assert (found["order.id"], found["order_id"]) == ("confirmationref", "confirmationref")
    assert found["list_id"] == "{{ env.BETA_GMBH_LIST_ID }}"
    assert "A-1" not in Path(".env").read_text()
