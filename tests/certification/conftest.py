"""The command line of the tests of commands."""

from commands.conftest import cli  # noqa: F401
