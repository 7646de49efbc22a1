"""Each registered body encoding is whole: a line of facts, a module that encodes, and a reader that finds it again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rokt_export.errors import SpecError
from rokt_export.partner_spec.model import Parameter
from rokt_export.request import encodings
from rokt_export.request.encodings import BodyEncoding, body_encoding
from rokt_export.request.parameter_values import compile_field
from rokt_export.sandbox.bodies import BodyProblem, content_type_problem, finder, read_body
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, media_type_of, nests
from rokt_export.spec_language.filters import text_of

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.stem for path in Path(os.fspath(encodings.__path__[0])).glob("*.py")} - {"__init__"}
HARD = "é & < > + % \" ' \\ , ; \n 00123"


def test_each_module_has_a_line_in_the_registry_and_each_line_a_module() -> None:
    assert set(ENCODINGS) == MODULES, "request/encodings/ and ENCODINGS of spec_language/encodings.py differ"


@pytest.mark.parametrize("name", ENCODINGS)
def test_each_module_assigns_its_encoding(name: str) -> None:
    assert isinstance(body_encoding(name), BodyEncoding), f"request/encodings/{name}.py must assign ENCODING"


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name != "none"])
def test_each_encoding_has_a_content_type_that_the_sandbox_accepts(name: str) -> None:
    content_type = ENCODINGS[name].content_type
    assert content_type, f"{name}: a body without a Content-Type"
    assert ENCODINGS[name].owns(media_type_of(content_type)), f"{name}: `subtypes` leaves out its own content type"
    assert content_type_problem(name, None, content_type) is None
    assert content_type_problem(name, None, None) is not None


def test_no_two_encodings_own_a_subtype() -> None:
    owned = [subtype for facts in ENCODINGS.values() for subtype in facts.subtypes]
    assert len(owned) == len(set(owned))


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name != "text"])
def test_the_sandbox_reads_what_the_request_encodes(name: str) -> None:
    prefix = "lead." if nests(name) else ""
    row = {"email": "jane.doe@example.com", "note": HARD}
    parameters = [Parameter.model_validate({"name": prefix + each, "attribute": each}) for each in row]
    body = body_encoding(name).encoder([compile_field(parameter, {}) for parameter in parameters])(row)
    assert body is not None
    for parameter in parameters:
        for data in (read_body(name, body), read_body(name, body.decode()), read_body(name, body, exact=True)):
            (found,) = finder(parameter.name, name, {})(data)
            assert text_of(found) == row[str(parameter.attribute)]


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name != "text"])
def test_a_value_that_is_not_there_is_left_out(name: str) -> None:
    prefix = "lead." if nests(name) else ""
    parameters = [Parameter.model_validate({"name": prefix + each, "attribute": each}) for each in ("email", "note")]
    encode = body_encoding(name).encoder([compile_field(parameter, {}) for parameter in parameters])
    body = encode({"email": "jane.doe@example.com"})
    assert body is not None
    assert "omit" not in body.decode().lower(), f"{name}: what stands for an absent value is in the body"
    email, note = (list(finder(each.name, name, {})(read_body(name, body))) for each in parameters)
    assert ([text_of(found) for found in email], [found for found in note if found]) == (["jane.doe@example.com"], [])


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_sandbox_refuses_what_is_not_of_the_encoding(name: str) -> None:
    with pytest.raises(BodyProblem, match=f"^the body is not {ENCODINGS[name].title}: "):
        read_body(name, b"\xff\xfe<{")


def test_body_parameters_of_a_text_are_refused() -> None:
    with pytest.raises(SpecError, match="a plain text body needs a template"):
        body_encoding("text").encoder([])


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_spec_language_documents_each_encoding(name: str) -> None:
    rows = [line for line in (ROOT / "docs" / "spec.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    content_type = ENCODINGS[name].content_type or ""
    assert any(content_type in row for row in rows), f"docs/spec.md, section 6, lacks `{name}` or its Content-Type"
