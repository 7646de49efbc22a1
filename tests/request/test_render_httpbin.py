"""Requests of each encoding, read back by a server that nobody here wrote: what it understood is what the row said."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import xmltodict

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.transactions.transaction import Transaction, Value
from rokt_export.transport import Transport, TransportOptions

SIGNS = "é & < > + % \" ' \\ , ;"
NUMBERS = "00123 1.10 9007199254740993"
ONE_LINE = f"{SIGNS} 🎉 {NUMBERS}"
TORTURE = f"{SIGNS} \n 🎉 {NUMBERS}"
ROW: dict[str, Value] = {
    "torture": TORTURE,
    "oneline": ONE_LINE,
    "zip": "00123",
    "price": "1.10",
    "id": "9007199254740993",
    "spaces": "  a  b ",
    "hostile": "]]></x>\"}'; DROP\t{{ env.HOME }} {% x %} ${HOME} \x7f\u2028",
}


@pytest.fixture(scope="module")
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(timeout=10, proxy="")) as made:
        yield made


class Partner:
    """Sends one row as a spec says, and returns what httpbin read."""

    def __init__(self, url: str, transport: Transport) -> None:
        self._url = url
        self._transport = transport

    def read(self, rest: str, *, path: str = "/anything", row: dict[str, Value] | None = None) -> dict[str, Any]:
        head = f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{self._url}{path}'}}\n"
        tail = "responses: [{outcome: delivered, status: 2xx}]\n"
        loaded = read_spec(parse("spec.yaml", head + rest + tail))
        assert not loaded.findings, loaded.findings
        renderer = Renderer(loaded.spec, "staging", {})
        request = renderer.sign(renderer.render(Transaction(1, "row-1", ROW if row is None else row)))
        answer = self._transport.send(request)
        assert isinstance(answer, Response), answer
        assert answer.status == 200
        return json.loads(answer.body)  # type: ignore[no-any-return]


@pytest.fixture
def partner(httpbin: str, transport: Transport) -> Partner:
    return Partner(httpbin, transport)


def text(data: str) -> str:
    """What a header carried: WSGI reads headers as Latin-1, the bytes are UTF-8."""
    return data.encode("latin-1").decode()


EACH = "".join(f"  - {{name: {name}, attribute: {name}}}\n" for name in ROW)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_json(partner: Partner, method: str) -> None:
    got = partner.read(f"method: {method}\nencoding: json\nparameters:\n{EACH}")
    assert got["method"] == method
    assert got["json"] == ROW
    assert got["headers"]["Content-Type"] == "application/json"


def test_json_types_and_nested_names(partner: Partner) -> None:
    got = partner.read("""\
encoding: json
parameters:
  - {name: a.zip, attribute: zip}
  - {name: a.price, attribute: price, type: number}
  - {name: "a.list[0].id", attribute: id, type: integer}
  - {name: "a['dotted.key']", attribute: torture}
  - {name: "fields[name=t].value", attribute: torture}
  - {name: "fields[name=z].value", attribute: zip}
""")
    assert got["json"]["a"] == {
        "zip": "00123", "price": 1.10, "list": [{"id": 9007199254740993}], "dotted.key": TORTURE,
    }  # fmt: skip
    assert '"price":1.10,' in got["data"]
    assert got["json"]["fields"] == [{"name": "t", "value": TORTURE}, {"name": "z", "value": "00123"}]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_form(partner: Partner, method: str) -> None:
    got = partner.read(f"method: {method}\nencoding: form\nparameters:\n{EACH}")
    assert got["form"] == ROW
    assert got["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_form_names_are_escaped_and_repeated(partner: Partner) -> None:
    got = partner.read("""\
encoding: form
parameters:
  - {name: "a&b=c d[]", attribute: torture}
  - {name: twice, attribute: zip}
  - {name: twice, attribute: price}
  - {name: list, value: [x, "{{ torture }}"]}
""")
    assert got["form"] == {"a&b=c d[]": TORTURE, "twice": ["00123", "1.10"], "list": ["x", TORTURE]}


@pytest.mark.parametrize("inner", ["json", "xml"])
def test_a_body_in_a_form_field(partner: Partner, inner: str) -> None:
    row = {"torture": TORTURE}
    got = partner.read(
        f"""\
encoding: form
parameters:
  - {{name: format, value: {inner}}}
  - name: data
    encoding: {inner}
    parameters: [{{name: lead.note, attribute: torture}}]
""",
        row=dict(row),
    )
    data = got["form"]["data"]
    read = json.loads(data) if inner == "json" else xmltodict.parse(data, strip_whitespace=False)
    assert read == {"lead": {"note": TORTURE}}


def test_xml(partner: Partner) -> None:
    row = {name: value for name, value in ROW.items() if name != "hostile"}
    names = "".join(f"  - {{name: lead.{name}, attribute: {name}}}\n" for name in row)
    got = partner.read(f"encoding: xml\nparameters:\n  - {{name: lead.@note, attribute: torture}}\n{names}")
    root = ET.fromstring(got["data"].encode())
    assert root.attrib == {"note": TORTURE}
    assert {child.tag: child.text for child in root} == row
    assert got["headers"]["Content-Type"] == "application/xml; charset=utf-8"


def test_xml_cdata_keeps_its_own_end_sign(partner: Partner) -> None:
    got = partner.read(
        "encoding: xml\nparameters: [{name: lead.note, attribute: note, cdata: true}]\n", row={"note": "a ]]> b < c"}
    )
    assert ET.fromstring(got["data"].encode()).findtext("note") == "a ]]> b < c"
    assert "<![CDATA[" in got["data"]


def test_text(partner: Partner) -> None:
    got = partner.read("encoding: text\nbody: |\n  note: {{ torture }}\n  zip: {{ zip }}\n")
    assert got["data"] == f"note: {TORTURE}\nzip: 00123\n"


@pytest.mark.parametrize("encoding", ["json", "xml", "form"])
def test_a_whole_body_as_a_template_is_escaped_for_its_place(partner: Partner, encoding: str) -> None:
    bodies = {
        "json": '{"note": "{{ torture }}"}',
        "xml": '<lead note="{{ oneline }}"><note>{{ torture }}</note></lead>',
        "form": "note={{ torture }}",
    }
    got = partner.read(f"encoding: {encoding}\nbody: '{bodies[encoding]}'\n")
    match encoding:
        case "json":
            assert got["json"] == {"note": TORTURE}
        case "xml":
            root = ET.fromstring(got["data"].encode())
            assert (root.get("note"), root.findtext("note")) == (ONE_LINE, TORTURE)
        case _:
            assert got["form"] == {"note": TORTURE}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_query(partner: Partner, method: str) -> None:
    names = "".join(f"  - {{name: {name}, in: query, attribute: {name}}}\n" for name in ROW)
    got = partner.read(f"method: {method}\nencoding: none\nparameters:\n{names}", path="/anything?fixed=a%20b")
    assert got["args"] == {"fixed": "a b", **ROW}
    assert got["data"] == ""


def test_header(partner: Partner) -> None:
    got = partner.read("encoding: none\nparameters: [{name: X-Note, in: header, attribute: oneline}]\n")
    assert text(got["headers"]["X-Note"]) == ONE_LINE


def test_a_header_cannot_be_split(partner: Partner) -> None:
    with pytest.raises(InvalidRowError, match="X-Note: a header cannot contain a line break"):
        partner.read("encoding: none\nparameters: [{name: X-Note, in: header, attribute: torture}]\n")


def test_path(partner: Partner) -> None:
    got = partner.read(
        "method: PUT\nencoding: none\nparameters: [{name: note, in: path, attribute: note}]\n",
        path="/anything/{note}/end",
        row={"note": f"a/b?c#d;e..{ONE_LINE}"},  # its router knows no line break
    )
    # waitress hands the path on decoded, and httpbin quotes it again as it pleases.
    assert unquote(urlsplit(got["url"].replace("?", "%3F").replace("#", "%23")).path) == (
        f"/anything/a/b?c#d;e..{ONE_LINE}/end"
    )
    assert got["args"] == {}


@pytest.mark.parametrize("step", [".", ".."])
def test_a_path_cannot_climb(partner: Partner, step: str) -> None:
    with pytest.raises(InvalidRowError):
        partner.read(
            "encoding: none\nparameters: [{name: x, in: path, attribute: x}]\n", path="/a/{x}", row={"x": step}
        )
