"""Turn a spec's encoding and body parameters into one encoder: from a transaction to the bytes of its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rokt_export.errors import SpecError
from rokt_export.partner_spec.filters import ABSENT, FilterError
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.template import Place, Template, compile_template
from rokt_export.redaction import OwnWords
from rokt_export.request.encodings.form import form_encoder
from rokt_export.request.encodings.json_body import json_encoder
from rokt_export.request.parameter_values import Carrier, RefusedError, Values, compile_carrier

CONTENT_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_PLACES = {"json": Place.JSON, "xml": Place.XML, "text": Place.TEXT, "form": Place.URL}

Encode = Callable[[Values], bytes | None]


def body_encoder(spec: PartnerSpec, parameters: Sequence[Parameter], env: Mapping[str, str]) -> Encode:
    """Return the encoder of a spec's body; None for a request without one.

    Raises:
        SpecError: the parameters' names do not make a body of this encoding.
    """
    if spec.body is not None:
        template = compile_template(spec.body, _PLACES.get(spec.encoding, Place.TEXT))
        return partial(_whole, template, env)
    if spec.encoding == "none" or not parameters:
        return lambda _values: None
    if spec.encoding == "text":
        raise SpecError(
            "a plain text body needs a template",
            where=f"spec of {spec.partner}",
            remedy="Write the text as `body: |` with `{{ attribute }}` in it, instead of body parameters.",
        )
    return _structured(spec.encoding, parameters, env, declaration=spec.xml_declaration)


def _whole(template: Template, env: Mapping[str, str], values: Values) -> bytes:
    try:
        text = template.fill(values, env)
    except FilterError as error:
        raise RefusedError(f"body: {error}") from error
    if text is ABSENT:
        raise RefusedError(OwnWords("body: an attribute of its template is absent"))
    return str(text).encode()


def _structured(encoding: str, parameters: Sequence[Parameter], env: Mapping[str, str], *, declaration: bool) -> Encode:
    carriers = [_carrier(parameter, env) for parameter in parameters]
    match encoding:
        case "json":
            return json_encoder(carriers)
        case "xml":
            from rokt_export.request.encodings.xml_body import xml_encoder  # its patterns of names take 3 ms

            return xml_encoder(carriers, declaration=declaration)
        case _:
            encode = form_encoder(carriers)
            return lambda values: encode(values).encode()


def _carrier(parameter: Parameter, env: Mapping[str, str]) -> Carrier:
    """The carrier of a parameter that may itself be a whole body (`xmlData=<…>`, `json={…}`)."""
    if parameter.encoding is None:
        return compile_carrier(parameter, env)
    encode = _structured(parameter.encoding, parameter.parameters, env, declaration=False)

    def take(values: Values) -> str:
        return (encode(values) or b"").decode()

    return Carrier(parameter.name, parameter, take)
