"""The page that `--help` prints: usage, description, examples, and the flags under headings.

Typer's own page is a table that cuts flag names at 80 columns and names Python types.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from rokt_export.commands.terminal import Color, LogFormat, colours_wanted, set_color, text_width
from rokt_export.errors import UsageError

_HEADINGS = {
    "Rows": "--count --seed --map --set --unset --encoding --delimiter --skip-lines --header --sheet --test-data "
    "--send-damaged --strict",
    "Sending": "--confirm --require-certified --certified --rate --concurrency --workers --override-limits --again "
    "--control",
    "Stopping": "--patience --stop-after --stop-in-a-row --stop-unclassified --until --max-duration "
    "--no-first-row-check",
    "Earlier runs": "--resume --resend-unknown --only --from-run --runs",
    "Sign-off": "--pack --template --answers --check --spec",
    "Sandbox": "--sandbox --sandbox-url --forget",
    "Output": "--expect --all --show --watch --record --keep --name --report --learn --as --show-personal-data "
    "--output --journal --quiet --verbose --log-format --metrics --no-color --color",
}
"""The headings that flags are listed under, in this order, where a command has many; others are under Options."""
_HEADING_OF = {flag: title for title, flags in _HEADINGS.items() for flag in flags.split()}
_BESIDE = {"--spec": ("--runs", "Earlier runs")}
"""A flag to one that it belongs to, and the heading of both, where a command has that."""
_MANY = 16
"""Flags from which headings help more than they take room."""
_WIDEST = 100
_COLUMN = 30
"""The widest first column; a longer flag has a line of its own."""


LARGEST_NUMBER = 10**15
"""Maximum of a whole number in a flag: the journal's files and Python's iterators take no more than 2**63."""


def bound_of(*, negative: bool) -> str:
    """Return the bound that a number in a flag goes beyond, in words."""
    return f"at least -{LARGEST_NUMBER:,}" if negative else f"at most {LARGEST_NUMBER:,}"


class CommandWithHelp(TyperCommand):
    """A command whose help is this page, and whose flags take whole numbers up to `LARGEST_NUMBER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises:
            UsageError: a number is too large.
        """
        rest = super().parse_args(ctx, args)
        for each in self.params:
            value = ctx.params.get(each.name)
            if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
                raise UsageError(
                    bound_of(negative=value < 0), where=each.opts[-1], remedy="Write a number nearer to zero."
                )
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        _write(self, ctx, formatter, {})


class GroupWithHelp(TyperGroup):
    """A group of commands whose help is this page."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page, with the commands of the group."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        _write(self, ctx, formatter, {name: one.help or "" for name, one in commands.items() if one is not None})


class CommandLine(typer.Typer):
    """A Typer whose commands print this page."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=GroupWithHelp, no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return the decorator of one command; one with `--no-color` has `--color` too."""
        register = super().command(name, cls=CommandWithHelp, **settings)

        def decorate(function: Any) -> Any:
            register(_with_flags(function))
            return function

        return decorate


ColorFlag = Annotated[
    Color,
    typer.Option(
        "--color",
        metavar="auto|always|never",
        help="Colours at a terminal, always (a pager such as `less -R` needs it), or never.",
        show_default=False,
    ),
]


LogFormatFlag = Annotated[
    LogFormat,
    typer.Option(
        "--log-format", metavar="text|json", show_default=False,
        help="How stderr is written: text, or one JSON object a line, with the run's id.",
    ),
]  # fmt: skip


def _with_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with the flags that decide for the whole process: `--color`, `--log-format`.

    `Log.begin` has read the log's format before the command line is parsed.
    """
    signature = inspect.signature(function, eval_str=True)
    more: dict[str, tuple[Any, Any]] = {}
    if "no_color" in signature.parameters:
        more["color"] = (Color.AUTO, ColorFlag)
    if {"quiet", "verbose"} <= signature.parameters.keys():
        more["log_format"] = (LogFormat.TEXT, LogFormatFlag)
    if not more:
        return function

    @wraps(function)
    def command(*arguments: Any, color: Color = Color.AUTO, **named: Any) -> Any:
        set_color(color)
        named.pop("log_format", None)
        return function(*arguments, **named)

    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (default, annotation) in more.items()
    ]
    command.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, **{name: flag for name, (_, flag) in more.items()}}
    return command


Paint = Callable[[str, str], str]


def _write(command: Any, context: Any, formatter: Any, commands: dict[str, str]) -> None:
    paint: Paint = _plain
    if colours_wanted(sys.stdout):
        context.color = True  # else what prints the page takes the colours away again
        paint = _painted
    width = min(text_width(sys.stdout), _WIDEST)
    formatter.write("\n".join(_lines(command, context, commands, width, paint)) + "\n")


def _plain(text: str, _: str) -> str:
    return text


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


_BOLD, _CYAN = "1", "36"


def _lines(command: Any, context: Any, commands: dict[str, str], width: int, paint: Paint) -> Iterator[str]:
    shown = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    options = [each for each in shown if each.param_type_name == "option"]
    pieces = ["[OPTIONS]", *map(_argument, arguments), *(["COMMAND"] if commands else [])]
    yield f"{paint('Usage:', _BOLD)} {context.command_path} {' '.join(pieces)}"
    examples: list[str] = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("Examples:"):
            examples = paragraph.splitlines()[1:]
        else:
            yield ""
            yield from textwrap.wrap(paragraph, width, break_on_hyphens=False)
    if examples:
        yield from ("", paint("Examples:", _BOLD))
        yield from (f"  {line.strip()}" for line in examples)
    if commands:
        yield from _section("Commands", ((name, _first(text)) for name, text in commands.items()), width, paint)
    if arguments:
        yield from _section("Arguments", ((_argument(one), _meaning(one)) for one in arguments), width, paint)
    for title, some in _grouped(options).items():
        yield from _section(title, ((_option(one), _meaning(one)) for one in some), width, paint)


def _grouped(options: list[Any]) -> dict[str, list[Any]]:
    """Return the flags under their headings, the general ones last."""
    if len(options) < _MANY:
        return {"Options": options}
    found: dict[str, list[Any]] = {title: [] for title in ("Options", *_HEADINGS)}
    names = {one.opts[0] for one in options}
    for one in options:
        other, title = _BESIDE.get(one.opts[0], ("", ""))
        found[title if other in names else _HEADING_OF.get(one.opts[0], "Options")].append(one)
    return {title: some for title, some in found.items() if some}


def _section(title: str, rows: Iterable[tuple[str, str]], width: int, paint: Paint) -> Iterator[str]:
    rows = list(rows)
    column = min(_COLUMN, max(len(name) for name, _ in rows)) + 4
    yield from ("", paint(f"{title}:", _BOLD))
    for name, meaning in rows:
        lines = textwrap.wrap(meaning, max(20, width - column), break_on_hyphens=False) or [""]
        first = f"  {paint(name, _CYAN)}"
        if len(name) + 4 > column:
            yield first
        else:
            yield f"{first}{' ' * (column - 2 - len(name))}{lines.pop(0)}".rstrip()
        yield from (f"{'':<{column}}{line}" for line in lines)


def _first(text: str) -> str:
    """Return the first paragraph of a command's description, in one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def _argument(one: Any) -> str:
    name = (one.metavar or one.name.upper()) + ("..." if one.nargs != 1 else "")
    return name if one.required else f"[{name}]"


def _option(one: Any) -> str:
    short = ", ".join(sorted((*one.opts, *one.secondary_opts), key=lambda flag: flag.startswith("--")))
    indented = short if short[1] != "-" else f"    {short}"
    return indented if one.is_flag else f"{indented} {one.metavar or 'VALUE'}"


def _meaning(one: Any) -> str:
    default = one.default
    shown = one.show_default and default not in (None, False, ()) and not callable(default)
    return (one.help or "") + (f" [default: {default}]" if shown else "")
