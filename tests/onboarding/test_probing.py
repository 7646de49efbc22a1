"""What a server's answers to OPTIONS and HEAD prove, and what a proxy that does not connect is called."""

from __future__ import annotations

import gzip

import pytest
from commands.conftest import CommandLine, Heard, Partner, spec_text


def steps(cli: CommandLine) -> dict[str, dict[str, str]]:
    return {step["step"]: step for step in cli("probe", "acme.yaml", "--output", "json").json}


@pytest.mark.parametrize(
    ("status", "elsewhere"), [(404, 404), (501, 501), (405, 404), (415, 404), (501, 404), (404, 200)]
)
def test_a_path_is_known_if_one_that_cannot_exist_is_answered_otherwise(
    cli: CommandLine, partner: Partner, status: int, elsewhere: int
) -> None:
    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        return (status if heard.target == "/leads" else elsewhere), {}, b""

    partner.answer = answer
    cli.write("acme.yaml", spec_text(partner.url))
    found = steps(cli)
    assert "does not show whether the address is right" in found["HEAD"]["detail"]
    assert found["path"]["state"] == ("ok" if status != 404 and elsewhere != status else "info")
    assert [heard.method for heard in partner.heard] == ["OPTIONS", "HEAD", "HEAD"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (302, {"Location": "https://example.com/login"}, b"", "redirects to https://example.com/login"),
        (200, {"Content-Type": "text/html"}, b"<html><title>Log in</title></html>", 'an HTML page "Log in"'),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")[:-4] + b"size", "its body cannot be read"),
    ],
)
def test_an_answer_that_is_not_the_partners_api_is_a_warning(
    cli: CommandLine, partner: Partner, status: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    partner.answer = lambda _heard: (status, headers, body)
    cli.write("acme.yaml", spec_text(partner.url))
    found = steps(cli)["OPTIONS"]
    assert found["state"] == "warning" and words in found["detail"]


def test_a_proxy_that_does_not_connect_is_what_the_remedy_names(
    cli: CommandLine, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner.answer = lambda _heard: (407, {}, b"")
    monkeypatch.setenv("https_proxy", partner.url)
    cli.write("acme.yaml", spec_text("https://127.0.0.2"))
    found = steps(cli)["TCP"]
    assert found["state"] == "failed" and "the proxy 127.0.0.1" in found["detail"]
    assert "https_proxy" in found["remedy"]
