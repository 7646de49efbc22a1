"""No body: a GET has neither body nor Content-Type."""

from __future__ import annotations

import pytest

from rokt_export.request.encodings import body_encoding
from tests.request.rendering import A, request, spec


def test_a_get_has_neither_body_nor_content_type() -> None:
    sent = request("method: GET\n" + spec("{name: a, in: query, attribute: a}", encoding="none"), A)
    assert (sent.method, sent.body, sent.header("Content-Type")) == ("GET", None, None)


def test_body_parameters_are_not_sent_and_no_body_is_read() -> None:
    assert request("method: GET\n" + spec("{name: a, attribute: a}", encoding="none"), A).body is None
    encoding = body_encoding("none")
    assert encoding.read(b"") is None
    with pytest.raises(ValueError, match="it has 3 bytes"):
        encoding.read(b"a=1")
