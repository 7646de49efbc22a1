"""The compliance suite of RFC 9535 (jsonpath-standard/jsonpath-compliance-test-suite, BSD 2-Clause), all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rokt_export.spec_language.paths import PathProblem, compile_path

SUITE = json.loads((Path(__file__).parent / "jsonpath_compliance" / "cts.json").read_text("utf-8"))["tests"]
VALID = [test for test in SUITE if not test.get("invalid_selector")]
INVALID = [test for test in SUITE if test.get("invalid_selector")]


def test_the_suite_is_whole() -> None:
    assert len(SUITE) == 703


@pytest.mark.parametrize("test", VALID, ids=lambda test: test["name"])
def test_what_a_path_finds(test: Any) -> None:
    found = compile_path(test["selector"]).find(test["document"])
    assert found in test.get("results", [test.get("result")])


@pytest.mark.parametrize("test", INVALID, ids=lambda test: test["name"])
def test_what_is_no_path(test: Any) -> None:
    with pytest.raises(PathProblem):
        compile_path(test["selector"])
