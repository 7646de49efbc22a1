"""What a template may do: which of jinja2's nodes it may have, and how much text and time it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from math import isfinite
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any

from rokt_export.spec_language.filters import MOST_TEXT, FilterError, Number, checked_length

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
        if isinstance(node, nodes.Const) and isinstance(node.value, str) and not is_whole(node.value):
            raise _refused("an escape is half a character: write the character itself", node)
        if isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
            raise _refused("a number is too large", node)
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


def is_whole(text: str) -> bool:
    """Return whether a text has no half of a character (a lone surrogate), which nothing can send."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_text(node: nodes.Node) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Const):
        return isinstance(node.value, (str, list, tuple))
    return isinstance(node, nodes.List | nodes.Tuple | nodes.Dict | nodes.Concat)


def check_arithmetic(tree: nodes.Template) -> None:
    """Check that a template calculates with no cell as it is, which is text.

    Raises:
        TemplateProblem: it does, so that no row can satisfy it.
    """
    from jinja2 import nodes

    loops = {name.name for loop in tree.find_all(nodes.For) for name in loop.target.find_all(nodes.Name)}
    loops |= {loop.target.name for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)}
    for node in _all(tree):
        _check_operands(node, loops)


def _check_operands(node: nodes.Node, loops: set[str]) -> None:
    from jinja2 import nodes

    if isinstance(node, nodes.BinExpr) and node.operator in OPERATORS:
        sides, sign, always = (node.left, node.right), node.operator, node.operator != "+"
    elif isinstance(node, nodes.Compare) and len(node.ops) == 1 and node.ops[0].op in _ORDERS:
        sides, sign, always = (node.expr, node.ops[0].expr), _ORDERS[node.ops[0].op][0], False
    else:
        return
    for one, other in (sides, sides[::-1]):
        name = _row_text(one, loops)
        if name is not None and (always or is_numeric(other)):
            raise TemplateProblem(f"`{sign}` takes numbers, and `{name}` is text: write `({name} | number) {sign} …`")


def _row_text(node: nodes.Node, loops: set[str]) -> str | None:
    """Return how a row's value or a variable is written, where an expression is nothing else."""
    from jinja2 import nodes

    match node:
        case nodes.Name(name=name) if name not in loops | {"now", "uuid", "loop"}:
            return str(name)
        case nodes.Getattr(node=nodes.Name(name="env"), attr=name):
            return f"env.{name}"
        case nodes.Getitem(node=nodes.Name(name="attributes"), arg=nodes.Const(value=name)):
            return f"attributes['{name}']"
        case _:
            return None


def is_numeric(node: nodes.Node) -> bool:
    """Return whether an expression gives a number, or nothing."""
    from jinja2 import nodes

    match node:
        case nodes.Const(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case nodes.Filter(name=name):
            return bool(name == "number")
        case nodes.BinExpr():
            return is_numeric(node.left) or is_numeric(node.right)
        case nodes.Neg() | nodes.Pos():
            return is_numeric(node.node)
        case _:
            return False


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

        def visit_Compare(self, node: nodes.Compare) -> nodes.Filter:  # noqa: N802
            self.generic_visit(node)
            others = [part for each in node.ops for part in (nodes.Const(each.op), each.expr)]
            return nodes.Filter(node.expr, "compare", others, [], None, None, lineno=node.lineno)

    bounded: nodes.Template = Bounding().visit(tree)
    return bounded


class Clock:
    """The time that a filling may take: of the processor, so that a busy machine makes no row invalid."""

    def __init__(self) -> None:
        self._until = 0.0

    def start(self) -> None:
        """Begin a filling."""
        self._until = time.thread_time() + MOST_SECONDS

    def check(self) -> None:
        """Go on.

        Raises:
            FilterError: the time is over.
        """
        if time.thread_time() > self._until:
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
_ORDERS = {"gt": (">", lt), "gteq": (">=", le), "lt": ("<", gt), "lteq": ("<=", ge)}
"""jinja2's comparisons by size: the sign, and the same comparison of the second with the first."""
_EQUALITIES = {"eq": eq, "ne": ne}
_EXACT = Context(prec=2_000, traps=[InvalidOperation, DivisionByZero, Overflow])
_DIVIDED = Context(prec=28, traps=[InvalidOperation, DivisionByZero, Overflow])
_MOST_DIGITS = 1_000


def operate(operator: str, left: Any, right: Any, do: Callable[[Any, Any], Any]) -> Any:
    """Return what an operator gives; null and empty text stay what they are, beside a number.

    Raises:
        FilterError: the operands are neither numbers nor, for `+`, texts or lists that are short enough.
    """
    for one, other in ((left, right), (right, left)):
        if (one is None or one == "") and (operator != "+" or other is None or _is_number(other)):
            return one
    if not (_is_number(left) and _is_number(right)):
        if operator != "+" or _is_number(left) or _is_number(right):
            raise FilterError(f"`{operator}` takes numbers, not text or lists: write `| number` behind the value")
        if hasattr(left, "__len__") and hasattr(right, "__len__"):
            checked_length(len(left) + len(right))
        try:
            return do(left, right)
        except TypeError as error:
            raise FilterError("`+` takes two numbers, two texts or two lists") from error
    if isinstance(left, Number) or isinstance(right, Number):
        return _exactly(operator, _decimal(left), _decimal(right))
    if any(isinstance(value, int) and value.bit_length() > 1_000 for value in (left, right)):
        raise FilterError(f"`{operator}`: the number is too large")
    return do(left, right)


def _exactly(operator: str, left: Decimal, right: Decimal) -> Number:
    if not (left.is_finite() and right.is_finite()):
        raise FilterError(f"`{operator}`: the number is too large")
    if not right and operator in {"/", "//", "%"}:
        raise FilterError(f"`{operator}`: a number cannot be divided by zero")
    match operator:
        case "+":
            made = _EXACT.add(left, right)
        case "-":
            made = _EXACT.subtract(left, right)
        case "*":
            made = _EXACT.multiply(left, right)
        case "/":
            made = _DIVIDED.divide(left, right)
        case _:
            whole, rest = _EXACT.divmod(left, right)
            if rest and (rest < 0) != (right < 0):  # towards the smaller number, as Python and jinja2 do
                whole, rest = whole - 1, _EXACT.add(rest, right)
            made = whole if operator == "//" else rest
    text = f"{made if made else made.copy_abs():f}"
    if len(text) > _MOST_DIGITS:
        raise FilterError(f"`{operator}`: the number is too large")
    return Number(text)


def signed(operator: str, value: Any) -> Any:
    """Return a number with a sign before it.

    Raises:
        FilterError: it is no number.
    """
    if value is None or value == "":
        return value
    if not _is_number(value):
        raise FilterError(f"`{operator}` takes a number, not text or lists: write `| number` behind the value")
    if not isinstance(value, Number):
        return -value if operator == "-" else +value
    return value if operator == "+" else _exactly("-", Decimal(0), Decimal(value))


def compared(first: Any, *others: Any) -> bool:
    """Return whether comparisons hold, each of a value with the one before; nothing is above or below an empty value.

    Args:
        first: the first value.
        others: jinja2's name of a comparison, and the next value, by turns.

    Raises:
        FilterError: a number is compared with text, or what is neither.
    """
    left = first
    for kind, right in zip(others[::2], others[1::2], strict=True):
        both = (left, right)
        if kind in _EQUALITIES:
            holds = _EQUALITIES[kind](*_alike(left, right))
        elif kind in _ORDERS:
            sign, holds_turned = _ORDERS[kind]
            if any(value is None or value == "" for value in both):
                return False
            if len({_is_number(value) for value in both}) == 2:
                raise FilterError(f"`{sign}` compares a number with text: write `| number` behind the text")
            one, other = _alike(left, right)
            try:
                holds = holds_turned(other, one)
            except TypeError as error:
                raise FilterError(f"`{sign}` compares two numbers or two texts") from error
        else:
            if not hasattr(right, "__contains__") or (isinstance(right, str) and not isinstance(left, str)):
                raise FilterError("`in` looks for text in text, or for a value in a list")
            holds = (left in right) is (kind == "in")
        if not holds:
            return False
        left = right
    return True


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two numbers as exact ones; anything else as it is."""
    if (isinstance(left, Number) or isinstance(right, Number)) and _is_number(left) and _is_number(right):
        return _decimal(left), _decimal(right)
    return left, right


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal, Number))


def _decimal(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


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
