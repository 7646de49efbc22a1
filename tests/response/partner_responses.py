"""What the tests of real partners' responses share.

`READ` marks an answer whose telling part stands in a public source; `MADE` one that is illustrative: made up after
documentation or from memory, not seen on the wire. Names, addresses and identifiers are invented in both.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

import pytest

from rokt_export.exchange.model import Outcome, OutcomeKind, Response
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.response.classify import Classifier

READ, MADE = "read", "illustrative"

DELIVERED, DUPLICATE, REJECTED, FAILED, UNCLASSIFIED = (
    OutcomeKind.DELIVERED,
    OutcomeKind.DUPLICATE,
    OutcomeKind.REJECTED,
    OutcomeKind.FAILED,
    OutcomeKind.UNCLASSIFIED,
)
RECEIVED = 1_700_000_000.0

FRAME = """\
spec_version: 1
partner: {slug}
endpoint: {{staging: https://partner.example.com/leads}}
parameters: [{{name: email, attribute: email}}]
responses:
{responses}
"""


@dataclass(frozen=True)
class Answer:
    source: str
    says: str
    status: int
    body: str
    outcome: OutcomeKind
    headers: tuple[tuple[str, str], ...] = ()
    expected: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Partner:
    row: int
    slug: str
    responses: str
    answers: tuple[Answer, ...]


JSON = (("Content-Type", "application/json; charset=utf-8"),)
XML = (("Content-Type", "text/xml; charset=utf-8"),)


def cases(partners: tuple[Partner, ...]) -> list[Any]:
    """Each response of each partner, named by the partner's row and slug and by what the response says."""
    return [
        pytest.param(partner, answer, id=f"{partner.row}-{partner.slug}-{answer.says}")
        for partner in partners
        for answer in partner.answers
    ]


def spec_of(partner: Partner) -> PartnerSpec:
    responses = textwrap.indent(textwrap.dedent(partner.responses).strip(), "  ")
    loaded = read_spec(parse(f"{partner.slug}.yaml", FRAME.format(slug=partner.slug, responses=responses)))
    assert loaded.findings == ()
    return loaded.spec


def classified(partner: Partner, answer: Answer) -> Outcome:
    response = Response(answer.status, answer.headers, answer.body.encode())
    return Classifier(spec_of(partner).responses).classify(response, received=RECEIVED)
