"""No report shows a secret or a real person's value, in whatever form the request or the answer had it."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from rich.console import Console

from reports.report_runs import STARTED, Run, answer
from reports.report_texts import artefact
from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import Recording, record
from rokt_export.partner_spec.model import Parameter
from rokt_export.redaction import Redactor
from rokt_export.reports import console
from rokt_export.reports.formats import FORMATS
from rokt_export.reports.run_report import RunReport
from rokt_export.request.encodings import body_encoding
from rokt_export.request.parameter_values import compile_field
from rokt_export.sandbox.bodies import finder, read_body
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, nests
from rokt_export.transactions.transaction import Transaction

SECRET = 'Qz7a+b%:/"<é'
PERSONAL = 'Wk4a+b%:/"<é'


def spellings(value: str) -> Iterator[str]:
    """The forms in which a value must not be found."""
    for text in (value, value.encode().decode("latin-1")):
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield json.dumps(text)[1:-1].replace("/", "\\/")
        yield html.escape(text)
        yield html.escape(text, quote=False)
    for encode in (quote, quote_plus):
        for safe in ("", "/", ":/"):
            yield encode(value, safe=safe)
            yield encode(value, safe=safe).lower()
    yield quote(quote(value, safe=""), safe="")
    raw = value.encode()
    yield raw.hex()
    yield raw.hex().upper()
    for lead in range(3):
        core = base64.b64encode(bytes(lead) + raw).decode()[4 if lead else 0 : -4]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def digests(value: str) -> Iterator[str]:
    for algorithm in ("md5", "sha1", "sha256"):
        yield hashlib.new(algorithm, value.strip().lower().encode()).hexdigest()


def requests() -> Iterator[Request]:
    basic = base64.b64encode(f"anystring:{SECRET}".encode()).decode()
    for value in (SECRET, PERSONAL):
        headers = (
            ("Authorization", f"Basic {basic}"),
            ("X-Value", value),
            ("X-Code", base64.b64encode(value.encode()).decode()),
        )
        url = f"https://staging.example.com/{quote(value, safe='')}/leads?q={quote_plus(value)}"
        as_json = json.dumps({"value": value, "deep": [{"value": value}]})
        yield Request("POST", url, (*headers, ("Content-Type", "application/json")), as_json.encode())
        yield Request("POST", url, headers, json.dumps({"value": value}, ensure_ascii=False).encode())
        form = f"value={quote_plus(value)}&json={quote_plus(as_json)}&xml={quote_plus(f'<a>{html.escape(value)}</a>')}"
        yield Request("POST", url, (*headers, ("Content-Type", "application/x-www-form-urlencoded")), form.encode())
        xml = (
            f'<?xml version="1.0"?><a b="{html.escape(value)}">{html.escape(value, quote=False)}<![CDATA[{value}]]></a>'
        )
        yield Request("POST", url, (*headers, ("Content-Type", "text/xml")), xml.encode())
        yield Request("POST", url, headers, b"\xff\x00" + value.encode() + b"\x00")
        hashes = ",".join(digests(PERSONAL))
        yield Request("POST", url, headers, f'{{"hashes": "{hashes}"}}'.encode())
        yield Request("GET", url, headers)


def exchanges() -> Iterator[Exchange]:
    """Each request with each kind of answer that echoes it."""
    row = 0
    for request in requests():
        echo = (request.body or b"").decode("utf-8", "replace")
        answers: list[Response | Fault] = [
            answer(400, json.dumps({"error": f"bad: {SECRET} {PERSONAL}", "echo": echo}), Location=request.url),
            answer(200, request.body or b""),
            answer(302, f"<p>{html.escape(echo)}</p>", X_Echo=PERSONAL),
            Fault(FaultKind.PROTOCOL, f"{request.url}: odd answer {SECRET} {PERSONAL}", True),
        ]
        for answered in answers:
            row += 1
            outcome = Outcome(
                OutcomeKind.REJECTED, "rejected", f"said {SECRET} and {PERSONAL}", f"ref-{PERSONAL}", f"code-{SECRET}"
            )
            transaction = Transaction(row, f"{PERSONAL}-{row}", {"email": PERSONAL}, invented=False)
            yield Exchange(transaction, request, answered, outcome, 1, STARTED + row)


@pytest.fixture
def run_report(tell) -> RunReport:
    redactor = Redactor(secrets={"CANARY": SECRET}, key=b"k" * 32)
    redactor.add_basic("CANARY", "anystring", SECRET)
    return tell(Run(list(exchanges()), redactor=redactor, personal=[PERSONAL]))


def assert_clean(text: str) -> None:
    assert any(shown in text for shown in ("CANARY", "person-", "…"))
    for value in (SECRET, PERSONAL):
        for spelling in spellings(value):
            found = text.find(spelling)
            assert found < 0, f"{spelling!r} in …{text[max(0, found - 80) : found + 80]}…"
    for digest in digests(PERSONAL):
        assert digest not in text


@pytest.mark.parametrize("name", FORMATS)
def test_no_report_shows_a_canary(run_report: RunReport, name: str) -> None:
    assert_clean(artefact(run_report, name))


IN_BODIES = 'Qz7a+b%:/"<é\t\\ \'x\' ""y"" ,;|&'
"""A value with the signs that encodings escape, each in its own way."""


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name != "text"])
def test_a_recorded_body_of_each_encoding_hides_a_value_however_it_is_escaped(name: str) -> None:
    """Read back by the encoding itself, so that an escape that `redaction` does not know cannot stay unseen."""
    parameter = Parameter.model_validate({"name": "lead.value" if nests(name) else "value", "value": IN_BODIES})
    body = body_encoding(name).encoder([compile_field(parameter, {})])({})
    content_type = (("Content-Type", str(ENCODINGS[name].content_type)),)
    request = Request("POST", "https://staging.example.com/leads", content_type, body)
    for redactor, personal, shown in (
        (Redactor(secrets={"CANARY": IN_BODIES}), [], r"\$CANARY"),
        (Redactor(key=b"k" * 32), [IN_BODIES], "person-[0-9a-f]{10}(-[0-9a-f]{4})?"),
    ):
        exchanged = Exchange(Transaction(1, "tx-1", {}), request, answer(200, ""), Outcome(OutcomeKind.DELIVERED))
        kept = Recording.load(record(exchanged, redactor, personal).dump(), "row 1").request_body
        assert kept is not None
        (found,) = finder(parameter.name, name, {})(read_body(name, str(kept.text)))
        assert re.fullmatch(shown, str(found)), f"{name}: redaction/ does not find its escapes in {kept.text}"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_table_shows_a_canary(run_report: RunReport, width: int) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, width=width)
    console.deliveries_table(terminal, run_report.deliveries())
    console.reason_table(terminal, run_report)
    console.summary(terminal, run_report)
    recording = run_report.recording(1)
    assert recording is not None
    explained = run_report.explain(recording)
    assert explained is not None
    console.explanation(terminal, explained)
    assert_clean(stream.getvalue().replace("\n", ""))


def test_tokens_correlate_within_a_run(run_report: RunReport) -> None:
    tokens = set(re.findall(r"person-[0-9a-f]{10}", artefact(run_report, "ndjson")))
    assert len(tokens) == 1
    assert tokens == set(re.findall(r"person-[0-9a-f]{10}", artefact(run_report, "html")))


def test_the_gate_would_notice() -> None:
    for text in spellings(SECRET):
        with pytest.raises(AssertionError):
            assert_clean(f"CANARY {text}")


@pytest.mark.parametrize("name", FORMATS)
def test_the_gate_bites_where_nothing_is_redacted(tell, name: str) -> None:
    bare = artefact(tell(Run(list(exchanges())[:4], redactor=Redactor())), name)
    assert any(spelling in bare for value in (SECRET, PERSONAL) for spelling in spellings(value))
