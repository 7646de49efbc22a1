"""Lints of requests that carry several rows: `limits.batch`, and rules that read a response by element."""

from __future__ import annotations

from collections.abc import Iterator

from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.partner_spec.record_arrays import name_in_record, record_arrays
from rokt_export.partner_spec.references import sent_attributes
from rokt_export.spec_language.encodings import ENCODINGS, charset_of, codec_of
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.template import compile_template

_NAMES = "Begin the name of each parameter of a record with it: `contacts[].email`, or `[].email` for a root array."


def batches_without_records(subject: Subject) -> Iterator[Finding]:
    """RX185: `limits.batch` where the body has no array of records, or several."""
    spec = subject.spec
    if not spec.batched or not subject.intact("parameters", "encoding", "body", "limits"):
        return
    arrays, place = record_arrays(spec), _batch_place(subject)
    if spec.encoding != "json" or spec.body is not None:
        shape = "a `body` template" if spec.body is not None else ENCODINGS[spec.encoding].title
        yield subject.error(
            "RX185",
            place,
            f"several rows go in one request as an array of JSON, not in {shape}",
            "Leave `batch` out, or ask the partner whether it takes JSON.",
        )
    elif not arrays:
        yield subject.error("RX185", place, "`batch` needs the array that contains a record for each row", _NAMES)
    elif len(arrays) > 1:
        named = listed([f"{array}[]" for array in arrays])
        yield subject.error(
            "RX185",
            place,
            f"one array contains a record for each row, here {named} vary by row",
            "Number the elements of the others: `tags[0]`.",
        )
    elif codec_of(charset_of(spec.stated_content_type) or "utf-8") != "utf-8":
        yield subject.error(
            "RX185", place, "several rows go in one request in UTF-8 only", "Leave `batch` out, or the charset."
        )


def _batch_place(subject: Subject) -> tuple[str, ...]:
    own = next((name for name, each in subject.spec.endpoint.items() if each.limits and each.limits.batch), None)
    return ("limits", "batch") if subject.spec.limits.batch or own is None else ("endpoint", own, "limits", "batch")


def shared_values_that_vary(subject: Subject) -> Iterator[Finding]:
    """RX186: what a request has once, and a row decides."""
    spec = subject.spec
    arrays = record_arrays(spec)
    if len(arrays) != 1:
        return
    key = spec.idempotency.value if spec.idempotency is not None else None
    found = [
        ((*placed.path, "name"), f"`{placed.parameter.name}`")
        for placed in subject.parameters()
        if placed.group == ("parameters",)
        and not placed.parameter.fixed
        and name_in_record(placed.parameter, arrays[0]) is None
    ]
    if key is not None and compile_template(key).varies:
        found.append((("idempotency", "value"), "the idempotency key"))
    for path, what in found:
        yield subject.info(
            "RX186",
            path,
            f"a request has {what} once, and it varies by row: rows go together as long as it stays the same",
            f"Write it into the record (`{arrays[0]}[].…`), or sort the rows by it."
            if what.startswith("`")
            else "Leave `value` out: the key is then made of the rows that the request contains.",
        )


def unknown_keys_of_elements(subject: Subject) -> Iterator[Finding]:
    """RX187: `each: {by: …}` names an attribute that the partner is never sent."""
    sent = sent_attributes(subject.spec)
    for index, rule in enumerate(subject.spec.responses):
        for path, attribute in (rule.each.by or {} if rule.each is not None else {}).items():
            if attribute not in sent and subject.intact("parameters", "responses"):
                yield subject.error(
                    "RX187",
                    ("responses", index, "each", "by", path),
                    f"the partner cannot repeat `{attribute}`: the spec does not send it",
                    f"Name an attribute that it sends, such as {listed(sorted(sent)[:3])}." if sent else "Send it.",
                )
