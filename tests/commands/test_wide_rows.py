"""Rows of 2,000 columns: what the spec does not use is hidden where it comes back, and costs little elsewhere."""

from __future__ import annotations

import hashlib
import json
import re

from rokt_export.redaction.personal import PersonalValue


def test_a_value_of_an_unused_column_is_hidden_where_it_comes_back(cli, spec, partner, monkeypatch) -> None:
    names = [f"extra_{number}" for number in range(2000)]
    rows = [["jane.doe.1@example.com", "Jane", *(f"Q{row}x{number}" for number in range(2000))] for row in range(3)]
    lines = [",".join(["email", "firstname", *names]), *map(",".join, rows)]
    path = cli.write("wide.csv", "\n".join(lines) + "\n")
    digest = hashlib.sha256(b"Q1x1234").hexdigest()
    answers = iter(['{"id": "a"}', f'{{"id": "b", "note": "q1X777", "hash": "{digest}"}}', '{"id": "Q2x1999"}'])
    partner.answer = lambda heard: (200, {"X-Echo": "-"}, next(answers).encode())
    looked = []
    find = PersonalValue.find
    monkeypatch.setattr(PersonalValue, "find", lambda self, reading: looked.append(0) or find(self, reading))
    assert cli("replay", spec, path, "--record", "all", "--concurrency", "1").status == 0
    shown = json.dumps(cli("runs", "show", "last", "--row", "1-3", "--as", "json").out)
    assert re.findall(r"Q\dx\d+", shown, re.IGNORECASE) == []
    assert digest not in shown
    assert shown.count("person-") + shown.count("Person-") + shown.count("PERSON-") >= 3
    # Not once for each text of an exchange, of which there are 27: once for all, for what they pack, and for the row.
    assert len(looked) < 3 * 3 * 2_010
