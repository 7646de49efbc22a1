"""Options of another shape are damage, whichever of them; those that no command keeps may be any JSON."""

from __future__ import annotations

import json

import pytest

from journal import checked_runs
from journal.checked_runs import a_run, execute, faults, number
from rokt_export.errors import JournalError
from rokt_export.journal.run_options import decoded_options

journal = checked_runs.in_file_or_on_server

KEPT = {
    "flags": {"sandbox": True},
    "only": [[1, 3]],
    "outcomes": ["failed"],
    "env_file": None,
    "spec_path": "/a/acme.yaml",
    "stamps": [["/a/rows.csv", 135, 1796061434772420810], ["-", None, None]],
    "digests": {"/a/rows.csv": "e2a9"},
    "rows": 5,
    "target": "https://a.example",
    "plugins": ["a:B"],
    "provisional": ["accepted"],
    "counted": {"delivered": 3},
}


def test_what_a_run_keeps_is_read_as_it_was():
    kept = KEPT | {"later": [None]}
    assert decoded_options(json.dumps(kept).encode()) == kept


@pytest.mark.parametrize("name", KEPT)
def test_an_option_of_another_shape_is_damage(journal, name):
    run = a_run(journal, production=False)
    value = json.dumps({name: [[True]]}).encode()
    execute(journal, "UPDATE run SET options = :value WHERE no = :no", no=number(journal, run), value=value)
    with pytest.raises(JournalError, match=f"the options of run {run} cannot be read: the journal is damaged"):
        journal.find(run)
    assert faults(journal, run) == ["its options cannot be read"]
