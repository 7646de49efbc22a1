"""HTTP Basic: user and password in the header, in UTF-8; a password may be missing."""

from __future__ import annotations

import pytest

from tests.request.rendering import request


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ("{type: basic, username: é, password: 'p:%'}", "Authorization", "Basic w6k6cDol"),
        ("{type: basic, username: key}", "Authorization", "Basic a2V5Og=="),
    ],
)
def test_standing_credentials(authentication: str, header: str, value: str | None) -> None:
    sent = request(f"parameters: [{{name: a, attribute: a}}]\nauthentication: {authentication}\n", {"a": "1"})
    assert sent.header(header) == value
