"""What a template may do: which of jinja2's nodes it may have, and how much text and time it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rokt_export.partner_spec.filters import MOST_TEXT, FilterError, checked_length

if TYPE_CHECKING:
    from jinja2 import nodes

MOST_SECONDS = 0.5
"""Of one filling; what a row cannot exceed but by a loop."""
_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "Slice", "Filter", "Test",
        "Keyword", "Pair", "If", "For", "CondExpr", "Compare", "Operand", "And", "Or", "Not", "Concat", "List", "Tuple",
        "Dict", "Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Neg", "Pos",
    }
)  # fmt: skip
"""jinja2's nodes whose result is no larger than what they are given, or is checked; no recursion, and no variables."""
_DEEPEST = 100
"""Nodes inside nodes: jinja2 and Python go down them by recursion."""
_NAMES = {
    "Call": "a call",
    "Macro": "a macro",
    "CallBlock": "a call",
    "Assign": "`set`",
    "AssignBlock": "`set`",
    "Pow": "`**`",
    "FilterBlock": "a filter block",
}


class TemplateProblem(ValueError):
    """A template that does not compile; the message says why and what to write instead."""


def check_nodes(tree: nodes.Template) -> None:
    """Check that a template is made of what is bounded.

    Raises:
        TemplateProblem: it is not; the construct and its line are named.
    """
    from jinja2 import nodes

    for node in _all(tree, deepest=_DEEPEST):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            raise _refused(f"{_NAMES.get(kind, f'`{kind.lower()}`')} is not part of the language of templates", node)
        if isinstance(node, nodes.For):
            if node.recursive:
                raise _refused("a loop cannot be recursive", node)
            if any(isinstance(inner, nodes.For) for inner in _all(node) if inner is not node):
                raise _refused("a loop cannot stand inside a loop", node)
        if isinstance(node, nodes.Mul | nodes.Mod) and (_is_text(node.left) or _is_text(node.right)):
            raise _refused(f"`{node.operator}` takes numbers, not text or lists", node)


def _all(node: nodes.Node, deepest: int = 1_000) -> Iterator[nodes.Node]:
    waiting = [(node, 0)]
    while waiting:
        found, depth = waiting.pop()
        if depth > deepest:
            raise TemplateProblem("the template is nested too deeply")
        waiting.extend((child, depth + 1) for child in found.iter_child_nodes())
        yield found


def _is_text(node: nodes.Node) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Const):
        return isinstance(node.value, (str, list, tuple))
    return isinstance(node, nodes.List | nodes.Tuple | nodes.Dict | nodes.Concat)


def _refused(problem: str, node: nodes.Node) -> TemplateProblem:
    return TemplateProblem(
        f"{problem} (line {node.lineno}); there are `if`, `for`, `~`, comparisons, numbers and filters"
    )


def bound_nodes(tree: nodes.Template) -> nodes.Template:
    """Return a tree whose loops look at the time, and whose joined texts are counted before they are made."""
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    class Bounding(NodeTransformer):
        def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
            self.generic_visit(node)
            node.iter = nodes.Filter(node.iter, "for", [], [], None, None, lineno=node.lineno)
            return node

        def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
            self.generic_visit(node)
            first, *others = node.nodes
            return nodes.Filter(first, "~", others, [], None, None, lineno=node.lineno)

    bounded: nodes.Template = Bounding().visit(tree)
    return bounded


class Clock:
    """The time that a filling may take."""

    def __init__(self) -> None:
        self._until = 0.0

    def start(self) -> None:
        """Begin a filling."""
        self._until = time.monotonic() + MOST_SECONDS

    def check(self) -> None:
        """Go on.

        Raises:
            FilterError: the time is over.
        """
        if time.monotonic() > self._until:
            raise FilterError(f"the template takes more than {MOST_SECONDS:g} s")

    def each(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield values as long as there is time."""
        for value in values:
            self.check()
            yield value


def joined(first: Any, *others: Any) -> str:
    """Return values as one text, as `~` does.

    Raises:
        FilterError: it is too long.
    """
    parts = [str(value) for value in (first, *others)]
    checked_length(sum(map(len, parts)))
    return "".join(parts)


OPERATORS = frozenset({"+", "*", "%", "-", "/", "//"})


def operate(operator: str, left: Any, right: Any, do: Callable[[Any, Any], Any]) -> Any:
    """Return what an operator gives.

    Raises:
        FilterError: the operands are neither numbers nor, for `+`, texts or lists that are short enough.
    """
    numbers = isinstance(left, (int, float, Decimal)) and isinstance(right, (int, float, Decimal))
    if not numbers:
        if operator != "+":
            raise FilterError(f"`{operator}` takes numbers, not text or lists")
        if hasattr(left, "__len__") and hasattr(right, "__len__"):
            checked_length(len(left) + len(right))
    elif any(isinstance(value, int) and value.bit_length() > 1_000 for value in (left, right)):
        raise FilterError(f"`{operator}`: the number is too large")
    return do(left, right)


def bounded(pieces: Iterable[str]) -> str:
    """Return pieces as one text.

    Raises:
        FilterError: it is too long.
    """
    length, found = 0, []
    for piece in pieces:
        length += len(piece)
        if length > MOST_TEXT:
            checked_length(length)
        found.append(piece)
    return "".join(found)
