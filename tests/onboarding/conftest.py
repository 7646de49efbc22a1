"""The command line of the tests of commands."""

from commands.conftest import cli, partner  # noqa: F401
