"""The charset of a body: byte order mark, Content-Type, XML declaration, and bytes that contradict them."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.body_reader import ResponseReader


@pytest.mark.parametrize(
    ("raw", "content_type", "text"),
    [
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode("latin-1"), "text/plain; charset=utf-8", "é"),
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), None, "é"),
        ("é".encode("utf-8-sig"), "text/plain; charset=latin-1", "é"),
        ("é".encode("utf-16"), None, "é"),
        (
            b'<?xml version="1.0" encoding="utf-16"?><r><id>1</id></r>',
            None,
            '<?xml version="1.0" encoding="utf-16"?><r><id>1</id></r>',
        ),
        (b"stored", "text/plain; charset=utf-16", "stored"),
        (
            '<?xml version="1.0" encoding="utf-16"?><r>ë</r>'.encode(),
            None,
            '<?xml version="1.0" encoding="utf-16"?><r>ë</r>',
        ),
        ("<r>ë</r>".encode("utf-16-le"), "text/xml; charset=utf-16", "<r>ë</r>"),
        ("<r>ë</r>".encode("utf-16-be"), None, "<r>ë</r>"),
        ("\ufeff\ufeff<r/>".encode(), None, "<r/>"),
        ("é".encode("utf-32"), None, "é"),
        ("é".encode("cp1252"), 'text/plain; Charset="windows-1252"', "é"),
        (b"abc", "text/plain; charset=hex", "abc"),
        (b"a\\n", "text/plain; charset=unicode_escape", "a\\n"),
        (b"abc", "text/plain; charset=no-such", "abc"),
        (b"abc", "text/plain; charset=", "abc"),
        ("<?xml version='1.0' encoding='windows-1251'?><a>я</a>".encode("cp1251"), "text/xml", None),
    ],
)
def test_charset(raw: bytes, content_type: str | None, text: str | None) -> None:
    headers = () if content_type is None else (("Content-Type", content_type),)
    found = ResponseReader(Response(200, headers, raw)).text
    assert found == text if text is not None else "я" in found
