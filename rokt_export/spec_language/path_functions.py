"""The functions `match` and `search` of JSONPath (RFC 9535, 2.4.6 and 2.4.7), in linear time."""

from __future__ import annotations

from jsonpath.function_extensions import ExpressionType, FilterFunction

from rokt_export.spec_language.regexes import RegexProblem, compile_regex


class Matches(FilterFunction):
    """Tells whether a text matches a regular expression, which may come from the body itself.

    Args:
        whole: the whole text must match, and not a part of it.
    """

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - declared so by the library
    return_type = ExpressionType.LOGICAL

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def __call__(self, value: object, pattern: object) -> bool:
        """Return whether it does; what is no text, or no regular expression, does not."""
        if not isinstance(value, str) or not isinstance(pattern, str):
            return False
        try:
            regex = compile_regex(pattern)
        except RegexProblem:
            return False
        return regex.whole(value) if self._whole else regex.found(value)
