"""Each format of a report, written and read back."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
import zlib
from base64 import b64decode
from collections.abc import Iterable
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet
import pytest

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.reports.formats import FORMATS
from rokt_export.reports.run_report import RunReport

DATA = Path(__file__).parent / "data"
HOSTILE = '</script><img src=x onerror="alert(1)"> ]]> | `x` [a](b) *c* \x00\x1b\ufffe end'


def written(run_report: RunReport, name: str, deliveries: Iterable[Delivery] | None = None) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    FORMATS[name].write(run_report, stream, deliveries=deliveries)
    stream.flush()
    data = stream.buffer.getvalue()
    return parquet_text(data) if name == "parquet" else data.decode()


def artefact(run_report: RunReport, name: str) -> str:
    """Everything that a report says: the file itself, and what lies packed or encoded in it."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    FORMATS[name].write(run_report, stream)
    stream.flush()
    data = stream.buffer.getvalue()
    if name == "parquet":
        return "\n".join(str(row) for row in pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist())
    text = data.decode()
    if name == "eml":
        parts = email.message_from_string(text, policy=email.policy.default).walk()
        return text + "\n".join(str(part.get_content()) for part in parts if not part.is_multipart())
    if name == "html":
        packed = re.findall(r'<script type="text/plain"[^>]*>([^<]*)</script>', text)
        assert len(packed) >= 2
        return text + "\n".join(zlib.decompress(b64decode(one)).decode() for one in packed)
    if name == "har":
        bodies = re.findall(r'"text":"([A-Za-z0-9+/]{8,}={0,2})"', text)
        return text + "\n".join(b64decode(one + "==").decode("latin-1") for one in bodies)
    return text


def parquet_text(data: bytes) -> str:
    """The rows of a Parquet file, as one JSON document."""
    return json.dumps(pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist(), ensure_ascii=False)


class Reader(HTMLParser):
    """What is in a page: its elements, their attributes, the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, data: str) -> None:
        if self.scripts and self.lasttag == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)

    @property
    def rows(self) -> list[list[Any]]:
        packed = next(text for attributes, text in self.scripts if attributes.get("id") == "rows")
        return [json.loads(line) for line in zlib.decompress(b64decode(packed)).splitlines()]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        packed = [text for attributes, text in self.scripts if attributes.get("class") == "block"]
        return [json.loads(zlib.decompress(b64decode(text))) for text in packed]


def message_of(text: str) -> EmailMessage:
    message = email.message_from_string(text, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def outcomes_in(run_report: RunReport, name: str, deliveries: Iterable[Delivery] | None = None) -> list[str]:
    """The outcome of each delivery, as a format tells it."""
    text = written(run_report, name, deliveries)
    kinds = [str(kind) for kind in OutcomeKind]
    match name:
        case "csv":
            return [row["outcome"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        case "ndjson":
            return [json.loads(line)["outcome"] for line in text.splitlines()]
        case "parquet":
            return [one["outcome"] for one in json.loads(text)]
        case "json":
            return [one["outcome"] for one in json.loads(text)["deliveries"]]
        case "har":
            return [entry["_delivery"]["outcome"] for entry in json.loads(text)["log"]["entries"]]
        case "junit":
            cases = ElementTree.fromstring(text).iter("testcase")
            return [case[0].attrib["type"] if len(case) else run_report.expected for case in cases]
        case "markdown":
            heading = "## Every delivery" if run_report.only is None else "## Deliveries"
            table = [line for line in text.partition(heading)[2].splitlines() if line.startswith("|")][2:]
            return [line.split(" | ")[3] for line in table]
        case "eml":
            attached = next(message_of(text).iter_attachments()).get_content()
            return [row["outcome"] for row in csv.DictReader(io.StringIO(attached, newline=""))]
        case "html":
            return [kinds[row[2]] for row in Reader(text).rows]
    raise AssertionError(f"outcomes_in does not read the format {name} yet: add a case for it")


def schema(name: str) -> Any:
    return pytest.importorskip("xmlschema").XMLSchema(str(DATA / name))
