"""A certification as `certify` makes it, with what a partner and a spec must not be able to do to a page."""

from __future__ import annotations

from msgspec.structs import replace

from rokt_export.certification.records import (
    Certification,
    CertifiedRun,
    CertifiedSpec,
    PartnerQuestion,
    Probe,
    RuleCoverage,
    SentExchange,
    SentRecord,
    Unexplained,
)

HOSTILE = '</script><img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
BIDI = "abc\u202edef"


def exchange(row: int, status: int = 201, body: str = '{"id": "A-1"}') -> SentExchange:
    return SentExchange(
        row,
        "2026-11-29T09:00:01.250Z",
        "POST /leads HTTP/1.1\nHost: api.example.com\nAuthorization: Bearer $ACME_TOKEN\nContent-Type: application/json"
        '\n\n{\n  "email": "jane.doe@example.com",\n  "first_name": "Jane"\n}',
        f"HTTP/1.1 {status} Created\nContent-Type: application/json\nX-Request-Id: 7f3a\n\n{body}",
        41.5,
        (("X-Request-Id", "7f3a"),),
    )


def record(number: int, probe: str, outcome: str, *fields: tuple[str, str], **more: str) -> SentRecord:
    known = fields or (("email", f"jane.doe.{number}@example.com"), ("first_name", "Jane"), ("last_name", "Doe"))
    reference = more.pop("reference", f"A-{number}" if outcome == "delivered" else None)
    return SentRecord(f"R{number}", probe, f"2026-11-29T09:00:{number:02}.250Z", outcome, reference, known, **more)


def certification(run: str = "20261129-7k3f9q", **changes: object) -> Certification:
    """Return one with four records, one finding and two questions."""
    probes = (
        Probe(
            "P1", "good", "a good transaction", "It is delivered.", "responses: delivered", "delivered", "delivered",
            201, None, "as expected", exchanges=(exchange(1),), records=("R1",),
        ),
        Probe(
            "P2", "repeat", "the same again", "It is a duplicate.", "responses: duplicate", "duplicate", "duplicate",
            409, "exists", "as expected", exchanges=(exchange(2, 409, '{"error": "exists"}'),), records=("R2",),
        ),
        Probe(
            "P3", "missing_required", "without email", "It is rejected.", "parameters: email is required",
            "rejected", "rejected", 422, "email is missing", "as expected", exchanges=(exchange(3, 422),),
            records=("R3",),
        ),
        Probe(
            "P4", "hostile_text", f"hostile text {HOSTILE}", "It is delivered.", "any person may write so", "delivered",
            "delivered", 201, None, "finding", "drops accents", f"Zo\u00eb came back as Zoe {HOSTILE} {BIDI}",
            "Ask the partner which characters it keeps.", (exchange(4, 201, HOSTILE),), ("R4",),
        ),
        Probe("P5", "race", "two at once", "One is delivered.", "rules", verdict="not run", finding="no duplicates"),
    )  # fmt: skip
    records = (
        record(1, "P1", "delivered"),
        record(2, "P2", "duplicate"),
        record(3, "P3", "rejected", ("first_name", "Jane"), ("last_name", "Doe")),
        record(
            4, "P4", "delivered", ("email", "zoe@example.com"), ("first_name", HOSTILE), ("last_name", BIDI),
            ("note", "x" * 900), ("city", "\u05d9\u05e8\u05d5\u05e9\u05dc\u05d9\u05dd"), ("a", "1"), ("b", "2\n3"),
            ("c", "4"),
        ),
    )  # fmt: skip
    made = Certification(
        CertifiedRun(
            run, None, "staging", "https://api.example.com", "2026-11-29T09:00:00.000Z", "2026-11-29T09:00:09.000Z"
        ),
        CertifiedSpec("acme", "a" * 64, {"parameters": "b" * 64}),
        probes,
        records,
        (
            PartnerQuestion("Q1", "Is a repeated record always answered with 409?", "One response in six was 409."),
            PartnerQuestion("Q2", f"How long may a name be? {HOSTILE}", ""),
        ),
        (RuleCoverage("delivered", "delivered", 2), RuleCoverage("duplicate", "duplicate", 1)),
        (Unexplained("418 text/plain", 1, HOSTILE, ""),),
        "0.1.0",
    )
    return replace(made, **changes)
