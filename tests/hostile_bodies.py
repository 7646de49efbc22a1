"""Bodies that are small to send and dear to read, by name; run as a program, it measures what reading each one takes.

`python hostile_bodies.py MEGABYTES` prints a JSON object a line: name, outcome, reason, seconds of CPU, and the
megabytes that reading took at most beyond those before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

MEGABYTES = float(sys.argv[1]) if __name__ == "__main__" else 1.0


def _filled(part: bytes, before: bytes = b"", after: bytes = b"", size: float = 0.0) -> bytes:
    return before + part * int((size or MEGABYTES) * 1e6 / len(part)) + after


def _numbered(form: bytes, joint: bytes, size: float = 0.0) -> bytes:
    return joint.join(form % number for number in range(int((size or MEGABYTES) * 1e6 / (len(form) + 3))))


BODIES: dict[str, Callable[[], bytes]] = {
    "json floats": lambda: _filled(b"1.5,", b"[", b"1]"),
    "json lists": lambda: _filled(b"[],", b"[", b"1]"),
    "json mappings": lambda: _filled(b"{},", b"[", b"1]"),
    "json nan": lambda: _filled(b"1.5,", b"[NaN,", b"1]"),
    "json integers": lambda: _filled(b"12345678901234567890,", b"[", b"1]"),
    "json one integer": lambda: _filled(b"9", b"[", b"]"),
    "json one key": lambda: _filled(b'"k":1.5,', b"{", b'"k":1}'),
    "json many keys": lambda: b"{" + _numbered(b'"%d":1', b",") + b"}",
    "json levels": lambda: b"[" * 100_000 + b"]" * 100_000,
    "json 900 levels": lambda: b'{"a":' * 900 + _filled(b"1,", b"[", b"1]", 0.05) + b"}" * 900,
    "json surrogates": lambda: _filled(b"\\ud800", b'{"id":"', b'"}'),
    "json long text": lambda: _filled(b"x", b'{"id":"', b'"}'),
    "json long wide text": lambda: '{"id":"\N{PILE OF POO}'.encode() + _filled(b"x", b"", b'"}'),
    "json escapes": lambda: _filled(b"\\u0041", b'{"id":"', b'"}'),
    "json digits": lambda: _filled(b"123456789012345678 ", b'{"id":"', b'"}'),
    "json most floats": lambda: b'{"id":' + _filled(b"1.5,", b"[", b"1]", 0.19) + b"}",
    "json most mappings": lambda: b'{"list":[' + _numbered(b'{"x":%d.5}', b",", 0.2) + b"]}",
    "json chain": lambda: b'{"x":' * 90 + _filled(b'{"x":1.5},', b"[", b"1]", 0.19) + b"}" * 90,
    "json in utf-16": lambda: _filled(b"1.5,", b"[", b"1]", 4).decode().encode("utf-16"),
    "xml elements": lambda: _filled(b"<a/>", b"<r>", b"</r>"),
    "xml most elements": lambda: _filled(b"<x/>", b"<r>", b"</r>", 0.199),
    "xml attributes": lambda: b"<r " + _numbered(b'a%d="1"', b" ") + b"/>",
    "xml namespaces": lambda: b"<r>" + _numbered(b'<a xmlns="u%d"/>', b"") + b"</r>",
    "xml levels": lambda: b"<a>" * 100_000 + b"</a>" * 100_000,
    "xml chain of texts": lambda: b"<x>" * 90 + _filled(b"t") + b"</x>" * 90,
    "xml chain of elements": lambda: b"<x>" * 90 + _filled(b"<x>1</x>", size=0.15) + b"</x>" * 90,
    "xml lines": lambda: _filled(b"\n", b"<r>", b"</r>"),
    "xml references": lambda: _filled(b"&lt;", b"<r>", b"</r>"),
    "xml comments": lambda: _filled(b"<!---->", b"<r>", b"</r>"),
    "xml sections": lambda: _filled(b"<![CDATA[]]>", b"<r>", b"</r>"),
    "xml unclosed": lambda: _filled(b"x", b'<r a="'),
    "xml fragments": lambda: _filled(b"<a/>"),
    "xml attribute default": lambda: (
        _filled(b"A", b'<!DOCTYPE r [<!ATTLIST z q CDATA "', b'">]><r>', 0.3) + b"<z/>" * 10_000 + b"</r>"
    ),
    "xml entities": lambda: b'<!DOCTYPE r [<!ENTITY a "AAAA"><!ENTITY b "&a;&a;">]><r>&b;</r>',
    "html": lambda: _filled(b"<p>a, b, c</p>\n", b"<!DOCTYPE html>\n<html>"),
    "text": lambda: _filled(b"a, b [c] {d} = <e> & f\n"),
    "blanks": lambda: _filled(b" "),
    "percent": lambda: _filled(b"%41"),
    "latin": lambda: _filled(b"\xe9"),
}
RULES = (
    {"outcome": "duplicate", "body": {"$..x": "nothing", "$.id": "1"}},
    {"outcome": "duplicate", "body": {"$..[?@.x == 'nothing']": {"exists": True}}},
    {"outcome": "duplicate", "body": {"$..x..x..x": "nothing"}},
    {"outcome": "duplicate", "body": {"$[*]": {"absent": True}}},
    {"outcome": "duplicate", "body": {"//x//x": "nothing", "/r/a/@b": "1"}},
    {"outcome": "duplicate", "body": {"//x": {"contains": "nothing"}}},
    {"outcome": "duplicate", "as": "xml", "body": {"$.r.a": {"any": "nothing"}}},
    {"outcome": "duplicate", "text": {"contains": "nothing", "ignore_case": True}},
    {"outcome": "delivered", "body": {"$": {"exists": True}}, "capture": {"reference": ["$.id", "//x"], "reason": "$"}},
)


def _peak() -> float:
    """Megabytes that the process had at most since `_forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _measure(name: str) -> dict[str, object]:
    from rokt_export.exchange.model import Response
    from rokt_export.response.classify import Classifier
    from rokt_export.spec_language.rules import Rule

    classifier = Classifier([Rule.model_validate(rule) for rule in RULES])
    classifier.classify(Response(200, (), b"<r><x>1</x></r>"))
    response = Response(200, (), BODIES[name]())
    _forget_peak()
    before, start = _peak(), time.process_time()
    outcome = classifier.classify(response)
    seconds = time.process_time() - start
    return {
        "name": name,
        "outcome": outcome.kind,
        "reason": (outcome.reason or "")[:80],
        "seconds": round(seconds, 3),
        "megabytes": round(_peak() - before, 1),
    }


if __name__ == "__main__":
    for each in sys.argv[2:] or BODIES:
        print(json.dumps(_measure(each)), flush=True)
