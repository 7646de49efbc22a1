"""A sound spec's text, and what loading finds in a text."""

from __future__ import annotations

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import SpecFindingsError, read_spec

WHOLE = """\
spec_version: 1
partner: acme
endpoint:
  staging: https://staging.example.com/leads
  production: https://example.com/leads
responses:
  - {outcome: delivered, status: 2xx}
"""


def loaded(text: str):
    return read_spec(parse("acme.yaml", text))


def faults(text: str):
    """Everything wrong with a text, however much of a spec is left."""
    try:
        return loaded(text).findings
    except SpecFindingsError as error:
        return error.findings


def placed(text: str):
    return [(finding.line, finding.column, finding.code) for finding in faults(text)]


RULE = (
    "spec_version: 1\npartner: a\nendpoint: {staging: https://x.example.com}\nresponses:\n  - outcome: delivered\n    "
)
