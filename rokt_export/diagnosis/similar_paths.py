"""Paths that are like another one, in the ways that people mistake them."""

from __future__ import annotations

import re

from rokt_export.spec_language.urls import parse_url

MOST = 7
"""Similar paths at most: each costs a request or two."""


def similar(url: str) -> list[str]:
    """Return URLs at the same host whose paths differ by a slash, a version, a plural, letter case or a prefix."""
    parts = parse_url(url)
    path, mark, query = parts.rest.partition("?")
    segments = [each for each in path.split("/") if each]
    found: list[str] = []

    def add(*changed: str, end: str = "") -> None:
        found.append("/" + "/".join(each for each in changed if each) + end)

    add(*segments, end="" if path.endswith("/") else "/")
    if segments:
        *before, last = segments
        add(*before, last[:-1] if last.endswith("s") else f"{last}s")
    versions = [index for index, each in enumerate(segments) if re.fullmatch(r"v\d+", each, re.IGNORECASE)]
    for index in versions[:1]:
        number = int(segments[index][1:])
        for other in (number + 1, number - 1):
            if other > 0:
                add(*segments[:index], f"v{other}", *segments[index + 1 :])
        add(*segments[:index], *segments[index + 1 :])
    if not versions:
        add("v1", *segments)
    add(*(segments[1:] if segments[:1] == ["api"] else ["api", *segments]))
    add(*(each.lower() for each in segments))
    add(*segments[:-1])
    own = "/" + path.lstrip("/")
    others = [each for each in dict.fromkeys(found) if each not in (own, "/")]
    return [f"{parts.origin}{each}{mark}{query}" for each in others[:MOST]]
