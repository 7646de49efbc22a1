"""Responses of e-mail and marketing platforms, in the rule language, and how each counts."""

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
        1,
        "mailchimp",
        """
        - {outcome: duplicate, status: 400, body: {$.title: Member Exists}, capture: {reason: $.detail}}
        - {outcome: delivered, status: 200-299, capture: {reference: $.id}}
        - {outcome: rejected, status: 4xx, capture: {reason: $.detail, code: $.title}}
        - {outcome: failed, status: 5xx, retry: true}
        """,
        (
            Answer(
                READ,
                "a 400 is a duplicate by its title",
                400,
                '{"title": "Member Exists", "status": 400, "detail": "jane.doe@example.com is already a list member."}',
                DUPLICATE,
                JSON,
                {"reason": "jane.doe@example.com is already a list member."},
            ),
            Answer(MADE, "a member", 200, '{"id": "2cbec6ad", "status": "subscribed"}', DELIVERED, JSON),
            Answer(
                MADE,
                "another title under the same status",
                400,
                '{"title": "Invalid Resource", "status": 400, "detail": "Please provide a valid email address."}',
                REJECTED,
                JSON,
                {"code": "Invalid Resource", "reason": "Please provide a valid email address."},
            ),
            Answer(MADE, "down", 503, "<html>Service Unavailable</html>", FAILED, (), {"retry": True}),
        ),
    ),
    Partner(
        4,
        "klaviyo",
        """
        - outcome: duplicate
          status: 409
          body: {'$.errors[*].code': duplicate_profile}
          capture: {reason: '$.errors[*].detail', reference: '$.errors[*].meta.duplicate_profile_id'}
        - {outcome: delivered, name: created, status: 201, capture: {reference: $.data.id}}
        - {outcome: delivered, name: updated, status: 200, capture: {reference: $.data.id}}
        - {outcome: rejected, status: 4xx, capture: {reason: '$.errors[*].detail', code: '$.errors[*].code'}}
        """,
        (
            Answer(
                READ, "new", 201, '{"data": {"type": "profile", "id": "01H"}}', DELIVERED, JSON, {"rule": "created"}
            ),
            Answer(
                READ, "known", 200, '{"data": {"type": "profile", "id": "01H"}}', DELIVERED, JSON, {"rule": "updated"}
            ),
            Answer(
                READ,
                "a code among JSON:API errors",
                409,
                '{"errors": [{"id": "x", "status": 409, "code": "duplicate_profile", "detail": "A profile exists.",'
                ' "meta": {"duplicate_profile_id": "01GD"}}]}',
                DUPLICATE,
                JSON,
                {"reference": "01GD", "reason": "A profile exists."},
            ),
            Answer(
                MADE,
                "invalid",
                400,
                '{"errors": [{"status": 400, "code": "invalid", "detail": "Invalid email address"}]}',
                REJECTED,
                JSON,
                {"code": "invalid"},
            ),
        ),
    ),
    Partner(
        7,
        "marketing-cloud",
        """
        - outcome: duplicate
          status: 200
          body: {/Envelope/Body/CreateResponse/Results/ErrorCode: 12014}
          capture: {reason: /Envelope/Body/CreateResponse/Results/StatusMessage}
        - outcome: delivered
          status: 200
          body: {/Envelope/Body/CreateResponse/Results/StatusCode: OK}
          capture: {reference: /Envelope/Body/CreateResponse/Results/NewID}
        - outcome: rejected
          status: 200
          body: {//StatusCode: Error}
          capture: {reason: //StatusMessage, code: //ErrorCode}
        - outcome: failed
          status: 500
          body: {$.Envelope.Body.Fault: {exists: true}}
          capture: {reason: //faultstring}
        """,
        tuple(
            Answer(
                source,
                says,
                status,
                '<?xml version="1.0" encoding="utf-8"?>'
                '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
                f"{inside}</soap:Body></soap:Envelope>",
                outcome,
                XML,
                expected,
            )
            for source, says, status, inside, outcome, expected in (
                (
                    READ,
                    "a status code in a namespace",
                    200,
                    '<CreateResponse xmlns="http://exacttarget.com/wsdl/partnerAPI"><Results><StatusCode>OK</StatusCode>'
                    "<NewID>77</NewID></Results></CreateResponse>",
                    DELIVERED,
                    {"reference": "77"},
                ),
                (
                    READ,
                    "HTTP 200 says nothing",
                    200,
                    '<CreateResponse xmlns="http://exacttarget.com/wsdl/partnerAPI"><Results>'
                    "<StatusCode>Error</StatusCode><StatusMessage>The subscriber is already on the list</StatusMessage>"
                    "<ErrorCode>12014</ErrorCode></Results></CreateResponse>",
                    DUPLICATE,
                    {"reason": "The subscriber is already on the list"},
                ),
                (
                    MADE,
                    "another error code",
                    200,
                    '<CreateResponse xmlns="http://exacttarget.com/wsdl/partnerAPI"><Results>'
                    "<StatusCode>Error</StatusCode><StatusMessage>Invalid address</StatusMessage>"
                    "<ErrorCode>12002</ErrorCode></Results></CreateResponse>",
                    REJECTED,
                    {"code": "12002"},
                ),
                (
                    MADE,
                    "a fault",
                    500,
                    "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>Token expired</faultstring>"
                    "</soap:Fault>",
                    FAILED,
                    {"reason": "Token expired"},
                ),
            )
        ),
    ),
    Partner(
        8,
        "marketo",
        """
        - outcome: failed
          name: authenticate again
          status: 200
          body: {$.success: false, '$.errors[*].code': ["601", "602"]}
          retry: true
          capture: {code: '$.errors[*].code', reason: '$.errors[*].message'}
        - outcome: duplicate
          status: 200
          body: {$.success: true, '$.result[*].status': skipped, '$.result[*].reasons[*].code': "1005"}
          capture: {reason: '$.result[*].reasons[*].message'}
        - outcome: delivered
          status: 200
          body: {$.success: true, '$.result[*].status': {every: {one_of: [created, updated]}}}
          capture: {reference: '$.result[0].id'}
        - outcome: rejected
          status: 200
          capture: {reason: ['$.result[*].reasons[*].message', '$.errors[*].message'], code: '$..code'}
        """,
        (
            Answer(
                READ,
                "created, in a list of one",
                200,
                '{"requestId": "e42b#14272d07d78", "success": true, "result": [{"id": 50, "status": "created"}]}',
                DELIVERED,
                JSON,
                {"reference": "50"},
            ),
            Answer(
                READ,
                "skipped for a reason",
                200,
                '{"success": true, "result": [{"status": "skipped", "reasons": [{"code": "1005",'
                ' "message": "Lead already exists"}]}]}',
                DUPLICATE,
                JSON,
                {"reason": "Lead already exists"},
            ),
            Answer(
                READ,
                "a stale token under 200, its code a string",
                200,
                '{"requestId": "x", "success": false, "errors": [{"code": "601", "message": "Access token invalid"}]}',
                FAILED,
                JSON,
                {"rule": "authenticate again", "retry": True, "code": "601"},
            ),
            Answer(
                MADE,
                "the same code as a number",
                200,
                '{"success": false, "errors": [{"code": 602, "message": "Access token expired"}]}',
                FAILED,
                JSON,
                {"code": "602"},
            ),
            Answer(
                MADE,
                "one of two was skipped: not every one is created",
                200,
                '{"success": true, "result": [{"id": 50, "status": "created"}, {"status": "skipped",'
                ' "reasons": [{"code": "1003", "message": "Must specify action"}]}]}',
                REJECTED,
                JSON,
                {"reason": "Must specify action", "code": "1003"},
            ),
        ),
    ),
    Partner(
        9,
        "sendgrid",
        """
        - {outcome: delivered, name: accepted, provisional: true, status: 202, capture: {reference: $.job_id}}
        - {outcome: duplicate, status: 200, body: {$.status: completed, $.results.updated_count: {compare: '>= 1'}}}
        - {outcome: delivered, name: imported, status: 200, body: {$.status: completed}}
        - {outcome: rejected, name: import failed, status: 200, body: {$.status: [errored, failed]}}
        - {outcome: rejected, status: 400, capture: {reason: '$.errors[*].message', code: '$.errors[*].field'}}
        """,
        (
            Answer(
                READ,
                "accepted now, known later",
                202,
                '{"job_id": "6f2c0b3a"}',
                DELIVERED,
                JSON,
                {"rule": "accepted", "reference": "6f2c0b3a"},
            ),
            Answer(
                READ,
                "the job, asked later, updated one",
                200,
                '{"id": "6f2c0b3a", "status": "completed", "results": {"requested_count": 1, "updated_count": 1}}',
                DUPLICATE,
                JSON,
            ),
            Answer(
                READ,
                "the job created one",
                200,
                '{"status": "completed", "results": {"created_count": 1, "updated_count": 0}}',
                DELIVERED,
                JSON,
                {"rule": "imported"},
            ),
            Answer(READ, "the job failed", 200, '{"status": "errored", "results": {}}', REJECTED, JSON),
            Answer(READ, "a pending job is none of these", 200, '{"status": "pending"}', UNCLASSIFIED, JSON),
            Answer(
                MADE,
                "refused at once",
                400,
                '{"errors": [{"field": "contacts[0].email", "message": "invalid"}]}',
                REJECTED,
                JSON,
                {"code": "contacts[0].email"},
            ),
        ),
    ),
    Partner(
        10,
        "campaign-monitor",
        """
        - outcome: delivered
          status: 201
          content_type: {suffix: json}
          body: {$: {contains: '@'}}
          capture: {reference: $}
        - {outcome: delivered, name: delivered as xml, status: 201, as: xml, body: {/string: {regex: .+@.+}}}
        - {outcome: rejected, status: 400, body: {$.Code: {exists: true}}, capture: {reason: $.Message, code: $.Code}}
        """,
        (
            Answer(
                READ,
                "the body is a bare JSON string",
                201,
                '"jane.doe@example.com"',
                DELIVERED,
                JSON,
                {"reference": "jane.doe@example.com"},
            ),
            Answer(MADE, "the .xml door", 201, "<string>jane.doe@example.com</string>", DELIVERED, XML),
            Answer(READ, "a second time updates: no duplicate", 201, '"jane.doe@example.com"', DELIVERED, JSON),
            Answer(
                MADE,
                "a code and words",
                400,
                '{"Code": 1, "Message": "Invalid Email Address"}',
                REJECTED,
                JSON,
                {"reason": "Invalid Email Address", "code": "1"},
            ),
        ),
    ),
    Partner(
        11,
        "emarsys",
        """
        - {outcome: duplicate, body: {$.replyCode: 2009}, capture: {reason: $.replyText, code: $.replyCode}}
        - outcome: duplicate
          name: duplicate in a batch
          body: {$.replyCode: 0, "$.data.errors[*]['2009']": {exists: true}}
          capture: {reason: "$.data.errors[*]['2009']"}
        - outcome: rejected
          name: rejected in a batch
          body: {$.replyCode: 0, '$.data.errors[*]': {exists: true}}
          capture: {reason: '$.data.errors[*][*]'}
        - {outcome: delivered, body: {$.replyCode: 0}, capture: {reference: [$.data.id, '$.data.ids[0]']}}
        - {outcome: rejected, status: 400, capture: {reason: [$.replyText, $.data], code: $.replyCode}}
        """,
        (
            Answer(
                READ,
                "replyCode 0",
                200,
                '{"replyCode": 0, "replyText": "OK", "data": {"id": 7061}}',
                DELIVERED,
                JSON,
                {"reference": "7061"},
            ),
            Answer(MADE, "data is text", 200, '{"replyCode": 0, "replyText": "OK", "data": ""}', DELIVERED, JSON),
            Answer(
                MADE,
                "no errors: an empty list where a mapping is expected",
                200,
                '{"replyCode": 0, "data": {"ids": ["7061"], "errors": []}}',
                DELIVERED,
                JSON,
                {"reference": "7061"},
            ),
            Answer(
                READ,
                "replyCode 2009",
                400,
                '{"replyCode": 2009, "replyText": "Contact with the external id already exists: 3", "data": ""}',
                DUPLICATE,
                JSON,
                {"code": "2009"},
            ),
            Answer(
                READ,
                "in a batch the keys are data, and hold dots",
                200,
                '{"replyCode": 0, "data": {"ids": [], "errors": {"jane.doe@example.com": {"2009": "already exists"}}}}',
                DUPLICATE,
                JSON,
                {"rule": "duplicate in a batch", "reason": "already exists"},
            ),
            Answer(
                MADE,
                "another error in a batch",
                200,
                '{"replyCode": 0, "data": {"errors": {"jane.doe@example.com": {"2004": "Invalid key field"}}}}',
                REJECTED,
                JSON,
                {"reason": "Invalid key field"},
            ),
        ),
    ),
    Partner(
        12,
        "sailthru",
        """
        - {outcome: failed, body: {$.error: 43}, retry: true, after: X-Rate-Limit-Reset}
        - {outcome: rejected, body: {$.error: {exists: true}}, capture: {reason: $.errormsg, code: $.error}}
        - {outcome: delivered, status: 200, body: {$.error: {absent: true}}, capture: {reference: $.keys.sid}}
        """,
        (
            Answer(
                MADE, "an object", 200, '{"ok": true, "keys": {"sid": "5e1"}}', DELIVERED, JSON, {"reference": "5e1"}
            ),
            Answer(MADE, "a second time updates: no duplicate", 200, '{"ok": true}', DELIVERED, JSON),
            Answer(
                READ,
                "an error in the body",
                400,
                '{"error": 11, "errormsg": "Invalid email: jane"}',
                REJECTED,
                JSON,
                {"reason": "Invalid email: jane", "code": "11"},
            ),
            Answer(MADE, "a broken body proves no absence", 200, '{"ok": tr', UNCLASSIFIED, JSON),
        ),
    ),
    Partner(
        13,
        "brevo",
        """
        - outcome: duplicate
          status: 400
          body: {$.metadata.duplicate_identifiers: {contains: email}}
          capture: {reason: $.message, code: $.code}
        - {outcome: delivered, status: 201, capture: {reference: $.id}}
        - {outcome: rejected, status: 400, capture: {reason: $.message, code: $.code}}
        """,
        (
            Answer(
                MADE, "created", 201, '{"id": 9007199254740993}', DELIVERED, JSON, {"reference": "9007199254740993"}
            ),
            *(
                Answer(
                    READ,
                    f"the metadata counts, not the code {code}",
                    400,
                    f'{{"code": "{code}", "message": "Unable to create contact, email is already associated with'
                    ' another Contact", "metadata": {"duplicate_identifiers": ["email"]}}',
                    DUPLICATE,
                    JSON,
                    {"code": code},
                )
                for code in ("duplicate_parameter", "invalid_parameter")
            ),
            Answer(
                MADE,
                "the same code without the metadata",
                400,
                '{"code": "invalid_parameter", "message": "Invalid email address"}',
                REJECTED,
                JSON,
                {"reason": "Invalid email address"},
            ),
        ),
    ),
    Partner(
        14,
        "constant-contact",
        """
        - outcome: duplicate
          status: 409
          body: {'$[*].error_key': contacts.api.conflict}
          capture: {reason: '$[*].error_message', code: '$[*].error_key'}
        - {outcome: delivered, status: 201, capture: {reference: $.contact_id}}
        - {outcome: rejected, status: 4xx, capture: {reason: '$[*].error_message', code: '$[*].error_key'}}
        """,
        (
            Answer(MADE, "created", 201, '{"contact_id": "04fe-11eb"}', DELIVERED, JSON, {"reference": "04fe-11eb"}),
            Answer(
                READ,
                "409 with an array at the root",
                409,
                '[{"error_key": "contacts.api.conflict", "error_message": "Validation failed: Email already exists"}]',
                DUPLICATE,
                JSON,
                {"code": "contacts.api.conflict"},
            ),
            Answer(
                MADE,
                "409 that is no duplicate",
                409,
                '[{"error_key": "contacts.api.busy", "error_message": "Try again"}]',
                REJECTED,
                JSON,
                {"reason": "Try again"},
            ),
        ),
    ),
    Partner(
        15,
        "mailjet",
        """
        - {outcome: duplicate, status: 400, body: {$.ErrorMessage: {prefix: MJ18}}, capture: {reason: $.ErrorMessage}}
        - {outcome: delivered, status: 201, capture: {reference: '$.Data[0].ID'}}
        - outcome: rejected
          status: 400
          capture: {reason: $.ErrorMessage, code: {path: $.ErrorMessage, regex: '^(MJ\\d+)'}}
        """,
        (
            Answer(
                MADE, "created", 201, '{"Count": 1, "Data": [{"ID": 1234}]}', DELIVERED, JSON, {"reference": "1234"}
            ),
            Answer(
                READ,
                "the message starts with a code",
                400,
                '{"ErrorInfo": "", "ErrorMessage": "MJ18 A Contact resource with value x for Email already exists."}',
                DUPLICATE,
                JSON,
            ),
            Answer(
                MADE,
                "another code at the start",
                400,
                '{"ErrorMessage": "MJ08 Property email is invalid: MJ18"}',
                REJECTED,
                JSON,
                {"code": "MJ08"},
            ),
        ),
    ),
    Partner(
        16,
        "getresponse",
        """
        - {outcome: delivered, provisional: true, status: 202, empty: true}
        - {outcome: duplicate, body: {$.code: 1008}, capture: {reason: $.message, code: $.code}}
        - {outcome: rejected, name: blocked, body: {$.code: 1002}, capture: {reason: $.message, code: $.code}}
        - {outcome: failed, status: 429, retry: true, after: X-RateLimit-Reset}
        """,
        (
            Answer(MADE, "an empty 202", 202, "", DELIVERED),
            Answer(MADE, "white space is nothing", 202, "\r\n", DELIVERED),
            Answer(MADE, "a 202 that says something is another matter", 202, '{"x": 1}', UNCLASSIFIED, JSON),
            Answer(
                READ,
                "code 1008",
                409,
                '{"httpStatus": 409, "code": 1008, "message": "Contact already added"}',
                DUPLICATE,
                JSON,
                {"code": "1008"},
            ),
            Answer(
                READ,
                "code 1002, blocked",
                400,
                '{"httpStatus": 400, "code": 1002, "message": "Cannot add contact that is blocked"}',
                REJECTED,
                JSON,
                {"rule": "blocked"},
            ),
            *(
                Answer(
                    READ,
                    f"429 with the vendor's own reset header, `{value}`",
                    429,
                    '{"httpStatus": 429, "code": 1015}',
                    FAILED,
                    (*JSON, ("x-ratelimit-reset", value)),
                    {"retry": True, "retry_after": 592.0},
                )
                for value in ("592", "592 seconds", "Tue, 14 Nov 2023 22:23:12 GMT")
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
    assert [partner.row for partner in PARTNERS] == [1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    for partner in PARTNERS:
        kinds = {answer.outcome for answer in partner.answers}
        assert {DELIVERED, REJECTED} <= kinds
        if partner.row not in _WITHOUT_DUPLICATES:
            assert DUPLICATE in kinds


_WITHOUT_DUPLICATES = {10, 12}
"""Partners that update silently, or tell of a duplicate by mail."""


@pytest.mark.parametrize(("slug", "rule"), [("sendgrid", "accepted")])
def test_accepted_now_known_later_is_marked(slug: str, rule: str) -> None:
    (partner,) = (partner for partner in PARTNERS if partner.slug == slug)
    spec = spec_of(partner)
    assert spec.responses[spec.rule_names.index(rule)].provisional
