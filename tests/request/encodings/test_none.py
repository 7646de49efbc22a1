"""No body: a GET has neither body nor Content-Type."""

from __future__ import annotations

from tests.request.rendering import A, request, spec


def test_a_get_has_neither_body_nor_content_type() -> None:
    sent = request("method: GET\n" + spec("{name: a, in: query, attribute: a}", encoding="none"), A)
    assert (sent.method, sent.body, sent.header("Content-Type")) == ("GET", None, None)
