"""Environment variables of a spec: which source outweighs which, and files that are no assignments."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.errors import ConfigurationError
from rokt_export.partner_spec.document import MAX_BYTES
from rokt_export.partner_spec.variables import Variables, load_variables, read_variables


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ACME_A", "ACME_B", "ACME_C"):
        monkeypatch.delenv(name, raising=False)


def test_the_process_outweighs_the_environments_file_which_outweighs_the_general_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("ACME_A=base\nACME_B=base\nACME_C=base\n")
    Path(".env.staging").write_text("ACME_A=own\nACME_B=own\n")
    monkeypatch.setenv("ACME_A", "process")
    found = load_variables("staging", None)
    assert [found.values[name] for name in ("ACME_A", "ACME_B", "ACME_C")] == ["process", "own", "base"]
    assert [found.sources[name] for name in ("ACME_A", "ACME_B", "ACME_C")] == [
        "process environment",
        ".env.staging",
        ".env",
    ]
    assert found.files == (".env.staging", ".env")
    assert found.own == {"ACME_A": "own", "ACME_B": "own"}
    assert found.declared["ACME_A"] == "own"
    assert load_variables("production", None).values["ACME_B"] == "base"


def test_all_names_without_a_value_are_told_at_once() -> None:
    variables = Variables({"ACME_A": "x", "ACME_B": ""}, (".env",))
    assert variables.missing(["ACME_C", "ACME_B", "ACME_A"]) == ("ACME_B", "ACME_C")
    variables.require(["ACME_A"], "staging")
    with pytest.raises(ConfigurationError, match="not set: ACME_B, ACME_C") as caught:
        variables.require(["ACME_A", "ACME_B", "ACME_C"], "staging")
    assert caught.value.where == "environment staging (read: .env)"


def test_a_file_that_others_can_read_is_exposed() -> None:
    for name, mode in (("open.env", 0o644), ("closed.env", 0o600)):
        Path(name).write_text("")
        Path(name).chmod(mode)
    assert Variables({}, ("open.env", "closed.env")).exposed == ("open.env",)


def test_an_empty_value_counts_as_none() -> None:
    Path("x.env").write_bytes(b"\xef\xbb\xbfACME_A='a b # c'\nACME_B=\nexport ACME_C=1\n")
    assert read_variables(Path("x.env")) == {"ACME_A": "a b # c", "ACME_C": "1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ACME_A=1\nwhat is this\n", "this line is not an assignment"),
        (b"ACME_A=\xff\n", "this file is not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "this file has more than"),
    ],
)
def test_a_file_that_is_no_list_of_variables_is_refused(content: bytes, message: str) -> None:
    Path("x.env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_variables(Path("x.env"))


def test_a_named_file_must_exist() -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load_variables("staging", Path("gone.env"))
