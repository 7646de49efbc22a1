"""Placeholders of other tools, and URLs that cannot be sent to."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import OAUTH, Case, found, spec_text, with_parameter

CASES = {
    "RX117-30": Case(
        "RX117",
        "parameters",
        with_parameter("{name: a, value: ^'{dob}'}"),
        with_parameter("{name: a, value: '{{ dob }}'}"),
    ),
    "RX117-31": Case(
        "RX117",
        "parameters",
        with_parameter("{name: a, value: ^'on %%dob%%'}"),
        with_parameter("{name: a, value: '100%'}"),
    ),
    "RX170-64": Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com:port/leads}\n",
        "endpoint: {staging: 'https://api.example.com:{{ env.KEY }}/leads'}\n",
        "error",
    ),
    "RX170-65": Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com:99999/x}\n",
        "endpoint: {staging: '{{ env.KEY }}://{{ env.OTHER }}/x/{{ email }}'}\n",
        "error",
    ),
    "RX170-66": Case(
        "RX170",
        "endpoint",
        "endpoint: {staging: ^https://<your-subdomain>.example.com/x}\n",
        "endpoint: {staging: 'https://{{ env.KEY }}.example.com/x'}\n",
        "error",
    ),
    "RX170-67": Case(
        "RX170",
        "authentication",
        OAUTH.replace("id.example.com", "id..example.com") % "^https",
        OAUTH % "https",
        "error",
    ),
    "RX171-68": Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com/lists/:list_id/members}\n",
        "endpoint: {staging: 'https://api.example.com/lists/{{ env.KEY }}/items:import'}\n",
    ),
    "RX171-69": Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^https://api.example.com/leads\u201d}\n",
        "endpoint: {staging: https://api.example.com/leads}\n",
    ),
    "RX171-70": Case(
        "RX171",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/leads '}\n",
        "endpoint: {staging: 'https://api.example.com/{{ firstname }}'}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []


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
    findings = found(spec_text(parameters=with_parameter(f"{{name: a, value: '{value}'}}")))
    assert [each.code for each in findings] == ["RX117"]
    assert "is sent literally" in findings[0].message


@pytest.mark.parametrize(
    "value",
    [":-)", "<br>", "50% off, 100% sure", "$5", "#1", "[x]", "a:email", "https://a.example.com/%65%6d", "your order"],
)
def test_a_value_that_only_looks_like_a_placeholder_is_not_told(value: str) -> None:
    assert found(spec_text(parameters=with_parameter(f"{{name: a, value: '{value}'}}"))) == []


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
