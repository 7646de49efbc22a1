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
        (r"^\w+$", "Zoë", True),
        (r"^[\w'-]+$", "Łukasz-漢字", True),
        (r"^\w+$", "Zoë!", False),
        (r"\W", "Zoë", False),
        (r"^[^\W\d_]+$", "Zoë", True),
        (r"^[^\W\d_]+$", "Zoë1", False),
        (r"^[\W_]+$", "—_", True),
        (r"^[\S]+$", "Zoë", True),
        (r"^a\sb$", "a\u00a0b", True),
        (r"^\S+$", "a\u00a0b", False),
        (r"^\\w$", "\\w", True),
        (r"^[\\w]$", "w", True),
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


def test_digits_and_word_boundaries_are_ascii() -> None:
    assert not compile_regex(r"^\d$").found("٣")
    assert compile_regex(r"\bnom\b").found("le nom: Zoë")
    assert not compile_regex(r"Zoë\b").found("Zoë")


def test_a_name_of_64_letters_of_any_script_can_be_asked_for() -> None:
    name = compile_regex(r"\w{1,64}")
    assert (name.whole("é" * 64), name.whole("é" * 65)) == (True, False)


def test_a_class_of_letters_does_not_shorten_the_texts_that_are_searched() -> None:
    assert compile_regex(r"\w+ error").found("é" * 1_000_000 + "x error")


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
        (r"\w*a\w{30}c", "ab" * 1_000_000),
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
