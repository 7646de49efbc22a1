"""Rows that share a request: the array of a body that holds a record for each row."""

from __future__ import annotations

from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.spec_language.parameter_names import in_record


def record_arrays(spec: PartnerSpec) -> list[str]:
    """Return the arrays of the body in which `[]` stands for a row: those under which a parameter varies by row.

    The array at the root is the empty text. A spec without `limits.batch`, or with another body than parameters in
    JSON, has none.
    """
    if not spec.batched or spec.encoding != "json" or spec.body is not None:
        return []
    names = [in_record(each.name) for each in spec.parameters if each.in_ == "body" and not each.fixed]
    return list(dict.fromkeys(name[0] for name in names if name is not None))


def name_in_record(parameter: Parameter, array: str) -> str | None:
    """Return the name of a body parameter within a record; None for one that all rows of a request share."""
    name = in_record(parameter.name) if parameter.in_ == "body" else None
    return name[1] if name is not None and name[0] == array else None
