"""`schema`: the JSON Schema of the spec language, for editors."""

from __future__ import annotations

from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus


def schema() -> int:
    """Print the JSON Schema of specs, so that editors complete and check them."""
    from rokt_export.partner_spec.schema import schema_text

    Terminal().write(schema_text())
    return ExitStatus.OK
