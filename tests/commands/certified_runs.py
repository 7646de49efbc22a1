"""Certifications as `certify` leaves them: a run in the journal, and a pack in the folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from certification_samples import certification
from msgspec.structs import replace

from rokt_export.certification.records import Certification, CertifiedSpec
from rokt_export.certification.staleness import parts_of
from rokt_export.commands.certify_sign_off import hand_over
from rokt_export.commands.terminal import Terminal
from rokt_export.journal import Journal, RunState
from rokt_export.partner_spec.loading import load_spec
from tests.commands.conftest import CommandLine, Partner

TODAY = datetime.now(UTC).date().isoformat()
SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: http://127.0.0.1:1/leads
  production: "{url}/leads"
parameters:
  - {{name: email, attribute: email, required: true}}
responses:
  - {{outcome: delivered, status: 2xx}}
"""


class Certified:
    """A certification as `certify` leaves it: a run in the journal, and a pack in the folder."""

    def __init__(
        self, cli: CommandLine, spec: Path, journal: Path | None = None, origin: str = "http://127.0.0.1:1",
        **changes: Any,
    ) -> None:  # fmt: skip
        loaded = load_spec(spec)
        with Journal.open(journal or cli.journal) as opened:
            writer = opened.begin(
                command="certify", partner="acme", environment="staging", spec_file=str(spec),
                spec_sha256=loaded.sha256, options={"flags": {}},
            )  # fmt: skip
            writer.end(RunState.FINISHED, 1)
            info = opened.find(writer.run)
        made = certification(writer.run)
        began = info.started.isoformat()
        about = replace(made.run, origin=origin, started_at=began, ended_at=began)
        known = CertifiedSpec("acme", loaded.sha256, parts_of(loaded))
        self.made: Certification = replace(made, run=about, spec=known, **changes)
        self.run = writer.run
        self.folder = cli.folder
        hand_over(self.made, str(journal or cli.journal), cli.folder, "en", Terminal())

    @property
    def json(self) -> Path:
        return self.folder / f"acme-{self.run}.certification.json"

    @property
    def html(self) -> Path:
        return self.folder / f"acme-{self.run}.certification.html"

    def answers(self, **changes: Any) -> dict[str, Any]:
        records = {one.id: {"found": "as_sent", "note": ""} for one in self.made.records}
        records["R3"] = {"found": "not_found", "note": ""}
        found = {
            "format": "rokt-export certification answers", "version": 1, "run": self.run,
            "spec_hash": self.made.spec.hash, "pack_digest": json.loads(self.json.read_text())["digest"],
            "records": records, "findings": {each.id: "intended" for each in self.made.findings},
            "questions": {"Q1": "Yes.", "Q2": "100"}, "name": "Jane Doe", "date": TODAY,
        }  # fmt: skip
        return {**found, **changes}

    def write(self, **changes: Any) -> Path:
        path = self.folder / "answers.json"
        path.write_text(json.dumps(self.answers(**changes)))
        return path

    def clean(self) -> tuple[Any, ...]:
        return tuple(replace(each, verdict="as expected") for each in self.made.probes)


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    return cli.write("acme.yaml", SPEC.format(url=partner.url))


def clean(**changes: Any) -> dict[str, Any]:
    """Changes to the sample after which it has no finding."""
    probes = tuple(replace(each, verdict="as expected") for each in certification().probes)
    return {"probes": probes, **changes}
