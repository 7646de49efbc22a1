"""`schema` prints the JSON Schema of specs, as it is kept in docs."""

from __future__ import annotations

import json

from commands.conftest import ROOT, CommandLine


def test_the_schema_is_the_one_in_docs(cli: CommandLine) -> None:
    done = cli("schema")
    assert (done.status, done.err) == (0, "")
    assert done.json == json.loads((ROOT / "docs" / "partner-spec.schema.json").read_text(encoding="utf-8"))
