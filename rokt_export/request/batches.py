"""Requests that carry several rows: a body with a record for each, in an array; all the rest is of the request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from msgspec import Struct

from rokt_export.errors import SpecError
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.record_arrays import name_in_record, record_arrays
from rokt_export.redaction import OwnWords
from rokt_export.request.encodings.json import json_encoder, json_value
from rokt_export.request.parameter_values import OMIT, CompiledParameter, ParameterValues, RefusedError, compile_field
from rokt_export.spec_language.encodings import charset_of, codec_of

_RECORDS = b"\0"
"""Stands for the array in the rest of the body: JSON writes this character as an escape."""


class RequestRecord(Struct, frozen=True, gc=False):
    """A row's share of a request. Rows whose records differ in nothing but `data` and `key` may share one.

    Attributes:
        url: of the request.
        headers: of the request, without the idempotency key.
        head: the body up to the record.
        data: the record.
        tail: the body after the record.
        key: the idempotency key of the row; None where the request has none.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    head: bytes
    data: bytes
    tail: bytes
    key: str | None = None

    def joins(self, other: RequestRecord) -> bool:
        """Return whether both may go in one request."""
        return (
            self.tail == other.tail and self.head == other.head and self.url == other.url
            and self.headers == other.headers
        )  # fmt: skip

    @property
    def body(self) -> bytes:
        """The body of a request that carries this row alone."""
        return self.head + self.data + self.tail


class RecordsBody:
    """The body of a request that carries several rows.

    Args:
        spec: the partner's spec.
        parameters: of the body, those of the credentials included.
        env: values of the variables.
        omitted: as `compile_field` takes it.

    Raises:
        SpecError: the parameters do not make an array of records.
    """

    def __init__(
        self,
        spec: PartnerSpec,
        parameters: Sequence[Parameter],
        env: Mapping[str, str],
        omitted: Counter[str] | None,
    ) -> None:
        arrays = record_arrays(spec)
        if len(arrays) != 1:
            raise SpecError(
                "`limits.batch` needs one array of records" if not arrays else "several arrays vary by row",
                where="limits.batch",
                remedy="Name a record's parameters with `[]`: `contacts[].email`, or `[].email` for a root array.",
            )
        if codec_of(charset_of(spec.stated_content_type) or "utf-8") != "utf-8":
            raise SpecError("a request of several rows is written in UTF-8", where="limits.batch")
        array = arrays[0]
        fields = [(compile_field(each, env, omitted), name_in_record(each, array)) for each in parameters]
        own = [replace(field, name=name) for field, name in fields if name is not None]
        shared = [field for field, name in fields if name is None]
        self._data = _record(own)
        self._envelope = _envelope(array, shared, own[0])
        self._fixed = self._envelope({}) if all(field.fixed for field in shared) else None

    def parts(self, values: ParameterValues) -> tuple[bytes, bytes, bytes]:
        """Return a row's head, data and tail; see `RequestRecord`.

        Raises:
            RefusedError: the row cannot satisfy a parameter.
        """
        head, tail = self._fixed or self._envelope(values)
        return head, self._data(values), tail

    def __call__(self, values: ParameterValues) -> bytes:
        """Return the body of a request that carries one row alone; raises as `parts` does."""
        return b"".join(self.parts(values))


def _record(fields: Sequence[CompiledParameter]) -> Callable[[ParameterValues], bytes]:
    if fields[0].name:
        return json_encoder(fields)
    if len(fields) > 1:
        raise SpecError(
            f"parameter `{fields[0].parameter.name}` contradicts another parameter's name",
            remedy="One name cannot be a record's value and contain further names.",
        )
    take, name = fields[0].take, fields[0].parameter.name

    def value(values: ParameterValues) -> bytes:
        found = take(values)
        if found is OMIT:
            raise RefusedError(OwnWords(f"{name}: the row has no value for its record"))
        return json_value(found)

    return value


def _envelope(
    array: str, shared: Sequence[CompiledParameter], record: CompiledParameter
) -> Callable[[ParameterValues], tuple[bytes, bytes]]:
    """Return the function from a row to what stands before and after its record in the body."""
    marker = orjson.Fragment(_RECORDS)

    def records(_values: ParameterValues) -> Any:
        return marker

    if not array and shared:
        raise SpecError(
            f"parameter `{shared[0].parameter.name}` has no place in an array at the root",
            remedy="Begin its name with `[].`, or send it in the query or a header.",
        )
    if not array:
        return lambda _values: (b"[", b"]")
    encode = json_encoder([*shared, replace(record, name=array, take=records, plain=None)])

    def envelope(values: ParameterValues) -> tuple[bytes, bytes]:
        head, _, tail = encode(values).partition(_RECORDS)
        return head + b"[", b"]" + tail

    return envelope


def body_of(records: Sequence[RequestRecord]) -> bytes:
    """Return the body of a request that carries several rows."""
    return records[0].head + b",".join([each.data for each in records]) + records[0].tail
