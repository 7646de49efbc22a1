"""Each registered body encoding is whole: a line of facts, a module that encodes, and a reader that finds it again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rokt_export.errors import SpecError
from rokt_export.partner_spec.model import Parameter
from rokt_export.request import encodings
from rokt_export.request.encodings import BodyEncoding, body_encoding
from rokt_export.request.parameter_values import OMIT, CompiledParameter, RefusedError, compile_field
from rokt_export.response.body_limits import MAX_NODES
from rokt_export.sandbox.bodies import BodyProblem, content_type_problem, finder, read_body
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, EncodingFacts, media_type_of, nests
from rokt_export.spec_language.filters import Number, text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace
from tests.request.rendering import body as rendered

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.stem for path in Path(os.fspath(encodings.__path__[0])).glob("*.py")} - {"__init__"}
OF_PARAMETERS = [name for name in WITH_BODY if name != "text"]
WITHOUT_STRUCTURE = {"form": "whatever follows it is another field, or more of its last value"}
"""Encodings of which half a body is a body too, and why."""
WITH_STRUCTURE = [name for name in OF_PARAMETERS if name not in WITHOUT_STRUCTURE]
HARD = "é & < > + % \" ' \\ , ; \n 00123"
KNOWN_ROW = {"email": "a@example.com", "note": 'é, "b"; <c> & d'}
KNOWN = {
    "json": '{"lead":{"email":"a@example.com","note":"é, \\"b\\"; <c> & d"}}',
    "form": "email=a%40example.com&note=%C3%A9%2C+%22b%22%3B+%3Cc%3E+%26+d",
    "xml": '<lead><email>a@example.com</email><note>é, "b"; &lt;c&gt; &amp; d</note></lead>',
}
"""The body of `KNOWN_ROW` in each encoding, as its specification has it: writer and reader may share a mistake."""
MEDIA_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "application/xml"}
"""The media type of each encoding, as its specification has it: request and sandbox read one registry."""
HOSTILE = [
    "a" * 10_000,
    "é," * 5_000,
    *("+1202", "=1", "-1", "@a", "'a", '"', '""', "a\tb", "a|b", "a\r\nb", "\n", "\r"),
    HARD,
]
TEXTS = st.sampled_from(HOSTILE) | st.text() | st.text("\"'<>&=,;:{}[]\\/#+%-@| \n\r\ta0é")
"""Texts that an encoding must carry sign by sign: long, formulas, quotes, separators, line breaks, the empty one."""
NOISE = st.binary() | st.text("\"'<>&=,;:{}[]\\/!?#+% \n\r\tea0é\0").map(str.encode)


def named(name: str, *others: str) -> list[str]:
    """The names of parameters below one root, where an encoding has names that nest."""
    return [f"lead.{each}" if nests(name) else each for each in others]


def encoded(name: str, values: dict[str, Any]) -> bytes:
    """The body that an encoding makes of parameters that have these values."""
    parameter = Parameter.model_validate({"name": "a", "attribute": "a"})
    body = body_encoding(name).encoder(
        [CompiledParameter(each, parameter, lambda _, v=value: v) for each, value in values.items()]
    )
    made = body({})
    assert made is not None
    return made


def found(name: str, parameter: str, body: bytes) -> list[str]:
    """What the sandbox finds of a parameter in a body, as texts: each value, null and nothing as the empty text."""
    return strictly_found(name, parameter, body) or [""]


def strictly_found(name: str, parameter: str, body: bytes) -> list[str]:
    """As `found`, with nothing as no text."""
    values = finder(parameter, name, {})(read_body(name, body, exact=True))
    return [text_of(each) for value in values for each in (value if isinstance(value, list) else [value])]


def test_each_module_has_a_line_in_the_registry_and_each_line_a_module() -> None:
    assert set(ENCODINGS) == MODULES, "request/encodings/ and ENCODINGS of spec_language/encodings.py differ"


@pytest.mark.parametrize("name", ENCODINGS)
def test_each_module_assigns_its_encoding(name: str) -> None:
    assert isinstance(body_encoding(name), BodyEncoding), f"request/encodings/{name}.py must assign ENCODING"
    titles = [facts.title for facts in ENCODINGS.values()]
    assert titles.count(ENCODINGS[name].title or "") == 1, f"{name}: messages need a `title` of its own"


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name != "none"])
def test_each_encoding_has_a_content_type_that_the_sandbox_accepts(name: str) -> None:
    content_type = ENCODINGS[name].content_type
    assert content_type, f"{name}: a body without a Content-Type"
    assert ENCODINGS[name].owns(media_type_of(content_type)), f"{name}: `subtypes` leaves out its own content type"
    assert content_type_problem(name, None, content_type) is None
    assert content_type_problem(name, None, None) is not None


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_the_sandbox_reads_what_the_request_encodes(name: str) -> None:
    prefix = "lead." if nests(name) else ""
    row = {"email": "jane.doe@example.com", "note": HARD}
    parameters = [Parameter.model_validate({"name": prefix + each, "attribute": each}) for each in row]
    body = body_encoding(name).encoder([compile_field(parameter, {}) for parameter in parameters])(row)
    assert body is not None
    for parameter in parameters:
        whole = body_encoding(name).declaration + body
        for data in (read_body(name, whole), read_body(name, whole.decode()), read_body(name, body, exact=True)):
            (found,) = finder(parameter.name, name, {})(data)
            assert text_of(found) == row[str(parameter.attribute)]


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_a_value_that_is_not_there_is_left_out(name: str) -> None:
    prefix = "lead." if nests(name) else ""
    parameters = [Parameter.model_validate({"name": prefix + each, "attribute": each}) for each in ("email", "note")]
    encode = body_encoding(name).encoder([compile_field(parameter, {}) for parameter in parameters])
    body = encode({"email": "jane.doe@example.com"})
    assert body is not None
    assert "omit" not in body.decode().lower(), f"{name}: what stands for an absent value is in the body"
    email, note = (list(finder(each.name, name, {})(read_body(name, body))) for each in parameters)
    assert ([text_of(found) for found in email], [found for found in note if found]) == (["jane.doe@example.com"], [])


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_a_body_of_which_every_value_is_left_out_has_no_values(name: str) -> None:
    names = named(name, "email", "note")
    body = encoded(name, dict.fromkeys(names, OMIT))
    sought = names if nests(name) else [*names, ""]
    assert [strictly_found(name, each, body) for each in sought] == [[] for _ in sought], f"{name}: {body!r}"


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_a_body_is_what_its_specification_says(name: str) -> None:
    assert name in KNOWN, f"add the body of KNOWN_ROW in {name}, as its specification has it, to KNOWN of this file"
    assert encoded(name, dict(zip(named(name, *KNOWN_ROW), KNOWN_ROW.values(), strict=True))).decode() == KNOWN[name]
    assert name in MEDIA_TYPES, f"add the media type of {name}, as its specification has it, to MEDIA_TYPES"
    assert media_type_of(ENCODINGS[name].content_type) == MEDIA_TYPES[name]


@pytest.mark.parametrize(
    "value", [["a", HARD], True, False, Number("1.10"), None, "", " a ", HARD], ids=lambda value: repr(value)[:8]
)
@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_the_sandbox_reads_each_kind_of_value(name: str, value: Any) -> None:
    """Lists, booleans, numbers and null too; an encoding may refuse a row instead."""
    first, second = named(name, "first", "second")
    try:
        body = encoded(name, {first: value, second: "b"})
    except RefusedError as refused:
        assert first in str(refused), f"{name} refuses a value without the parameter's name"
        return
    items = value if isinstance(value, list) else [value]
    assert found(name, first, body) == ["" if item is None else text_of(item) for item in items], f"{name}: {body!r}"
    assert found(name, second, body) == ["b"], f"{name}: {body!r}"


@pytest.mark.parametrize("name", OF_PARAMETERS)
@given(values=st.tuples(*[st.just(OMIT) | st.none() | TEXTS | st.lists(TEXTS, max_size=3)] * 3))
def test_the_sandbox_reads_exactly_what_was_given(name: str, values: tuple[Any, ...]) -> None:
    """No sign is changed, cut or dropped; null and the empty text are there, and what is absent is not."""
    names = named(name, "first", "second", "third")
    try:
        body = encoded(name, {**dict(zip(names, values, strict=True)), **dict.fromkeys(named(name, "last"), "b")})
    except RefusedError as refused:
        assert any(each in str(refused) for each in names), f"{name} refuses a value without the parameter's name"
        return
    for parameter, value in zip(names, values, strict=True):
        items = value if isinstance(value, list) else [] if value is OMIT else [value]
        given = ["" if item is None else item for item in items]
        assert strictly_found(name, parameter, body) == given, f"{name}: {body!r}"


@pytest.mark.parametrize("name", [name for name in OF_PARAMETERS if not nests(name)])
def test_the_sandbox_reads_names_with_any_sign(name: str) -> None:
    body = encoded(name, {HARD: "a", "second": "b"})
    assert (found(name, HARD, body), found(name, "second", body)) == (["a"], ["b"]), f"{name}: {body!r}"


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_an_encoding_says_whether_names_repeat(name: str) -> None:
    """Not where names nest: there a name twice is a list of both values, which RX119 reports."""
    parameter = Parameter.model_validate({"name": "a", "attribute": "a"})
    fields = [CompiledParameter("a", parameter, lambda _, v=value: v) for value in "xy"]
    repeats = False
    if not nests(name):
        with suppress(BodyProblem):
            read = found(name, "a", body_encoding(name).encoder(fields)({}) or b"")
            assert read == ["x", "y"], f"{name}: `read` accepts a name twice, and gives only {read}"
            repeats = True
    assert ENCODINGS[name].repeats == repeats, f"{name}: `repeats` in spec_language/encodings.py says otherwise"


@pytest.mark.parametrize("name", [name for name in OF_PARAMETERS if ENCODINGS[name].place is not None])
def test_a_template_of_a_whole_body_escapes_values(name: str) -> None:
    first, second = named(name, "first", "second")
    source = encoded(name, {first: "MARK", second: "b"}).decode().replace("MARK", "{{ note }}")
    body = str(compile_template(source, ENCODINGS[name].place or TemplatePlace.TEXT).fill({"note": HARD}, {})).encode()
    try:
        read = (found(name, first, body), found(name, second, body))
    except BodyProblem as problem:
        read = ([str(problem)], [])
    assert read == ([HARD], ["b"]), f"{name}: its `place` in spec_language/encodings.py does not escape: leave it out"


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=NOISE)
def test_a_reader_raises_only_what_it_says(name: str, data: bytes) -> None:
    for read in (body_encoding(name).read, body_encoding(name).read_exact):
        with suppress(ValueError):
            read(data)


def test_what_else_a_reader_raises_is_a_problem_of_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_body: bytes | str) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(body_encoding("form"), "read", fail)
    with pytest.raises(BodyProblem, match="the body is not a URL-encoded form: odd"):
        read_body("form", b"a=b")


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_a_reader_refuses_too_many_values(name: str) -> None:
    body = encoded(name, dict.fromkeys(named(name, *(f"n{number}" for number in range(MAX_NODES + 2))), "a"))
    for exact in (False, True):
        with pytest.raises(BodyProblem):
            read_body(name, body, exact=exact)
            pytest.fail(f"{name}: `read` has no limit: see MAX_NODES of response/body_limits.py")


def test_an_encoding_without_a_place_refuses_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = 'body: \'{"email": "{{ email }}"}\'\n'
    assert rendered(spec, {"email": "a"}) == '{"email": "a"}'
    monkeypatch.setitem(cast("dict[str, EncodingFacts]", ENCODINGS), "json", replace(ENCODINGS["json"], place=None))
    with pytest.raises(SpecError, match="`encoding: json` takes no `body` template"):
        rendered(spec, {"email": "a"})


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_sandbox_refuses_what_is_not_of_the_encoding(name: str) -> None:
    with pytest.raises(BodyProblem, match=f"^the body is not {ENCODINGS[name].title}: "):
        read_body(name, b"\xff\xfe<{")


@pytest.mark.parametrize("name", WITH_STRUCTURE)
def test_the_sandbox_refuses_half_a_body(name: str) -> None:
    for end in ("", "\n"):
        with pytest.raises(BodyProblem):
            read_body(name, KNOWN[name][: len(KNOWN[name]) // 2] + end)
            pytest.fail(f"{name}: `read` accepts half of its body in KNOWN")


@pytest.mark.parametrize("name", WITH_STRUCTURE)
def test_the_sandbox_refuses_a_value_that_does_not_end(name: str) -> None:
    """A value that may contain a line break has an end of its own, such as a quote."""
    before, line_break, _ = encoded(name, dict.fromkeys(named(name, "first", "second"), HARD)).rpartition(b"\n 00123")
    if line_break:
        with pytest.raises(BodyProblem):
            read_body(name, before + line_break)
            pytest.fail(f"{name}: `read` accepts a value without its end")


@pytest.mark.parametrize("name", WITH_STRUCTURE)
def test_the_sandbox_refuses_what_follows_a_body(name: str) -> None:
    body = KNOWN[name]
    for more in (body, body[: len(body) // 2], "x", "x\n", ",", '"', "\0"):
        with pytest.raises(BodyProblem):
            read_body(name, body + more)
            pytest.fail(f"{name}: `read` ignores {more!r} after its body in KNOWN")


@pytest.mark.parametrize("name", [name for name in OF_PARAMETERS if nests(name)])
def test_an_encoding_says_whether_a_body_has_one_root(name: str) -> None:
    try:
        roots = "json" if encoded(name, {"a": "x", "b": "y"}) else ""
    except SpecError:
        roots = "xml"
    assert ENCODINGS[name].names == roots, f"{name}: `names` in spec_language/encodings.py says otherwise"
