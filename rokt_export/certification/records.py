"""The nouns of a certification: probes with their verdicts, records that the partner can look up, questions for it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FORMAT = "rokt-export certification"
VERSION = 1

ProbeVerdict = Literal["as expected", "finding", "cannot be told", "not run"]
"""`cannot be told`: what came proves neither. `not run`: nothing was sent, and `finding` says why."""

ProbeKind = Literal[
    "good", "repeat", "missing_required", "missing_optional", "no_credentials", "wrong_credentials",
    "wrong_content_type", "hostile_text", "longest", "unknown_field", "race", "read_back", "cleanup",
]  # fmt: skip
"""What a probe tries. There may be several of a kind, as one for each required parameter."""


class SentExchange(Struct, frozen=True):
    """One request of a probe and its response, redacted as the journal keeps them.

    Attributes:
        row: the row of the run, by which `runs show RUN --row N` shows it.
        at: when it was sent, ISO 8601 in UTC.
        request: request line, headers and body.
        response: status line, headers and body; what came instead where there is none.
        latency_ms: milliseconds; None where nothing was sent.
        request_ids: names and values of headers by which the partner finds the request in its logs.
    """

    row: int
    at: str
    request: str
    response: str
    latency_ms: float | None = None
    request_ids: tuple[tuple[str, str], ...] = ()


class Probe(Struct, frozen=True):
    """One acceptance probe and its result.

    Attributes:
        id: `P1`, in the order of sending.
        kind: what it tries.
        title: the same for a person, such as `without email_address`.
        expected: what must come back, in a sentence.
        why: where that is from: the part of the spec.
        outcome: the outcome of its last send; None where nothing was sent.
        rule: the response rule that gave it.
        status: the HTTP status.
        reason: the partner's words.
        verdict: whether it came as expected.
        defect: names what is wrong, the same for the same defect; empty without a finding.
        finding: what came, in a sentence; for a probe that was not run, why.
        advice: what to do; empty where nothing is to be done.
        exchanges: what was sent and came.
        records: ids of the records that it may have created.
    """

    id: str
    kind: ProbeKind
    title: str
    expected: str
    why: str
    outcome: str | None = None
    rule: str | None = None
    status: int | None = None
    reason: str | None = None
    verdict: ProbeVerdict = "not run"
    defect: str = ""
    finding: str = ""
    advice: str = ""
    exchanges: tuple[SentExchange, ...] = ()
    records: tuple[str, ...] = ()


class SentRecord(Struct, frozen=True):
    """One send that the partner can look up: all of it is test data.

    Attributes:
        id: `R1`, in the order of sending.
        probe: the id of its probe.
        sent_at: ISO 8601 in UTC.
        outcome: as the rules read the response.
        reference: the partner's name of the record.
        fields: the partner's parameters and the values that were sent, in the spec's order; no credentials.
        cleaned: `removed`, `not removed`, or empty where the spec has no `cleanup` or nothing was created.
    """

    id: str
    probe: str
    sent_at: str
    outcome: str
    reference: str | None
    fields: tuple[tuple[str, str], ...]
    cleaned: str = ""


class PartnerQuestion(Struct, frozen=True):
    """A question that only the partner can answer."""

    id: str
    text: str
    why: str


class RuleCoverage(Struct, frozen=True):
    """How many responses a rule of the spec has matched."""

    rule: str
    outcome: str
    seen: int


class Unexplained(Struct, frozen=True):
    """Responses of one structure that no rule of the spec matches.

    Attributes:
        structure: status, content type and names of members.
        count: responses.
        example: the first of them, redacted.
        rule: a rule that would match it, as YAML, ready for the spec; empty where none can be drafted.
        rows: rows of the run.
    """

    structure: str
    count: int
    example: str
    rule: str
    rows: tuple[int, ...] = ()


class CertifiedRun(Struct, frozen=True):
    """The run in the journal. Times are ISO 8601 in UTC; `sandbox` where a sandbox answered in place of the partner."""

    id: str
    name: str | None
    environment: str
    origin: str
    started_at: str
    ended_at: str
    sandbox: bool = False


class CertifiedSpec(Struct, frozen=True):
    """The spec that was certified.

    Attributes:
        hash: SHA-256 of the file.
        parts: part of the spec to the hash of what it means.
    """

    partner: str
    hash: str
    parts: dict[str, str] = {}


class Certification(Struct, frozen=True):
    """The result of `certify`. `msgspec.to_builtins` and `msgspec.convert` turn it into JSON and back.

    Each record is one send; `reads` and `removals` are the requests beside them, repeats included.
    """

    run: CertifiedRun
    spec: CertifiedSpec
    probes: tuple[Probe, ...]
    records: tuple[SentRecord, ...]
    questions: tuple[PartnerQuestion, ...]
    coverage: tuple[RuleCoverage, ...]
    unexplained: tuple[Unexplained, ...] = ()
    tool_version: str = ""
    missing_outcomes: tuple[str, ...] = ()
    reads: int = 0
    removals: int = 0
    format: str = FORMAT
    version: int = VERSION

    @property
    def findings(self) -> tuple[Probe, ...]:
        """The probes whose verdict is a finding."""
        return tuple(each for each in self.probes if each.verdict == "finding")
