"""How errors and findings are shown."""

from __future__ import annotations

import pytest

from commands.bad_input import OK
from tests.commands.conftest import CommandLine

BROKEN = "gone\nAll 3 rows were delivered"
"""A name that says on a line of its own what did not happen."""


def test_the_example_of_a_journals_url_is_shown_whole(cli: CommandLine) -> None:
    done = cli("runs", "list", "--journal", "foo://x")
    assert "such as postgresql://host/database." in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "good.yaml", f"{BROKEN}.csv"),
        ("validate", BROKEN),
        ("validate", f"{BROKEN}.yaml"),
        ("init", f"{BROKEN}.new", "--curl", "curl https://example.com/x -d email=a"),
        ("validate", "good.yaml", "--env-file", BROKEN),
        ("test", "good.yaml", "-e", BROKEN),
    ],
    ids=lambda words: words[0],
)
def test_a_line_break_in_a_name_makes_no_line_of_its_own(cli: CommandLine, words: tuple[str, ...]) -> None:
    cli.write("good.yaml", OK)
    cli.write(f"{BROKEN}.yaml", OK)
    done = cli(*words)
    assert "gone All 3 rows were delivered" in done.out + done.err
    assert "\nAll 3 rows" not in done.out + done.err
