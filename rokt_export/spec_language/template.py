"""Turn template text (`{{ email | lower }}`) into a compiled template that fills it from a transaction's values."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from operator import add, floordiv, mod, mul, sub, truediv
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rokt_export.spec_language.filters import (
    ABSENT,
    FILL_ABSENT,
    FILTERS,
    MOST_TEXT,
    FilterError,
    Raw,
    check_arguments,
    checked_length,
    text_of,
)
from rokt_export.spec_language.template_bounds import (
    OPERATORS,
    Clock,
    bound_nodes,
    bounded,
    check_arithmetic,
    check_nodes,
    compared,
    is_numeric,
    joined,
    operate,
    signed,
)
from rokt_export.spec_language.template_bounds import TemplateProblem as TemplateProblem

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Values = Mapping[str, Any]
Fill = Callable[[Values, Mapping[str, str]], Any]


class Place(StrEnum):
    """Where the text goes, which decides how values are escaped in it."""

    VALUE = "value"
    URL = "url"
    HEADER = "header"
    PARTS = "parts"
    JSON = "json"
    XML = "xml"
    TEXT = "text"


BODIES = frozenset({Place.JSON, Place.XML, Place.TEXT})
"""Whole bodies: an absent attribute leaves its place empty there; anywhere else it makes the whole value absent."""


def _header(text: str) -> str:
    if any(sign in text for sign in "\r\n\0"):
        raise FilterError("a header cannot hold a line break")
    return text


def _part_of_header(text: str) -> str:
    """A row's value in a cookie, or beside separators of the header's own, must not begin another part."""
    if found := next((sign for sign in text if sign in ';,"\\'), None):
        raise FilterError(f"a part of this header cannot hold `{found}`")
    return _header(text)


_ESCAPES: Mapping[Place, Callable[[str], str]] = {
    Place.VALUE: str,
    Place.TEXT: str,
    Place.URL: lambda text: quote(text, safe=""),
    Place.HEADER: _header,
    Place.PARTS: _part_of_header,
    Place.JSON: lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    Place.XML: lambda text: html.escape(text).replace("&#x27;", "&apos;"),
}


class _Trusted(str):
    """An environment variable in a URL or in a header's parts: the operator's own text, taken as it is."""

    __slots__ = ()


_AS_IS: Mapping[Place, type[str]] = {Place.JSON: Raw, Place.URL: _Trusted, Place.PARTS: _Trusted}
"""Values that are already what a place needs."""

DYNAMIC: Mapping[str, Callable[[], Any]] = {
    "now": lambda: datetime.now(UTC),
    "uuid": lambda: str(uuid.uuid4()),
}
"""Names that are no attributes: the moment of rendering (UTC) and a random identifier."""

RESERVED = frozenset({"env", "attributes", *DYNAMIC})


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes:
        source: the text as written.
        attributes: the attributes that it names.
        env: the environment variables that it names.
        constant: whether it names nothing at all.
        varies: whether a row, or the moment, has a say in it; else the environment's variables alone fill it.
        fill: from a transaction's values and the environment's variables to the filled value: native for a lone
            expression, else text; `ABSENT` where an attribute is absent. Raises `FilterError` where a filter cannot
            turn the value.
        attribute: the attribute that fills it just as it is, where nothing else stands in it.
    """

    source: str
    attributes: frozenset[str]
    env: frozenset[str]
    constant: bool
    varies: bool
    fill: Fill = field(repr=False, compare=False)
    attribute: str | None = None


def attribute_template(name: str) -> Template:
    """Return the template that `attribute: name` is short for; any name will do, a dash or a space included."""
    return Template(f"{{{{ {name} }}}}", frozenset({name}), frozenset(), False, True, _attribute(name), name)


def constant_template(value: Any) -> Template:
    """Return the template of a constant that is not text (`value: 5`)."""
    return Template(text_of(value), frozenset(), frozenset(), True, False, lambda _values, _env: value)


@lru_cache(maxsize=2048)
def compile_template(source: str, place: Place = Place.VALUE) -> Template:
    """Compile template text for a place.

    Text without `{{` and `{%` is a constant and costs nothing; expressions of attributes, environment variables,
    constants and filters are compiled to plain functions (jinja2 takes 6 us a render); the rest is jinja2, sandboxed.

    Raises:
        TemplateProblem: unknown filter, wrong arguments, syntax, what is not bounded, a constant that cannot be filled.
    """
    try:
        return _compiled(source, place)
    except (RecursionError, MemoryError, SyntaxError) as error:  # of Python, which compiles what jinja2 writes
        raise TemplateProblem("the template is nested too deeply") from error


def _compiled(source: str, place: Place) -> Template:
    if "{{" not in source and "{%" not in source and "{#" not in source:
        return Template(source, frozenset(), frozenset(), True, False, lambda _values, _env: source)
    if (known := _of_variables(source, place)) is not None:
        return known
    tree = _parse(source)
    check_nodes(tree)
    _check_filters(tree)
    env_names = frozenset(_env_names(tree))
    attributes = frozenset(_attribute_names(tree))
    varies = bool(_free_names(tree) - {"env"})
    lone = None
    try:
        parts = _output(tree)
        fill = _join([_part(node, place) for node in parts], place)
        lone = _attribute_name(parts[0]) if len(parts) == 1 and place is Place.VALUE else None
    except _NotPlainError:
        fill = _jinja(tree, place)
    if not varies and not env_names:
        _check_constant(fill)
    return Template(source, attributes, env_names, False, varies, fill, lone)


def check_numbers(source: str) -> None:
    """Check that a template that compiles calculates with numbers, and gives filters what they take.

    Raises:
        TemplateProblem: it calculates with a cell's text, or a filter's argument is wrong: no row can satisfy it.
    """
    if ("{{" in source or "{%" in source) and _of_variables(source, Place.VALUE) is None:
        tree = _parse(source)
        check_arithmetic(tree)
        _check_filters(tree, kinds=True)


def _check_constant(fill: Fill) -> None:
    try:
        fill({}, {})
    except FilterError as error:
        raise TemplateProblem(str(error)) from error


_VARIABLE = re.compile(r"(?<!\{)\{\{ *env\.([A-Za-z_][A-Za-z0-9_]*) *\}\}(?!\})")
_OF_JINJA = re.compile(r"[{}][{}%#]|[%#]\}|\n")  # it drops a last line break, too


def _of_variables(source: str, place: Place) -> Template | None:
    """The template of text that holds nothing but environment variables; None for any other.

    Many specs have no other than that of their credentials, and jinja2 takes 15 ms to load.
    """
    texts = _VARIABLE.split(source)
    names = texts[1::2]
    if any(map(_OF_JINJA.search, texts[::2])):
        return None
    parts = [_env(text, place) if index % 2 else text for index, text in enumerate(texts) if text]
    return Template(source, frozenset(), frozenset(names), False, False, _join(parts, place))


_CLOCK = Clock()
"""Of the filling that is under way; where several threads fill templates, one may prolong another's time."""


class _NotPlainError(Exception):
    """The template needs jinja2 itself."""


def _parse(source: str) -> nodes.Template:
    from jinja2 import TemplateSyntaxError

    if "{{{" in source:
        raise TemplateProblem("`{{{` is Rokt's old form: write `{{ attribute }}`, values are escaped for their place")
    try:
        return _environment(Place.VALUE).parse(source)
    except TemplateSyntaxError as error:
        raise TemplateProblem(f"template syntax: {error.message}") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise TemplateProblem(f"template syntax: {error}") from error


def _output(tree: nodes.Template) -> list[nodes.Expr]:
    from jinja2 import nodes

    found: list[nodes.Expr] = []
    for node in tree.body:
        if not isinstance(node, nodes.Output):
            raise _NotPlainError
        found.extend(node.nodes)
    return found


def _part(node: nodes.Expr, place: Place) -> str | Fill:
    from jinja2 import nodes

    return str(node.data) if isinstance(node, nodes.TemplateData) else _expression(node, place)


def _expression(node: nodes.Expr, place: Place) -> Fill:
    from jinja2 import nodes

    attribute = _attribute_name(node)
    if attribute is not None:
        return _attribute(attribute)
    match node:
        case nodes.Name(name=name) if name in DYNAMIC:
            make = DYNAMIC[name]
            return lambda _values, _env: make()
        case nodes.Const(value=value):
            return lambda _values, _env: value
        case nodes.Getattr(node=nodes.Name(name="env"), attr=name):
            return _env(name, place)
        case nodes.Filter(node=nodes.Expr() as inner, name=name):
            return _filtered(_expression(inner, place), node)
        case nodes.BinExpr() if node.operator in OPERATORS and is_numeric(node) and node.find(nodes.Filter):
            return _calculated(node.operator, _expression(node.left, place), _expression(node.right, place))
        case _:
            raise _NotPlainError


_PLAIN = {"+": add, "-": sub, "*": mul, "/": truediv, "//": floordiv, "%": mod}
"""Python's operators, for numbers that the template itself states."""


def _calculated(operator: str, left: Fill, right: Fill) -> Fill:
    def fill(values: Values, env: Mapping[str, str]) -> Any:
        one, other = left(values, env), right(values, env)
        return ABSENT if one is ABSENT or other is ABSENT else operate(operator, one, other, _PLAIN[operator])

    return fill


def _attribute_name(node: nodes.Expr) -> str | None:
    """The attribute that an expression is, if it is nothing else."""
    from jinja2 import nodes

    match node:
        case nodes.Name(name=name) if name not in DYNAMIC:
            return name
        case nodes.Getitem(node=nodes.Name(name="attributes"), arg=nodes.Const(value=name)):
            return str(name)
        case _:
            return None


def _attribute(name: str) -> Fill:
    return lambda values, _env: values.get(name, ABSENT)


def _env(name: str, place: Place) -> Fill:
    if _AS_IS.get(place) is _Trusted:
        return lambda _values, env: _Trusted(env[name])
    return lambda _values, env: env[name]


_FAULTS = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
_UNTURNED = "filter `{}` cannot turn this value"


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
    from jinja2 import nodes

    if node.dyn_args or node.dyn_kwargs:
        raise _NotPlainError
    try:
        return [arg.as_const() for arg in node.args], {str(pair.key): pair.value.as_const() for pair in node.kwargs}
    except nodes.Impossible as error:
        raise _NotPlainError from error


def _join(parts: list[str | Fill], place: Place) -> Fill:
    if len(parts) == 1 and callable(parts[0]) and place is Place.VALUE:
        return parts[0]
    pieces, rest = _pieces(parts)
    escape, as_is = _ESCAPES[place], _AS_IS.get(place, ())
    whole = place in BODIES

    def fill(values: Values, env: Mapping[str, str]) -> Any:
        text = ""
        for before, part in pieces:
            value = part(values, env)
            if value is not ABSENT:
                text += before + (value if isinstance(value, as_is) else escape(text_of(value)))
                if len(text) > MOST_TEXT:
                    checked_length(len(text))
            elif whole:
                text += before
            else:
                return ABSENT
        return text + rest

    return fill


def _pieces(parts: list[str | Fill]) -> tuple[list[tuple[str, Fill]], str]:
    """Each expression with the text before it, and the text after the last."""
    pieces, text = [], ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            pieces.append((text, part))
            text = ""
    return pieces, text


def _jinja(tree: nodes.Template, place: Place) -> Fill:
    from jinja2 import TemplateError, UndefinedError

    template = _environment(place).from_string(bound_nodes(tree))

    def fill(values: Values, env: Mapping[str, str]) -> Any:
        seen = {name: _Trusted(value) for name, value in env.items()} if _AS_IS.get(place) is _Trusted else env
        dynamic = {name: make() for name, make in DYNAMIC.items()}
        _CLOCK.start()
        try:
            context = template.new_context({**values, **dynamic, "attributes": values, "env": seen})
            return bounded(template.root_render_func(context))
        except UndefinedError:
            return ABSENT
        except FilterError:
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise FilterError(f"the template cannot be filled: {error}") from error

    return fill


@lru_cache(maxsize=len(Place))
def _environment(place: Place) -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Optional(StrictUndefined):
        """An absent attribute: false in a condition, an error where its text is wanted."""

        def __bool__(self) -> bool:  # type: ignore[override]
            return False

    escape = _ESCAPES[place]
    as_is = _AS_IS.get(place, ())

    def finalize(value: Any) -> Any:
        if place in BODIES and isinstance(value, Optional):
            return ""
        return value if isinstance(value, (as_is, Optional)) else escape(text_of(value))

    class Bounded(ImmutableSandboxedEnvironment):
        """jinja2's operators are ours, so that none is worked out at compile time, and each looks at its operands."""

        intercepted_binops = OPERATORS

        intercepted_unops = frozenset("+-")

        def call_unop(self, _context: Any, operator: str, arg: Any) -> Any:
            return super().call_unop(_context, operator, arg) if isinstance(arg, Optional) else signed(operator, arg)

        def call_binop(self, _context: Any, operator: str, left: Any, right: Any) -> Any:
            for side in (left, right):
                if isinstance(side, Optional):
                    return side + 0  # which tells that it is absent
            return operate(operator, left, right, self.binop_table[operator])

    environment = Bounded(
        undefined=Optional, finalize=finalize, keep_trailing_newline=True, autoescape=False, optimized=False
    )
    own = {name: _guarded(name, function, Optional) for name, function in FILTERS.items()}
    environment.filters = {**own, "for": _CLOCK.each, "~": joined, "compare": compared}
    environment.globals = {}
    return environment


def _guarded(name: str, function: Callable[..., Any], absent: Callable[[], Any]) -> Callable[..., Any]:
    """The same rule for absent and null in jinja2 as in the short way."""

    def apply(value: Any, *args: Any, **kwargs: Any) -> Any:
        from jinja2 import Undefined

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


def _check_filters(tree: nodes.Template, *, kinds: bool = False) -> None:
    from jinja2 import nodes

    for node in tree.find_all(nodes.Filter):
        if node.name not in FILTERS:
            near = get_close_matches(node.name, FILTERS, n=1)
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
    from jinja2 import nodes

    for member in tree.find_all(nodes.Getattr):
        if isinstance(member.node, nodes.Name) and member.node.name == "env":
            yield member.attr
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name == "env" and isinstance(item.arg, nodes.Const):
            yield str(item.arg.value)


def _free_names(tree: nodes.Template) -> set[str]:
    from jinja2 import TemplateSyntaxError, meta

    try:
        return meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:  # an unknown test
        raise TemplateProblem(f"template syntax: {error.message}") from error


def _attribute_names(tree: nodes.Template) -> Iterator[str]:
    from jinja2 import nodes

    yield from _free_names(tree) - RESERVED
    for node in tree.find_all(nodes.Getitem):
        if isinstance(node.node, nodes.Name) and node.node.name == "attributes" and isinstance(node.arg, nodes.Const):
            yield str(node.arg.value)


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a template makes of environment variables that is another text than theirs.

    Attributes:
        env: the variables.
        varies: whether a row, or the moment, has a say in it.
        fill: as a template's.
    """

    env: frozenset[str]
    varies: bool
    fill: Fill = field(repr=False, compare=False)


_SAME = frozenset({"trim", "lower", "upper", "base64", "urlencode", "tojson", "default"})
"""Filters after which a variable's value is found as it is."""


@lru_cache(maxsize=2048)
def derivations(source: str) -> tuple[Derivation, ...]:
    """Return each expression of a template that derives a text from variables; a loop over one makes the whole one.

    Raises:
        TemplateProblem: it does not compile.
    """
    compiled = compile_template(source)
    if not compiled.env or _of_variables(source, Place.VALUE) is not None:
        return ()
    from jinja2 import nodes

    found: list[Derivation] = []
    for node in _parse(source).body:
        if not isinstance(node, nodes.Output):
            if any(map(_derives, _outputs(node))):
                return (Derivation(compiled.env, compiled.varies, compiled.fill),)
            continue
        for part in filter(_derives, node.nodes):
            alone = nodes.Template([nodes.Output([part], lineno=1)], lineno=1)
            alone.set_environment(_environment(Place.VALUE))
            varies = bool(_free_names(alone) - {"env"})
            found.append(Derivation(frozenset(_env_names(alone)), varies, _jinja(alone, Place.VALUE)))
    return tuple(found)


def _outputs(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield what a statement writes; a loop over a variable as a whole."""
    from jinja2 import nodes

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
    """Whether an expression makes another text of a variable."""
    from jinja2 import nodes

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
    from jinja2 import nodes

    return any(name.name == "env" for name in nodes.Output([node]).find_all(nodes.Name))


@dataclass(frozen=True, slots=True)
class FixedPiece:
    """A piece of a template that no row has a say in.

    Attributes:
        text: constant text; empty where variables fill it.
        env: the environment variables that fill it.
        fill: from the environment's variables to its text; None for constant text.
    """

    text: str
    env: frozenset[str] = frozenset()
    fill: Callable[[Mapping[str, str]], str] | None = None


def fixed_start(source: str) -> tuple[list[FixedPiece], bool]:
    """Return the pieces of a URL template up to the first that a row, the moment or control flow decides.

    Returns:
        The pieces, and whether they are the whole template.

    Raises:
        TemplateProblem: it does not compile.
    """
    if "{{" not in source and "{%" not in source and "{#" not in source:
        return [FixedPiece(source)], True
    from jinja2 import nodes

    pieces: list[FixedPiece] = []
    for node in _parse(source).body:
        for part in node.nodes if isinstance(node, nodes.Output) else [node]:
            if isinstance(part, nodes.TemplateData):
                pieces.append(FixedPiece(part.data))
            elif isinstance(part, nodes.Expr) and _is_fixed(part):
                fill = _join([_expression(part, Place.URL)], Place.URL)
                names = frozenset(_env_names(nodes.Template([nodes.Output([part])])))
                pieces.append(FixedPiece("", names, lambda env, fill=fill: text_of(fill({}, env))))  # type: ignore[misc]
            else:
                return pieces, False
    return pieces, True


def _is_fixed(node: nodes.Node) -> bool:
    """Whether an expression is a constant or a variable of the environment, filtered by constants or not."""
    from jinja2 import nodes

    match node:
        case nodes.Const() | nodes.Getattr(node=nodes.Name(name="env")):
            return True
        case nodes.Filter(node=nodes.Expr() as inner):
            try:
                _arguments(node)
            except _NotPlainError:
                return False
            return _is_fixed(inner)
        case _:
            return False
