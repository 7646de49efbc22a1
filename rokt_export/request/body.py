"""Turn a spec's encoding and body parameters into one encoder: from a transaction to the bytes of its body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.redaction import OwnWords
from rokt_export.request.encodings import Encode, body_encoding
from rokt_export.request.parameter_values import Field, RefusedError, Values, compile_field
from rokt_export.spec_language.encodings import ENCODINGS
from rokt_export.spec_language.filters import ABSENT, FilterError
from rokt_export.spec_language.template import Template, compile_template


def body_encoder(spec: PartnerSpec, parameters: Sequence[Parameter], env: Mapping[str, str]) -> Encode:
    """Return the encoder of a spec's body.

    Raises:
        SpecError: the parameters' names do not make a body of this encoding.
    """
    if spec.body is not None:
        return partial(_whole, compile_template(spec.body, ENCODINGS[spec.encoding].place), env)
    if not parameters:
        return lambda _values: None
    encoding = body_encoding(spec.encoding)
    encode = encoding.encoder([_field(parameter, env) for parameter in parameters])
    head = encoding.declaration if spec.xml_declaration else b""
    return (lambda values: head + (encode(values) or b"")) if head else encode


def _whole(template: Template, env: Mapping[str, str], values: Values) -> bytes:
    try:
        text = template.fill(values, env)
    except FilterError as error:
        raise RefusedError(f"body: {error}") from error
    if text is ABSENT:
        raise RefusedError(OwnWords("body: an attribute of its template is absent"))
    return str(text).encode()


def _field(parameter: Parameter, env: Mapping[str, str]) -> Field:
    """The field of a parameter that may itself be a whole body (`xmlData=<…>`, `json={…}`)."""
    if parameter.encoding is None:
        return compile_field(parameter, env)
    encode = body_encoding(parameter.encoding).encoder([_field(inner, env) for inner in parameter.parameters])
    return Field(parameter.name, parameter, lambda values: (encode(values) or b"").decode())
