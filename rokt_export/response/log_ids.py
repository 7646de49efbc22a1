"""What a partner's tech contact finds a request by, in the head and the text of its response."""

from __future__ import annotations

import html
import re

from rokt_export.exchange.model import Response

_HEADERS = (
    r"cf-ray|x-amzn-requestid|x-amz-request-id|x-amz-cf-id|x-amz-apigw-id|x-amzn-trace-id|x-azure-ref"
    r"|akamai-grn|x-iinfo"
    r"|x-sucuri-id|x-fastly-request-id|x-served-by|x-vercel-id|x-cloud-trace-context|traceparent|x-ms-request-id"
    r"|(?:x-)?(?:[a-z]+-)*(?:request|correlation|trace|transaction|incident)-?(?:id|uuid|reference)"
)
"""Names of headers with which a partner finds a request in its logs."""
_IN_TEXT = (
    r"(?P<name>ray id|reference ?#|incident id|support id(?: is)?|request[ _]?id|correlation[ _]?id"
    r"|trace[ _]?id|attack id)"
    r"[\"']?\s*[:=]?\s*[\"']?(?P<id>[0-9a-z][\w.:/+=-]{5,80})"
)
"""The same in the text of a page."""
_LONGEST = 20_000
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]{0,500}>", re.DOTALL | re.IGNORECASE)


def text_of(response: Response | None) -> str:
    """Return the text of a response's body, without tags of HTML, on few lines."""
    if response is None:
        return ""
    text = response.body[:_LONGEST].decode("utf-8", "replace")
    if "<" in text and "{" not in text.lstrip()[:1]:
        text = html.unescape(_TAG.sub(" ", text))
    return re.sub(r"[ \t]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()


def request_ids(response: Response | None) -> list[tuple[str, str]]:
    """Return names and values of a response by which its server finds the request in its logs."""
    if response is None:
        return []
    found = [(name, value) for name, value in response.headers if re.fullmatch(_HEADERS, name, re.IGNORECASE)]
    known = {value for _, value in found}
    for match in re.finditer(_IN_TEXT, text_of(response), re.IGNORECASE):
        if match["id"] not in known:
            found.append((match["name"], match["id"]))
    return found
