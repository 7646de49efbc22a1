"""Compiles templates that jinja2 parses: to plain functions where possible, else to jinja2's code.

Only nodes with a bounded result are allowed (docs/decisions/0048).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from operator import add, floordiv, mod, mul, sub, truediv
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from rokt_export.errors import did_you_mean, nearest
from rokt_export.spec_language.arithmetic import (
    OPERATORS,
    ORDERS,
    Clock,
    bounded,
    compared,
    concatenated,
    operate,
    signed,
)
from rokt_export.spec_language.filters import (
    ABSENT,
    DYNAMIC,
    FILL_ABSENT,
    FILTERS,
    MOST_TEXT,
    FilterError,
    check_arguments,
    checked_length,
    text_of,
)
from rokt_export.spec_language.template_places import (
    AS_IS,
    BODIES,
    ESCAPES,
    Fill,
    OperatorText,
    TemplatePlace,
    TemplateProblem,
    Values,
    attribute_fill,
    joined,
    variable_fill,
)
from rokt_export.spec_language.template_syntax import syntax_problem

RESERVED = frozenset({"env", "attributes", *DYNAMIC})
_MAKE: Mapping[str, Callable[[], Any]] = {"now": lambda: datetime.now(UTC), "uuid": lambda: str(uuid.uuid4())}
_CLOCK = Clock()
"""The clock of the current rendering. With several threads, one may extend another's time."""
_FAULTS = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
_UNTURNED = "filter `{}` cannot convert this value"


class _NotPlainError(Exception):
    """The template cannot be compiled to plain functions."""


def compile_expressions(
    source: str, place: TemplatePlace
) -> tuple[frozenset[str], frozenset[str], bool, Fill, str | None]:
    """Return a template's attributes, variables, `varies`, `fill` and `attribute`; see `Template`.

    Raises:
        TemplateProblem: it does not compile.
    """
    try:
        tree = _parse(source)
        _check_nodes(tree)
        _check_filters(tree)
        named = list(_env_names(tree))
        if len(named) < sum(name.name == "env" for name in tree.find_all(nodes.Name)):
            raise TemplateProblem("`env` is not a value: name one variable, as `env.NAME`")
        env_names = frozenset(named)
        attributes = frozenset(_attribute_names(tree))
        varies = bool(_free_names(tree) - {"env"})
        lone = None
        try:
            parts = _output(tree)
            fill = joined([_part(node, place) for node in parts], place)
            lone = _attribute_name(parts[0]) if len(parts) == 1 and place is TemplatePlace.VALUE else None
        except _NotPlainError:
            fill = _jinja(tree, place)
        if not varies and not env_names:
            fill({}, {})
    except FilterError as error:  # a constant expression
        raise TemplateProblem(str(error)) from error
    except (RecursionError, MemoryError, SyntaxError) as error:  # from Python, which compiles jinja2's output
        raise TemplateProblem("the template is nested too deeply") from error
    return attributes, env_names, varies, fill, lone


def check_values(source: str) -> None:
    """Check a template's arithmetic and the types of filters' arguments.

    Raises:
        TemplateProblem: a check fails.
    """
    tree = _parse(source)
    _check_arithmetic(tree)
    _check_filters(tree, kinds=True)


def _parse(source: str) -> nodes.Template:
    if "{{{" in source:
        raise TemplateProblem("`{{{` is Rokt's old form: write `{{ attribute }}`, values are escaped for their place")
    try:
        return _environment(TemplatePlace.VALUE).parse(source)
    except TemplateSyntaxError as error:
        raise syntax_problem(source) from error
    except ValueError as error:  # a number with more digits than Python reads
        raise TemplateProblem("a number has too many digits", "Write it between quotes.") from error


_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "Slice", "Filter", "Test",
        "Keyword", "Pair", "If", "For", "CondExpr", "Compare", "Operand", "And", "Or", "Not", "Concat", "List", "Tuple",
        "Dict", "Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Neg", "Pos",
    }
)  # fmt: skip
"""jinja2's nodes with a bounded or checked result; without recursion and assignments."""
_DEEPEST = 100
"""Maximum depth of nodes, because jinja2 and Python recurse."""
_NAMES = {
    "Call": "a call",
    "Macro": "a macro",
    "CallBlock": "a call",
    "Assign": "`set`",
    "AssignBlock": "`set`",
    "Pow": "`**`",
    "FilterBlock": "a filter block",
}


def _check_nodes(tree: nodes.Template) -> None:
    """Check that a template has only allowed nodes.

    Raises:
        TemplateProblem: it has another node; the message names it and its line.
    """
    for node in _all(tree, deepest=_DEEPEST):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            raise _refused(f"{_NAMES.get(kind, f'`{kind.lower()}`')} is not part of the language of templates", node)
        if isinstance(node, nodes.Const) and isinstance(node.value, str) and not _is_whole(node.value):
            raise _refused("an escape is half of a surrogate pair: write the character itself", node)
        if isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
            raise _refused("a number is too large", node)
        if isinstance(node, nodes.For):
            if node.recursive:
                raise _refused("a loop cannot be recursive", node)
            if any(isinstance(inner, nodes.For) for inner in _all(node) if inner is not node):
                raise _refused("a loop cannot be inside a loop", node)
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


def _is_whole(text: str) -> bool:
    """Return whether a text has no unpaired surrogate, which cannot be sent."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_text(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Const):
        return isinstance(node.value, (str, list, tuple))
    return isinstance(node, nodes.List | nodes.Tuple | nodes.Dict | nodes.Concat)


def _check_arithmetic(tree: nodes.Template) -> None:
    """Check that a template does not calculate with cells, which are text.

    Raises:
        TemplateProblem: it does, so that every row would be invalid.
    """
    loops = _loops(tree)
    for node in _all(tree):
        _check_operands(node, loops)


def _check_operands(node: nodes.Node, loops: Mapping[str, bool]) -> None:
    sides: tuple[nodes.Expr, ...]
    match node:
        case nodes.BinExpr() if node.operator in OPERATORS:
            sides, sign, always = (node.left, node.right), node.operator, node.operator != "+"
        case nodes.UnaryExpr() if node.operator in {"-", "+"}:
            sides, sign, always = (node.node,), node.operator, True
        case nodes.Compare(expr=left, ops=[nodes.Operand(op=kind, expr=right)]) if kind in ORDERS:
            sides, sign, always = (left, right), ORDERS[kind][0], False
        case _:
            return
    for one, other in zip(sides, sides[::-1], strict=True):
        name = _row_text(one, loops)
        if name is not None and (always or _is_numeric(other)):
            write = f"({name} | number) {sign} …" if len(sides) == 2 else f"{sign}({name} | number)"
            raise TemplateProblem(f"`{sign}` takes numbers, and `{name}` is text: write `{write}`")


def _loops(tree: nodes.Template) -> dict[str, bool]:
    """Return the variables of a template's loops, and whether each is text: a part of a split text."""
    found = {name.name: False for loop in tree.find_all(nodes.For) for name in loop.target.find_all(nodes.Name)}
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name):
            found[loop.target.name] = isinstance(loop.iter, nodes.Filter) and loop.iter.name == "split"
    return found


_TEXTUAL = frozenset(
    {"trim", "lower", "upper", "title", "md5", "sha1", "sha256", "date", "phone", "replace", "join", "urlencode"}
)
"""Filters whose result is text, whatever the value is."""


def _row_text(node: nodes.Node, loops: Mapping[str, bool]) -> str | None:
    """Return the source of an expression that is the text of an attribute or a variable; else None."""
    match node:
        case nodes.Name(name=name) if loops.get(name, name not in {"now", "uuid", "loop"}):
            return str(name)
        case nodes.Getattr(node=nodes.Name(name="env"), attr=name):
            return f"env.{name}"
        case nodes.Getitem(node=nodes.Name(name="attributes"), arg=nodes.Const(value=name)):
            return f"attributes['{name}']"
        case nodes.Filter(node=nodes.Expr() as inner, name=name, args=[]) if name in _TEXTUAL:
            found = _row_text(inner, loops)
            return None if found is None else f"{found} | {name}"
        case _:
            return None


def _is_numeric(node: nodes.Node) -> bool:
    """Return whether an expression results in a number or nothing."""
    match node:
        case nodes.Const(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case nodes.Filter(name=name):
            return bool(name == "number")
        case nodes.BinExpr():
            return _is_numeric(node.left) or _is_numeric(node.right)
        case nodes.Neg() | nodes.Pos():
            return _is_numeric(node.node)
        case _:
            return False


def _refused(problem: str, node: nodes.Node) -> TemplateProblem:
    return TemplateProblem(
        f"{problem} (line {node.lineno}); there are `if`, `for`, `~`, comparisons, numbers and filters"
    )


def _check_filters(tree: nodes.Template, *, kinds: bool = False) -> None:
    for node in tree.find_all(nodes.Filter):
        if node.name not in FILTERS:
            near = nearest(node.name, FILTERS)
            hint = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(FILTERS)}"
            raise TemplateProblem(f"there is no filter `{node.name}`{hint}")
        try:
            args, kwargs = _arguments(node)
            check_arguments(node.name, args, kwargs, kinds=kinds)
        except _NotPlainError:
            continue
        except FilterError as error:
            raise TemplateProblem(str(error)) from error


def _env_names(tree: nodes.Template) -> Iterator[str]:
    for member in tree.find_all(nodes.Getattr):
        if isinstance(member.node, nodes.Name) and member.node.name == "env":
            yield member.attr
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name == "env" and isinstance(item.arg, nodes.Const):
            yield str(item.arg.value)


def _free_names(tree: nodes.Template) -> set[str]:
    try:
        return meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        tests = _environment(TemplatePlace.VALUE).tests
        unknown = next(test.name for test in tree.find_all(nodes.Test) if test.name not in tests)
        raise TemplateProblem(
            f"there is no test `{unknown}` behind `is`", did_you_mean(unknown, tests) or "Compare with `==`."
        ) from error


def _attribute_names(tree: nodes.Template) -> Iterator[str]:
    yield from _free_names(tree) - RESERVED
    for node in tree.find_all(nodes.Getitem):
        if isinstance(node.node, nodes.Name) and node.node.name == "attributes" and isinstance(node.arg, nodes.Const):
            yield str(node.arg.value)


def _attribute_name(node: nodes.Expr) -> str | None:
    """Return the attribute, if an expression is only that; else None."""
    match node:
        case nodes.Name(name=name) if name not in DYNAMIC:
            return name
        case nodes.Getitem(node=nodes.Name(name="attributes"), arg=nodes.Const(value=name)):
            return str(name)
        case _:
            return None


def _output(tree: nodes.Template) -> list[nodes.Expr]:
    found: list[nodes.Expr] = []
    for node in tree.body:
        if not isinstance(node, nodes.Output):
            raise _NotPlainError
        found.extend(node.nodes)
    return found


def _part(node: nodes.Expr, place: TemplatePlace) -> str | Fill:
    return str(node.data) if isinstance(node, nodes.TemplateData) else _expression(node, place)


def _expression(node: nodes.Expr, place: TemplatePlace) -> Fill:
    attribute = _attribute_name(node)
    if attribute is not None:
        return attribute_fill(attribute)
    match node:
        case nodes.Name(name=name) if name in DYNAMIC:
            make = _MAKE[name]
            return lambda _values, _env: make()
        case nodes.Const(value=value):
            return lambda _values, _env: value
        case nodes.Getattr(node=nodes.Name(name="env"), attr=name):
            return variable_fill(name, place)
        case nodes.Filter(node=nodes.Expr() as inner, name=name):
            return _filtered(_expression(inner, place), node)
        case nodes.BinExpr() if node.operator in OPERATORS and _is_numeric(node) and node.find(nodes.Filter):
            return _calculated(node.operator, _expression(node.left, place), _expression(node.right, place))
        case nodes.Neg(node=nodes.Expr() as inner) if _is_numeric(node) and node.find(nodes.Filter):
            return _negated(_expression(inner, place))
        case _:
            raise _NotPlainError


_PLAIN = {"+": add, "-": sub, "*": mul, "/": truediv, "//": floordiv, "%": mod}
"""Python's operators, for numbers that are constants of the template."""


def _calculated(operator: str, left: Fill, right: Fill) -> Fill:
    def fill(values: Values, env: Mapping[str, str]) -> Any:
        one, other = left(values, env), right(values, env)
        return ABSENT if one is ABSENT or other is ABSENT else operate(operator, one, other, _PLAIN[operator])

    return fill


def _negated(inner: Fill) -> Fill:
    def fill(values: Values, env: Mapping[str, str]) -> Any:
        value = inner(values, env)
        return ABSENT if value is ABSENT else signed("-", value)

    return fill


def _filtered(inner: Fill, node: nodes.Filter) -> Fill:
    args, kwargs = _arguments(node)
    name, function = node.name, FILTERS[node.name]
    fills_absent = name in FILL_ABSENT
    wrong = None
    try:
        check_arguments(name, args, kwargs)
    except FilterError as error:
        wrong = str(error)

    def apply(values: Values, env: Mapping[str, str]) -> Any:
        value = inner(values, env)
        if (value is ABSENT or value is None) and not fills_absent:
            return value
        try:
            if wrong is not None:
                raise FilterError(wrong)
            made = function(value, *args, **kwargs)
            if made.__class__ is str and len(made) > MOST_TEXT:
                checked_length(len(made))
            return made
        except FilterError:
            raise
        except _FAULTS as error:
            raise FilterError(_UNTURNED.format(name)) from error

    return apply


def _arguments(node: nodes.Filter) -> tuple[list[Any], dict[str, Any]]:
    if node.dyn_args or node.dyn_kwargs:
        raise _NotPlainError
    try:
        return [arg.as_const() for arg in node.args], {str(pair.key): pair.value.as_const() for pair in node.kwargs}
    except nodes.Impossible as error:
        raise _NotPlainError from error


def _jinja(tree: nodes.Template, place: TemplatePlace) -> Fill:
    template = _environment(place).from_string(_bounded_tree(tree))

    def fill(values: Values, env: Mapping[str, str]) -> Any:
        seen = {name: OperatorText(value) for name, value in env.items()} if AS_IS.get(place) is OperatorText else env
        dynamic = {name: make() for name, make in _MAKE.items()}
        _CLOCK.start()
        try:
            context = template.new_context({**values, **dynamic, "attributes": values, "env": seen})
            return bounded(template.root_render_func(context))
        except UndefinedError:
            return ABSENT
        except FilterError:
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise FilterError(f"the template cannot be rendered: {error}") from error

    return fill


def _bounded_tree(tree: nodes.Template) -> nodes.Template:
    """Return a tree whose loops check the time, and whose `~` and comparisons check their operands and results."""

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


@lru_cache(maxsize=len(TemplatePlace))
def _environment(place: TemplatePlace) -> ImmutableSandboxedEnvironment:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Optional(StrictUndefined):
        """An absent attribute: false in a condition, an error as text."""

        def __bool__(self) -> bool:  # type: ignore[override]
            return False

    escape = ESCAPES[place]
    as_is = AS_IS.get(place, ())

    def finalize(value: Any) -> Any:
        if place in BODIES and isinstance(value, Optional):
            return ""
        return value if isinstance(value, (as_is, Optional)) else escape(text_of(value))

    class Bounded(ImmutableSandboxedEnvironment):
        """A sandbox whose operators check their operands; constants are not folded at compile time."""

        intercepted_binops = OPERATORS

        intercepted_unops = frozenset("+-")

        def call_unop(self, _context: Any, operator: str, arg: Any) -> Any:
            return super().call_unop(_context, operator, arg) if isinstance(arg, Optional) else signed(operator, arg)

        def call_binop(self, _context: Any, operator: str, left: Any, right: Any) -> Any:
            for side in (left, right):
                if isinstance(side, Optional):
                    return side + 0  # raises UndefinedError
            return operate(operator, left, right, self.binop_table[operator])

    environment = Bounded(
        undefined=Optional, finalize=finalize, keep_trailing_newline=True, autoescape=False, optimized=False
    )
    own = {name: _guarded(name, function, Optional) for name, function in FILTERS.items()}
    environment.filters = {**own, "for": _CLOCK.each, "~": concatenated, "compare": compared}
    environment.globals = {}
    return environment


def _guarded(name: str, function: Callable[..., Any], absent: Callable[[], Any]) -> Callable[..., Any]:
    """Return a filter for jinja2 that treats absent and null values as plain functions do."""

    def apply(value: Any, *args: Any, **kwargs: Any) -> Any:
        _CLOCK.check()
        if isinstance(value, Undefined) or value is None:
            if name not in FILL_ABSENT:
                return value
            value = ABSENT if value is not None else None
        if args or kwargs:
            for given in (*args, *kwargs.values()):
                if isinstance(given, Undefined) and name not in FILL_ABSENT:
                    return given
            check_arguments(name, args, kwargs)
        try:
            made = function(value, *args, **kwargs)
        except FilterError:
            raise
        except _FAULTS as error:
            raise FilterError(_UNTURNED.format(name)) from error
        if isinstance(made, str):
            checked_length(len(made))
        return absent() if made is ABSENT else made

    return apply


_SAME = frozenset({"trim", "lower", "upper", "base64", "urlencode", "tojson", "default"})
"""Filters after which a variable's value can still be recognized."""


def derived(source: str) -> list[tuple[frozenset[str], bool, Fill]] | None:
    """Return (variables, varies, fill) of each derived text; None if the whole template is one."""
    found: list[tuple[frozenset[str], bool, Fill]] = []
    for node in _parse(source).body:
        if not isinstance(node, nodes.Output):
            if any(map(_derives, _outputs(node))):
                return None
            continue
        for part in filter(_derives, node.nodes):
            alone = nodes.Template([nodes.Output([part], lineno=1)], lineno=1)
            alone.set_environment(_environment(TemplatePlace.VALUE))
            varies = bool(_free_names(alone) - {"env"})
            found.append((frozenset(_env_names(alone)), varies, _jinja(alone, TemplatePlace.VALUE)))
    return found


def _outputs(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the expressions that a statement writes; a loop over a variable is one node."""
    if isinstance(node, nodes.If):
        for inner in (*node.body, *node.elif_, *node.else_):
            yield from _outputs(inner)
    elif isinstance(node, nodes.For) and not _names_env(node.iter):
        for inner in node.body:
            yield from _outputs(inner)
    elif isinstance(node, nodes.Output):
        yield from node.nodes
    else:
        yield node


def _derives(node: nodes.Node) -> bool:
    """Return whether an expression converts a variable to another text."""
    match node:
        case nodes.Getattr(node=nodes.Name(name="env")) | nodes.Getitem(node=nodes.Name(name="env"), arg=nodes.Const()):
            return False
        case nodes.Filter(node=nodes.Expr() as inner, name=name) if name in _SAME:
            return _derives(inner)
        case nodes.Concat(nodes=parts):
            return any(map(_derives, parts))
        case nodes.Add(left=left, right=right) | nodes.CondExpr(expr1=left, expr2=right):
            return _derives(left) or (right is not None and _derives(right))
        case nodes.Compare() | nodes.Test() | nodes.Not():
            return False
        case _:
            return _names_env(node)


def _names_env(node: nodes.Node) -> bool:
    return any(name.name == "env" for name in nodes.Output([node]).find_all(nodes.Name))


def truth_names(source: str) -> set[str]:
    """Return the attributes whose text a template uses as a condition; every non-empty text is true."""
    tree = _parse(source)
    tests: list[nodes.Node] = [node.test for node in tree.find_all(nodes.If)]
    tests += [node.test for node in tree.find_all(nodes.CondExpr)]
    tests += [node.node for node in tree.find_all(nodes.Not)]
    tests += [
        side for kind in (nodes.And, nodes.Or) for node in tree.find_all(kind) for side in (node.left, node.right)
    ]
    return {name for test in tests if isinstance(test, nodes.Expr) and (name := _attribute_name(test)) is not None}


_UTC: list[nodes.Expr | None] = [nodes.Const(name) for name in ("UTC", "Etc/UTC", "GMT", "Etc/GMT")]


_ZONE_BEHIND = re.compile(r"(?: ?GMT| ?UTC|Z|\+\d\d:?\d\d)(?!\w)")


def dates(source: str) -> list[tuple[str, bool]]:
    """Return (form, in UTC) of each date that a template writes; a zone behind the expression belongs to the form.

    A date is in UTC by its options, or as `now` without a zone; else in its value's zone or in that of `tz`.
    """
    tree = _parse(source)
    behind = {
        id(node): zone[0]
        for output in tree.find_all(nodes.Output)
        for node, text in pairwise(output.nodes)
        if isinstance(text, nodes.TemplateData) and (zone := _ZONE_BEHIND.match(text.data))
    }
    found = []
    for node in tree.find_all(nodes.Filter):
        given: dict[str, nodes.Expr] = dict(zip(("form", "given", "tz", "utc"), node.args, strict=False))
        given |= {str(pair.key): pair.value for pair in node.kwargs}
        form, tz = given.get("form"), given.get("tz")
        now = isinstance(node.node, nodes.Name) and node.node.name == "now" and tz is None
        utc = now or tz in _UTC or given.get("utc", nodes.Const(False)) != nodes.Const(False)
        if node.name == "date" and isinstance(form, nodes.Const):
            found.append((str(form.value) + behind.get(id(node), ""), utc))
    return found


def text_comparisons(source: str) -> list[tuple[str, str, str]]:
    """Return (attribute, sign, other side) of each comparison or sum that takes a text for a number or a truth.

    The other side is a number, `true`, a number in quotes, or an attribute. Attributes are always text.
    """
    tree = _parse(source)
    loops = _loops(tree)
    found: list[tuple[str, str, str]] = []
    for node in _all(tree):
        match node:
            case nodes.Compare(expr=left, ops=[nodes.Operand(op=kind, expr=right)]) if kind in _SIGNS:
                sides, sign = (left, right), _SIGNS[kind]
            case nodes.Add(left=left, right=right):
                sides, sign = (left, right), "+"
            case nodes.Test(node=nodes.Expr() as left, name=("true" | "false") as truth):
                sides, sign = (left, nodes.Const(truth == "true")), "is"
            case _:
                continue
        for one, other in (sides, sides[::-1]):
            name, value = _row_text(one, loops), _written(other, loops)
            if name is not None and value is not None:
                found.append((name, sign, value))
                break
    return found


_SIGNS = {"eq": "==", "ne": "!=", **{kind: sign for kind, (sign, _) in ORDERS.items()}}


def _written(node: nodes.Node, loops: Mapping[str, bool]) -> str | None:
    match node:
        case nodes.Const(value=bool() as value):
            return str(value).lower()
        case nodes.Const(value=int() | float() as value):
            return str(value)
        case nodes.Const(value=str() as value):
            return f"'{value}'"
        case _:
            return _row_text(node, loops)
