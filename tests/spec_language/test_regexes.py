"""Regular expressions of a spec mean what Python's would, and end whatever text they are given."""

from __future__ import annotations

import re
import time

import pytest

from rokt_export.spec_language.regexes import LARGEST, RegexProblem, compile_regex


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        (r"^\d+$", "42", True),
        (r"^OK$", "OK\n", True),
        (r"^OK$", "OK\n\n", False),
        (r"^OK\Z", "OK\n", False),
        (r"OK\Z", "OK", True),
        (r"\\Z", "\\Z", True),
        (r"a{,3}b", "aaab", True),
        (r"[{,3}]", "{", True),
        ("caf\\u00e9", "un café", True),
        ("[\\u00e8-\\u00ea]", "é", True),
        (r"(?i)duplicate", "DUPLICATE", True),
        (r"(?i)é", "É", True),
        (r"^\p{L}+$", "Zoë", True),
        (r"x", "\ud800x", True),
        (r".", "", False),
    ],
)
def test_what_is_found(source: str, text: str, found: bool) -> None:
    assert compile_regex(source).found(text) is found
    if r"\p" not in source:
        assert (re.search(source, text) is not None) is found


@pytest.mark.parametrize(
    ("source", "text", "part", "span"),
    [
        (r"ID: (\d+)", "é ID: 42.", "42", (6, 8)),
        (r"(a)?(?P<value>b)", "b", "b", (0, 1)),
        (r"b.", "abc", "bc", (1, 3)),
        (r"(x)?a", "a", None, None),
        (r"x", "a", None, None),
    ],
)
def test_the_part_wanted(source: str, text: str, part: str | None, span: tuple[int, int] | None) -> None:
    assert (compile_regex(source).part(text), compile_regex(source).span(text)) == (part, span)


def test_a_whole_text_has_no_line_break_at_its_end() -> None:
    assert compile_regex("a+").whole("aaa")
    assert not compile_regex("a+$").whole("aaa\n")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\s+$", " " * 9_000_000 + "x"),
        (r"error: (.*)code: (.*)end", "error: code: " * 300_000),
        (r"(a*)*b", "a" * 9_000_000),
        (r"^(\w+\s?)*$", "a" * 9_000_000 + "!"),
        (r"[ab]*a[ab]{500}c", "ab" * 5_000_000),
        (r".{1,500}x", "é" * 4_000_000),
    ],
)
def test_it_ends_whatever_the_text(source: str, text: str) -> None:
    began = time.process_time()
    assert not compile_regex(source).found(text)
    assert compile_regex(source).part(text) is None
    assert not compile_regex(source).whole(text)
    assert time.process_time() - began < 6


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("(a", "RX021", "missing )"),
        ("[a", "RX021", "unterminated character set"),
        ("*", "RX021", "nothing to repeat"),
        (r"\C", "RX021", "bad escape"),
        (r"a{2,1}", "RX021", "min repeat greater than max"),
        ("(?=a)", "RX160", "a look-ahead, `(?=`"),
        ("^(?!.*error)", "RX160", "a negative look-ahead, `(?!`"),
        ("(?<=a)b", "RX160", "a look-behind, `(?<=`"),
        ("(?<!a)b", "RX160", "a negative look-behind, `(?<!`"),
        (r"(a)\1", "RX160", r"a back reference, `\1`"),
        ("(?P<a>x)(?P=a)", "RX160", "a back reference"),
        ("(a)?(?(1)b|c)", "RX160", "a conditional"),
        ("(?>a)", "RX160", "an atomic group"),
        ("a++", "RX160", "a possessive repetition"),
        ("a{1001}", "RX160", "too large"),
        ("(a{100}){100}", "RX160", "too large"),
        (r"\p{L}{500}", "RX160", "too large"),
        (f".{{1,{LARGEST // 5}}}", "RX160", "too large"),
        ("(" * 5000 + ")" * 5000, "RX160", "too large"),
    ],
)
def test_what_is_refused_and_why(source: str, code: str, words: str) -> None:
    with pytest.raises(RegexProblem) as refused:
        compile_regex(source)
    assert (refused.value.code, words in str(refused.value)) == (code, True), refused.value
    assert refused.value.remedy
