"""Responses that are known to differ in some fields and to vary in others, and a score for a comparison of them."""

from __future__ import annotations

import html
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from rokt_export.diff import Comparison, DiffResult, SentTexts, Side
from rokt_export.partner_spec.model import DiffSettings

ABSENT = object()
"""A field that is not there."""


@dataclass
class At:
    """One response that is made.

    Attributes:
        row: number of the transaction, from 0.
        sent: what was sent.
        now: UTC seconds of the exchange.
        rnd: the side's own chance.
        own: chance that belongs to the transaction, the same on both sides.
        kept: what the side remembers from row to row.
    """

    row: int
    sent: Mapping[str, str]
    now: float
    rnd: random.Random
    own: random.Random
    kept: dict[str, Any] = field(default_factory=dict)

    def count(self, name: str, start: int, step: Callable[[], int] = lambda: 1) -> int:
        """Count on from row to row."""
        self.kept[name] = self.kept.get(name, start) + step()
        return int(self.kept[name])


Make = Callable[[At], Any]
Planted = tuple[str, dict[str, Any], dict[str, Any], Mapping[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Bench:
    """Fields by name: noise that both sides make alike, and planted differences (A's way, B's way).

    Side B answers `apart` seconds after side A; by default once A has answered all.
    """

    noise: Mapping[str, Make]
    planted: Mapping[str, tuple[Make, Make]]
    people: Callable[[int, random.Random], Mapping[str, str]]
    apart: float | None = None


@dataclass
class Score:
    """What a comparison made of a bench."""

    found: set[str] = field(default_factory=set)
    traced: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    alarms: set[str] = field(default_factory=set)
    noise: int = 0

    def __str__(self) -> str:
        planted = len(self.found) + len(self.traced) + len(self.lost)
        return (
            f"{len(self.found)} of {planted} found, {len(self.traced)} undecided {sorted(self.traced)}, "
            f"{len(self.lost)} lost {sorted(self.lost)}; "
            f"{len(self.alarms)} alarms of {self.noise} {sorted(self.alarms)}"
        )


def fields_of(bench: Bench) -> Iterator[tuple[str, Make, Make]]:
    for name, make in bench.noise.items():
        yield name, make, make
    for name, (a, b) in bench.planted.items():
        yield name, a, b


def kind_of(name: str) -> str:
    """Where a field stands: `json`, or what its name begins with."""
    return name.partition("_")[0] if name.startswith(("xml_", "text_", "html_", "header_")) else "json"


def sides(bench: Bench, rows: int, seed: int) -> Iterator[Planted]:
    """Yield for each transaction its name, the fields of A and of B, what was sent, and when."""
    chance = random.Random(seed)
    starts = [1_790_000_000.0 + chance.random() * 1e6]
    starts.append(starts[0] + (bench.apart or rows * 0.4 + 30 + chance.random() * 600))
    left, right = random.Random(seed * 2 + 1), random.Random(seed * 2 + 2)
    memory: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    fields = list(fields_of(bench))
    for row in range(rows):
        sent = bench.people(row, random.Random(seed * 1_000_003 + row))
        nows = (starts[0] + row * 0.4, starts[1] + row * 0.4)
        values: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for side, rnd in enumerate((left, right)):
            for name, *makes in fields:
                own = random.Random(f"{seed} {row} {name}")
                at = At(row, sent, nows[side] + rnd.random() * 0.2, rnd, own, memory[side])
                values[side][name] = makes[side](at)
        yield f"t-{row:05}", values[0], values[1], sent, nows


def bodies_of(values: Mapping[str, Any]) -> Iterator[tuple[str, bytes, tuple[tuple[str, str], ...]]]:
    """Yield each kind of response that is made of fields: body and headers."""
    by_kind: dict[str, dict[str, Any]] = {"json": {}, "xml": {}, "text": {}, "html": {}, "header": {}}
    for name, value in values.items():
        if value is not ABSENT:
            by_kind[kind_of(name)][name] = value
    headers = tuple((name.replace("_", "-"), str(value)) for name, value in by_kind["header"].items())
    yield "json", orjson.dumps(by_kind["json"], default=str), (("Content-Type", "application/json"), *headers)
    leaves = "".join(f"<{name}>{html.escape(str(value))}</{name}>" for name, value in by_kind["xml"].items())
    yield "xml", f"<Response>{leaves}</Response>".encode(), (("Content-Type", "text/xml"),)
    yield "text", "\n".join(map(str, by_kind["text"].values())).encode(), (("Content-Type", "text/plain"),)
    page = "\n".join(f"<p>{value}</p>" for value in by_kind["html"].values())
    yield "html", f"<html><body>\n{page}\n</body></html>".encode(), (("Content-Type", "text/html"),)


def compared(bench: Bench, rows: int, seed: int) -> dict[str, DiffResult]:
    """Return the results for each kind of response."""
    names = [name.replace("_", "-") for name, *_ in fields_of(bench) if kind_of(name) == "header"]
    comparisons = {kind: Comparison(DiffSettings(headers=tuple(names))) for kind in ("json", "xml", "text", "html")}
    for transaction, a, b, sent, nows in sides(bench, rows, seed):
        carried = SentTexts(sent)
        for (kind, body_a, headers_a), (_, body_b, headers_b) in zip(bodies_of(a), bodies_of(b), strict=True):
            one, other = (
                Side(
                    "delivered",
                    "ok",
                    status=200,
                    headers=headers,
                    body=body,
                    started=now,
                    sent=carried,
                    hosts=(host,),
                )
                for headers, body, now, host in (
                    (headers_a, body_a, nows[0], "staging.acme.example"),
                    (headers_b, body_b, nows[1], "api.acme.example"),
                )
            )
            comparisons[kind].add(transaction, one, other)
    return {kind: comparison.result() for kind, comparison in comparisons.items()}


def score(bench: Bench, results: Mapping[str, DiffResult]) -> Score:
    """Hold what was reported against what is known."""
    told: set[str] = set()
    traced: set[str] = set()
    lines = {kind: [name for name, *_ in fields_of(bench) if kind_of(name) == kind] for kind in ("text", "html")}

    def names_at(kind: str, path: str) -> set[str]:
        if path.startswith("line ") and kind in lines:
            place = int(path.removeprefix("line ")) - (2 if kind == "html" else 1)
            return {lines[kind][place]} if 0 <= place < len(lines[kind]) else set()
        if path.startswith("header "):
            return {path.removeprefix("header ").replace("-", "_")}
        parts = path.replace("[*]", "").split(".")
        return {parts[2] if kind == "xml" and len(parts) > 2 else parts[1] if len(parts) > 1 else path}

    for kind, result in results.items():
        for difference in result.differences:
            told |= names_at(kind, difference.path)
        for undecided in result.undecided:
            traced |= names_at(kind, undecided.path)
    score = Score(noise=len(bench.noise))
    for name in bench.planted:
        (score.found if name in told else score.traced if name in traced else score.lost).add(name)
    score.alarms = {name for name in bench.noise if name in told}
    return score
