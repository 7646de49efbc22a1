"""A run that a command line names: of several with one name, and in a journal that is not there."""

from __future__ import annotations

import os

import pytest

from commands.conftest import clear
from commands.replays import refusing, stopped


@pytest.fixture
def twice(cli, spec, rows):
    """The ids of two runs of one name, oldest first."""
    assert "the name" not in cli("replay", spec, rows, "--name", "prod1").err
    told = "1 earlier run has the name `prod1`: to resume, confirm or purge one of them, give its id\n"
    assert told in cli("replay", spec, rows, "--name", "prod1").err
    return [one["run"] for one in reversed(cli("runs", "list", "--output", "json").json)]


@pytest.mark.parametrize(
    "words",
    [
        "runs purge prod1 --yes",
        "runs resume prod1",
        "runs confirm prod1",
        "replay acme.yaml --resume prod1",
        "reclassify prod1 --write",
    ],
)
def test_a_name_of_several_runs_changes_none(cli, twice, partner, words):
    before = cli("runs", "list", "--output", "json").json
    clear(cli(*words.split()), 2, f"several runs are named `prod1`: {twice[1]}, {twice[0]}", "Give the id of one")
    assert cli("runs", "list", "--output", "json").json == before
    assert len(partner.heard) == 6


@pytest.mark.parametrize(
    "words", ["report prod1", "runs show prod1", "runs export prod1", "runs verify prod1", "reclassify prod1"]
)
def test_a_name_of_several_runs_is_read_as_the_newest_and_says_so(cli, twice, words):
    done = cli(*words.split())
    assert done.status == 0
    assert f"run {twice[1]} is the newest of 2 named `prod1`\n" in done.err
    assert "the newest of" not in cli(*words.replace("prod1", twice[0]).split()).err


def test_rows_are_taken_from_the_newest_run_of_a_name(cli, spec, rows, partner):
    partner.answer = refusing(2)
    for _ in range(2):
        cli("replay", spec, rows, "--name", "nightly")
    partner.answer = refusing()
    done = cli("replay", spec, "--from-run", "nightly", "--only", "rejected")
    assert (done.status, done.err.count("is the newest of 2 named `nightly`")) == (0, 1)


def test_a_resumed_run_has_its_name_for_itself(cli, spec, partner):
    stopped(cli, spec, partner)
    assert "the name" not in cli("runs", "resume", "nine").err


@pytest.mark.parametrize(
    "words",
    [
        "runs list",
        "runs show last",
        "runs verify",
        "runs purge last --yes",
        "runs resume last",
        "runs confirm last",
        "report last",
        "rule last --row 1",
        "diagnose last",
        "reclassify last",
        "diff --runs a b",
        "replay acme.yaml --resume last",
        "replay acme.yaml --from-run last --only failed",
    ],
)
def test_no_journal_is_made_where_none_is_read(cli, spec, words):
    place = cli.folder / "typo.sqlite"
    clear(cli(*words.split(), "--journal", place), 5, "typo.sqlite: there is no journal here", "Name another")
    assert not place.exists()


@pytest.mark.parametrize(
    "words", ["runs list", "runs show last", "report last", "runs verify", "runs purge last --yes"]
)
def test_a_journal_that_cannot_be_looked_at_is_named(cli, words):
    place = cli.folder / f"{'x' * 300}.sqlite"
    clear(cli(*words.split(), "--journal", place), 5, "the journal cannot be opened: File name too long", "--journal")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_journal_in_a_folder_that_may_not_be_looked_into_is_named(cli):
    folder = cli.folder / "shut"
    folder.mkdir(mode=0)
    clear(cli("runs", "list", "--journal", folder / "a.sqlite"), 5, "cannot be opened: Permission denied", "--journal")


def test_the_default_journal_need_not_be_there(cli):
    done = cli("runs", "list")
    assert (done.status, "no runs yet" in done.err) == (0, True)
