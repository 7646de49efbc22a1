"""Credentials that servers nobody here wrote accept, and what happens when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine

BASIC = "{type: basic, username: u, password: '{{ env.PASSWORD }}'}"
DIGEST = "{type: digest, username: u, password: '{{ env.PASSWORD }}'}"
BEARER = "{type: bearer, token: '{{ env.PASSWORD }}'}"
CUSTOM = "{type: custom, auth: 'requests.auth:HTTPBasicAuth', options: {username: u, password: '{{ env.PASSWORD }}'}}"


def _spec(cli: CommandLine, url: str, authentication: str) -> Path:
    # The transaction travels in a header: httpbin's digest fails on a query.
    return cli.write(
        "auth.yaml",
        f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{url}'}}\nauthentication: {authentication}\n"
        "method: GET\nencoding: none\nparameters: [{name: X-Email, in: header, attribute: email}]\n"
        "responses: [{outcome: delivered, status: 200}, {outcome: failed, status: [401, 403]}]\n",
    )


@pytest.mark.parametrize(
    ("path", "authentication"),
    [
        ("/basic-auth/u/sesame", BASIC),
        ("/hidden-basic-auth/u/sesame", BASIC),
        ("/digest-auth/auth/u/sesame", DIGEST),
        ("/digest-auth/auth/u/sesame/SHA-256", DIGEST),
        ("/digest-auth/auth/u/sesame/SHA-512", DIGEST),
        ("/bearer", BEARER),
        ("/basic-auth/u/sesame", CUSTOM),
    ],
    ids=["basic", "hidden-basic", "digest-md5", "digest-sha256", "digest-sha512", "bearer", "custom"],
)
def test_httpbin_lets_us_in(cli: CommandLine, httpbin: str, path: str, authentication: str) -> None:
    done = cli(
        "test", _spec(cli, httpbin + path, authentication), "--count", 3, "--output", "json",
        "--allow-plugin", "requests.auth:HTTPBasicAuth", env={"PASSWORD": "sesame"},
    )  # fmt: skip
    assert (done.status, done.json["counts"]) == (0, {"delivered": 3}), done.out


@pytest.mark.parametrize(
    ("path", "authentication"),
    [("/basic-auth/u/sesame", BASIC), ("/digest-auth/auth/u/sesame", DIGEST)],
    ids=["basic", "digest"],
)
def test_httpbin_keeps_us_out(cli: CommandLine, httpbin: str, path: str, authentication: str) -> None:
    spec = _spec(cli, httpbin + path, authentication)
    done = cli("test", spec, "--output", "json", env={"PASSWORD": "wrong"})
    assert (done.status, done.json["counts"]) == (1, {"failed": 1})
    assert [one["status"] for one in done.json["deliveries"]] == [401]


def test_a_password_beyond_ascii_is_sent_as_utf_8(cli: CommandLine, httpbin: str) -> None:
    spec = _spec(cli, httpbin + "/basic-auth/u/s%C3%A9same:%25", BASIC)
    assert cli("test", spec, env={"PASSWORD": "sésame:%"}).status == 0
