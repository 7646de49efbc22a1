"""What `diff --learn` writes into a spec, and all that it leaves alone."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from rokt_export.errors import SpecError
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.spec_editor import declare_in_diff

BASE = """\
# Acme's leads
spec_version: 1
partner: acme     # a slug
endpoint:
  staging: https://staging.example.com/leads
responses:
  - {outcome: delivered, status: 2xx}
"""
NEW = {"$.id": "uuid", "$.items[*].at": "digits of 6", "location": "/x/…", "$['a b']": "number"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme.yaml"


def added(before: str, after: str) -> list[str]:
    """The lines put in; every other line must have stayed."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    assert not [line for line in lines if line.startswith("- ")], lines
    return [line[2:] for line in lines if line.startswith("+ ")]


ITEMS = ["$.id: uuid", "$.items[*].at: digits of 6", 'location: "/x/…"', "\"$['a b']\": number"]
FLOW = '$.id: uuid, "$.items[*].at": digits of 6, location: "/x/…", "$[\'a b\']": number'


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("", ["diff:", "  varies:", *("    " + item for item in ITEMS)]),
        ("# the end\n", ["diff:", "  varies:", *("    " + item for item in ITEMS)]),
        ("description: |\n  some\n\n  text\n", ["diff:", "  varies:", *("    " + item for item in ITEMS)]),
        ("diff:\n  mode: subset  # why\n\n# more\n", ["  varies:", *("    " + item for item in ITEMS)]),
        ("diff:\n    mode: subset\n", ["    varies:", *("      " + item for item in ITEMS)]),
        ("diff:\n  varies:\n    $.a: any   # one\n  # then\n  mode: subset\n", ["    " + item for item in ITEMS]),
        ("diff:\n  varies:\n      $.a: any\n      \"$.b c\": jwt\n\nlimits: {}\n", ["      " + item for item in ITEMS]),
    ],
)  # fmt: skip
def test_only_new_lines_are_put_in(file, tail, expected):
    text = BASE + tail
    file.write_text(text)
    assert declare_in_diff(file, NEW) == NEW
    assert added(text, file.read_text()) == expected
    assert load_spec(file).spec.diff.varies.items() >= NEW.items()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("diff: {varies: {$.a: any}} #x\n", f"diff: {{varies: {{$.a: any, {FLOW}}}}} #x\n"),
        ("diff: {varies: {}}\n", f"diff: {{varies: {{{FLOW}}}}}\n"),
        ("diff: {mode: subset}\n", f"diff: {{mode: subset, varies: {{{FLOW}}}}}\n"),
        ("diff: {}\n", f"diff: {{varies: {{{FLOW}}}}}\n"),
    ],
)  # fmt: skip
def test_brackets_stay_brackets(file, before, after):
    file.write_text(BASE + before)
    declare_in_diff(file, NEW)
    assert file.read_text() == BASE + after


def test_a_spec_in_json_stays_json(file):
    data = {"spec_version": 1, "partner": "acme", "endpoint": {"staging": "https://example.com"}}
    file.write_text(json.dumps({**data, "responses": [{"outcome": "failed"}]}, indent=2))
    declare_in_diff(file, NEW)
    assert json.loads(file.read_text())["diff"] == {"varies": NEW}


@pytest.mark.parametrize("text", [BASE.replace("\n", "\r\n"), BASE.rstrip("\n"), "\ufeff" + BASE])
def test_line_ends_and_marks_stay(file, text):
    file.write_bytes(text.encode())
    declare_in_diff(file, {"$.id": "uuid"})
    after = file.read_bytes().decode()
    assert after.startswith(text.rstrip("\r\n"))
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in text else 0)


def test_what_is_there_is_not_added_again(file):
    file.write_text(BASE + "diff: {varies: {$.id: any}}\n")
    assert declare_in_diff(file, {"$.id": "uuid", "$.x": "jwt"}) == {"$.x": "jwt"}
    inode = file.stat().st_ino
    assert declare_in_diff(file, {"$.id": "uuid", "$.x": "jwt"}) == {}
    assert file.stat().st_ino == inode


def test_mode_and_link_stay(file, tmp_path):
    file.write_text(BASE)
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    declare_in_diff(link, {"$.id": "uuid"})
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_spec(file).spec.diff.varies == {"$.id": "uuid"}
    assert sorted(tmp_path.iterdir()) == [file, link]


def test_what_cannot_be_added_to_is_left_as_it_is(file):
    for text, said in (
        (BASE + "diff: &d {mode: subset}\nlimits: *d\n", "has errors"),
        (BASE.replace("partner: acme", "partner: Acme!"), "has errors"),
        (BASE + "attributes: &names {x: y}\ndiff: {varies: *names}\n", "an alias"),
        (BASE + "diff: {varies: [$.a]}\n", "a list"),
    ):
        file.write_text(text)
        with pytest.raises(SpecError, match=said) as caught:
            declare_in_diff(file, {"$.id": "uuid"})
        assert caught.value.remedy
        assert file.read_text() == text
    with pytest.raises(SpecError, match="no such file"):
        declare_in_diff(file.with_name("none.yaml"), {"$.id": "uuid"})
