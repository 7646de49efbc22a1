"""`authentication: none` puts no credentials on a request."""

from __future__ import annotations

import pytest

from tests.request.rendering import request


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ("none", "Authorization", None),
    ],
)
def test_standing_credentials(authentication: str, header: str, value: str | None) -> None:
    sent = request(f"parameters: [{{name: a, attribute: a}}]\nauthentication: {authentication}\n", {"a": "1"})
    assert sent.header(header) == value
