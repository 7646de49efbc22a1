"""The pack: JSON and a page with the same document; what is in it cannot act, and what was changed is refused."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from certification_samples import BIDI, HOSTILE, certification
from msgspec.structs import replace

from rokt_export.certification.pack import (
    LANGUAGES,
    certificate_of,
    digest_of,
    document,
    pack_of,
    read_pack,
    targets,
    write_html,
)
from rokt_export.certification.records import Certification
from rokt_export.errors import DocumentError, UsageError
from rokt_export.reports.formats import write_files


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    made = targets(certification(), tmp_path)
    write_files(made)
    return made[0][1], made[1][1]


def page(language: str = "en", made: Certification | None = None) -> str:
    stream = io.StringIO()
    write_html(made or certification(), stream, language=language)
    return stream.getvalue()


def test_page_and_json_hold_the_same_document(written: tuple[Path, Path]) -> None:
    assert [path.name for path in written] == [
        "acme-20261129-7k3f9q.certification.html",
        "acme-20261129-7k3f9q.certification.json",
    ]
    for path in written:
        assert read_pack(path) == certification()
    assert json.loads(written[1].read_text())["digest"] == certificate_of(certification()).digest


def test_what_a_mail_did_to_line_ends_is_no_change(written: tuple[Path, Path]) -> None:
    for path in written:
        assert pack_of("x", path.read_text().replace("\n", "\r\n")) == certification()


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("json", '"not run"', '"as expected"'),
        ("json", "A-1", "A-2"),
        ("json", '"version": 1', '"version": 1, "more": 1'),
        ("html", "We expected", "We wanted"),
        ("html", '"verdict":"finding"', '"verdict":"as expected"'),
        ("html", "✗</span> finding", "✓</span> as expected"),
    ],
)
def test_a_pack_that_was_changed_by_hand_is_refused(kind: str, old: str, new: str) -> None:
    text = page() if kind == "html" else orjson.dumps(document(certification()), option=orjson.OPT_INDENT_2).decode()
    assert old in text
    with pytest.raises(DocumentError, match="was changed after `certify` wrote it"):
        pack_of("x", text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "not a certification pack"),
        ('{"format": "rokt-export certification", "version": 9}', "version 9"),
        ("<html></html>", "holds no certification pack"),
        (json.dumps({"format": "rokt-export certification answers"}), "not a certification pack"),
    ],
)
def test_what_is_no_pack_is_refused(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        pack_of("x", text)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("records", 0, "probe"), "P77", "names the probe `P77`"),
        (("records", 0, "outcome"), "fine", "fine"),
        (("records", 0, "id"), "R2", "an id is there twice"),
        (("probes", 0, "verdict"), "fine", "verdict"),
        (("probes", 0, "verdict"), ["finding"], "str"),
        (("run", "started_at"), "yesterday", "yesterday"),
        (("run", "started_at"), "2026-11-29", "no time zone"),
    ],
)
def test_a_pack_that_certify_cannot_have_written_is_refused(path: tuple[Any, ...], value: Any, message: str) -> None:
    data = json.loads(json.dumps(document(certification())))
    *parents, last = path
    inside = data
    for step in parents:
        inside = inside[step]
    inside[last] = value
    with pytest.raises(DocumentError, match=message):
        pack_of("x", json.dumps({**data, "digest": digest_of(data)}))


def test_a_page_has_no_markup_but_its_own() -> None:
    text = page()
    assert HOSTILE not in text
    assert BIDI not in text
    tags: dict[str, int] = {}

    class Count(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            tags[tag] = tags.get(tag, 0) + 1
            assert not [name for name, _ in attributes if name.startswith("on") or name == "src"]

    Count().feed(text)
    assert tags["script"] == 3
    assert "img" not in tags


def test_a_person_is_looked_up_once_however_often_it_was_sent() -> None:
    made = certification()
    again = replace(made.records[1], fields=(("email", "JANE.DOE.1@example.com"), *made.records[0].fields[1:]))
    text = page(made=replace(made, records=(made.records[0], again, *made.records[2:])))
    assert "<h1>Please confirm 3 records</h1>" in text
    assert re.findall(r'data-record="([^"]*)"', text) == ["R1 R2", "R4", "R3"]
    assert "We sent this person 2 times on purpose." in text
    assert "a new record" in text and "already in your system" in text


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("wrong_credentials", "we sent wrong credentials on purpose, and you refused them: as it should be"),
        ("no_credentials", "we sent no credentials on purpose"),
        ("wrong_content_type", "we sent a wrong content type on purpose"),
    ],
)
def test_what_was_refused_on_purpose_is_called_so(kind: Any, told: str) -> None:
    made = certification()
    probe = replace(made.probes[2], kind=kind, outcome="failed", status=401)
    tried = replace(made, probes=(*made.probes[:2], probe, *made.probes[3:]))
    refused = replace(made.records[2], outcome="failed")
    text = page(made=replace(tried, records=(*made.records[:2], refused, made.records[3])))
    assert told in text
    assert "an error of your service" not in text.partition('<script type="application/json"')[0]
    assert "absichtlich" in page("de", made=tried)


def test_a_page_may_load_and_send_nothing() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page())
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "form-action &#39;none&#39;" in policy[1]
    assert not re.findall(r"""(?:src|href|action)=["'](?!#|data:,)""", page())
    assert "http-equiv" in page()


def test_each_language_has_the_same_words() -> None:
    def keys(data: object) -> object:
        return {key: keys(value) for key, value in data.items()} if isinstance(data, dict) else None

    folder = Path(write_html.__code__.co_filename).parent / "assets"
    first, *others = (keys(json.loads((folder / f"{name}.json").read_text("utf-8"))) for name in LANGUAGES)
    assert all(other == first for other in others)
    assert '<html lang="de">' in page("de")
    with pytest.raises(UsageError, match="no page in `fr`"):
        page("fr")


def test_the_journal_keeps_no_value_that_was_sent() -> None:
    kept = orjson.dumps(json.loads(json.dumps(certificate_of(certification()), default=lambda one: str(one))))
    assert b"example.com" not in kept
