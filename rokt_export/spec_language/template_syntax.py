"""Explains why a template that jinja2 does not parse is none: what is wrong, in which expression, what to write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rokt_export.errors import did_you_mean
from rokt_export.redaction.display_text import cut
from rokt_export.redaction.spec_lines import masked_line
from rokt_export.spec_language.template_places import TemplateProblem

_OPENING = re.compile(r"\{[{%#][-+]?")
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|<=|>=|//|\*\*|[-+*/%~<>|.,:=()\[\]{}])
    |(?P<other>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})
_BETWEEN_VALUES = frozenset({"==", "!=", "<=", ">=", "<", ">", "//", "**", "*", "/", "%", "~"})
_BEFORE_VALUES = _BETWEEN_VALUES | _KEYWORDS | {"-", "+"}
_STATEMENTS = ("if", "elif", "else", "endif", "for", "endfor")
_INSTEAD = {
    **dict.fromkeys("“”„«»", "Write plain quotes: `'text'` or `\"text\"`."),
    **dict.fromkeys("‘’`´", "Write plain quotes: `'text'`."),
    **dict.fromkeys("'\"", "Close the quote; within a text, `\\'` is an apostrophe."),
    "&": "Write `and`.",
    "!": "Write `not`.",
    "?": "Write `a if condition else b`.",
    "$": "Write the name alone: `{{ attribute }}`.",
    "#": "A comment is written `{# … #}`.",
    ";": "Write one expression in each `{{ … }}`.",
}
"""By a sign that templates do not have: what to write instead."""


class _Token(NamedTuple):
    """A word, text, number or sign of an expression.

    Attributes:
        kind: the group of `_TOKEN` that it matches.
        text: the token itself, which decides what is wrong; it may be a secret.
        shown: the token for a message, masked as its expression is.
        start: where it begins in its expression.
    """

    kind: str
    text: str
    shown: str
    start: int


def syntax_problem(source: str) -> TemplateProblem:
    """Return the problem of a template that jinja2 does not parse."""
    at, open_statements = 0, list[str]()
    while opening := _OPENING.search(source, at):
        closing = {"{": "}}", "%": "%}", "#": "#}"}[opening[0][1]]
        end, found = _end_of(source, opening.end(), closing)
        if found is None and closing != "#}":
            tokens = _tokens(source[opening.start() : end - 2].rstrip("-+"), len(opening[0]))
            found = _in_statement(tokens, open_statements) if closing == "%}" else _in_expression(tokens)
        if found is not None:
            return TemplateProblem(f"`{_shown(source[opening.start() : end])}`: {found[0]}", found[1])
        at = end
    if open_statements:
        word = open_statements[-1]
        return TemplateProblem(f"`{{% {word} … %}}` is not closed", f"Write `{{% end{word} %}}` at its end.")
    return TemplateProblem(f"`{_shown(source)}` cannot be read as a template")


def _shown(text: str) -> str:
    """Return the text of a template for a message: one line, without what may be a secret."""
    return cut(_masked(" ".join(text.split())), 60)


def _masked(text: str) -> str:
    """Return a text with what may be a secret masked, each sign in its place."""
    return masked_line(re.sub(r"\s", " ", text))


_Problem = tuple[str, str]
"""What is wrong, and what to write instead."""


def _end_of(source: str, at: int, closing: str) -> tuple[int, _Problem | None]:
    """Return where an expression ends, and what is wrong with its brackets, quotes and signs."""
    missing = (f"`{closing}` is missing", f"Write `{closing}` at its end.")
    if closing == "#}":
        end = source.find(closing, at)
        return (len(source), missing) if end < 0 else (end + 2, None)
    brackets: list[str] = []
    while token := _TOKEN.match(source, at):
        text = token[str(token.lastgroup)]
        at, begins = token.end(), token.end() - len(text)
        two = source[begins : begins + 2]
        if token.lastgroup == "other":
            what = "a quote is not closed" if text in "'\"" else f"`{text}` has no meaning here"
            return len(source), (what, _INSTEAD.get(text, "Write it between quotes if it is text."))
        if two == "{{":
            return len(source), ("`{{` is inside another", "Write the name alone: `{{ attribute | filter }}`.")
        if text in _CLOSING:
            brackets.append(_CLOSING[text])
        elif brackets and text == brackets[-1]:
            brackets.pop()
        elif text in _CLOSING.values() or two == "%}":
            end = begins + 2 if two in ("}}", "%}") else at
            return end, None if two == closing and not brackets else _wrong_end(text, two, closing, brackets)
    return len(source), missing


def _wrong_end(sign: str, two: str, closing: str, brackets: Sequence[str]) -> _Problem:
    """Return the problem of a sign that ends an expression, or part of it, at a wrong place."""
    if brackets:
        return f"a `{brackets[-1]}` is missing", f"Write `{brackets[-1]}` where the `{_opened(brackets[-1])}` ends."
    if two in ("}}", "%}"):
        return f"it ends with `{two}`", f"Write `{closing}` at its end."
    if sign == "}":
        return "a `}` is missing", f"Write `{closing}` at its end."
    return f"the `{sign}` closes nothing", f"Take it away, or write `{_opened(sign)}` before it."


def _opened(closing: str) -> str:
    return next(sign for sign, other in _CLOSING.items() if other == closing)


def _tokens(text: str, begin: int) -> list[_Token]:
    """Return the tokens of a text from `begin` on."""
    masked, tokens = _masked(text), list[_Token]()
    for each in _TOKEN.finditer(text, begin):
        start, end = each.span(kind := str(each.lastgroup))
        tokens.append(_Token(kind, text[start:end], cut(masked[start:end], 30), start))
    return tokens


def _in_statement(tokens: Sequence[_Token], opened: list[str]) -> _Problem | None:
    """Return what is wrong with a statement; note what it opens or closes."""
    word = tokens[0].text if tokens else ""
    rest = tokens[1:]
    if word not in _STATEMENTS:
        remedy = did_you_mean(word, _STATEMENTS) or "There are `if`, `elif`, `else`, `endif`, `for` and `endfor`."
        return f"there is no statement `{tokens[0].shown}`" if word else "there is no statement in it", remedy
    if word == "else" and rest and rest[0].text == "if":
        return "`else if` is not a statement", "Write `elif`."
    if word in ("if", "for"):
        opened.append(word)
    elif not opened or (word.startswith("end") and word != f"end{opened[-1]}"):
        before = word.removeprefix("end") if word.startswith("end") else "if"
        if opened:
            return f"the `{{% {opened[-1]} … %}}` before it is not closed", f"Write `{{% end{opened[-1]} %}}` first."
        return f"`{word}` has no `{before}` before it", f"Write `{{% {before} … %}}` before it, or take it away."
    elif word.startswith("end"):
        opened.pop()
    if word == "for" and not any(each.text == "in" for each in rest[1:-1]):
        return "`for` needs a name and a list", "Write `{% for item in attribute %}`."
    if word in ("if", "elif") and not rest:
        return f"`{word}` has no condition", f"Write `{{% {word} attribute == 'x' %}}`."
    return _in_expression(rest) if word in ("if", "elif", "for") else None


def _in_expression(tokens: Sequence[_Token]) -> _Problem | None:
    """Return what is wrong with an expression whose brackets and quotes are closed."""
    if not tokens:
        return "there is nothing in it", "Write an attribute: `{{ attribute | filter }}`."
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
        previous = tokens[index - 1] if index else None
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if found := _around(token, previous, following, inside=depth > 0):
            return found
        if following is not None and _is_value(token) and _is_value(following):
            return _side_by_side(tokens, index)
    return None


def _around(token: _Token, previous: _Token | None, following: _Token | None, *, inside: bool) -> _Problem | None:
    """Return what is missing before or after a sign or a word such as `and`, or why it has no meaning there."""
    text = token.text
    if token.kind == "sign" and text in _OUTSIDE and not inside:
        return _OUTSIDE[text]
    if token.kind == "sign" and text == "|" == (following and following.text):
        return "`||` has no meaning here", "Write `or`."
    if token.kind == "sign" and (text == "|" or text in _BETWEEN_VALUES) and _begins_after(previous):
        return f"the value before `{text}` is missing", "Write it; a text stands between quotes."
    if token.kind == "sign" and text in _NAMED and (following is None or following.kind not in ("name", "number")):
        return f"the {_NAMED[text]} after `{text}` is missing", f"Write the {_NAMED[text]}, or take the `{text}` away."
    if token.kind != "text" and text in _BEFORE_VALUES and _ends_before(following):
        return f"the value after `{text}` is missing", "Write it, or take the rest away."
    return None


_NAMED = {"|": "filter", ".": "name"}
"""By a sign: what is named after it."""
_OUTSIDE = {
    "=": ("`=` does not compare", "Write `==`."),
    ":": ("`:` has no meaning here", "Write arguments in brackets: `filter('x')`."),
}
"""By a sign that has a meaning only inside brackets: the problem elsewhere."""


def _ends_before(following: _Token | None) -> bool:
    return following is None or (following.kind == "sign" and following.text in (")", "]", "}", ",", "|"))


def _begins_after(previous: _Token | None) -> bool:
    return previous is None or (previous.kind == "sign" and previous.text not in _CLOSING.values())


def _is_value(token: _Token) -> bool:
    return token.kind in ("text", "number") or (token.kind == "name" and token.text not in _KEYWORDS)


def _side_by_side(tokens: Sequence[_Token], index: int) -> _Problem:
    """Return the problem of two values without a sign between them."""
    one, other = tokens[index], tokens[index + 1]
    before = tokens[index - 1].text if index else ""
    message = f"there is nothing between `{one.shown}` and `{other.shown}`"
    if before == "|":
        return message, f"Write arguments in brackets: `{one.shown}(…)`; another filter begins with `|`."
    if before == ".":
        return message, "A name behind a `.` has no blank in it."
    if one.kind == "number" and other.kind == "name" and one.start + len(one.text) == other.start:
        name = one.shown + other.shown
        return f"the name `{name}` begins with a digit", f"Write it as `attributes['{name}']`."
    if one.kind == other.kind == "name":
        words = [one.shown]
        for each in tokens[index + 1 :]:
            if not (each.kind == "name" and _is_value(each)):
                break
            words.append(each.shown)
        name = " ".join(words)
        return message, f"A name with a blank is written `attributes['{name}']`."
    return message, "Write `~` between them to join them, or `,` between arguments."
