"""Responses of lead exchanges, in the rule language, and how each counts."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.classify import Classifier
from tests.response.partner_responses import (
    DELIVERED,
    DUPLICATE,
    FAILED,
    JSON,
    MADE,
    READ,
    RECEIVED,
    REJECTED,
    XML,
    Answer,
    Partner,
    cases,
    classified,
    spec_of,
)

PARTNERS = (
    Partner(
        18,
        "leadconduit",
        """
        - outcome: duplicate
          status: 201
          all:
            - any: [{body: {$.outcome: failure}}, {body: {/result/outcome: failure}}]
            - any:
                - {body: {$.reason: {contains: duplicate, ignore_case: true}}}
                - {body: {/result/reason: {contains: duplicate, ignore_case: true}}}
          capture: {reason: [$.reason, /result/reason]}
        - outcome: delivered
          status: 201
          any: [{body: {$.outcome: success}}, {body: {/result/outcome: success}}]
          capture: {reference: [$.lead.id, /result/lead/id]}
        - outcome: rejected
          any: [{body: {$.outcome: [failure, error]}}, {body: {/result/outcome: [failure, error]}}]
          capture: {reason: [$.reason, /result/reason]}
        """,
        (
            Answer(
                READ,
                "success",
                201,
                '{"outcome": "success", "lead": {"id": "5c0"}}',
                DELIVERED,
                JSON,
                {"reference": "5c0"},
            ),
            Answer(
                READ,
                "the same as XML, as Accept asked",
                201,
                "<result><outcome>success</outcome><lead><id>5c0</id></lead></result>",
                DELIVERED,
                XML,
                {"reference": "5c0"},
            ),
            Answer(
                READ,
                "a duplicate by a word",
                201,
                '{"outcome": "failure", "reason": "duplicate", "lead": {"id": "5c1"}, "price": 0}',
                DUPLICATE,
                JSON,
            ),
            Answer(
                MADE,
                "a duplicate in prose",
                201,
                '{"outcome": "failure", "reason": "Duplicate email within 30 days"}',
                DUPLICATE,
                JSON,
            ),
            Answer(
                READ,
                "a failure in prose",
                201,
                "<result><outcome>failure</outcome><reason>state not accepted</reason></result>",
                REJECTED,
                XML,
                {"reason": "state not accepted"},
            ),
            Answer(READ, "error: malformed", 400, '{"outcome": "error", "reason": "invalid JSON"}', REJECTED, JSON),
        ),
    ),
    Partner(
        19,
        "leadexec",
        """
        - outcome: duplicate
          any: [{body: {$.ResponseType: [Duplicate_Lead, 6]}}, {body: {//ResponseType: [Duplicate_Lead, 6]}}]
        - outcome: delivered
          any: [{body: {$.isValidPost: true}}, {body: {//isValidPost: true}}]
          capture: {reference: [$.LeadIdentifier, //LeadIdentifier]}
        - outcome: failed
          name: over max
          any: [{body: {$.ResponseType: [Post_Over_Max, 8]}}, {body: {//ResponseType: [Post_Over_Max, 8]}}]
        - outcome: rejected
          any: [{body: {$.isValidPost: false}}, {body: {//isValidPost: false}}]
          capture: {code: [$.ResponseType, //ResponseType], reason: [$.ResponseMessage, //ResponseMessage]}
        """,
        (
            Answer(
                READ,
                "a valid post",
                200,
                '{"isValidPost": true, "ResponseType": "No_Error", "LeadIdentifier": 81}',
                DELIVERED,
                JSON,
                {"reference": "81"},
            ),
            Answer(
                READ,
                "valid, as XML",
                200,
                "<PostResponse><isValidPost>true</isValidPost></PostResponse>",
                DELIVERED,
                XML,
            ),
            Answer(READ, "by name", 200, '{"isValidPost": false, "ResponseType": "Duplicate_Lead"}', DUPLICATE, JSON),
            Answer(READ, "by number", 200, '{"isValidPost": false, "ResponseType": 6}', DUPLICATE, JSON),
            Answer(
                READ,
                "by number in XML",
                200,
                "<r><isValidPost>false</isValidPost><ResponseType>6</ResponseType></r>",
                DUPLICATE,
                XML,
            ),
            Answer(READ, "over the maximum", 200, '{"isValidPost": false, "ResponseType": 8}', FAILED, JSON),
            *(
                Answer(
                    READ,
                    code,
                    200,
                    f'{{"isValidPost": false, "ResponseType": "{code}"}}',
                    REJECTED,
                    JSON,
                    {"code": code},
                )
                for code in ("Outside_Criteria", "Data_Errors")
            ),
        ),
    ),
    Partner(
        20,
        "boberdoo",
        """
        - outcome: duplicate
          body: {/response/status: Error, /response/error: {regex: '(?i)duplicate'}}
          capture: {reason: /response/error}
        - {outcome: delivered, body: {/response/status: Matched}, capture: {reference: /response/lead_id}}
        - outcome: rejected
          name: unsold
          body: {/response/status: Unmatched}
          capture: {reference: /response/lead_id}
        - {outcome: rejected, body: {/response/status: Error}, capture: {reason: /response/error}}
        """,
        (
            Answer(
                READ,
                "sold",
                200,
                "<response><status>Matched</status><lead_id>58402</lead_id></response>",
                DELIVERED,
                XML,
                {"reference": "58402"},
            ),
            Answer(
                READ,
                "stored, unsold",
                200,
                "<response><status>Unmatched</status><lead_id>58403</lead_id></response>",
                REJECTED,
                XML,
                {"rule": "unsold", "reference": "58403"},
            ),
            Answer(
                MADE,
                "a duplicate in the error text",
                200,
                "<response><status>Error</status><error>Duplicate lead (email)</error></response>",
                DUPLICATE,
                XML,
            ),
            Answer(
                MADE,
                "an error",
                200,
                "<response><status>Error</status><error>Invalid Zip Code</error></response>",
                REJECTED,
                XML,
                {"reason": "Invalid Zip Code"},
            ),
        ),
    ),
    Partner(
        21,
        "clientsupportsoftware",
        """
        - outcome: duplicate
          body: {/status: rejected}
          text: {contains: duplicate, ignore_case: true}
          capture: {reason: {regex: '</status>\\s*(.+)'}}
        - {outcome: delivered, body: {/status: accepted}}
        - {outcome: rejected, body: {/status: rejected}, capture: {reason: {regex: '</status>\\s*(.+)'}}}
        """,
        (
            Answer(READ, "accepted", 200, "<status>accepted</status>", DELIVERED),
            Answer(
                READ,
                "not well-formed: text behind the root",
                200,
                "<status>rejected</status>Invalid phone number",
                REJECTED,
                (),
                {"reason": "Invalid phone number"},
            ),
            Answer(
                MADE,
                "the duplicate in that text",
                200,
                '<?xml version="1.0"?>\n<status>rejected</status>Duplicate lead\n',
                DUPLICATE,
                XML,
                {"reason": "Duplicate lead"},
            ),
        ),
    ),
)
CASES = cases(PARTNERS)


@pytest.mark.parametrize(("partner", "answer"), CASES)
def test_answer_counts_as_the_partner_means_it(partner: Partner, answer: Answer) -> None:
    outcome = classified(partner, answer)
    assert outcome.kind is answer.outcome
    assert {name: getattr(outcome, name) for name in answer.expected} == answer.expected


@pytest.mark.parametrize(("partner", "answer"), CASES)
def test_explanation_tells_the_same_story(partner: Partner, answer: Answer) -> None:
    classifier = Classifier(spec_of(partner).responses)
    response = Response(answer.status, answer.headers, answer.body.encode())
    told = classifier.explain(response, received=RECEIVED)
    assert told.outcome == classifier.classify(response, received=RECEIVED)
    matched = [trace.name for trace in told.rules if trace.verdict == "matched"]
    assert matched == ([told.outcome.rule] if told.outcome.rule else [])


def test_every_row_is_there_with_success_and_rejection() -> None:
    assert [partner.row for partner in PARTNERS] == [18, 19, 20, 21]
    for partner in PARTNERS:
        kinds = {answer.outcome for answer in partner.answers}
        assert {DELIVERED, REJECTED, DUPLICATE} <= kinds
