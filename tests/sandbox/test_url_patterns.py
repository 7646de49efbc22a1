"""Texts are matched against the templates of URLs and bodies, and their values are read."""

from __future__ import annotations

from tests.sandbox.conftest import Start, spec_of


def test_text_template(start: Start) -> None:
    client = start(
        spec_of("encoding: text\nbody: |\n  {{ env.CODE }};{{ email }};{{ firstname | upper }}\n"),
        variables={"CODE": "c(1)"},
    )
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    assert client.post(data="c(1);a@example.com;ZOË\n".encode(), headers=headers).status_code == 201
    assert client.last.parameters == {"email": "a@example.com", "firstname": "ZOË"}
    assert client.post(data=b"c(2);a@example.com;X\n", headers=headers).status_code == 400
    assert client.post(data=b"c(1);" + b";" * 200_000, headers=headers).status_code == 400


def test_path_placeholders_and_attributes_in_the_url(start: Start) -> None:
    url = "https://{{ env.HOST }}/l/{list}/p/{{ email }}?k={{ env.KEY }}"
    head = f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{url}'}}\n"
    spec = spec_of("method: PUT\nparameters: [{name: list, in: path, attribute: list, format: digits}]", head=head)
    client = start(spec, "/l/123/p/a%40b.example%2Fx", variables={"KEY": "s3cret", "OTHER": "no"})
    assert client.sandbox.variables == {"HOST": "sandbox-acme-host", "KEY": "s3cret"}
    assert client.send("PUT", params={"k": "s3cret"}).status_code == 201
    assert client.last.parameters == {"list": "123", "email": "a@b.example/x"}
    assert client.send("PUT", params={"k": "wrong"}).status_code == 400
    assert client.last.problems == ("`k` in the URL's query is wrong",)
    client.url = client.url.replace("123", "12x")
    assert client.send("PUT", params={"k": "s3cret"}).status_code == 400
