"""Refusals as real products and vendors write them, without a network: the cause that their words and heads name."""

from __future__ import annotations

import pytest

from rokt_export.diagnosis.case import Case, SentDelivery
from rokt_export.diagnosis.suspects import ranked
from rokt_export.exchange.model import Response

JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html"),)
BEARER = SentDelivery("POST", "https://api.example.com/v1/leads", {"authorization": "Bearer $ACME_TOKEN"}, True)
PLAIN = SentDelivery("POST", "http://api.example.com/v1/leads", {}, False)

REFUSALS = [
    # firewalls and gateways
    (
        "edge-firewall",
        403,
        (*HTML, ("Server", "cloudflare"), ("CF-RAY", "1")),
        "<title>Access denied</title>error code: 1020",
    ),
    (
        "edge-firewall",
        403,
        (*HTML, ("Server", "cloudflare"), ("cf-mitigated", "challenge")),
        "<title>Just a moment...</title>",
    ),
    (
        "edge-firewall",
        403,
        (*HTML, ("X-Cache", "Error from cloudfront")),
        "<H1>403 ERROR</H1><H2>The request could not be satisfied.</H2>Request blocked.",
    ),
    ("edge-firewall", 403, (*HTML, ("Server", "awselb/2.0")), "<html><head><title>403 Forbidden</title></head></html>"),
    (
        "edge-firewall",
        403,
        (*HTML, ("Server", "AkamaiGHost")),
        '<H1>Access Denied</H1>You don\'t have permission to access "http://api.example.com/" on this server.<P>'
        "Reference&#32;&#35;18&#46;5c2d&#46;1700000000&#46;1a2b",
    ),
    (
        "edge-firewall",
        403,
        (*HTML, ("X-Iinfo", "1-2-3")),
        "<html>Request unsuccessful. Incapsula incident ID: 443000270-1</html>",
    ),
    ("edge-firewall", 403, (*HTML, ("x-azure-ref", "0abc")), "<html>The request is blocked.</html>"),
    ("edge-firewall", 403, (("Server", "Microsoft-Azure-Application-Gateway/v2"), *HTML), "<h1>403 Forbidden</h1>"),
    ("edge-firewall", 403, (*HTML, ("X-Sucuri-ID", "11")), "<title>Sucuri WebSite Firewall - Access Denied</title>"),
    (
        "edge-firewall",
        200,
        HTML,
        "The requested URL was rejected. Please consult with your administrator. Your support ID is: 12345",
    ),
    (
        "edge-firewall",
        406,
        HTML,
        "Not Acceptable! An appropriate representation of the requested resource could not be found. Mod_Security",
    ),
    # allow-lists
    ("allow-list", 403, JSON, '{"message": "Access denied: IP address 203.0.113.7 is not authorized"}'),
    (
        "allow-list",
        403,
        JSON,
        '{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke with an explicit deny"}',
    ),
    ("allow-list", 403, JSON, '{"error":"Your IP is not whitelisted"}'),
    # credentials
    (
        "wrong-credentials",
        401,
        JSON,
        '{"error":{"message":"Invalid API Key provided: sk_test_********","type":"invalid_request_error"}}',
    ),
    ("wrong-credentials", 401, JSON, '{"title":"API Key Invalid","status":401,"detail":"Your API key may be invalid"}'),
    (
        "wrong-credentials",
        401,
        JSON,
        '{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}',
    ),
    ("wrong-credentials", 401, JSON, '{"statusCode":401,"message":"Access denied due to invalid subscription key."}'),
    ("wrong-credentials", 403, (*JSON, ("x-amzn-ErrorType", "ForbiddenException")), '{"message":"Forbidden"}'),
    ("wrong-credentials", 401, JSON, '{"message":"Bad credentials"}'),
    ("missing-credentials", 401, JSON, '{"statusCode":401,"message":"Access denied due to missing subscription key."}'),
    ("missing-credentials", 401, JSON, '{"message":"No API key found in request"}'),
    ("missing-credentials", 401, JSON, '{"fault":{"detail":{"errorcode":"steps.oauth.v2.FailedToResolveAPIKey"}}}'),
    ("missing-credentials", 401, JSON, '{"error":"Authentication credentials were not provided."}'),
    ("scope", 403, JSON, '{"category":"MISSING_SCOPES","message":"This app hasn\'t been granted all required scopes"}'),
    (
        "scope",
        403,
        JSON,
        '{"error":{"status":"PERMISSION_DENIED","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}',
    ),
    ("scope", 403, (*JSON, ("WWW-Authenticate", 'Bearer error="insufficient_scope"')), "{}"),
    (
        "expired-token",
        401,
        JSON,
        '{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}',
    ),
    ("expired-token", 401, JSON, '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'),
    (
        "expired-token",
        401,
        (*JSON, ("WWW-Authenticate", 'Bearer error="invalid_token", error_description="The access token expired"')),
        "{}",
    ),
    ("token-not-yet-valid", 401, JSON, '{"message":"jwt not active"}'),
    ("clock-skew", 403, JSON, '{"message":"Signature expired: 20261129T080000Z is now earlier than 20261129T091000Z"}'),
    ("clock-skew", 403, JSON, "<Error><Code>RequestTimeTooSkewed</Code></Error>"),
    ("clock-skew", 401, JSON, '{"error":"Request timestamp is outside the allowed window"}'),
    # addresses
    (
        "wrong-path",
        403,
        (*JSON, ("x-amzn-ErrorType", "MissingAuthenticationTokenException")),
        '{"message":"Missing Authentication Token"}',
    ),
    ("wrong-path", 404, HTML, "<pre>Cannot POST /v1/leads</pre>"),
    ("wrong-path", 404, JSON, '{"message":"no Route matched with those values"}'),
    (
        "wrong-host",
        500,
        HTML,
        "Fastly error: unknown domain: api.example.com. Please check that this domain has been added.",
    ),
    ("wrong-host", 404, JSON, '{"fault":{"faultstring":"Unable to identify proxy for host: default and url: /v1"}}'),
    ("method", 405, JSON, '{"error":"Method Not Allowed","message":"Method \'POST\' is not supported."}'),
    (
        "user-agent",
        403,
        HTML,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
    ),
    ("content-type", 415, JSON, '{"title":"Unsupported Media Type"}'),
    ("content-type", 400, JSON, '{"message":"Content-Type must be application/vnd.api+json"}'),
    (
        "rate-limit",
        403,
        JSON,
        '{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:12:09."}',
    ),
    ("rate-limit", 429, JSON, '{"message":"Limit Exceeded"}'),
    ("proxy", 407, HTML, "<h1>Proxy Authentication Required</h1>"),
    ("client-certificate", 400, HTML, "<title>400 No required SSL certificate was sent</title>"),
]


@pytest.mark.parametrize(("cause", "status", "headers", "body"), REFUSALS)
def test_words_and_head_name_the_cause(
    cause: str, status: int, headers: tuple[tuple[str, str], ...], body: str
) -> None:
    found = ranked(Case(BEARER, Response(status, headers, body.encode()), None, None))
    assert [each.cause for each in found][:1] == [cause], found


@pytest.mark.parametrize(
    "body", ["400 The plain HTTP request was sent to HTTPS port", "Client sent an HTTP request to an HTTPS server."]
)
def test_a_port_that_speaks_tls_says_so(body: str) -> None:
    found = ranked(Case(PLAIN, Response(400, HTML, body.encode()), None, None))
    assert found[0].cause == "https"


def test_of_json_values_are_quoted_and_no_syntax() -> None:
    body = b'{"type": "error.list", "errors": [{"code": "invalid_token", "message": "The token has expired."}]}'
    findings = ranked(Case(BEARER, Response(401, JSON, body), None, None))
    quoted = [text for each in findings for text in each.evidence if text.startswith("the response says")]
    assert 'the response says: "invalid_token, The token has expired."' in quoted
    assert not [text for text in quoted if set("{}[]") & set(text) or text.count('"') != 2]


@pytest.mark.parametrize("location", ["https://[bad", "//", "/login", "https://login.example.org/x", "\x00"])
@pytest.mark.parametrize("url", ["", "https://$ACME_HOST/leads", "https://api.example.com/leads"])
def test_a_location_that_cannot_be_read_is_no_crash(url: str, location: str) -> None:
    sent = SentDelivery("POST", url, {}, False)
    ranked(Case(sent, Response(302, (("Location", location), ("Date", "nonsense")), b"\xff"), None, 1.0))
