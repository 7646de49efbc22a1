"""Files that are no spec at all, YAML and JSON, positions, and what a finding shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.errors import ExitStatus, SpecError
from rokt_export.partner_spec.document import MAX_BYTES, MAX_NODES, Finding, Severity, parse
from rokt_export.partner_spec.loading import SpecFindingsError, load_spec
from rokt_export.redaction.display_text import OwnWords
from tests.partner_spec.loading_texts import RULE, WHOLE, faults, loaded, placed


def test_a_template_without_quotes_is_one_fault():
    text = WHOLE + "parameters:\n  - {name: a, value: {{ email | lower }}}\n  - name: b\n    value: {{ dob }}\n"
    assert placed(text) == [(9, 22, "RX003"), (11, 12, "RX003")]
    assert faults(text)[0].hint == 'Write "{{ email | lower }}".'
    assert loaded(text).spec.parameters[0].value == "{{ email | lower }}"


def refused(path: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    error = caught.value
    assert error.exit_status is ExitStatus.CONFIGURATION
    assert str(path) in error.where
    assert error.remedy
    return error


def test_a_missing_file(tmp_path):
    (tmp_path / "mailchimp.yaml").write_text(WHOLE, encoding="utf-8")
    error = refused(tmp_path / "mailchip.yaml")
    assert error.message == "no such file"
    assert error.remedy == f"Did you mean {tmp_path / 'mailchimp.yaml'}?"
    assert refused(tmp_path / "nowhere" / "x.yaml").message == "no such file"


def test_a_directory(tmp_path):
    assert refused(tmp_path).message == "this is a directory, not a spec file"
    (tmp_path / "a.yaml").write_text(WHOLE, encoding="utf-8")
    assert refused(tmp_path).remedy == f"Name the file: {tmp_path / 'a.yaml'}."


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    return path


def test_not_utf_8(tmp_path):
    path = written(tmp_path, b"partner: x\ntitle: M\xfcller\n")
    error = refused(path)
    assert (error.message, error.where) == ("this file is not UTF-8: byte 0xfc", f"{path}:2:9")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path, content):
    assert refused(written(tmp_path, content)).message == "this file is empty"


def test_a_file_of_remarks_only(tmp_path):
    with pytest.raises(SpecFindingsError, match="1 error"):
        load_spec(written(tmp_path, b"# nothing yet\n"))


def test_a_huge_file_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "spec.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    assert refused(path).message == f"this file has more than {MAX_BYTES:,} bytes, the most that a spec has"


def test_a_bomb(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    error = refused(written(tmp_path, "\n".join(lines).encode()))
    assert error.message == f"aliases in this file expand to more than {MAX_NODES:,} nodes"


def test_an_alias_that_contains_itself(tmp_path):
    assert refused(written(tmp_path, b"a: &a [*a]\n")).message == "this alias contains itself"


def test_nesting_without_end(tmp_path):
    assert refused(written(tmp_path, b"[" * 2_000)).message == "this file is nested too deeply"


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"partner: x\n\ttitle: y\n", "2:1", "this is not YAML: a tab indents this line"),
        (b"endpoint:\n\tstaging: x\n", "2:1", "this is not YAML: a tab indents this line"),
        (b"title: [a, b\n", "2:1", "this is not YAML"),
        (b"title: 'a\n", "2:1", "this is not YAML"),
        (b"title: a: b\n", "1:9", "this is not YAML"),
        (b"title: @a\n", "1:8", "this is not YAML"),
        (b"a: 1\n---\nb: 2\n", "2:1", "this is not YAML"),
        (b"title: *missing\n", "1:8", "this is not YAML"),
    ],
)
def test_what_is_not_yaml(tmp_path, content, place, message):
    path = written(tmp_path, content)
    error = refused(path)
    assert error.message.startswith(message)
    assert error.where == f"{path}:{place}"


def test_control_signs(tmp_path):
    assert refused(written(tmp_path, b"title: \x01\n")).message.startswith("this is not YAML")


def test_an_unreadable_file(tmp_path, monkeypatch):
    path = written(tmp_path, WHOLE.encode())

    def refuse(_self, _mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refused(path).message == "this file cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("written_as", "expected"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("00123", "00123"),
        ("1.10", "1.10"),
        ("9007199254740993", "9007199254740993"),
        ("0x1F", "0x1F"),
        ("1e3", "1e3"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
    ],
)
def test_text_keeps_what_was_written(written_as, expected):
    assert loaded(WHOLE + f"title: {written_as}\n").spec.title == expected


def test_a_folded_text_is_one_line():
    text = RULE + "description: >-\n      one\n      two\n"
    assert loaded(text).spec.responses[0].description == "one two"


def test_aliases_and_merges():
    text = WHOLE.replace("{outcome: delivered, status: 2xx}", "&first {outcome: delivered, status: 2xx}")
    text += "  - {<<: *first, outcome: failed, status: 5xx}\n  - *first\n"
    assert [rule.outcome for rule in loaded(text).spec.responses] == ["delivered", "failed", "delivered"]


def test_our_own_words_in_a_hint_are_readable():
    finding = Finding("RX023", Severity.ERROR, "f", 1, 1, "KEY=secret", OwnWords("Write `NAME=…` to `.env`."))
    assert (finding.message, finding.hint) == ("KEY=••••••", "Write `NAME=…` to `.env`.")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('  - {name: a, value: "\\ud800x"}', "8:22"),
        ('  - {name: "\\udfff", value: x}', "8:12"),
        ('  - {name: a, "\\ud800": x}', "8:15"),
    ],
)
def test_half_a_character_is_refused_at_its_place(line, place):
    text = "spec_version: 1\n\n\n\n\n\nparameters:\n" + line
    with pytest.raises(SpecError, match="half of a surrogate pair") as caught:
        parse("s.yaml", text)
    assert caught.value.where == f"s.yaml:{place}"


@pytest.mark.parametrize("number", ["9" * 5000, "-0x" + "f" * 5000, "0b" + "1" * 20_000])
def test_a_number_of_too_many_digits_is_refused_at_its_place(number):
    with pytest.raises(SpecError, match="too many digits") as caught:
        parse("s.yaml", f"spec_version: 1\ntitle: {number}")
    assert caught.value.where == "s.yaml:2:8"


def test_two_halves_are_a_character():
    assert parse("s.json", '{"a": "\\ud83d\\ude00"}').data == {"a": "\U0001f600"}


def test_an_xml_document_is_called_by_its_name():
    with pytest.raises(SpecError, match="an XML document, such as a WSDL"):
        parse("service.wsdl", '<?xml version="1.0"?>\n<definitions name="a: b">\n  <a/>\n</definitions>\n')
