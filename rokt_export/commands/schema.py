"""`schema`: the JSON Schema of the spec language, for editors."""

from __future__ import annotations

from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus


def schema() -> int:
    """Print the JSON Schema of specs, for completion and checks in editors.

    Examples:
        rokt-export schema > partner-spec.schema.json
    """
    from rokt_export.partner_spec.schema import schema_text

    Terminal().write(schema_text())
    return ExitStatus.OK
