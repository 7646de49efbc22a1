"""Responses of CRM systems and their web forms, in the rule language, and how each counts."""

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
    UNCLASSIFIED,
    XML,
    Answer,
    Partner,
    cases,
    classified,
    spec_of,
)

PARTNERS = (
    Partner(
        2,
        "hubspot-contacts",
        """
        - outcome: duplicate
          status: 409
          body: {$.category: CONFLICT}
          capture: {reference: {path: $.message, regex: 'Existing ID: (?P<value>\\d+)'}, reason: $.message}
        - {outcome: delivered, status: 201, capture: {reference: $.id}}
        - {outcome: failed, name: token expired, status: 401, body: {$.category: EXPIRED_AUTHENTICATION}, retry: true}
        - {outcome: rejected, status: 4xx, capture: {reason: $.message, code: $.category}}
        """,
        (
            Answer(
                READ,
                "the existing id stands in prose alone",
                409,
                '{"status": "error", "message": "Contact already exists. Existing ID: 377551", "category": "CONFLICT"}',
                DUPLICATE,
                JSON,
                {"reference": "377551"},
            ),
            Answer(MADE, "created", 201, '{"id": "512", "properties": {}}', DELIVERED, JSON, {"reference": "512"}),
            Answer(
                READ,
                "an expired token is no rejection",
                401,
                '{"status": "error", "message": "The OAuth token expired", "category": "EXPIRED_AUTHENTICATION"}',
                FAILED,
                JSON,
                {"rule": "token expired", "retry": True},
            ),
            Answer(
                MADE,
                "bad property",
                400,
                '{"status": "error", "message": "Property values were not valid", "category": "VALIDATION_ERROR"}',
                REJECTED,
                JSON,
                {"code": "VALIDATION_ERROR"},
            ),
        ),
    ),
    Partner(
        3,
        "hubspot-forms",
        """
        - {outcome: delivered, status: 200}
        - {outcome: rejected, status: 4xx, capture: {reason: '$.errors[*].message', code: '$.errors[*].errorType'}}
        """,
        (
            Answer(MADE, "thanks", 200, '{"inlineMessage": "Thanks for submitting the form."}', DELIVERED, JSON),
            Answer(MADE, "there is no duplicate", 200, '{"inlineMessage": "Thanks."}', DELIVERED, JSON),
            Answer(
                MADE,
                "the first of several errors is the reason",
                400,
                '{"status": "error", "errors": [{"message": "Error in fields.email", "errorType": "INVALID_EMAIL"},'
                ' {"message": "more", "errorType": "OTHER"}]}',
                REJECTED,
                JSON,
                {"reason": "Error in fields.email", "code": "INVALID_EMAIL"},
            ),
        ),
    ),
    Partner(
        5,
        "salesforce-lead",
        """
        - outcome: duplicate
          status: 400
          body: {'$[*].errorCode': DUPLICATES_DETECTED}
          capture: {reason: '$[0].message', code: '$[0].errorCode'}
        - {outcome: delivered, status: 201, body: {$.success: true}, capture: {reference: $.id}}
        - {outcome: rejected, status: 400, capture: {reason: '$[0].message', code: '$[0].errorCode'}}
        """,
        (
            Answer(MADE, "created", 201, '{"id": "00Q5", "success": true, "errors": []}', DELIVERED, JSON),
            Answer(
                READ,
                "the array is the root",
                400,
                '[{"message": "Use one of these records?", "errorCode": "DUPLICATES_DETECTED", "fields": []}]',
                DUPLICATE,
                JSON,
                {"code": "DUPLICATES_DETECTED"},
            ),
            Answer(
                MADE,
                "another code in the same shape",
                400,
                '[{"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING"}]',
                REJECTED,
                JSON,
                {"code": "REQUIRED_FIELD_MISSING"},
            ),
            Answer(MADE, "a success that says otherwise", 201, '{"success": false, "errors": []}', UNCLASSIFIED, JSON),
        ),
    ),
    Partner(
        6,
        "salesforce-web-to-lead",
        """
        - outcome: delivered
          name: accepted
          provisional: true
          status: 200
          text: {contains: 'https://shop.example.com/thanks'}
        - outcome: delivered
          name: redirected
          provisional: true
          status: [301, 302, 303]
          headers: {Location: {prefix: 'https://shop.example.com/thanks'}}
        - {outcome: rejected, status: 3xx, capture: {reason: {header: location}}}
        - {outcome: failed, status: 5xx, retry: true}
        """,
        (
            Answer(
                READ,
                "a page that leads to our address; a duplicate is invisible: its reason comes by mail, later",
                200,
                '<html><head><meta http-equiv="Refresh" content="0; URL=https://shop.example.com/thanks"></head></html>',
                DELIVERED,
                (("Content-Type", "text/html"),),
                {"rule": "accepted"},
            ),
            Answer(
                MADE,
                "a redirect is the answer",
                302,
                "",
                DELIVERED,
                (("location", "https://shop.example.com/thanks?x=1"),),
                {"rule": "redirected"},
            ),
            Answer(
                MADE,
                "a redirect elsewhere",
                302,
                "",
                REJECTED,
                (("Location", "https://login.example.com/error"),),
                {"reason": "https://login.example.com/error"},
            ),
            Answer(MADE, "down", 500, "<html>error</html>", FAILED),
        ),
    ),
    Partner(
        17,
        "zoho-legacy",
        """
        - {outcome: duplicate, status: 200, body: {/response/result: {empty: true}}}
        - outcome: delivered
          status: 200
          body: {/response/result/recorddetail: {exists: true}}
          capture: {reference: "/response/result/recorddetail/FL[@val='Id']", reason: /response/result/message}
        - outcome: rejected
          status: 200
          body: {/response/error: {exists: true}}
          capture: {reason: /response/error/message, code: /response/error/code}
        """,
        (
            Answer(
                READ,
                "a record",
                200,
                '<response uri="/crm/private/xml/Leads/insertRecords"><result><message>Record(s) added successfully'
                '</message><recorddetail><FL val="Id">2000000017001</FL></recorddetail></result></response>',
                DELIVERED,
                XML,
                {"reference": "2000000017001"},
            ),
            Answer(
                READ,
                "absence is the signal",
                200,
                '<response uri="/crm/private/xml/Leads/insertRecords"><result/></response>',
                DUPLICATE,
                XML,
            ),
            Answer(
                MADE,
                "elements without text are not empty",
                200,
                "<response><result><recorddetail/></result></response>",
                DELIVERED,
                XML,
            ),
            Answer(
                MADE,
                "an error",
                200,
                "<response><error><code>4834</code><message>Invalid Ticket Id</message></error></response>",
                REJECTED,
                XML,
                {"code": "4834", "reason": "Invalid Ticket Id"},
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
    assert [partner.row for partner in PARTNERS] == [2, 3, 5, 6, 17]
    for partner in PARTNERS:
        kinds = {answer.outcome for answer in partner.answers}
        assert {DELIVERED, REJECTED} <= kinds
        if partner.row not in _WITHOUT_DUPLICATES:
            assert DUPLICATE in kinds


_WITHOUT_DUPLICATES = {3, 6}
"""Partners that update silently, or tell of a duplicate by mail."""


@pytest.mark.parametrize(("slug", "rule"), [("salesforce-web-to-lead", "accepted")])
def test_accepted_now_known_later_is_marked(slug: str, rule: str) -> None:
    (partner,) = (partner for partner in PARTNERS if partner.slug == slug)
    spec = spec_of(partner)
    assert spec.responses[spec.rule_names.index(rule)].provisional
