"""Turn the text of a request or response into coloured text for a terminal."""

from __future__ import annotations

import re

from rich.text import Text

from rokt_export.redaction.display_text import visible
from rokt_export.reports.http_text import laid_out

_JSON_PARTS = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<word>\b(?:true|false|null)\b)|(?P<number>(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
)
_XML_PARTS = re.compile(r"(?P<tag></?[\w:.-]+|/?>|<\?.*?\?>)|(?P<string>\"[^\"<]*\"|'[^'<]*')|(?P<key>[\w:.-]+(?==))")
_STYLES = {"key": "cyan", "string": "green", "word": "magenta", "number": "magenta", "tag": "cyan"}
_MOST_COLOURED = 200_000
"""Characters of a body that are coloured; more would take longer than reading them."""


def message(text: str, *, raw: bool = False) -> Text:
    """Return a request or response with dimmed headers and a coloured body, laid out unless it is to be raw."""
    if not raw:
        text = laid_out(text)
    head, blank, body = visible(text.rstrip("\n")).partition("\n\n")
    first, _, headers = head.partition("\n")
    shown = Text(first, style="bold")
    if headers:
        shown.append(f"\n{headers}", style="not bold dim")
    return shown.append(blank).append_text(_coloured(body)) if blank else shown


def _coloured(body: str) -> Text:
    shown = Text(body, style="not bold")
    start = body.lstrip()[:1]
    parts = {"{": _JSON_PARTS, "[": _JSON_PARTS, "<": _XML_PARTS}.get(start)
    if parts is not None and len(body) <= _MOST_COLOURED:
        for part in parts.finditer(body):
            shown.stylize(_STYLES[part.lastgroup or "string"], *part.span())
    return shown
