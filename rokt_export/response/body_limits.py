"""Limits on the JSON and XML that is read from a body, so that no body takes too much time or memory.

Limits are counted, not timed: the same body is always read the same way.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from rokt_export.spec_language.paths import BodyPath

MAX_NODES = 50_000
"""Values and members of a JSON body, or elements and attributes of an XML body, that are read: 0.2 s and 30 MB at most.

Without a limit, 9 MB of floats took 10 s and 1.2 GB."""
MAX_DEPTH = 100
"""Levels of XML that are read."""
MAX_WIDE = 2_500_000
"""Bytes of a body that are read where it may hold other characters than ASCII: one of them can make each character of a
text take four bytes, in each of five copies."""
_WIDE = f"it is larger than {MAX_WIDE / 1e6:g} MB and has other characters than ASCII"
MAX_VISITS = 100_000
"""Places that the searching paths (`$..x`, `[*]`, `[?…]`, `//x`) of all rules visit in one body: 8 us each at most."""
_XML_VISITS = 10
"""Places that ElementTree visits in the time in which a JSONPath visits one."""
_PASSED_UP = 10
"""Levels through which a place found by `..` is passed up in the time of a visit."""
_TEXT_PER_NODE = 8
"""Line breaks or references in the text of XML that take as much memory as an element."""
_INTERNAL_SUBSET = re.compile(r"""<!DOCTYPE(?:[^\[>"']|"[^"]*"|'[^']*')*\[""")


def json_refusal(body: bytes | str) -> str | None:
    """Return why a JSON body is not read, for a person; None where it is within the limits.

    Each comma and each opening bracket is taken for a value, those inside texts too.
    """
    if len(body) <= MAX_NODES:
        return None
    data = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
    if len(data) > MAX_WIDE and (not data.isascii() or b"\\u" in data):
        return _WIDE
    nodes = data.count(b",") + data.count(b"[") + data.count(b"{")
    return _too_many(nodes, "values") if nodes > MAX_NODES else None


def xml_refusal(text: str) -> str | None:
    """Return why an XML body is not read, for a person; None where it is within the limits.

    A document type with declarations of its own is refused whatever its size: entities unfold without end, and a
    default of `<!ATTLIST` is copied into each element (3 GB from 340 kB).
    """
    if "<!DOCTYPE" in text and _INTERNAL_SUBSET.search(text):
        return "its document type declares entities or attributes, which can unfold without end"
    if len(text) <= MAX_NODES:
        return None
    if len(text) > MAX_WIDE and (not text.isascii() or "&#" in text):
        return _WIDE
    nodes = text.count("<") + text.count("=") + (text.count("&") + text.count("\n")) // _TEXT_PER_NODE
    return _too_many(nodes, "elements and attributes") if nodes > MAX_NODES else None


def _too_many(nodes: int, what: str) -> str:
    return f"it has about {nodes:,} {what}, and at most {MAX_NODES:,} are read"


def visits(path: BodyPath, data: Any) -> int:
    """Return how many places a searching path visits in data at most, in the time that a JSONPath takes for one.

    Args:
        path: a path whose `searches` is set.
        data: JSON data, a mapping of XML, or the elements at the top of XML.
    """
    nodes, depth = size_of(data)
    if path.xml:
        return nodes * int(depth**path.descents) // _XML_VISITS
    if path.descents:  # a place is passed up from level to level
        nodes *= 1 + depth // _PASSED_UP
    return nodes * int(depth ** max(0, path.descents - 1) * nodes**path.nested) * path.branches


def size_of(data: Any) -> tuple[int, int]:
    """Return the number of nodes of data, and of its levels."""
    nodes = depth = 0
    level = data if isinstance(data, list) and data and isinstance(data[0], Element) else [data]
    while level:
        nodes += len(level)
        depth += 1
        level = [child for node in level for child in _children(node)]
    return nodes, depth


def _children(node: Any) -> Any:
    if node.__class__ is dict:
        return node.values()
    return node if isinstance(node, (list, Element)) else ()
