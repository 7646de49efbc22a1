"""The door: the only place that catches errors and Ctrl-C, and sets the exit status."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys

import typer

from rokt_export.errors import ExitStatus, RoktExportError, UsageError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_WAY = frozenset({errno.EACCES, errno.ENAMETOOLONG})
"""What looking at a path raises where Python does not take it for one that is not there."""

INTERNAL = 70
"""EX_SOFTWARE of sysexits(3): a fault of this program, which is none of the contract's statuses."""

_LOADED_AT_ONCE = 200_000
"""Objects made between two looks for garbage, of which loading makes none; Python's own 700 cost a tenth of a start."""

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""Typer's own base of errors in a command line, which it does not export."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: without the program's name; None takes the process's own.

    Returns:
        The contract's exit status.
    """
    from rokt_export.commands.cli import asked_for, program
    from rokt_export.commands.terminal import LOG

    arguments = sys.argv[1:] if arguments is None else arguments
    LOG.begin(arguments)
    try:
        status = program(asked_for(arguments))(args=arguments, prog_name="rokt-export", standalone_mode=False)
        _flush()
        if status == ExitStatus.INTERRUPTED and not isinstance(status, ExitStatus):
            _tell("\ninterrupted")  # Typer has turned KeyboardInterrupt into this number
        return int(status or 0)
    except typer.Exit as error:
        return error.exit_code
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return _reader_left()  # Typer has turned it into exit 1, which means findings here
    except (KeyboardInterrupt, typer.Abort):
        _tell("\ninterrupted")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except RoktExportError as error:
        return _failed(error)
    except Exception as error:  # noqa: BLE001 - the last place that can catch it
        return _other(error, arguments)


def _flush() -> None:
    """A reader that has left by the end changes nothing about how the command came out."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _reader_left()


def _reader_left() -> int:
    """`| head` has what it wanted: no error."""
    from rokt_export.commands.terminal import drop

    drop(sys.stdout)
    return ExitStatus.OK


def _other(error: Exception, arguments: list[str]) -> int:
    if isinstance(error, _USAGE_ERROR):
        return _usage(error, arguments)
    if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
        return _not_written(error)
    if isinstance(error, OSError) and error.errno in _NO_WAY and isinstance(error.filename, str):
        return _failed(
            UsageError(f"this path cannot be used: {error.strerror}", where=error.filename, remedy="Name another.")
        )
    return _crashed(error, verbose="--verbose" in arguments)


def _not_written(error: OSError) -> int:
    from rokt_export.commands.terminal import drop

    drop(sys.stdout)
    return _failed(UsageError(f"stdout cannot be written: {error.strerror}", remedy="Make room, or write elsewhere."))


def _failed(error: RoktExportError) -> int:
    from rokt_export.commands.error_output import show

    show(error)
    return error.exit_status


def _usage(error: Exception, arguments: list[str]) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{error}\n")
        return ExitStatus.USAGE
    from rokt_export.commands.usage_errors import usage_error

    return _failed(usage_error(error, arguments))


def _crashed(error: Exception, *, verbose: bool) -> int:
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    if verbose:
        _tell("Traceback, innermost error first:")
        cause: BaseException | None = error
        while cause is not None:
            _tell("".join(traceback.format_tb(cause.__traceback__)) + _described(cause))
            cause = cause.__cause__ or cause.__context__
    _tell(
        f"internal error: {_described(error)} ({last.name}, line {last.lineno})\n"
        "This is a fault of rokt-export, not of your files. Run it again with --verbose and report what it prints."
    )
    return INTERNAL


def _described(error: BaseException) -> str:
    """Return an error's type and message without secrets, and without quoted values, addresses and long numbers.

    What an unexpected error quotes may be a person's data, and its text is what people send to us.
    """
    import re

    from rokt_export.commands.terminal import GUARD

    if isinstance(error, NameError | AttributeError | ImportError):  # these quote our own names
        return f"{type(error).__name__}: {GUARD.text(str(error))}"
    value = r"""'[^']*'|"[^"]*"|[^\s@]+@[^\s@]+|\+?[0-9][0-9 ().:/-]{3,}[0-9]"""
    return f"{type(error).__name__}: {re.sub(value, '…', GUARD.text(str(error)))}"


def _tell(text: str) -> None:
    from rokt_export.commands.terminal import LOG
    from rokt_export.redaction.display_text import visible

    if LOG.is_json:
        LOG.write("error", text.strip())
    else:
        sys.stderr.write(visible(text) + "\n")


def _open_what_is_closed() -> None:
    """Let a stream that the caller closed (`>&-`) lead nowhere: its number would be the next file's or socket's."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def run() -> None:
    """Run the process's own command line and end the process with its status."""
    gc.set_threshold(_LOADED_AT_ONCE)
    # What other packages bring along for pydantic has no say in specs, and takes a look at every package to find.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _open_what_is_closed()
    status = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: another Ctrl-C would only garble the end
    gc.freeze()  # the process ends: nobody needs all that was loaded to be looked through once more
    raise SystemExit(status)


if __name__ == "__main__":
    run()
