"""Each planted defect has its own finding and no other; what proves nothing is no finding."""

from __future__ import annotations

from typing import Any

import pytest
from commands.conftest import CommandLine

from certification.certifying import certified, defects, of_kind, probes, replaced, without_accents
from certification.crm import SPEC, Answer, Crm
from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.running import Certifier
from rokt_export.certification.sending import SentRow
from rokt_export.certification.verdicts import ProbeJudge
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Response
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction


def errors_as_200(answer: Answer) -> Answer:
    return (200 if 400 <= answer[0] < 500 else answer[0]), answer[1]


DEFECTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "accepts everything": (
        {"authorized": lambda _: True, "media": lambda _: True, "required": (), "same": id},
        {"accepts-everything"},
    ),
    "never says duplicate": ({"same": id}, {"never-says-duplicate"}),
    "ignores credentials": ({"authorized": lambda _: True}, {"ignores-credentials"}),
    "drops accents": ({"keep": without_accents}, {"drops-accents"}),
    "truncates names": ({"keep": lambda text: text[:45]}, {"truncates"}),
    "200 for errors": ({"answer": errors_as_200}, {"error-read-as-delivered"}),
    "needs an undeclared field": ({"required": ("email", "consent")}, {"needs-undeclared-field"}),
    "changes case": ({"keep": str.title}, {"changes-case"}),
    "loses a race": ({"careless": True}, {"loses-race"}),
    "answers for another record": ({"named": lambda _: "L-1"}, {"answers-for-another"}),
    "an error without a rule": (
        {"error": lambda status: 350 if status == 422 else status},
        {"unexplained-response"},
    ),
    "several at once": (
        {
            "authorized": bool,
            "media": lambda _: True,
            "required": ("email", "zip"),
            "same": lambda lead: lead["email"],
            "hostile": lambda text: "'" in text,
        },
        {
            "accepts-wrong-credentials",
            "accepts-wrong-content-type",
            "accepts-without-required",
            "requires-optional",
            "duplicate-by-exact-case",
            "server-error",
        },
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_named_and_no_other(cli: CommandLine, name: str) -> None:
    planted, expected = DEFECTS[name]
    done = certified(cli, Crm(**planted))
    assert defects(done) == expected, [
        (each["title"], each["defect"], each["finding"]) for each in probes(done) if each["verdict"] == "finding"
    ]
    assert done.status == 1
    for each in probes(done):
        if each["verdict"] == "finding":
            assert each["finding"]
            assert each["advice"]
            assert each["why"]


def test_a_duplicate_that_comes_late_is_no_missing_duplicate(cli: CommandLine) -> None:
    done = certified(cli, Crm(late=1))
    again = of_kind(done, "repeat")[0]
    assert again["verdict"] == "as expected"
    assert "only after" in again["finding"]
    assert defects(done) == {"loses-race"}  # two within that time are there twice


def test_a_partner_that_updates_needs_no_duplicates(cli: CommandLine) -> None:
    crm = Crm(same=lambda _: object())
    upsert = replaced("  - {name: known, outcome: duplicate, status: 409, capture: {reason: $.error.message}}\n", "")
    done = certified(cli, crm, spec=lambda text: upsert(text) + "idempotent: true\n")
    assert defects(done) == set(), [(each["title"], each["finding"]) for each in probes(done)]
    assert of_kind(done, "repeat")[0]["verdict"] == "as expected"
    assert of_kind(done, "race")[0]["verdict"] == "not run"


def test_an_idempotency_key_that_is_ignored_is_a_finding(cli: CommandLine) -> None:
    keyed = "idempotency: {header: Idempotency-Key}\n"
    done = certified(cli, Crm(same=lambda _: object()), spec=lambda text: text + keyed)
    assert {"ignores-idempotency-key", "loses-race"} <= defects(done)


def test_throttling_and_outages_prove_nothing(cli: CommandLine) -> None:
    crm = Crm()
    crm.answer = lambda answer: (503, {}) if sum(line.startswith("POST") for line in crm.heard) > 1 else answer
    done = certified(cli, crm)
    assert defects(done) == {"unavailable"}
    assert {each["verdict"] for each in probes(done)[1:-1]} == {"cannot be told", "finding", "not run"}
    assert sum(line.startswith("POST") for line in crm.heard) == 4  # three in a row are enough
    assert "busy" in probes(done)[-2]["finding"]


def test_a_partner_that_goes_down_in_between_fails_no_probe(cli: CommandLine) -> None:
    crm = Crm()
    crm.answer = lambda answer: (500, {}) if sum(line.startswith("POST") for line in crm.heard) > 5 else answer
    done = certified(cli, crm)
    assert defects(done) == {"unavailable"}, [(each["title"], each["finding"]) for each in probes(done)]
    assert "any more" in probes(done)[-2]["finding"]


def test_a_firewall_that_refuses_a_text_is_a_finding(cli: CommandLine) -> None:
    """403 to this text, and a good transaction passes after it."""
    crm = Crm(hostile=lambda text: "<" in text)
    crm.answer = lambda answer: (403, {}) if answer[0] == 500 else answer
    done = certified(cli, crm)
    assert defects(done) == {"refuses-markup"}


def test_a_warning_beside_a_delivery_is_no_error(cli: CommandLine) -> None:
    crm = Crm()

    def warned(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        odd = status == 201 and (b"rokt_export_unknown" in body or b"zip" not in body)
        return status, {**answer, "warnings": ["unknown field", "zip is missing"]} if odd else answer

    crm.post = warned  # type: ignore[method-assign]
    assert defects(certified(cli, crm)) == set()


@pytest.mark.parametrize(
    ("status", "defect"), [(404, "not-kept"), (410, "not-kept"), (403, "not-read-back"), (500, "not-read-back")]
)
def test_a_record_that_cannot_be_read_back_is_a_finding(cli: CommandLine, status: int, defect: str) -> None:
    crm = Crm()
    crm.get = lambda _path: (status, {})  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {defect}
    assert done.status == 1


@pytest.mark.parametrize("answer", [b"<!DOCTYPE html><html><body>Sign in</body></html>", {"data": None}])
def test_records_that_hold_no_value_are_one_finding(cli: CommandLine, answer: Any) -> None:
    crm = Crm()
    crm.get = lambda _path: (200, answer)  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert [each["kind"] for each in probes(done) if each["defect"] == "not-read-back"] == ["good"]
    assert defects(done) == {"not-read-back"}
    assert "read back as sent" not in done.out


@pytest.mark.parametrize(
    ("kept", "told", "defect"),
    [
        (" ", "is `Rokt·Test`: the line break is stored as a blank", ""),
        ("", "is `RoktTest`", "joins-words"),
    ],
)
def test_what_became_of_a_line_break_is_told(cli: CommandLine, kept: str, told: str, defect: str) -> None:
    done = certified(cli, Crm(keep=lambda text: text.replace("\n", kept)))
    (probe,) = (each for each in of_kind(done, "hostile_text") if "line break" in each["title"])
    assert (probe["defect"], told in probe["finding"]) == (defect, True), probe
    assert "sent as `Rokt↵Test`" in probe["finding"]


@pytest.mark.parametrize("status", [409, 401])
def test_a_race_that_both_lose_is_a_finding(cli: CommandLine, status: int) -> None:
    crm = Crm(careless=True)
    store = crm._store

    def both(lead: dict[str, Any]) -> Answer:
        answer = store(lead)
        if crm.same(lead) in crm.raced:
            crm.leads.pop(answer[1].get("id", ""), None)
            return crm._no(status, "busy", "somebody else writes this lead")
        return answer

    crm._store = both  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {"loses-race"}
    assert "neither of the two is delivered" in of_kind(done, "race")[0]["finding"]


def test_what_must_be_refused_and_is_delivered_is_a_finding() -> None:
    spec = read_spec(parse("acme.yaml", SPEC.format(url="https://test.example.com"))).spec
    response = Response(201, body=b"{}")
    outcome = Outcome(OutcomeKind.DELIVERED, "created")
    sent = SentRow(
        Exchange(Transaction(1, "T1", {}), None, response, outcome),
        Renderer(spec, "staging", {"ACME_KEY": "k"}),
        {},
    )
    certifier = Certifier([], iter(()), 0.0)
    certifier._judge = ProbeJudge(spec, False, str)
    refused = PlannedProbe("longest", "with values that are too long", "not delivered", "")
    assert certifier._judged(refused, [sent]).defect == "delivered-unexpectedly"
    taken = PlannedProbe("longest", "with the longest values", "delivered", "")
    assert certifier._judged(taken, [sent]).verdict == "as expected"
