"""The transaction: one engagement with a placement, as named values with their place in the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
"""A cell. Numbers and booleans of JSON keep their text in the file (`1.10`, `true`), so no digit is lost. `None` is an
explicit null."""


IDENTITIES = ("transactionid", "confirmationref")
"""The attributes that identify a transaction to both sides; the first one that a row has is used."""


class Transaction(Struct, frozen=True, gc=False):
    """One row to deliver.

    Attributes:
        row: 1-based number of the data row in the whole input (header not counted), the key of every report.
        id: the `transactionid` or `confirmationref` attribute, else `row-<n>`.
        values: attribute name to cell, after column mapping. Never mutated.
        invented: generated or declared test data, not a real person.
        problem: why this row cannot be sent (`3 cells where the header has 10`); such a row is reported as `invalid`.
    """

    row: int
    id: str
    values: Mapping[str, Value]
    invented: bool = False
    problem: str | None = None
