"""Turns Typer's errors in a command line into ours: one look, one wording, and a suggestion for a typing error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer.main

from rokt_export.commands.help_page import bound_of
from rokt_export.errors import UsageError, did_you_mean


def usage_error(error: Any, arguments: Sequence[str]) -> UsageError:
    """Return Typer's error (a ClickException, which Typer does not export) in our words.

    Args:
        arguments: of the command line; an error may not know in which command it is.
    """
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else _command_path(arguments)
    message, where, suggestion = _told(error, context)
    see = f"`{path} --help` shows what it takes."
    return UsageError(message, where=where, remedy=f"{suggestion} {see}" if suggestion else see)


def _command_path(arguments: Sequence[str]) -> str:
    """Return the program and the commands that a command line names."""
    from rokt_export.commands.cli import asked_for, program

    names = ["rokt-export"]
    command: Any = typer.main.get_command(program(asked_for(arguments)))
    for word in arguments:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        names.append(word)
    return " ".join(names)


def _told(error: Any, context: Any) -> tuple[str, str | None, str | None]:
    """Return message, place and suggestion."""
    parameter = getattr(error, "param", None)
    text = str(error.format_message())
    match type(error).__name__:
        case "NoSuchOption":
            known = [flag for each in context.command.get_params(context) for flag in each.opts] if context else []
            return f"no such option: `{error.option_name}`", None, did_you_mean(error.option_name, known)
        case "MissingParameter" if parameter is not None:
            name = parameter.metavar or parameter.opts[-1]
            return f"{name} is missing", None, parameter.help
        case "BadOptionUsage":
            several = re.search(r"requires (\d+) arguments", text)
            needs = f"{several[1]} values" if several else "a value"
            return f"this option needs {needs}", error.option_name, None
        case "BadParameter" if parameter is not None:
            place = parameter.opts[-1] if parameter.param_type_name == "option" else parameter.metavar
            message, suggestion = _bad_value(error)
            return message, place, suggestion
    if found := re.match(r"No such command '([^']*)'", text):
        known = list(getattr(context.command, "commands", {})) if context else []
        if context is not None and context.parent is None:
            from rokt_export.commands.cli import COMMANDS

            known = list(COMMANDS)
        return f"no such command: `{found[1]}`", None, did_you_mean(found[1], known)
    if found := re.match(r"Got unexpected extra argument\(?s?\)? \((.*)\)", text):
        return f"too many arguments: {found[1]}", None, None
    return text[:1].lower() + text[1:].rstrip("."), None, None


def _bad_value(error: Any) -> tuple[str, str | None]:
    """Return what is wrong with a value, and a suggestion; pydantic's words, which Typer passes on, are replaced."""
    details = error.__cause__.errors()[0] if hasattr(error.__cause__, "errors") else {}
    value, limits = details.get("input"), details.get("ctx") or {}
    match details.get("type"):
        case "int_parsing" | "int_type" | "int_from_float":
            return f"`{value}` is not a whole number", None
        case "int_parsing_size":  # more digits than Python reads
            return bound_of(negative=str(value).startswith("-")), None
        case "float_parsing" | "float_type":
            return f"`{value}` is not a number", None
        case "greater_than_equal":
            return f"{value} is too small; the least is {limits['ge']:g}", None
        case "less_than_equal":
            return f"{value} is too large; the most is {limits['le']:g}", None
    message = str(error.message).removeprefix("Value error, ").rstrip(".")
    if found := re.match(r"'(.*)' is not one of (.*)", message):
        known = re.findall(r"'([^']*)'", found[2])
        return f"`{found[1]}` is not one of {', '.join(known)}", did_you_mean(found[1], known)
    return message, None
