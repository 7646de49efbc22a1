"""Server addresses of a source become environments, and its title or host the name of the partner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands.conftest import CommandLine

from onboarding.documents import SWAGGER
from rokt_export.onboarding.drafts.addresses import PartnerNaming, environments_of
from rokt_export.onboarding.drafts.observed import ServerAddress


def test_a_document_without_a_host_has_no_endpoint(cli: CommandLine) -> None:
    document = {key: value for key, value in SWAGGER.items() if key != "host"}
    cli.write("old.json", json.dumps(document))
    done = cli("init", "--openapi", "old.json")
    assert "the endpoint is not known yet" in (cli.folder / "old.yaml").read_text()
    assert "What is the URL of your production endpoint?" in done.out


def test_one_address_for_tests_and_one_other_are_the_environments() -> None:
    servers = [
        ("https://api.beta.example/v1/", "Live", {}),
        ("https://api2.beta.example/v1", "Live too", {}),
        ("https://api.beta.example/v2", "Our sandbox", {}),
        ("http://localhost:8080", "", {}),
    ]
    assert environments_of(servers, "/leads", "beta") == (
        ServerAddress("staging", "https://api.beta.example/v2/leads"),
        ServerAddress("production", "https://api.beta.example/v1/leads"),
    )


@pytest.mark.parametrize(
    ("variables", "url", "note"),
    [
        ({"r": {"default": "eu", "enum": ["eu", "us"]}}, "https://eu.beta.example/in", "`r` may be eu, us"),
        ({"r": {"default": "your-region", "description": "Of the account"}}, "", "`r`: Of the account"),
        ({"r": {"default": "{{ env.KEY }}", "enum": ["x"]}}, "", "`r`: your own"),
        ({}, "", "`r`: your own"),
    ],
)
def test_a_place_of_an_address_is_filled_only_with_a_default_that_is_meant(
    variables: dict[str, Any], url: str, note: str
) -> None:
    (found,) = environments_of([("https://{r}.beta.example", "", variables)], "/in", "beta")
    assert (found.url, found.note) == (url or "https://{{ env.BETA_R }}.beta.example/in", note)


@pytest.mark.parametrize(
    ("title", "url", "found"),
    [
        ("The Acme REST API v2", "https://x.example.com", "acme"),
        ("Interface for partners of our company", "https://api.acme.io/v1", "acme"),
        ("", "http://127.0.0.1", "file"),
    ],
)
def test_a_partner_is_called_by_title_or_host_or_file(title: str, url: str, found: str) -> None:
    assert PartnerNaming(None, "file").slug_of(title, [url]) == found
    assert PartnerNaming("given", "file").slug_of(title, [url]) == "given"


def test_a_server_of_this_machine_that_is_described_as_production_is_production(cli: CommandLine) -> None:
    servers = [
        {"url": "http://127.0.0.1:8461/v2", "description": "Staging"},
        {"url": "http://127.0.0.1:8462/v2", "description": "Production"},
    ]
    paths = {"/leads": {"post": {"responses": {"200": {"description": "taken"}}}}}
    document = {"openapi": "3.0.3", "info": {"title": "Acme", "version": "1"}, "servers": servers, "paths": paths}
    cli.write("oa.json", json.dumps(document))
    done = cli("init", "acme.yaml", "--openapi", "oa.json")
    draft = (cli.folder / "acme.yaml").read_text()
    assert "production: http://127.0.0.1:8462/v2/leads" in draft, draft
    assert "What is the URL of your production endpoint?" not in done.out
