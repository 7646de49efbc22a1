"""Addresses in one form for all their spellings, and the machines that names resolve to."""

from __future__ import annotations

import socket

import pytest

from delivery.guarded_specs import spec_of
from rokt_export.delivery.address import HERE, resolved
from rokt_export.delivery.target import Target
from rokt_export.partner_spec.variables import Variables
from tests.partner_spec.test_lint import loaded


@pytest.mark.parametrize(
    "path",
    [
        "/leads;x=1", "/leads%3Bx", "/leads%20", "/leads%09", "/leads%00", "/leads.", "/%256ceads", "/x/..;/leads",
        "/%25252e%25252e/leads", "/leads%2e%20/", "/LEADS%3fx",
        "/%u006ceads", "/%c1%aceads", "/%e0%81%aceads", "/%EF%BD%8Ceads",
    ],
)  # fmt: skip
def test_paths_that_servers_fold_are_one(path: str) -> None:
    spec = loaded(spec_of("https://api.example.com/leads", f'"https://api.example.com{path}"')).spec
    variables = {name: Variables({}) for name in spec.endpoint}
    assert Target.of(spec, "staging", variables).guarded
    assert Target.of(spec, "staging", variables).ledger[1:] == Target.of(spec, "production", variables).ledger[1:]


@pytest.mark.parametrize("path", ["/leads-test", "/leads/.well", "/lead", "/test;x/leads", "/leads%2Ftest"])
def test_other_paths_are_not(path: str) -> None:
    spec = loaded(spec_of("https://api.example.com/leads", f'"https://api.example.com{path}"')).spec
    assert not Target.of(spec, "staging", {name: Variables({}) for name in spec.endpoint}).guarded


def test_a_name_is_asked_for_within_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolved(["127.0.0.9", "192.0.2.7"]) == {
        HERE: {HERE}, "127.0.0.9": {HERE}, "192.0.2.7": {"192.0.2.7"}
    }  # fmt: skip

    def stuck(*_: object, **__: object) -> None:
        import time

        time.sleep(0.5)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    assert resolved(["slow.example.com"], 0.05) == {HERE: {HERE}}
