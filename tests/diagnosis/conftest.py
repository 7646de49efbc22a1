"""The command line of the tests of commands, and a partner."""

from commands.conftest import cli, partner  # noqa: F401
