"""Each lint finds its fault at its line and column, and is silent on the same spec without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from rokt_export.partner_spec.document import Finding, parse
from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import LoadedSpec, load_spec, read_spec
from rokt_export.spec_language.encodings import ENCODINGS, EncodingFacts

ROOT = Path(__file__).resolve().parents[2]

HEAD = "spec_version: 1\npartner: acme\n"
SET_UP = "  - {outcome: failed, status: [401, 403, 404, 405, 415]}\n"
PARTS = {
    "endpoint": "endpoint: {staging: https://test.example.com/leads, production: https://api.example.com/leads}\n",
    "parameters": "parameters:\n  - {name: email, attribute: email, required: true}\n",
    "responses": (
        "responses:\n"
        "  - {outcome: duplicate, status: 409}\n"
        "  - {outcome: delivered, status: 2xx}\n" + SET_UP + "  - {outcome: rejected, status: 4xx}\n"
    ),
}


def spec_text(**parts: str) -> str:
    """A sound spec, with parts replaced or added; the parts given stand first, from line 3 on."""
    return HEAD + "".join(parts.values()) + "".join(text for key, text in PARTS.items() if key not in parts)


def loaded(text: str) -> LoadedSpec:
    return read_spec(parse("spec.yaml", text))


def found(text: str, variables: dict[str, str] | None = None) -> list[Finding]:
    return lint(loaded(text), variables or {})


@dataclass(frozen=True)
class Case:
    """A spec with one fault: where `^` marks it, in the text of one part."""

    code: str
    part: str
    wrong: str
    right: str
    severity: str = "warning"
    variables: tuple[str, ...] = ("KEY", "OTHER")

    @property
    def place(self) -> tuple[int, int]:
        before = (HEAD + self.wrong).partition("^")[0]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _parameter(text: str) -> str:
    return f"{PARTS['parameters']}  - {text}\n"


def _rule(text: str) -> str:
    return f"{PARTS['responses']}  - {text}\n"


def _first_rule(text: str) -> str:
    return PARTS["responses"].replace("responses:\n", f"responses:\n  - {text}\n")


HTTP = "http://api.example.com/leads"
PROVISIONAL = "{outcome: delivered, status: 202, provisional: true, capture: {reference: $.id}}"
CONFIRMATION = "confirmation: {url: '/jobs/{reference}', responses: [{outcome: delivered, status: 200}]}\n"
READ_BACK = "read_back: {url: '/leads/{reference}', values: {email: $.email}}\n"
CAPTURED = "{outcome: delivered, status: 2xx, capture: {reference: $.id}}"
BATCH = "limits: {batch: 5}\nparameters:\n  - {name: 'a[].email', attribute: email, required: true}\n"
CHARSET = "  - {{name: Content-Type, in: header, value: application/json; charset={}}}\n"
AUTH_2 = (
    "endpoint:\n"
    "  staging: {url: https://test.example.com, authentication: {type: bearer, token: '{{ env.%s }}'}}\n"
    "  production:\n"
    "    url: https://api.example.com\n"
    "    %sauthentication: {type: bearer, token: '{{ env.KEY }}'}\n"
)
OAUTH = (
    "authentication: {type: oauth2, client_id: a, client_secret: '{{ env.KEY }}', token_url: %s://id.example.com/t}\n"
)

CASES = [
    Case("RX101", "parameters", _parameter("{name: a, attribute: ^emial}"), _parameter("{name: a, attribute: email}")),
    Case(
        "RX101",
        "parameters",
        _parameter("{name: a, attribute: ^shoe_size}"),
        "attributes: [shoe_size]\n" + _parameter("{name: a, attribute: shoe_size}"),
        "info",
    ),
    Case(
        "RX101",
        "parameters",
        _parameter("{name: a, attribute: zipcode, required: {when: {contry: ^us}}}"),
        _parameter("{name: a, attribute: zipcode, required: {when: {country: us}}}"),
    ),
    Case(
        "RX101",
        "endpoint",
        'endpoint: {staging: ^"https://api.example.com/{{ customer_id }}"}\n',
        'attributes: [customer_id]\nendpoint: {staging: "https://api.example.com/{{ customer_id }}"}\n',
    ),
    Case("RX101", "columns", "columns: {Kunde: ^lastnam}\n", "columns: {Kunde: lastname}\n"),
    Case("RX102", "attributes", "attributes: {^dob: {required: true}}\n", "attributes: {dob: birthday}\n", "error"),
    Case(
        "RX102",
        "parameters",
        "^parameters: [{name: a, attribute: firstname}]\n",
        "parameters: [{name: a, value: '{{ mobile | phone }}'}]\n",
    ),
    Case("RX104", "endpoint", AUTH_2 % ("KEY", "^"), AUTH_2 % ("OTHER", "")),
    Case(
        "RX105",
        "endpoint",
        f"endpoint: {{staging: https://test.example.com, production: ^{HTTP}}}\n",
        "endpoint: {staging: http://127.0.0.1:8080/a, production: https://api.example.com/a}\n",
        "error",
    ),
    Case(
        "RX105",
        "endpoint",
        f"endpoint: {{staging: ^{HTTP}}}\n",
        "endpoint: {staging: http://localhost/a}\n",
    ),
    Case("RX124", "authentication", OAUTH % "^http", OAUTH % "https", "error"),
    Case(
        "RX106",
        "authentication",
        "authentication:\n  type: basic\n  username: anystring\n  password: ^s3cret\n",
        "authentication:\n  type: basic\n  username: anystring\n  password: '{{ env.KEY }}'\n",
        "error",
    ),
    Case(
        "RX106",
        "authentication",
        "authentication: [{type: api_key, name: X, value: ^abc}]\n",
        "authentication: [{type: basic, username: '{{ env.KEY }}', password: x}]\n",
        "error",
    ),
    Case(
        "RX106",
        "parameters",
        _parameter("{name: X-Api-Key, in: header, value: ^abc}"),
        _parameter("{name: token_type, in: header, value: bearer}"),
        "error",
    ),
    Case(
        "RX106",
        "parameters",
        _parameter("{name: X-Sent-By, in: header, value: ^Bearer abcdefgh}"),
        _parameter("{name: Authorization, in: header, value: 'Bearer {{ env.KEY }}'}"),
        "error",
    ),
    Case(
        "RX106",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/a?list=5&api_key=abc'}\n",
        "endpoint: {staging: 'https://api.example.com/a?list=5&api_key={{ env.KEY }}'}\n",
        "error",
    ),
    Case(
        "RX106",
        "endpoint",
        "endpoint: {staging: ^'https://me:secret@api.example.com/a'}\n",
        "endpoint: {staging: 'https://api.example.com/a?tokens=5'}\n",
        "error",
    ),
    Case(
        "RX107",
        "authentication",
        "authentication: {type: bearer, token: ^'{{ env.GONE }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
    Case("RX108", "responses", "^responses: [{outcome: duplicate, status: 409}]\n", PARTS["responses"]),
    Case(
        "RX109",
        "responses",
        "^responses: [{outcome: delivered, status: 2xx}]\n",
        "idempotent: true\nresponses: [{outcome: delivered, status: 2xx}]\n",
    ),
    Case(
        "RX110",
        "responses",
        _rule("^{outcome: failed, status: 404, body: {$.a: 1}}"),
        _rule("{outcome: failed, status: 500}"),
    ),
    Case("RX110", "responses", _rule("^{outcome: failed, status: 201-299}"), _rule("{outcome: failed}")),
    Case(
        "RX110",
        "responses",
        _first_rule("{outcome: failed, text: {contains: dup}}") + "  - ^{outcome: failed, text: {prefix: duplicate}}\n",
        _first_rule("{outcome: failed, text: {contains: dup}}") + "  - {outcome: failed, text: {prefix: double}}\n",
    ),
    Case(
        "RX111",
        "responses",
        _first_rule("{outcome: failed, status: 422}")
        + "  - ^{outcome: duplicate, status: [422, 500], body: {$.a: 1}}\n",
        _first_rule("{outcome: duplicate, status: [422, 500], body: {$.a: 1}}")
        + "  - {outcome: failed, status: 5xx}\n",
        "info",
    ),
    Case(
        "RX111",
        "responses",
        _first_rule("{outcome: rejected, body: {$.c: [1, 2]}}") + "  - ^{outcome: duplicate, body: {$.c: [2, 3]}}\n",
        _first_rule("{outcome: rejected, body: {$.c: [1, 2]}}") + "  - {outcome: duplicate, body: {$.c: [3, 4]}}\n",
        "info",
    ),
    Case(
        "RX114",
        "parameters",
        "method: GET\nparameters:\n  - {name: q, in: query, value: x}\n  - ^{name: a, attribute: email}\n",
        "method: GET\nparameters:\n  - {name: a, in: query, attribute: email}\n",
    ),
    Case(
        "RX114",
        "parameters",
        "encoding: none\nparameters:\n  - ^{name: a, attribute: email}\n",
        "encoding: none\nparameters:\n  - {name: a, in: header, attribute: email}\n",
        "error",
    ),
    Case("RX116", "encoding", "content_type: ^application/xml\n", "content_type: application/vnd.api+json\n"),
    Case(
        "RX116",
        "parameters",
        _parameter("{name: content-type, in: header, value: ^application/x-www-form-urlencoded}"),
        _parameter("{name: content-type, in: header, value: application/json; charset=utf-8}"),
    ),
    Case(
        "RX117",
        "parameters",
        _parameter("""{name: a, value: ^"{{ 'x' }}"}"""),
        _parameter("{name: a, value: '{{ now }}'}"),
    ),
    Case("RX117", "parameters", _parameter("{name: a, value: ^'{dob}'}"), _parameter("{name: a, value: '{{ dob }}'}")),
    Case("RX117", "parameters", _parameter("{name: a, value: ^'on %%dob%%'}"), _parameter("{name: a, value: '100%'}")),
    Case(
        "RX117", "parameters", _parameter("{name: a, attribute: ^'{{ dob }}'}"), _parameter("{name: a, attribute: dob}")
    ),
    Case("RX118", "parameters", _parameter("{name: a, value: ^00123}"), _parameter("{name: a, value: '00123'}")),
    Case(
        "RX118",
        "parameters",
        _parameter("{name: a, value: [1, ^1.10]}"),
        _parameter("{name: a, value: 9007199254740993}"),
    ),
    Case(
        "RX119",
        "parameters",
        _parameter("{name: ^email, attribute: emailmd5}"),
        _parameter("{name: mail, attribute: emailmd5}"),
    ),
    Case(
        "RX119",
        "parameters",
        _parameter("{name: X-A, in: header, value: a}") + "  - {name: ^x-a, in: header, value: b}\n",
        _parameter("{name: a, in: query, value: a}") + "  - {name: a, in: query, value: b}\n",
    ),
    Case(
        "RX119",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/{list}'}\n",
        "endpoint: {staging: 'https://api.example.com/{{ env.KEY }}'}\n",
        "error",
    ),
    Case(
        "RX119",
        "parameters",
        _parameter("{name: ^list, in: path, value: a}"),
        "endpoint: {staging: 'https://api.example.com/{list}'}\n" + _parameter("{name: list, in: path, value: a}"),
        "error",
    ),
    Case(
        "RX120",
        "parameters",
        _parameter("{name: a, attribute: dob}") + "  - {name: ^a.b, attribute: city}\n",
        _parameter("{name: a.c, attribute: dob}") + "  - {name: a.b, attribute: city}\n",
        "error",
    ),
    Case(
        "RX120",
        "parameters",
        _parameter("{name: 'a[0].b', attribute: dob}") + "  - {name: ^a.b, attribute: city}\n",
        _parameter("{name: 'a[].b', attribute: dob}") + "  - {name: 'a[].b', attribute: city}\n",
        "error",
    ),
    Case(
        "RX120",
        "parameters",
        "encoding: xml\nparameters: [{name: lead.email, attribute: email}, {name: ^dob, attribute: dob}]\n",
        "encoding: xml\nparameters: [{name: lead.email, attribute: email}, {name: lead.@id, attribute: dob}]\n",
        "error",
    ),
    Case(
        "RX120",
        "parameters",
        "encoding: ^xml\nparameters: [{name: e, in: query, attribute: email}]\n",
        "encoding: none\nparameters: [{name: e, in: query, attribute: email}]\n",
    ),
    Case(
        "RX121",
        "responses",
        _first_rule("{outcome: failed, all: [{status: 500}, {status: 501}]}").replace("all:", "^all:"),
        _first_rule("{outcome: failed, any: [{status: 500}, {status: 501}]}"),
    ),
    Case(
        "RX121",
        "responses",
        _first_rule("{outcome: failed, body: {^$.a: {exists: true, absent: true}}}"),
        _first_rule("{outcome: failed, body: {$.a: {exists: true}}}"),
    ),
    Case(
        "RX121",
        "responses",
        _first_rule("{outcome: failed, status: 5xx, ^not: {status: 500-599}}"),
        _first_rule("{outcome: failed, status: 5xx, not: {status: 503}}"),
    ),
    Case(
        "RX121",
        "responses",
        _first_rule("{outcome: failed, empty: ^true, text: {contains: a}}"),
        _first_rule("{outcome: failed, empty: true, text: {absent: true}}"),
    ),
    Case(
        "RX121",
        "responses",
        _first_rule("{outcome: failed, status: ^1xx}"),
        _first_rule("{outcome: failed, status: 3xx}"),
    ),
    Case(
        "RX125",
        "endpoint",
        "^endpoint: {production: https://api.example.com/a}\n",
        "endpoint: {staging: https://api.example.com/a}\n",
        "info",
    ),
    Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^eu-prod: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, pre-prod: https://api.example.com/a}\n",
    ),
    Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^productoin: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, prod: {url: https://api.example.com/a, guarded: true}}\n",
    ),
    Case(
        "RX141",
        "endpoint",
        "endpoint: {production: {url: https://api.example.com/a, guarded: ^false}}\n",
        "endpoint: {eu: {url: https://api.example.com/a, guarded: false}}\n",
    ),
    Case(
        "RX142",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^eu: https://api.example.com/a}\n",
        "endpoint: {eu: {url: https://api.example.com/a, guarded: true}, eu-qa2: https://test.example.com/a}\n",
        "info",
    ),
    Case(
        "RX143",
        "endpoint",
        "endpoint: {eu: {url: https://api.example.com/a, tls: {verify: ^false}}}\n",
        "endpoint: {eu: {url: https://api.example.com/a, tls: {verify: true}}}\ntls: {verify: false}\n",
        "error",
    ),
    Case(
        "RX143",
        "endpoint",
        "endpoint: {staging: https://api.example.com/a}\ntls: {verify: ^false}\n",
        "endpoint: {staging: https://api.example.com/a}\ntls: {verify: true}\n",
    ),
    Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^live2: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, delivery: https://api.example.com/a}\n",
    ),
    Case(
        "RX126",
        "parameters",
        _parameter("{name: a, attribute: dob, cdata: ^true}"),
        "encoding: xml\nparameters: [{name: 'a.b[@id=x].#text', attribute: email, cdata: true}]\n",
    ),
    Case(
        "RX126",
        "parameters",
        _parameter("{name: a, attribute: dob, date_format: ^'%d'}"),
        _parameter("{name: a, attribute: dob, type: date, date_format: '%d'}"),
    ),
    Case(
        "RX127",
        "parameters",
        "encoding: form\n" + _parameter("{name: a, attribute: dob, absent: ^send_null}"),
        _parameter("{name: a, attribute: dob, absent: send_null}"),
    ),
    Case(
        "RX127",
        "parameters",
        _parameter("{name: a, attribute: dob, required: true, absent: ^send_empty}"),
        _parameter("{name: a, attribute: dob, required: true, empty: send_empty}"),
    ),
    Case(
        "RX127",
        "parameters",
        _parameter("{name: a, attribute: dob, min_length: ^5, max_length: 4}"),
        _parameter("{name: a, attribute: dob, min_length: 4, max_length: 4}"),
        "error",
    ),
    Case(
        "RX127",
        "parameters",
        _parameter("{name: a, value: ^x, choices: [y, z]}"),
        _parameter("{name: a, value: x, choices: [x, y]}"),
        "error",
    ),
    Case(
        "RX129",
        "parameters",
        "body: '{}'\nparameters:\n  - ^{name: a, attribute: email}\n",
        'body: \'{"a": "{{ email }}"}\'\nparameters:\n  - {name: a, in: query, attribute: city}\n',
        "error",
    ),
    Case(
        "RX129",
        "parameters",
        "encoding: text\nparameters:\n  - ^{name: a, attribute: email}\n",
        "encoding: text\nbody: '{{ email }}'\nparameters: []\n",
        "error",
    ),
    Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com:port/leads}\n",
        "endpoint: {staging: 'https://api.example.com:{{ env.KEY }}/leads'}\n",
        "error",
    ),
    Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com:99999/x}\n",
        "endpoint: {staging: '{{ env.KEY }}://{{ env.OTHER }}/x/{{ email }}'}\n",
        "error",
    ),
    Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://<your-subdomain>.example.com/x}\n",
        "endpoint: {staging: 'https://{{ env.KEY }}.example.com/x'}\n",
        "error",
    ),
    Case(
        "RX170",
        "authentication",
        OAUTH.replace("id.example.com", "id..example.com") % "^https",
        OAUTH % "https",
        "error",
    ),
    Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com/lists/:list_id/members}\n",
        "endpoint: {staging: 'https://api.example.com/lists/{{ env.KEY }}/items:import'}\n",
    ),
    Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com/leads\u201d}\n",
        "endpoint: {staging: https://api.example.com/leads}\n",
    ),
    Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/leads '}\n",
        "endpoint: {staging: 'https://api.example.com/{{ firstname }}'}\n",
    ),
    Case(
        "RX172",
        "authentication",
        "authentication: {type: api_key, name: X, value: '{{ env.KEY }}', prefix: ^Klaviyo-API-Key}\n",
        "authentication: {type: api_key, name: X, value: '{{ env.KEY }}', prefix: 'Klaviyo-API-Key '}\n",
    ),
    Case(
        "RX172",
        "authentication",
        OAUTH.replace("{type", "{prefix: ^Token, type") % "https",
        OAUTH.replace("{type", "{prefix: 'token=', type") % "https",
    ),
    Case(
        "RX172",
        "authentication",
        "authentication: {type: api_key, name: Authorization, value: ^'Bearer{{ env.KEY }}'}\n",
        "authentication: {type: api_key, name: Authorization, value: 'Bearer {{ env.KEY }}'}\n",
    ),
    Case(
        "RX172",
        "parameters",
        _parameter("{name: Authorization, in: header, value: ^'Token{{ env.KEY }}'}"),
        _parameter("{name: X-Key, in: header, value: 'Tokenize {{ env.KEY }}'}"),
    ),
    Case(
        "RX101",
        "authentication",
        "authentication: {type: bearer, token: ^'{{ ACME_TOKEN }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
    Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^body}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{timestamp}', timestamp_header: X-T}\n",
    ),
    Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{{body}}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{method}\\n{body}'}\n",
    ),
    Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{header:X-A}{body}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{header:Content-Type}{header:X-Id}', "
        "id_header: x-id}\n",
    ),
    Case(
        "RX188",
        "authentication",
        "authentication: {type: bearer, token: ^'Bearer {{ env.KEY }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
    Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{uuid}.{timestamp}.{body}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{id}{header:X-Id}{body}', id_header: X-Id}\n",
    ),
    Case(
        "RX177",
        "content_type",
        "content_type: ^application/json; charset=latin9000\n",
        "content_type: application/json; charset=UTF8\n",
        "error",
    ),
    Case(
        "RX177",
        "content_type",
        "content_type: ^application/json; charset=iso-8859-1\n",
        "content_type: application/json; charset=us-ascii\n",
    ),
    Case(
        "RX177",
        "content_type",
        "encoding: form\ncontent_type: ^application/x-www-form-urlencoded; charset=cp1252\n",
        "encoding: text\nbody: '{{ email }}'\ncontent_type: text/plain; charset=cp1252\nparameters: []\n",
    ),
    Case(
        "RX177",
        "body",
        'encoding: xml\nbody: ^\'<?xml version="1.0" encoding="iso-8859-1"?><a>{{ email }}</a>\'\n',
        "encoding: xml\ncontent_type: text/xml; charset=latin1\n"
        'body: \'<?xml version="1.0" encoding="iso-8859-1"?><a>{{ email }}</a>\'\nparameters: []\n',
    ),
    Case(
        "RX127",
        "parameters",
        _parameter("{name: a, attribute: dob, format: date, required: true, invalid: ^omit}"),
        _parameter("{name: a, attribute: dob, format: date, required: {any_of: [dob, email]}, invalid: omit}"),
    ),
    Case(
        "RX127",
        "parameters",
        "attributes: {dob: {required: true}}\n" + _parameter("{name: a, attribute: dob, type: date, invalid: ^omit}"),
        "attributes: {dob: {required: true}}\n"
        + _parameter("{name: a, attribute: dob, type: date, invalid: omit}")
        + "  - {name: b, attribute: dob}\n",
    ),
    Case(
        "RX101",
        "parameters",
        _parameter("{name: a, attribute: dob, required: {any_of: [dob, ^emial]}}"),
        _parameter("{name: a, attribute: dob, required: {any_of: [dob, email]}}"),
    ),
    Case(
        "RX120",
        "parameters",
        "parameters:\n  - {name: '[0].a', attribute: email}\n  - {name: ^b, attribute: dob}\n",
        "parameters:\n  - {name: '[0].a', attribute: email}\n  - {name: '[0].b', attribute: dob}\n",
        "error",
    ),
    Case(
        "RX120",
        "parameters",
        "encoding: xml\nparameters:\n  - {name: ^'[0].a', attribute: email}\n",
        "encoding: xml\nparameters:\n  - {name: 'x.a', attribute: email}\n",
        "error",
    ),
    Case(
        "RX173",
        "parameters",
        _parameter("{name: 'a[].email', attribute: email}") + "  - {name: ^'a[].name', attribute: firstname}\n",
        _parameter("{name: 'a[0].email', attribute: email}") + "  - {name: 'a[0].name', attribute: firstname}\n",
    ),
    Case(
        "RX174",
        "parameters",
        _parameter("{name: a, value: ^\"{{ transactiondatetime | date('%Y-%m-%dT%H:%M:%SZ') }}\"}"),
        _parameter("{name: a, value: \"{{ dob | date('%H:%MZ', utc=true) }}{{ now | date('%HZ') }}\"}"),
    ),
    Case(
        "RX174",
        "parameters",
        _parameter("{name: a, value: ^\"{{ dob | date('%H:%M GMT', tz='Europe/Berlin') }}\"}"),
        _parameter("{name: a, value: \"{{ dob | date('%H:%MZ', tz='UTC') }}\"}"),
    ),
    Case(
        "RX174",
        "parameters",
        _parameter("{name: a, value: ^\"{{ dob | date('%H:%M') }}Z\"}"),
        _parameter("{name: a, value: \"{{ dob | date('%H:%M', utc=true) }}Z{{ dob | date('%Y') }}Z\"}"),
    ),
    Case(
        "RX174",
        "parameters",
        _parameter("{name: a, value: ^\"{{ dob | date('%H:%M-05:00', utc=true) }}\"}"),
        _parameter("{name: a, value: \"{{ dob | date('%H:%M+00:00', utc=true) }}{{ dob | date('%d.%m-2024') }}\"}"),
    ),
    Case(
        "RX174",
        "parameters",
        _parameter("{name: a, attribute: dob, type: date, date_format: ^'%Y-%m-%dT%H:%M:%S+00:00'}"),
        _parameter("{name: a, attribute: dob, type: date, date_format: '%Y-%m-%dT%H:%M:%S%z'}"),
    ),
    Case(
        "RX175",
        "parameters",
        _parameter("{name: a, value: ^'{{ not optin }}'}"),
        _parameter("{name: a, value: '{{ not (optin | boolean) }}{% if firstname %}x{% endif %}'}"),
    ),
    Case(
        "RX175",
        "parameters",
        _parameter("{name: a, value: ^\"{{ 'y' if firstname and optin else 'n' }}\"}"),
        _parameter("{name: a, value: \"{{ 'y' if optin == 'true' else 'n' }}\"}"),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter('{name: a, value: ^"{{ amount == 5 }}"}'),
        _parameter('{name: a, value: "{{ (amount | number) == 5 }}"}'),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter("{name: a, value: ^\"{{ 'y' if optin == true else 'n' }}\"}"),
        _parameter("{name: a, value: \"{{ 'y' if optin == 'true' else 'n' }}\"}"),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter('{name: a, value: ^"{{ optin is true }}"}'),
        _parameter('{name: a, value: "{{ (optin | boolean) is true }}"}'),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter('{name: a, value: ^"{{ amount + amount }}"}'),
        _parameter("{name: a, value: \"{{ firstname + ' ' + lastname }}{{ amount + ' EUR' }}\"}"),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter("{name: a, value: ^\"{{ 'y' if amount >= '5' else 'n' }}\"}"),
        _parameter("{name: a, value: \"{{ 'y' if zipcode >= '10000' else 'n' }}{{ dob < '20000101' }}\"}"),
    ),
    Case(
        "RX194",
        "parameters",
        _parameter('{name: a, value: ^"{{ (amount | trim) == 5 }}"}'),
        _parameter("{name: a, value: \"{{ amount == '5' }}\"}"),
    ),
    Case(
        "RX178",
        "responses",
        _rule("{outcome: failed, status: 5xx, retry: ^true}"),
        "idempotent: true\n" + _rule("{outcome: failed, status: 5xx, retry: true}"),
        "info",
    ),
    Case(
        "RX179",
        "responses",
        PARTS["responses"].replace(SET_UP, "").replace("- {outcome: rejected", "- ^{outcome: rejected"),
        PARTS["responses"],
        "info",
    ),
    Case(
        "RX178",
        "responses",
        "idempotent: true\nlimits: {attempts: 1}\n" + _rule("{outcome: failed, status: 5xx, retry: ^true}"),
        "idempotent: true\nlimits: {attempts: 2}\n" + _rule("{outcome: failed, status: 5xx, retry: true}"),
        "info",
    ),
    Case(
        "RX178",
        "responses",
        _rule("{outcome: failed, status: 500, after: ^5}"),
        _rule("{outcome: failed, status: 429, after: 5}"),
        "info",
    ),
    Case(
        "RX179",
        "responses",
        _first_rule("^{outcome: rejected, not: {status: [2xx, 409]}}"),
        _first_rule("{outcome: rejected, status: 400, not: {body: {$.a: 1}}}"),
        "info",
    ),
    Case(
        "RX179",
        "responses",
        _first_rule("^{outcome: rejected, any: [{status: 401}, {body: {$.a: 1}}]}"),
        _first_rule("{outcome: rejected, any: [{status: 400}, {body: {$.a: 1}}]}"),
        "info",
    ),
    Case(
        "RX179",
        "responses",
        "responses: [{outcome: delivered, status: 2xx}, ^{outcome: rejected}]\n",
        _rule("{outcome: rejected}"),
        "info",
    ),
    Case("RX179", "responses", _first_rule("^{outcome: duplicate, status: 4xx}"), PARTS["responses"], "info"),
    Case(
        "RX195",
        "responses",
        _rule("^{outcome: delivered}"),
        _rule("{outcome: failed, status: 5xx}") + "  - {outcome: delivered, any: [{status: 200}, {body: {$.a: 1}}]}\n",
    ),
    Case(
        "RX180",
        "responses",
        _first_rule("{outcome: delivered, status: 202}").replace("- {", "- ^{", 1),
        _first_rule("{outcome: delivered, status: 202, provisional: true}"),
    ),
    Case(
        "RX180",
        "responses",
        _first_rule("{outcome: delivered, status: [200, 202]}").replace("- {", "- ^{", 1),
        _first_rule("{outcome: delivered, status: [200, 201]}"),
    ),
    Case(
        "RX181",
        "responses",
        _first_rule("{outcome: failed, body: {$.error: 1}}").replace("- {outcome: delivered", "- ^{outcome: delivered"),
        _first_rule("{outcome: failed, body: {$.error: 1}}").replace("2xx", "2xx, content_type: {contains: json}"),
        "info",
    ),
    Case(
        "RX190",
        "responses",
        _first_rule("{outcome: delivered, status: 202, provisional: ^true, capture: {reference: $.id}}"),
        _first_rule(PROVISIONAL) + CONFIRMATION,
        "info",
    ),
    Case(
        "RX191",
        "responses",
        _first_rule(PROVISIONAL) + CONFIRMATION.replace("'/jobs/{reference}'", "^'/jobs/{code}'"),
        _first_rule(PROVISIONAL) + CONFIRMATION,
        "error",
    ),
    Case(
        "RX192",
        "responses",
        PARTS["responses"] + CONFIRMATION.replace("confirmation", "^confirmation"),
        _first_rule(PROVISIONAL) + CONFIRMATION,
    ),
    Case(
        "RX193",
        "responses",
        _first_rule(PROVISIONAL) + CONFIRMATION.replace("status: 200}", "status: 200, retry: ^true}"),
        _first_rule(PROVISIONAL) + CONFIRMATION,
    ),
    Case(
        "RX196",
        "responses",
        PARTS["responses"] + READ_BACK.replace("'/", "^'/"),
        _first_rule(CAPTURED) + READ_BACK,
        "error",
    ),
    Case(
        "RX196",
        "responses",
        PARTS["responses"] + "cleanup: ^'/leads/{code}'\n",
        PARTS["responses"] + "cleanup: '/leads/{{ email }}'\n",
        "error",
    ),
    Case(
        "RX197",
        "responses",
        _first_rule(CAPTURED) + READ_BACK.replace("email: $.", "emial: ^$."),
        _first_rule(CAPTURED) + READ_BACK,
        "error",
    ),
    Case(
        "RX184",
        "contact",
        "contact: {name: Jane Doe, email: ^jane.doe at example.com}\n",
        "contact: {name: Jane Doe, email: jane.doe@example.com}\n",
    ),
    Case("RX185", "limits", "limits: {batch: ^5}\n", BATCH, "error"),
    Case("RX185", "limits", BATCH.replace("5}", "^5}") + "encoding: form\n", BATCH, "error"),
    Case("RX185", "limits", BATCH.replace("5}", "^5}") + "  - {name: 'b[].e', attribute: lastname}\n", BATCH, "error"),
    Case(
        "RX185",
        "limits",
        BATCH.replace("5}", "^5}") + CHARSET.format("latin1"),
        BATCH + CHARSET.format("utf-8"),
        "error",
    ),
    Case(
        "RX186",
        "limits",
        BATCH + "  - {name: ^list, attribute: country}\n",
        BATCH + "  - {name: list, value: leads}\n",
        "info",
    ),
    Case(
        "RX186",
        "limits",
        BATCH + "idempotency: {header: X-Key, value: ^'{{ confirmationref }}'}\n",
        BATCH + "idempotency: {header: X-Key}\n",
        "info",
    ),
    Case(
        "RX187",
        "responses",
        _first_rule("{outcome: delivered, each: {path: '$.results[*]', by: {$.id: ^confirmationref}}, status: 200}"),
        _first_rule("{outcome: delivered, each: {path: '$.results[*]', by: {$.id: email}}, status: 200}"),
        "error",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{number}" for number, case in enumerate(CASES)])
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    text = spec_text(**{case.part: case.wrong.replace("^", "")})
    if "\nencoding: xml" in text and case.code == "RX120":
        text = text.replace(PARTS["parameters"], "")
    variables = dict.fromkeys(case.variables, "x")
    hits = [(each.severity.value, each.line, each.column) for each in found(text, variables) if each.code == case.code]
    assert hits == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{number}" for number, case in enumerate(CASES)])
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    keys = {line.partition(":")[0] for line in case.right.splitlines() if line[:1].isalpha()}
    text = HEAD + case.right + "".join(part for key, part in PARTS.items() if key not in keys)
    spec = loaded(text)
    assert spec.findings == ()
    assert [each for each in lint(spec, dict.fromkeys(case.variables, "x")) if each.code == case.code] == []


@pytest.mark.parametrize(
    "value",
    [
        ":email",
        "<email>",
        "*|EMAIL|*",
        "%email%",
        "<%= email %>",
        "{!Lead.Email}",
        "$email",
        "#{email}",
        "[email]",
        "Dear *|FNAME|*",
        "YOUR_API_KEY",
        "YOUR-LIST-ID",
    ],
)
def test_a_placeholder_of_another_tool_is_found(value: str) -> None:
    findings = found(spec_text(parameters=_parameter(f"{{name: a, value: '{value}'}}")))
    assert [each.code for each in findings] == ["RX117"]
    assert "is sent literally" in findings[0].message


@pytest.mark.parametrize(
    "value",
    [":-)", "<br>", "50% off, 100% sure", "$5", "#1", "[x]", "a:email", "https://a.example.com/%65%6d", "your order"],
)
def test_a_value_that_only_looks_like_a_placeholder_is_not_told(value: str) -> None:
    assert found(spec_text(parameters=_parameter(f"{{name: a, value: '{value}'}}"))) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://api.example.com/[list]/add", "`[list]` in this URL is a placeholder of another tool"),
        ("https://api.example.com/%LIST%/add", "`%LIST%` in this URL"),
        ("https://api.example.com/%DATE%/add", "`%DATE%` in this URL"),
        ("https://api.example.com/YOUR_LIST_ID", "`YOUR_LIST_ID` in this URL"),
        ("https://your-domain.example.com/leads", "`your-domain` in this URL"),
        ("https://api.example.com/a%2", "`%2` in this URL is not a percent-encoded character"),
        ("https://api.example.com/a%zz", "`%zz` in this URL"),
        ("https://api.example.com/a?b=1&amp;c=2", "`&amp;` in this URL is how HTML writes `&`"),
        ("https://api.example.com/https://api.example.com/a", "`https://` in this URL begins a second address"),
        ("https://\u0430pi.example.com/a", "the Cyrillic letter `\u0430` among Latin ones"),
        ("https://api.example.com/a\\n", "this URL begins or ends with a blank"),
    ],
)
def test_what_belongs_to_no_url_is_found(url: str, words: str) -> None:
    findings = found(spec_text(endpoint=f'endpoint: {{staging: "{url}"}}\n'))
    assert [each.code for each in findings] == ["RX171"]
    assert words in findings[0].message


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/a%2Fb%20c/items:import?ids[]=1&filter[a]=b&back=https://www.example.com",
        "https://api.example.com/%ABlist%AC",
        "https://m\u00fcnchen.example.com/your-account/leads",
    ],
)
def test_an_unusual_url_is_not_told(url: str) -> None:
    assert found(spec_text(endpoint=f'endpoint: {{staging: "{url}"}}\n')) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("\ufeffhttps://api.example.com/a", "a character is before https://: ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("\u201chttps://api.example.com/a", "LEFT DOUBLE QUOTATION MARK (U+201C)"),
        ("", "it is empty"),
    ],
)
def test_what_is_before_a_url_is_named(url: str, words: str) -> None:
    text = spec_text(endpoint=f"endpoint:\n  staging: https://test.example.com/a\n  production: '{url}'\n")
    findings = loaded(text).findings
    assert [each.code for each in findings] == ["RX150"]
    assert words in findings[0].message


def test_a_sound_spec_has_no_findings() -> None:
    assert found(spec_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "sample_specs").glob("*.yaml")), ids=lambda path: path.name)
def test_samples_have_neither_errors_nor_false_alarms(path: Path) -> None:
    allowed = {"RX107", "RX109"}
    findings = [each for each in lint(load_spec(path), {}) if each.severity != "info" and each.code not in allowed]
    assert findings == []


def test_mailchimp_lacks_variables_only() -> None:
    findings = lint(
        load_spec(ROOT / "sample_specs" / "mailchimp.yaml"), {"MAILCHIMP_LIST": "a", "MAILCHIMP_API_KEY": ""}
    )
    assert [(each.code, each.message.rpartition(" is ")[2]) for each in findings if each.severity != "info"] == [
        ("RX107", "not set"),
        ("RX107", "empty"),
    ]


def test_no_message_holds_the_secret() -> None:
    text = spec_text(
        authentication="authentication: {type: bearer, token: hunter2hunter2}\n",
        endpoint="endpoint: {staging: 'https://me:hunter2hunter2@api.example.com/?token=hunter2hunter2'}\n",
    )
    findings = [each for each in found(text) if each.code == "RX106"]
    assert len(findings) == 3
    assert not any("hunter2" in f"{each.message}{each.hint}{each.as_json()}" for each in findings)


def test_what_was_left_out_is_not_called_missing() -> None:
    text = spec_text(
        parameters="parameters: [{name: a, attribute: email, value: x}]\n",
        responses="responses: [{outcome: success, status: 200}, {outcome: rejected, status: 4xx}]\n",
    )
    spec = loaded(text)
    assert {"parameters", "responses"} <= spec.damaged
    assert {each.code for each in lint(spec, {})}.isdisjoint({"RX102", "RX108", "RX109"})


def test_positions_hold_behind_an_entry_that_was_left_out() -> None:
    text = spec_text(
        parameters="parameters:\n  - {name: a}\n  - {name: b, attribute: email}\n  - {name: c, attribute: emial}\n"
    )
    spec = loaded(text)
    assert [each.code for each in spec.findings] == ["RX014"]
    assert [(each.code, each.line, each.column) for each in lint(spec, {})] == [("RX101", 6, 26)]


def test_a_rule_that_reads_the_body_another_way_is_not_superseded() -> None:
    rules = "responses:\n  - {outcome: delivered, body: {$.a: 1}}\n  - {outcome: duplicate, as: json, body: {$.a: 1}}\n"
    assert found(spec_text(responses=rules)) == []


def test_a_rule_with_an_error_takes_nothing_from_later_ones() -> None:
    rules = PARTS["responses"].replace("responses:\n", "responses:\n  - {outcome: rejected, body: {dup: 1}}\n")
    spec = loaded(spec_text(responses=rules))
    assert [each.code for each in spec.findings] == ["RX022"]
    assert lint(spec, {}) == []


def test_nine_planted_faults_are_nine_findings() -> None:
    text = """\
spec_version: 1
partner: acme
endpoint:
  staging: https://test.example.com/leads
  production: http://api.example.com/leads
authentication: {type: bearer, token: abcdef}
content_type: text/xml
parameters:
  - {name: email, attribute: emial}
  - {name: mobile, attribute: mobile, pattern: '(\\d+ ?)+'}
  - {name: zip, value: 00123}
  - {name: zip, attribute: zipcode}
  - {name: a, value: "{{ 'x' }}"}
responses:
  - {outcome: delivered, status: 2xx}
  - {outcome: rejected, status: [400, 410]}
  - {outcome: failed, status: 410}
"""
    findings = lint(loaded(text), {})
    assert [(each.code, each.line, each.column) for each in findings] == [
        ("RX105", 5, 15),
        ("RX106", 6, 39),
        ("RX116", 7, 15),
        ("RX101", 9, 30),
        ("RX118", 11, 24),
        ("RX119", 12, 12),
        ("RX117", 13, 22),
        ("RX109", 14, 1),
        ("RX110", 17, 5),
    ]


def test_a_template_that_an_encoding_cannot_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    text = spec_text(encoding="encoding: form\n", body="body: 'email={{ email }}'\n", parameters="parameters: []\n")
    assert "RX129" not in {finding.code for finding in found(text)}
    monkeypatch.setitem(cast("dict[str, EncodingFacts]", ENCODINGS), "form", replace(ENCODINGS["form"], place=None))
    (finding,) = [each for each in found(text) if each.code == "RX129"]
    assert (finding.line, finding.severity) == (4, "error")
    assert finding.message.startswith("`encoding: form` takes no `body` template")
