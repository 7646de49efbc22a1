"""A certification is data: it can be written as JSON and read back, and names its findings."""

from __future__ import annotations

import msgspec
from certification_samples import certification

from rokt_export.certification.records import Certification


def test_what_is_written_is_read_back() -> None:
    made = certification()
    assert msgspec.json.decode(msgspec.json.encode(made), type=Certification) == made


def test_findings_are_the_probes_with_that_verdict() -> None:
    made = certification()
    probes = [msgspec.structs.replace(each, verdict="as expected") for each in made.probes]
    probes[1] = msgspec.structs.replace(probes[1], verdict="finding")
    assert msgspec.structs.replace(made, probes=tuple(probes)).findings == (probes[1],)
