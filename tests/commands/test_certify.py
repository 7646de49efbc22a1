"""`certify` against real servers: the honest partner has no findings, each planted defect its own, and no other."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from certification.crm import KEY, SPEC, Answer, Crm, serving

from commands.certifying import ENV, without_accents
from commands.conftest import CommandLine, Result, wait_for
from rokt_export.journal import Journal
from rokt_export.partner_spec.attributes import UNIQUE


def certified(
    cli: CommandLine, crm: Crm, *flags: str, spec: Callable[[str], str] = str, env: dict[str, str] | None = None
) -> Result:
    with serving(crm) as url:
        path = cli.write("acme.yaml", spec(SPEC.format(url=url)))
        return cli("certify", path, "--output", "json", "--wait", "0.1s", *flags, env=ENV if env is None else env)


def probes(done: Result) -> list[dict[str, Any]]:
    assert done.out, done.err
    return done.json["certification"]["probes"]


def defects(done: Result) -> set[str]:
    return {each["defect"] for each in probes(done) if each["verdict"] == "finding"}


def of_kind(done: Result, kind: str) -> list[dict[str, Any]]:
    return [each for each in probes(done) if each["kind"] == kind]


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def without_duplicates(text: str) -> str:
    return replaced("  - {name: known, outcome: duplicate, status: 409, capture: {reason: $.error.message}}\n", "")(
        text
    ).replace("status: 4xx", "status: 422")


def errors_as_200(answer: Answer) -> Answer:
    return (200 if 400 <= answer[0] < 500 else answer[0]), answer[1]


def test_an_honest_partner_has_no_findings(cli: CommandLine) -> None:
    crm = Crm()
    done = certified(cli, crm, "--require-outcomes", "delivered,duplicate,rejected")
    assert done.status == 0, done.err
    verdicts = {each["title"]: each["verdict"] for each in probes(done)}
    assert set(verdicts.values()) == {"as expected"}, verdicts
    assert "two at once" in verdicts
    assert "the same with the address in capitals" in verdicts
    assert "read back as sent" in of_kind(done, "good")[0]["finding"]
    assert crm.leads == {}  # cleaned up
    assert {each["cleaned"] for each in done.json["certification"]["records"]} == {"removed", ""}
    assert crm.most_at_once <= 2  # the race, and nothing else
    heard = Counter(line.partition(" ")[0] for line in crm.heard)
    certification = done.json["certification"]
    assert (certification["reads"], certification["removals"]) == (heard["GET"], heard["DELETE"])
    assert len(certification["records"]) == heard["POST"]
    assert re.search(r"up to \d+ records read back.*\n.*up to \d+ records removed by DELETE", done.err)
    page = next(cli.folder.glob("*.html")).read_text(encoding="utf-8")
    assert f"we sent {heard['POST']} test transactions" in page
    assert f"Requests that read records back: {heard['GET']}." in page
    assert f"Requests that removed records: {heard['DELETE']}." in page
    numbers = [int(each["id"][1:]) for each in done.json["certification"]["records"]]
    assert numbers == list(range(1, len(numbers) + 1))


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


def swapped(first: str, second: str) -> Callable[[str], str]:
    """Exchange the statuses of two rules."""

    def change(text: str) -> str:
        rules = {name: re.search(rf"name: {name}, outcome: \w+, status: ([^,}}\n]+)", text) for name in (first, second)}
        one, other = rules[first], rules[second]
        assert one is not None and other is not None
        marked = text[: one.start(1)] + "@1" + text[one.end(1) :]
        other = re.search(rf"name: {second}, outcome: \w+, status: ([^,}}\n]+)", marked)
        assert other is not None
        marked = marked[: other.start(1)] + "@2" + marked[other.end(1) :]
        return marked.replace("@1", other[1]).replace("@2", one[1])

    return change


def test_a_finding_stays_open_where_the_partner_answers_for_the_record_that_it_kept(cli: CommandLine) -> None:
    crm = Crm(required=("last_name",))
    with serving(crm) as url:
        path = cli.write("acme.yaml", SPEC.format(url=url))

        def again(*flags: str) -> Result:
            return cli("certify", path, "--output", "json", "--wait", "0.1s", *flags, env=ENV)

        first, second, third = again(), again(), again()
        run = first.json["run"]
        for done in (second, third):
            assert (done.status, defects(done)) == (1, {"accepts-without-required"})
            (kept,) = (each for each in probes(done) if each["verdict"] == "finding")
            assert kept["status"] == 409
            assert kept["finding"].startswith(f"found by run {run}, and still open, as this run cannot tell: duplicate")
        pack = next(cli.folder.glob(f"*{third.json['run']}*.json"))
        checked = cli("certify", "--check", pack, env=ENV)
        assert checked.status == 1
        assert "is not certified" in checked.out
        crm.required = ("email", "last_name")
        corrected = again()
        assert (corrected.status, defects(corrected)) == (0, set())
        crm.required = ("last_name",)
        assert (again().status, again().status) == (0, 0)  # the last run that could tell had no finding


def test_a_finding_of_a_purged_run_stays_open_at_its_own_address_only(cli: CommandLine) -> None:
    crm = Crm(required=("last_name",))
    with serving(crm) as url, serving(crm) as moved:
        path = cli.write("acme.yaml", SPEC.format(url="{{ env.ACME_URL }}"))

        def certified(place: str) -> Result:
            return cli("certify", path, "--output", "json", "--wait", "0.1s", env=ENV | {"ACME_URL": place})

        first = certified(url)
        assert defects(first) == {"accepts-without-required"}
        assert cli("runs", "purge", first.json["run"], "--yes").status == 0
        assert defects(certified(url)) == {"accepts-without-required"}
        assert defects(certified(moved)) == set()
        with Journal.open(cli.folder / "journal.sqlite") as journal:
            assert journal.find(first.json["run"]).options == {"target": url}


def test_a_finding_about_another_spec_stays_with_that_spec(cli: CommandLine) -> None:
    crm = Crm(required=("last_name",))
    with serving(crm) as url:
        text = SPEC.format(url=url)
        first = cli("certify", cli.write("acme.yaml", text), "--output", "json", "--wait", "0.1s", env=ENV)
        assert defects(first) == {"accepts-without-required"}
        changed = cli.write("acme.yaml", text.replace("parameters:", "parameters:\n  - {name: kind, value: lead}"))
        second = cli("certify", changed, "--output", "json", "--wait", "0.1s", env=ENV)
        assert (second.status, defects(second)) == (0, set())


@pytest.mark.parametrize(("first", "second"), [("known", "refused"), ("known", "made"), ("made", "refused")])
def test_two_rules_that_are_swapped_are_named(cli: CommandLine, first: str, second: str) -> None:
    named = replaced("status: 4xx", "status: 422")
    done = certified(cli, Crm(), spec=lambda text: swapped(first, second)(named(text)))
    assert defects(done) == {"rules-swapped"}, [(each["title"], each["finding"]) for each in probes(done)]
    found = next(each for each in probes(done) if each["defect"])
    assert f"`{first}`" in found["advice"]
    assert f"`{second}`" in found["advice"]


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


def test_nothing_is_told_where_everything_is_refused(cli: CommandLine) -> None:
    crm = Crm(authorized=lambda _: False)
    done = certified(cli, crm)
    assert done.status == 4
    assert crm.heard == ["POST /leads"]
    assert "rokt-export diagnose" in done.err
    assert "ACME_KEY" in done.err
    assert done.json["certification"] is None
    assert not list(cli.folder.glob("*.certification.*"))


def test_an_unreachable_partner_is_told_as_such(cli: CommandLine) -> None:
    path = cli.write("acme.yaml", SPEC.format(url="http://127.0.0.1:9"))
    done = cli("certify", path, env=ENV)
    assert done.status == 4
    assert "cannot be reached" in done.err
    assert "diagnose" in done.err


def test_the_rest_is_not_run_after_a_good_transaction_that_is_refused(cli: CommandLine) -> None:
    done = certified(cli, Crm(required=("email", "consent")))
    good, *others = probes(done)
    assert "consent is missing" in good["finding"]
    assert {each["verdict"] for each in others} == {"not run"}
    assert done.status == 1


def test_a_guarded_environment_is_never_sent_to(cli: CommandLine) -> None:
    crm = Crm()
    done = certified(cli, crm, "-e", "production")
    assert done.status == 3
    assert "guarded" in done.err
    assert "staging" in done.err
    assert crm.heard == []


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


def test_a_warning_beside_a_delivery_is_no_error(cli: CommandLine) -> None:
    crm = Crm()

    def warned(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        odd = status == 201 and (b"rokt_export_unknown" in body or b"zip" not in body)
        return status, {**answer, "warnings": ["unknown field", "zip is missing"]} if odd else answer

    crm.post = warned  # type: ignore[method-assign]
    assert defects(certified(cli, crm)) == set()


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


def test_what_is_left_out_of_the_spec_is_not_run_and_says_why(cli: CommandLine) -> None:
    crm = Crm(authorized=lambda _: True, required=())

    def small(text: str) -> str:
        text = re.sub(r"authentication: .*\n", "", text)
        text = re.sub(r"read_back:.*?cleanup: [^\n]*\n", "", text, flags=re.DOTALL)
        text = text.replace(", required: true", "").replace(", max_length: 60", "")
        return text.replace(
            "  - {name: known, outcome: duplicate, status: 409, capture: {reason: $.error.message}}\n", ""
        )

    done = certified(cli, crm, spec=small)
    kinds = ("missing_required", "no_credentials", "wrong_credentials", "longest", "race", "read_back", "cleanup")
    for kind in kinds:
        (probe,) = of_kind(done, kind)
        assert probe["verdict"] == "not run"
        assert probe["finding"]
    (unread,) = of_kind(done, "read_back")
    assert "no value was compared" in unread["finding"] and "`read_back`" in unread["advice"]
    texts = [each["text"] for each in done.json["certification"]["questions"]]
    assert any("stored exactly" in text for text in texts)
    assert any("remove" in text for text in texts)


def test_an_unexplained_response_has_a_ready_rule(cli: CommandLine) -> None:
    done = certified(cli, Crm(error=lambda status: 350 if status == 422 else status))
    (group,) = done.json["certification"]["unexplained"]
    assert group["count"] == 2
    assert "error.code, error.message" in group["structure"]
    assert group["rule"].startswith("- name:")
    assert "outcome: rejected" in group["rule"]
    table = certified(cli, Crm(error=lambda status: 350 if status == 422 else status), "--output", "table")
    assert "No rule matches 350 application/json" in table.out


def test_outcomes_that_must_be_seen(cli: CommandLine) -> None:
    done = certified(cli, Crm(), "--require-outcomes", "delivered,failed")
    assert done.status == 0  # wrong credentials are `failed` by the spec
    absent = certified(cli, Crm(), "--require-outcomes", "duplicate", spec=without_duplicates)
    assert absent.status == 1
    assert absent.json["certification"]["missing_outcomes"] == ["duplicate"]
    wrong = certified(cli, Crm(), "--require-outcomes", "deliverd")
    assert wrong.status == 2
    assert "`delivered`" in wrong.err


def test_secrets_are_in_no_output(cli: CommandLine) -> None:
    crm = Crm()
    crm.answer = lambda answer: (answer[0], {**answer[1], "echo": f"your key is {KEY}", "message": KEY})
    done = certified(cli, crm, spec=replaced("reason: $.error.message", "reason: $.message"))
    table = certified(cli, crm, "--output", "table")
    packs = "".join(path.read_text(encoding="utf-8") for path in cli.folder.glob("*.certification.*"))
    assert packs
    assert KEY not in done.out + done.err + table.out + table.err + packs
    assert KEY.encode() not in b"".join(path.read_bytes() for path in cli.folder.glob("journal.sqlite*"))


def test_an_interrupted_run_is_honest_and_no_certification(cli: CommandLine) -> None:
    crm, free = Crm(), threading.Event()

    def slow(answer: Answer) -> Answer:
        if len(crm.heard) >= 4:
            free.wait(20)
        return (409, {**answer[1], "id": "L-1"}) if answer[0] == 409 else answer

    crm.answer = slow
    with serving(crm) as url:
        same = replaced("capture: {reason: $.error.message}}", "capture: {reference: $.id}}")
        rules = SPEC.format(url=url).splitlines(keepends=True)
        path = cli.write("acme.yaml", "".join(same(each) if "duplicate" in each else each for each in rules))
        with cli.start("certify", path, env=ENV) as running:
            wait_for(lambda: len(crm.heard) >= 4)
            running.send_signal(signal.SIGINT)
            free.set()
            _, err = running.communicate(timeout=30)
        assert running.returncode == 130, err
        assert "no certification" in err
        posts = [number for number, line in enumerate(crm.heard) if line.startswith("POST")]
        assert not crm.leads
        assert "removed again: the records of row" in err
        assert all(line.startswith(("GET", "DELETE")) for line in crm.heard[posts[-1] + 1 :])
        assert "removed again" in cli("runs", "show", "last").out
        (run,) = cli("runs", "list", "--output", "json").json
        assert run["state"] == "interrupted"
        assert sum(run["counts"].values()) == sum(line.startswith("POST") for line in crm.heard)
        assert not list(cli.folder.glob("*.certification.*"))


@pytest.mark.parametrize("presses", [1, 2])
def test_what_a_stop_leaves_at_the_partner_is_named(cli: CommandLine, presses: int) -> None:
    """Without `cleanup`, or after the second Ctrl-C, nothing is removed."""
    crm, free = Crm(), threading.Event()
    crm.answer = lambda answer: answer if len(crm.heard) < 4 else (free.wait(20), answer)[1]
    without = re.sub(r"cleanup: [^\n]*\n", "", SPEC) if presses == 1 else SPEC
    with serving(crm) as url:
        path = cli.write("acme.yaml", without.format(url=url))
        with cli.start("certify", path, env=ENV) as running:
            wait_for(lambda: len(crm.heard) >= 4)
            for _ in range(presses):
                running.send_signal(signal.SIGINT)
                time.sleep(0.2)
            free.set()
            _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "left at the partner, which must remove them: the test records of row 1 (L-1)" in err
    assert not any(line.startswith("DELETE") for line in crm.heard)
    assert "left at the partner" in cli("runs", "show", "last").out
    if presses == 2:
        assert "perhaps left at the partner: the test records of row" in err


def test_after_a_kill_what_was_not_answered_is_unknown(cli: CommandLine) -> None:
    crm, free = Crm(), threading.Event()
    crm.answer = lambda answer: answer if len(crm.heard) < 4 else (free.wait(20), answer)[1]
    with serving(crm) as url:
        path = cli.write("acme.yaml", SPEC.format(url=url))
        with cli.start("certify", path, env=ENV) as running:
            wait_for(lambda: len(crm.heard) >= 4)
            running.kill()
            running.communicate(timeout=30)
        free.set()
    (run,) = cli("runs", "list", "--output", "json").json
    assert run["state"] == "crashed"
    assert "which must remove them: at most 2 test records" in cli("runs", "show", "last").out
    assert run["counts"]["unknown"] == 1


def test_the_partners_document_testifies_on_what_is_no_mistake_on_purpose(cli: CommandLine) -> None:
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Acme", "version": "1"},
        "paths": {
            "/leads": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["email", "last_name", "consent"],
                                    "properties": {
                                        name: {"type": "string"}
                                        for name in ("email", "last_name", "consent", "zip", "first_name")
                                    },
                                }
                            }
                        }
                    },
                    "responses": {
                        "201": {"description": "made"},
                        "409": {"description": "known"},
                        "401": {"description": "no"},
                    },
                }
            }
        },
    }
    cli.write("acme.json", json.dumps(document))
    done = certified(cli, Crm(), "--openapi", "acme.json")
    assert done.status == 0
    assert "`consent` is missing" in done.err
    assert "`email` is missing" not in done.err  # that was on purpose
    assert "status 422 is not documented" in done.err


def test_records_that_cannot_be_removed_are_named(cli: CommandLine) -> None:
    crm = Crm()
    crm.delete = lambda _path: (403, {})  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {"records-not-removed"}
    assert "R1: status 403" in of_kind(done, "cleanup")[0]["finding"]


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


def test_a_record_that_is_said_to_be_removed_is_read_again(cli: CommandLine) -> None:
    crm = Crm()
    crm.delete = lambda _path: (204, {})  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert defects(done) == {"records-not-removed"}
    assert "says removed, and it is still there" in of_kind(done, "cleanup")[0]["finding"]
    assert {each["cleaned"] for each in done.json["certification"]["records"]} == {"not removed", ""}


def test_records_that_rows_share_are_counted_once(cli: CommandLine) -> None:
    crm = Crm(same=lambda _: object())
    first: dict[str, str] = {}

    def upsert(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        return status, {
            **answer,
            "id": first.setdefault(json.loads(body)["email"], answer["id"]),
        } if status == 201 else answer

    crm.post = upsert  # type: ignore[method-assign]
    done = certified(cli, crm, spec=lambda text: without_duplicates(text) + "idempotent: true\n")
    (cleanup,) = of_kind(done, "cleanup")
    assert re.fullmatch(r"\d+ removed, which \d+ rows made: some share one", cleanup["finding"]), cleanup


def test_a_record_of_another_person_is_not_removed(cli: CommandLine) -> None:
    crm = Crm(named=lambda _name: "REAL-1")
    crm.leads["REAL-1"] = {"email": "john.doe@example.com", "last_name": "Doe"}
    done = certified(cli, crm)
    assert defects(done) == {"answers-for-another"}
    assert not [each for each in crm.heard if each.startswith("DELETE")]
    assert "nothing was removed" in of_kind(done, "cleanup")[0]["finding"]


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


@pytest.mark.parametrize("name", sorted(UNIQUE))
def test_what_tells_test_people_apart_is_not_set(cli: CommandLine, name: str) -> None:
    crm = Crm()
    done = certified(cli, crm, "--set", f"{name}=x")
    assert (done.status, crm.heard) == (2, [])
    assert f"`{name}` tells them apart" in done.err


def test_an_attribute_that_does_not_exist_is_refused(cli: CommandLine) -> None:
    crm = Crm()
    done = certified(cli, crm, "--set", "nosuch=1")
    assert (done.status, "there is no attribute `nosuch`" in done.err, crm.heard) == (2, True, [])


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


def test_a_record_of_somebody_else_is_never_removed(cli: CommandLine) -> None:
    """Only one response, whose record no probe reads back, names a record that was there before."""
    crm = Crm(
        leads={"L-0": {"email": "jane.doe@example.com", "last_name": "Doe", "first_name": "Jane", "zip": "10001"}}
    )

    def other(headers: Any, body: bytes) -> Answer:
        status, answer = Crm.post(crm, headers, body)
        return status, {**answer, "id": "L-0"} if status == 201 and b"zip" not in body else answer

    crm.post = other  # type: ignore[method-assign]
    done = certified(cli, crm)
    assert "L-0" in crm.leads
    assert defects(done) == {"answers-for-another"}
    assert "must stay" in of_kind(done, "cleanup")[0]["finding"]
    assert not any(line.startswith("DELETE") for line in crm.heard)
