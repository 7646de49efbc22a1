"""A note of another shape is damage, whatever its key; what runs note is none.

Covers `journal/note_kinds.py`.
"""

from __future__ import annotations

import json

import pytest
from journal_samples import begin, settled

from journal import checked_runs
from journal.checked_runs import a_run, execute, faults, number
from rokt_export.delivery.omitted_values import NOTE as OMITTED
from rokt_export.delivery.omitted_values import OmittedValues
from rokt_export.delivery.run_counts import RunFigures
from rokt_export.errors import JournalError
from rokt_export.journal.notes import KINDS, decoded
from rokt_export.reports.run_report import DOCUMENT_NOTES

journal = checked_runs.in_file_or_on_server

SHAPES = (7, [], {"a": 1}, None, "text")
SOUND = {
    "revisions": ([],),
    "sign_offs": ([],),
    "taken_over": (7,),
    "figures": (None,),
    "finished": (None,),
    "left_out": ({"a": 1},),
    "notes": ([],),
    "spec_text": ("text",),
}
"""Which of the shapes a kind of note may have; any other kind has none of them."""


@pytest.mark.parametrize("key", sorted(KINDS))
def test_a_note_of_another_shape_is_named_as_damaged(journal, key):
    run = a_run(journal)
    no = number(journal, run)
    for shape in SHAPES:
        execute(journal, "DELETE FROM note WHERE run_no = :no", no=no)
        value = json.dumps(shape).encode()
        execute(journal, "INSERT INTO note VALUES (:no, :key, :value)", no=no, key=key, value=value)
        if shape in SOUND.get(key, ()):
            assert journal.notes(run) == {key: shape} and faults(journal, run) == []
            continue
        with pytest.raises(JournalError, match=f"the note `{key}` of run {run} cannot be read: the journal is damaged"):
            journal.notes(run)
        assert faults(journal, run) == [f"its note `{key}` cannot be read"]


def test_what_a_run_notes_is_read_as_it_was(journal):
    deliveries, omitted = [settled(1), settled(2)], OmittedValues()
    omitted.add(4, ["dob", "dob"])
    noted = {
        "figures": RunFigures.of(deliveries).as_json(),
        OMITTED: omitted.as_json(),
        DOCUMENT_NOTES: {"the document does not promise status 201": [1, 2]},
        "later": {"of a later version": [None]},
    }
    writer = begin(journal)
    journal.note(writer.run, noted)
    read = journal.notes(writer.run)
    assert json.dumps(read, sort_keys=True) == json.dumps(noted, sort_keys=True)
    assert RunFigures.from_json(read["figures"]) == RunFigures.of(deliveries)
    assert OmittedValues.from_json(read[OMITTED]) == omitted


def test_a_batch_number_of_another_type_is_no_number():
    with pytest.raises(ValueError, match="type str"):
        decoded("taken_over", "7")
