"""An API key in a header, in the query and in the body."""

from __future__ import annotations

import pytest

from tests.request.rendering import URL, request


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ("{type: api_key, name: X-Key, value: k, prefix: 'Key '}", "X-Key", "Key k"),
        ("[{type: bearer, token: t}, {type: api_key, name: X-Key, value: k}]", "X-Key", "k"),
    ],
)
def test_standing_credentials(authentication: str, header: str, value: str | None) -> None:
    sent = request(f"parameters: [{{name: a, attribute: a}}]\nauthentication: {authentication}\n", {"a": "1"})
    assert sent.header(header) == value


def test_an_api_key_in_query_and_body() -> None:
    body = (
        "parameters: [{name: a, attribute: a}]\nauthentication: {type: api_key, in: body, name: auth.key, value: k}\n"
    )
    assert request(body, {"a": "1"}).body == b'{"auth":{"key":"k"},"a":"1"}'
    query = "parameters: [{name: a, attribute: a}]\nauthentication: {type: api_key, in: query, name: key, value: k&}\n"
    assert request(query, {"a": "1"}).url == f"{URL}?key=k%26"
