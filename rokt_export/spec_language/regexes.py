"""Compiles the regular expressions of a spec with RE2, whose time is linear in the length of the text."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

LARGEST = 10_000
"""Maximum instructions of an RE2 program, with `\\w` and `\\s` as ASCII: `.{1,1000}` has 9,003."""
LARGEST_UNICODE = 90_000
"""Maximum instructions of the program that runs: `\\w{1,64}` has 86,017, and takes 150 ms to compile and 13 MB."""
MOST_TOGETHER = 400_000
"""Maximum instructions of all regular expressions of a spec together."""
_MOST_WORK = 200_000_000
"""Maximum of instructions (as for `LARGEST`) times bytes of a text: two seconds at 10 ns each, the worst case."""
_SHORT = 10_000
"""Bytes of a text up to which a set is faster than a search for every expression."""
_LOOK_AROUND = (
    "Write it without: `not:` and `all:` of a rule exclude and combine, a group captures a part of what is around it."
)
_WHOLE_VALUES = "Write it without: a `pattern` matches the whole value, so list its forms, with `|` between them."
_REPEATED = "Write out what it repeats, as alternatives: `aa|bb` for `(a|b)\\1`."
_BACKTRACKING = "Write it without, as `a+` for `a++` or `(?>a+)`: RE2 does not backtrack."
_CONSTRUCTS = {
    "(?=": ("a look-ahead", _LOOK_AROUND),
    "(?!": ("a negative look-ahead", _LOOK_AROUND),
    "(?<=": ("a look-behind", _LOOK_AROUND),
    "(?<!": ("a negative look-behind", _LOOK_AROUND),
    "(?P": ("a back reference", _REPEATED),
    "(?(": ("a conditional", "Write both cases out, with `|` between them."),
    "(?>": ("an atomic group", _BACKTRACKING),
    "(?#": ("a comment", "Write the comment behind a `#` of the YAML file."),
    "(?x": ("the flag `x`", "Take the flag away, and the blanks and comments in the expression."),
    "(?a": ("the flag `a`", "Take it away, and write `[A-Za-z0-9_]` where `\\w` shall be ASCII."),
    "(?u": ("the flag `u`", "Take it away: `\\w` and `\\s` are those of Unicode without it."),
}
"""By its first characters, what RE2 does not take: its name, and what to write instead in a rule."""
_TOKEN = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|\{,(?=\d+\})|\[\^?\]?(?:\\.|[^\]\\])*(?:\]|\\?\Z)", re.DOTALL
)


class RegexProblem(ValueError):
    """A regular expression that cannot be used.

    Attributes:
        code: the code of the finding.
        remedy: what to write instead in a rule.
        of_parameter: what to write instead in the `pattern` of a parameter.
    """

    def __init__(self, code: str, message: str, remedy: str, of_parameter: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy
        self.of_parameter = of_parameter or remedy


class Regex:
    """A compiled regular expression.

    Args:
        source: the expression in the spec.
        ignore_case: whether upper and lower case are equal.

    Attributes:
        size: instructions of RE2's program, which determine compile time and memory.

    Raises:
        RegexProblem: it does not compile.
    """

    def __init__(self, source: str, *, ignore_case: bool = False) -> None:
        import re2  # imported late: it takes a few milliseconds, and most specs have no regular expression

        self._options = re2.Options()
        self._options.log_errors = False
        self._options.case_sensitive = not ignore_case
        self._source = _translated(source, _UNICODE)
        try:
            plain = re2.compile(_translated(source, {}), self._options)
            self._compiled = re2.compile(self._source, self._options)
        except (re2.error, UnicodeEncodeError) as error:
            raise _problem(source, error) from error
        size = max(plain.programsize, plain.reverseprogramsize)
        self.size = max(self._compiled.programsize, self._compiled.reverseprogramsize)
        if size > LARGEST or self.size > LARGEST_UNICODE:
            raise _too_large()
        self._longest = _MOST_WORK // size
        self._short = min(_SHORT, self._longest)
        self._end = "$" in source
        self._group = self._compiled.groupindex.get("value", min(1, self._compiled.groups))

    def found(self, text: str) -> bool:
        """Return whether it matches anywhere in a text."""
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > self._short or (self._end and data.endswith(b"\n")):
            return self._search(data) is not None
        return bool(self._quick_search(data))

    def whole(self, text: str) -> bool:
        """Return whether it matches the whole text."""
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > self._short:
            return len(data) <= self._longest and self._compiled.fullmatch(data) is not None
        return bool(self._quick_match(data))

    def part(self, text: str) -> str | None:
        """Return the part of the first match to keep: the group `value`, else the first group, else the whole match."""
        match = self._search(text.encode("utf-8", "surrogatepass"))
        return None if match is None or match.start(self._group) < 0 else _decoded(match[self._group])

    def span(self, text: str) -> tuple[int, int] | None:
        """Return (start, end) of the part that `part` returns, in characters."""
        data = text.encode("utf-8", "surrogatepass")
        match = self._search(data)
        if match is None or (start := match.start(self._group)) < 0:
            return None
        before = len(_decoded(data[:start]))
        return before, before + len(_decoded(match[self._group]))

    @cached_property
    def _quick_search(self) -> Any:
        """A set of one expression, which tests for a match in a quarter of the time of a search."""
        import re2

        return _alone(re2.Set.SearchSet(self._options), self._source)

    @cached_property
    def _quick_match(self) -> Any:
        import re2

        return _alone(re2.Set.FullMatchSet(self._options), self._source)

    def _search(self, data: bytes) -> Any:
        """Return the first match; None also for a text that is too long. `$` also matches before a final line break."""
        if len(data) > self._longest:
            return None
        match = self._compiled.search(data)
        if match is None and self._end and data.endswith(b"\n"):
            return self._compiled.search(data[:-1])
        return match


def _alone(expressions: Any, source: str) -> Any:
    expressions.Add(source.encode())
    expressions.Compile()
    return expressions.Match


@lru_cache(maxsize=512)
def compile_regex(source: str, *, ignore_case: bool = False) -> Regex:
    """Return a compiled regular expression; equal ones are compiled once.

    Raises:
        RegexProblem: it does not compile.
    """
    return Regex(source, ignore_case=ignore_case)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_UNICODE = {"w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}
"""Python's meaning of `\\w` and `\\s`, as parts of a class; for RE2 they are ASCII. `\\d` stays ASCII: digits are 0 to
9."""


def _translated(source: str, classes: Mapping[str, str]) -> str:
    """Translate Python's syntax to RE2's: `\\Z`, `\\u00e9`, `{,3}`, and the given classes."""

    def spelled(token: re.Match[str]) -> str:
        text = token[0]
        if text == "{,":
            return "{0,"
        if text.startswith("["):
            if classes and re.search(r"(?<!\\)(?:\\\\)*\\[WS]", text):
                return _ranges(text)
            return "[" + _TOKEN.sub(lambda inner: inner[0] if inner[0][0] in "[{" else in_class(inner), text[1:])
        if (inside := classes.get(text[1:].lower())) is not None:
            return f"[{'^' if text[1].isupper() else ''}{inside}]"
        return in_class(token)

    def in_class(token: re.Match[str]) -> str:
        text = token[0]
        if text[1:2] in ("u", "U") and len(text) > 2:
            return f"\\x{{{text[2:]}}}"
        if text == "\\C":  # one byte, which may be part of a character
            return "\\C++"
        return "\\z" if text == "\\Z" else classes.get(text[1:], text)

    return _TOKEN.sub(spelled, source)


@lru_cache(maxsize=64)
def _ranges(text: str) -> str:
    """Return a class with `\\W` or `\\S` (`[^\\W\\d_]`: letters) as ranges of characters, as Python means it."""
    try:
        found = re.finditer(re.sub(r"((?<!\\)(?:\\\\)*)\\d", r"\g<1>0-9", text) + "+", _every_character())
    except re.error:
        return text  # a class that only RE2 supports, such as `[\p{L}\W]`
    return "[" + "".join(f"\\x{{{ord(each[0][0]):x}}}-\\x{{{ord(each[0][-1]):x}}}" for each in found) + "]"


@lru_cache(maxsize=1)
def _every_character() -> str:
    return "".join(map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1))))


def _problem(source: str, error: Exception) -> RegexProblem:
    """Return the problem of an expression; Python's parser explains syntax errors better than RE2."""
    reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
    what, _, part = reason.partition(": ")
    if what.startswith("pattern too large"):
        return _too_large()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(source)
    except (re.error, OverflowError) as python_error:
        return RegexProblem(
            "RX021",
            f"this regular expression does not compile: {python_error}",
            "Escape literal characters with a backslash, and close every bracket.",
        )
    except RecursionError:
        return _too_large()
    if what == "invalid repetition size":
        return _too_large()
    found, remedy = _construct(what, part)
    of_parameter = _WHOLE_VALUES if remedy is _LOOK_AROUND else remedy
    message = f"RE2, the engine whose time is bounded, does not take {found}"
    return RegexProblem("RX160", message, remedy, of_parameter)


def _construct(what: str, part: str) -> tuple[str, str]:
    """Return what RE2 does not take, and what to write instead in a rule."""
    if what == "invalid escape sequence" and part[1:2].isdigit():
        return f"a back reference, `{part}`", _REPEATED
    if what == "bad repetition operator":
        return f"a possessive repetition, `{part}`", _BACKTRACKING
    for sign, (name, remedy) in _CONSTRUCTS.items():
        if part.startswith(sign):
            return f"{name}, `{part}`", remedy
    return f"`{part or what}`", "Write it without: see https://github.com/google/re2/wiki/Syntax."


def too_many() -> RegexProblem:
    """Return the problem of a spec whose regular expressions are too large together."""
    return RegexProblem(
        "RX160",
        f"the regular expressions up to here have over {MOST_TOGETHER:,} instructions of RE2 together",
        "Repeat `\\w` and `\\p{…}` less.",
        "Repeat `\\w` and `\\p{…}` less: `max_length` limits a length without a pattern.",
    )


def _too_large() -> RegexProblem:
    return RegexProblem(
        "RX160",
        f"this regular expression is too large: over {LARGEST_UNICODE:,} instructions of RE2, or 1,000 repetitions",
        "Repeat less, or nest less.",
        "Repeat less, or nest less; `min_length` and `max_length` limit a length without a pattern.",
    )
