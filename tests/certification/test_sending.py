"""How probes are sent: within limits, late decisions awaited, and records asked for at allowed addresses only."""

from __future__ import annotations

import re

import pytest
from commands.conftest import CommandLine

from certification.certifying import ENV, certified, defects, of_kind, probes, replaced
from certification.crm import SPEC, Answer, Crm, serving


def test_a_record_that_is_there_later_is_read_later(cli: CommandLine) -> None:
    crm, asked, get = Crm(), set[str](), Crm.get

    def lagging(path: str) -> Answer:
        if path in asked:
            return get(crm, path)
        asked.add(path)
        return 404, {}

    crm.get = lagging  # type: ignore[method-assign]
    done = certified(cli, crm, "--wait", "500ms")
    assert defects(done) == set()
    assert "read back as sent" in of_kind(done, "good")[0]["finding"]


def test_limits_hold(cli: CommandLine) -> None:
    crm = Crm()
    one = replaced("limits: {", "limits: {concurrency: 1, ")
    done = certified(cli, crm, spec=one)
    assert crm.most_at_once == 1
    race = of_kind(done, "race")[0]
    assert race["verdict"] == "not run"
    assert "limits.concurrency" in race["finding"]


def test_a_late_decision_is_waited_for(cli: CommandLine) -> None:
    """202 at first; a transaction that must be refused is refused later."""
    crm = Crm()
    asked: list[str] = []

    def later(answer: Answer) -> Answer:
        if answer[0] in (201, 422):
            asked.append("completed" if answer[0] == 201 else "errored")
            return 202, {"job": f"J-{len(asked)}"}
        return answer

    crm.answer = later
    crm.get = lambda path: (200, {"state": asked[int(path.rpartition("-")[2]) - 1]})  # type: ignore[method-assign]

    def provisional(text: str) -> str:
        text = text.replace(
            "status: 2xx, capture: {reference: $.id}", "status: 202, provisional: true, capture: {reference: $.job}"
        )
        text = re.sub(r"read_back:.*?cleanup: [^\n]*\n", "", text, flags=re.DOTALL)
        return text + (
            "confirmation: {url: '/jobs/{reference}', every: 100ms, responses: ["
            "{outcome: delivered, body: {$.state: completed}}, {outcome: rejected, body: {$.state: errored}}]}\n"
        )

    done = certified(cli, crm, spec=provisional)
    assert defects(done) == set(), [(each["title"], each["finding"]) for each in probes(done)]
    assert of_kind(done, "missing_required")[0]["finding"].startswith("delivered (202), rejected later")
    assert done.status == 0
    (run,) = cli("runs", "list", "--output", "json").json
    assert run["confirmations"].get("awaited", 0) == 0  # the journal knows the decisions too


def test_a_removal_is_repeated_where_the_partner_says_when(cli: CommandLine) -> None:
    """It was removed all the same: then it is not there any more, and cannot be read."""
    crm, heard = Crm(), list[str]()

    def busy(path: str) -> Answer:
        heard.append(path)
        removed = Crm.delete(crm, path)
        return (429, {}) if heard.count(path) == 1 else removed

    crm.delete = busy  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert (defects(done), crm.leads) == (set(), {})
    assert set(map(heard.count, heard)) == {2}


@pytest.mark.parametrize("key", ["read_back", "cleanup"])
@pytest.mark.parametrize("url", ["/prod/leads/{{reference}}", "/PROD/leads?id={{reference}}", "{{reference}}"])
def test_no_record_is_asked_for_at_the_address_of_a_guarded_environment(cli: CommandLine, key: str, url: str) -> None:
    crm = Crm()
    change = replaced('production: "https://api.example.com/leads"', 'production: "{url}/prod/leads"')
    old = {"read_back": "url: /leads/{{reference}}", "cleanup": "cleanup: /leads/{{reference}}"}[key]
    name = {"read_back": "url", "cleanup": "cleanup"}[key]
    if url == "{{reference}}":
        crm.named = lambda name: f"/prod/leads/{name}"
    with serving(crm) as address:
        text = change(SPEC.replace(old, f'{name}: "{url}"')).format(url=address)
        done = cli("certify", cli.write("acme.yaml", text), "--output", "json", "--wait", "0.1s", env=ENV)
    assert not [each for each in crm.heard if each.partition(" ")[2].lower().startswith("/prod")]
    if url == "{{reference}}":
        assert "belongs to production, which is guarded" in done.out
    else:
        assert done.status == 3
        assert "belongs to production, which is guarded" in done.err
        assert crm.heard == []
