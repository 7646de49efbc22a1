"""Loading: every fault of a file in one run, each at its line and column."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from rokt_export.errors import ExitStatus
from rokt_export.partner_spec.document import Severity, parse
from rokt_export.partner_spec.loading import SpecFindingsError, load_spec, read_spec
from rokt_export.spec_language.encodings import ENCODINGS
from tests.partner_spec.loading_texts import RULE, WHOLE, faults, loaded, placed


def test_a_whole_file():
    found = loaded(WHOLE)
    assert found.findings == ()
    assert found.damaged == frozenset()
    assert found.spec.partner == "acme"
    assert found.sha256 == hashlib.sha256(WHOLE.encode()).hexdigest()


def test_json_is_yaml():
    text = json.dumps(
        {"spec_version": 1, "partner": "acme", "endpoint": {"test": "https://x.example.com"}, "responses": []}
    )
    assert placed(text) == [(1, text.index("[]") + 1, "RX012")]
    text = text.replace("[]", '[{"outcome": "failed"}]')
    assert loaded(text).spec.endpoint["test"].url == "https://x.example.com"


TEN_FAULTS = """\
spec_version: 1
partner: Acme Corp
titel: Acme
endpoint:
  staging: https://staging.example.com/{{ env.LIST | uper }}
  production:
    url: https://example.com/leads
    metod: POST
method: FETCH
authentication:
  type: basik
  username: rokt
parameters:
  - {name: email, attribute: email, requird: true}
  - {name: both, attribute: lastname, value: x}
  - {name: "a[0", attribute: firstname}
responses:
  - outcome: delivered
    status: 700
  - outcome: rejected
    text: {regex: "(unclosed"}
    body: {title: x}
limits: {rate: fast}
"""

TEN = [
    (2, 10, "RX012", "a slug is expected here, not the text `Acme Corp`"),
    (3, 1, "RX010", "unknown key `titel`"),
    (5, 12, "RX020", "there is no filter `uper`; did you mean `upper`?"),
    (8, 5, "RX010", "unknown key `metod`"),
    (9, 9, "RX012", "the text `FETCH` is not a valid value"),
    (11, 9, "RX012", "the text `basik` is not a valid value"),
    (14, 37, "RX010", "unknown key `requird`"),
    (15, 5, "RX014", "parameter `both` has `attribute` and `value` at once"),
    (16, 12, "RX023", "`a[0` is not a parameter name: it cannot be read from `[0` on"),
    (19, 13, "RX012", "`700` is not an HTTP status: they run from 100 to 599"),
    (21, 19, "RX021", "this regular expression does not compile: missing ), unterminated subpattern at position 0"),
    (22, 12, "RX022", "`title` is not a path: it must start with `$` (JSON) or `/` (XML)"),
    (23, 16, "RX012", "`fast` is not a rate"),
]


@pytest.mark.parametrize(
    "skipped", [set(), {2, 5, 15}, {3, 9, 11}, {8, 19, 23}], ids=["all", "ten", "ten more", "ten again"]
)
def test_every_fault_of_a_file_in_one_run(skipped):
    """Three faults are fixed at a time, so that ten are left; none hides another, whichever they are."""
    lines = TEN_FAULTS.splitlines()
    fixed = {
        2: "partner: acme",
        3: "title: Acme",
        5: "  staging: https://staging.example.com/{{ env.LIST | upper }}",
        8: "    method: POST",
        9: "method: PUT",
        11: "  type: basic",
        15: "  - {name: both, attribute: lastname}",
        19: "    status: 200",
        23: "limits: {rate: 5/s}",
    }
    text = "\n".join(fixed[number] if number in skipped else line for number, line in enumerate(lines, 1))
    expected = [fault for fault in TEN if fault[0] not in skipped]
    assert len(expected) == len(TEN) - len(skipped)
    assert [(f.line, f.column, f.code, f.message) for f in faults(text)] == expected


def test_a_finding_shows_its_line_and_a_remedy():
    for finding in faults(TEN_FAULTS):
        assert finding.file == "acme.yaml"
        assert finding.severity is Severity.ERROR
        assert finding.source == TEN_FAULTS.splitlines()[finding.line - 1]
        assert finding.hint.endswith((".", "?"))
        assert "source" not in finding.as_json()
        assert finding.where == f"acme.yaml:{finding.line}:{finding.column}"


def test_what_was_repaired_is_read_and_what_was_left_out_is_named():
    found = loaded(TEN_FAULTS)
    assert found.spec.title == "Acme"
    assert found.spec.parameters[0].required is True
    assert found.spec.authentication[0].type == "basic"
    assert found.damaged == {"partner", "endpoint", "method", "parameters", "responses", "limits"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("partnr: x\n", "Did you mean `partner`?"),
        ("Title: x\n", "Did you mean `title`?"),
        ("zzz: 1\n", "Known here: `spec_version`, `partner`,"),
        ("limits: {concurency: 3}\n", "Did you mean `concurrency`?"),
        ("limits: {timout: 3s}\n", "Did you mean `timeout`?"),
        ("contact: {name: x, e-mail: y}\n", "Did you mean `email`?"),
        ("parameters: [{name: a, attribut: b}]\n", "Did you mean `attribute`?"),
        ("parameters: [{name: a, attribute: b, requiered: true}]\n", "Did you mean `required`?"),
        ("idempotency: {heder: x}\n", "Did you mean `header`?"),
        ("authentication: {type: bearer, tokn: x}\n", "Did you mean `token`?"),
        ("authentication: {type: beerer, token: x}\n", "Did you mean `bearer`? Choose one of none, basic,"),
        ("encoding: JSON\n", f"Did you mean `json`? Choose one of {', '.join(ENCODINGS)}."),
        ("method: post\n", "Did you mean `POST`? Choose one of GET,"),
        ("diff: {ignor: []}\n", "Did you mean `ignore`?"),
    ],
)
def test_the_nearest_word_is_suggested(text, expected):
    (finding,) = faults(WHOLE + text)
    assert finding.hint.startswith(expected)
    assert finding.line == 8


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        ("{type: bearer}", "Add `token: …` here."),
        ("{type: wsse, username: rokt}", "Add `password: …` here."),
        ("{type: oauth2, token_url: 'https://a.example.com/t', client_id: x}", "Add `client_secret: …` here."),
    ],
)
def test_a_missing_credential_is_named_in_full(authentication, expected):
    (finding,) = faults(f"{WHOLE}authentication: {authentication}")
    assert finding.hint == expected


@pytest.mark.parametrize("limits", ["{rate: null}", "{rate: }"])
def test_a_rate_without_a_value_is_no_fault(limits):
    assert not faults(f"{WHOLE}limits: {limits}")


BEYOND: dict[str, tuple[str, str, tuple[int, int], str]] = {
    "duration": ("limits: {timeout: " + "9" * 400 + "s}", "RX012", (8, 19), "a duration is at most 10 years"),
    "rate": ("limits: {rate: " + "9" * 100_000 + "/s}", "RX012", (8, 16), "a rate is at most 1,000,000,000 requests"),
    "count": ("limits: {concurrency: " + "9" * 400 + "}", "RX012", (8, 23), "9… is above 100000"),
    "length": ("parameters: [{name: x, value: a, max_length: 1000000001}]", "RX012", (8, 46), "is above 1000000000"),
    "no wait": ("  - {outcome: failed, after: .inf}", "RX012", (8, 30), "finite number"),
    "wait": ("  - {outcome: failed, after: 315360001}", "RX012", (8, 30), "is above 315360000"),
    "name": ("parameters: [{name: '" + "a." * 20_000 + "a', value: 1}]", "RX023", (8, 21), "at most 100 steps"),
    "path": ("  - {outcome: failed, capture: {code: " + "/a" * 20_000 + "}}", "RX022", (8, 39), "at most 100 steps"),
}


@pytest.mark.parametrize("case", BEYOND)
def test_what_is_beyond_a_bound_is_a_fault_at_its_place(case):
    text, code, place, message = BEYOND[case]
    finding = faults(WHOLE + text)[0]
    assert (finding.code, (finding.line, finding.column)) == (code, place)
    assert message in finding.message
    assert len(finding.message) < 200


@pytest.mark.parametrize("place", ["", "limits:\n"])
def test_of_very_many_unknown_keys_of_a_mapping_a_hundred_are_findings(place):
    indent = "  " if place else ""
    keys = "".join(f"{indent}x{number}: 1\n" for number in range(4_000))
    began = time.process_time()
    found = faults(WHOLE + place + keys + f"{indent}concurency: 5\n")
    assert time.process_time() - began < 10
    assert [each.message for each in found[:2]] == ["unknown key `x0`", "unknown key `x1`"]
    assert (len(found), found[-1].code) == (101, "RX010")
    assert found[-1].message == "and 3,901 more unknown keys in this mapping"
    assert found[-1].line == found[99].line + 1


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        (WHOLE + "limits: {timeout: 10x}", "RX012", (8, 19), "`10x` is not a duration"),
        (WHOLE + "limits: {timeout: 0s}", "RX012", (8, 19), "`0s` is not a duration"),
        (WHOLE + "limits: {rate: 5}", "RX012", (8, 16), "`5` is not a rate"),
        (WHOLE + "limits: {max_response: 10XB}", "RX012", (8, 24), "`10XB` is not a size"),
        (WHOLE + "limits: {attempts: 99}", "RX012", (8, 20), "the number 99 is above 20"),
        (WHOLE + "limits: {concurrency: 0}", "RX012", (8, 23), "the number 0 is below 1"),
        (WHOLE + "limits: {concurrency: many}", "RX012", (8, 23), "a number is expected here, not the text `many`"),
        (WHOLE + "contact: Jane Doe", "RX012", (8, 10), "a mapping is expected here, not the text `Jane Doe`"),
        (WHOLE + "contact: {role: x}", "RX011", (8, 1), "key `name` of `contact` is missing"),
        (WHOLE + "title: [x]", "RX012", (8, 8), "text is expected here, not a list"),
        (WHOLE + "title: true", "RX012", (8, 8), "text is expected here, not `true`"),
        (WHOLE + "idempotent: perhaps", "RX012", (8, 13), "true or false is expected here, not the text `perhaps`"),
        (WHOLE + "parameters: {name: x}", "RX012", (8, 13), "a list is expected here, not a mapping"),
        (WHOLE + "parameters: [{name: x}]", "RX014", (8, 14), "parameter `x` has no value"),
        (WHOLE + "parameters: [{name: x, value: {a: 1}}]", "RX012", (8, 31), "a value is text, a number,"),
        (
            WHOLE + "parameters: [{name: x, encoding: json, value: 1}]",
            "RX014",
            (8, 14),
            "parameter `x`: `encoding` and `parameters` belong together",
        ),
        (WHOLE + "parameters: [{name: x, value: '{{ a'}]", "RX020", (8, 31), "`{{ a`: `}}` is missing"),
        (WHOLE + "parameters: [{name: x, value: '{{{Email}}}'}]", "RX020", (8, 31), "`{{{` is Rokt's old form"),
        (WHOLE + "parameters: [{name: x, attribute: a, pattern: '('}]", "RX021", (8, 47), "this regular expression"),
        (WHOLE + "parameters: [{name: 'x[', attribute: a}]", "RX023", (8, 21), "`x[` is not a parameter name"),
        (
            WHOLE + "encoding: form\nparameters: [{name: x, encoding: json, parameters: [{name: 'y[', value: 1}]}]",
            "RX023",
            (9, 60),
            "`y[` is not a parameter name",
        ),
        (WHOLE + "authentication: [none]", "RX012", (8, 18), "an authentication with a `type` is expected here"),
        (WHOLE + "authentication: {username: x}", "RX012", (8, 17), "an authentication with a `type` is expected"),
        (WHOLE + "authentication: {type: bearer}", "RX011", (8, 1), "key `token` of `authentication` is missing"),
        (
            WHOLE + "authentication: {type: custom, auth: abc}",
            "RX012",
            (8, 38),
            "the text `abc` does not have the form",
        ),
        (WHOLE + "diff: {tolerance: {x: 1}}", "RX022", (8, 20), "`x` is not a path"),
        (RULE + "status: 99", "RX012", (6, 13), "`99` is not an HTTP status"),
        (RULE + "status: 299-200", "RX012", (6, 13), "`299-200` is not an HTTP status"),
        (RULE + "status: 2O1", "RX012", (6, 13), "`2O1` is not an HTTP status"),
        (RULE + "status: []", "RX012", (6, 13), "is not an HTTP status"),
        (RULE + "body: {$.a: {}}", "RX012", (6, 17), "this condition is empty"),
        (RULE + "body: {$.a: {equal: 1}}", "RX010", (6, 18), "unknown key `equal`"),
        (RULE + "body: {$.a: {compare: about 3}}", "RX012", (6, 27), "the text `about 3` does not have the form"),
        (RULE + "body: {'$.a[': 1}", "RX022", (6, 12), "`$.a[` is not JSONPath (RFC 9535)"),
        (RULE + "capture: {reason: message}", "RX022", (6, 23), "`message` is not a path"),
        (RULE + "examples: [{status: 99}]", "RX012", (6, 25), "the number 99 is below 100"),
        (RULE + "examples: [{body: 5}]", "RX012", (6, 23), "a body is text, a mapping or a list, not the number 5"),
        (WHOLE.replace("1", "2", 1), "RX013", (1, 15), "spec_version is 1, not the number 2"),
        (WHOLE.replace("  staging:", "  Staging:"), "RX012", (4, 3), "a slug is expected here, not the text `Staging`"),
        (WHOLE + "title: a\ntitle: b", "RX002", (9, 1), "key `title` is duplicated in one mapping, first on line 8"),
        (WHOLE + "proxy: 'http://{{ firstname }}.example.com'", "RX151", (8, 8), "a row decides a part of this"),
        (WHOLE + "title: {{ x }}", "RX003", (8, 8), "this template needs quotes"),
        (WHOLE + "? [a]\n: b", "RX003", (8, 3), "a mapping or list is used as a key"),
    ],
)
def test_each_kind_of_fault_has_its_place(text, code, place, message):
    found = faults(text)
    assert (found[0].code, (found[0].line, found[0].column)) == (code, place)
    assert message in found[0].message


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "5\n"])
def test_a_document_that_is_no_mapping(text):
    with pytest.raises(SpecFindingsError, match="1 error in this spec") as caught:
        loaded(text)
    assert caught.value.findings[0].message.startswith("a spec is a mapping that starts with `spec_version: 1`")
    assert caught.value.loaded is None


def test_what_is_missing_is_named_and_does_not_hide_the_rest():
    text = "titel: x\nparameters:\n  - {name: 'a[', attribute: x}\n"
    with pytest.raises(SpecFindingsError) as caught:
        loaded(text)
    assert [(f.line, f.message.split("`")[1]) for f in caught.value.findings] == [
        (1, "spec_version"),
        (1, "partner"),
        (1, "endpoint"),
        (1, "responses"),
        (1, "titel"),
        (3, "a["),
    ]
    assert caught.value.loaded is None, "no partner said anything of an endpoint"


def test_faults_behind_one_that_was_left_out_keep_their_places():
    text = (
        WHOLE
        + "parameters:\n  - {name: x}\n  - {name: 'y[', value: 1}\n  - {name: z, value: 1, typ: date, requierd: yes}\n"
    )
    assert placed(text) == [(9, 5, "RX014"), (10, 12, "RX023"), (11, 25, "RX010"), (11, 36, "RX010")]


def test_every_fault_of_a_list_of_authentications():
    text = (
        WHOLE + "authentication:\n  - none\n  - {type: basic}\n  - {type: oauth2, token_url: https://x.example.com}\n"
    )
    assert placed(text) == [(9, 5, "RX012"), (10, 5, "RX011"), (11, 5, "RX011"), (11, 5, "RX011")]


def test_faults_are_in_the_order_of_the_file():
    places = [finding[:2] for finding in placed(TEN_FAULTS)]
    assert places == sorted(places)


def test_a_file_is_loaded_whole_or_not_at_all(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(WHOLE, encoding="utf-8-sig")
    assert load_spec(path).spec.partner == "acme"
    path.write_text(WHOLE + "titel: x\n", encoding="utf-8")
    with pytest.raises(SpecFindingsError, match="1 error in this spec") as caught:
        load_spec(path)
    assert caught.value.loaded.spec.title == "x"
    assert caught.value.exit_status is ExitStatus.CONFIGURATION
    assert str(path) in caught.value.remedy


def test_regular_expressions_of_a_spec_are_bounded_together():
    rules = "".join(f"  - {{outcome: failed, text: {{regex: '{letter}\\w{{1,60}}'}}}}\n" for letter in "abcdefghij")
    found = faults(WHOLE + rules)
    assert {finding.code for finding in found} == {"RX160"}
    assert [finding.line for finding in found] == list(range(13, 18))
    assert "together" in found[0].message


@pytest.mark.parametrize("expression", ["^(?=[A-Z])", "(?!a)b", "(?<=a)b", "(?<!a)b", "(?>a)", r"(a)\1", r"\w{1001}"])
def test_a_refused_pattern_of_a_parameter_gets_advice_that_a_parameter_can_follow(expression):
    (of_parameter,) = faults(WHOLE + f"parameters: [{{name: a, attribute: email, pattern: '{expression}'}}]\n")
    (of_rule,) = faults(RULE + f"text: {{regex: '{expression}'}}\n")
    assert (of_parameter.code, of_rule.code) == ("RX160", "RX160")
    assert not any(word in of_parameter.hint for word in ("`not:`", "rule", "captures"))
    assert "length" not in of_rule.hint
    assert ("`not:`" in of_rule.hint) is (expression.strip("^")[:3] in ("(?=", "(?!", "(?<"))


def test_a_back_reference_is_told_to_be_written_out():
    (finding,) = faults(RULE + r"text: {regex: '(a|b)\1'}" + "\n")
    assert finding.hint.startswith("Write out what it repeats")


@pytest.mark.parametrize(
    ("text", "what", "command"),
    [
        ("openapi: 3.0.3\n", "OpenAPI document", "init --openapi"),
        ("swagger: '2.0'\n", "OpenAPI document", "init --openapi"),
        ('{"info": {"name": "Leads"}, "item": []}', "Postman collection", "init --postman"),
        ('{"log": {"version": "1.2", "entries": []}}', "HAR", "init --har"),
    ],
)
def test_another_document_is_called_by_its_name(text: str, what: str, command: str):
    with pytest.raises(SpecFindingsError) as caught:
        read_spec(parse("doc.json", text))
    (finding,) = caught.value.findings
    assert (finding.code, what in finding.message, command in finding.hint) == ("RX183", True, True)


def test_one_of_a_single_attribute_is_told_as_what_it_is():
    parameters = "parameters: [{name: a, attribute: email, required: {any_of: [email]}}]"
    text = f"spec_version: 1\npartner: a\nendpoint: {{staging: https://a.example.com}}\n{parameters}\n"
    (finding,) = read_spec(parse("a.yaml", text + "responses: [{outcome: delivered}]\n")).findings
    assert finding.message == "at least 2 entries are needed here"
