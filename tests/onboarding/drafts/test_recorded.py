"""A recorded request becomes parameters and variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands.conftest import CommandLine

from onboarding.drafted import parameters_of, spec_of
from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.addresses import PartnerNaming
from rokt_export.onboarding.drafts.recorded import ImportedRequest, observe_recorded


def test_a_source_without_a_name_takes_that_of_the_file_and_an_order_is_no_secret(cli: CommandLine) -> None:
    body = '{"email": "max@mail.example", "order": {"id": "A-1", "total": 12.5}, "order_id": "A-1", "list_id": 7788}'
    done = cli("init", "Beta GmbH.yaml", "--curl", f"curl http://127.0.0.1:8080/members -d '{body}'")
    spec = spec_of(cli.folder / "Beta GmbH.yaml")
    assert (done.status, spec.partner) == (0, "beta-gmbh")
    found = parameters_of(spec)
    assert (found["order.id"], found["order_id"]) == ("confirmationref", "confirmationref")
    assert found["list_id"] == "{{ env.BETA_GMBH_LIST_ID }}"
    assert "A-1" not in Path(".env").read_text()


def test_values_of_people_are_sent_values_and_identifiers_and_secrets_become_variables() -> None:
    body = '{"email": "max@mail.example", "api_key": "k-12345678", "list_id": "77a8b9c0", "status": "subscribed"}'
    request = ImportedRequest(
        origin="a line", title="", method="POST", url="https://api.acme.io/v1/people/max@mail.example", body=body,
        headers=(("Content-Type", "application/json"), ("Authorization", "Bearer tok_1"), ("User-Agent", "curl")),
    )  # fmt: skip
    operation, sent = observe_recorded(request, PartnerNaming(None, ""))
    assert (operation.partner, operation.environments[0].url) == ("acme", "https://api.acme.io/v1/people/{email}")
    assert operation.secrets == {"ACME_TOKEN": "tok_1", "ACME_API_KEY": "k-12345678", "ACME_LIST_ID": "77a8b9c0"}
    assert sent == {"max@mail.example", *operation.secrets.values()}
    assert {each.name: each.constant for each in operation.fields if each.place == "body"} == {
        "email": None,
        "list_id": "{{ env.ACME_LIST_ID }}",
        "status": "subscribed",
    }
    assert [each["type"] for each in operation.authentication or ()] == ["bearer", "api_key"]


@pytest.mark.parametrize(("method", "url"), [("OPTIONS", "https://a.example"), ("POST", "ftp://a.example")])
def test_what_cannot_be_sent_to_is_refused(method: str, url: str) -> None:
    with pytest.raises(DocumentError):
        observe_recorded(ImportedRequest(origin="a line", title="", method=method, url=url), PartnerNaming(None, ""))
