"""`certify` against real servers: the honest partner has no findings, each planted defect its own, and no other."""

from __future__ import annotations

import re
import signal
import threading
from collections import Counter

from certification.certifying import ENV, certified, of_kind, probes, replaced
from certification.crm import KEY, SPEC, Answer, Crm, serving

from commands.conftest import CommandLine, wait_for


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


def test_a_guarded_environment_is_never_sent_to(cli: CommandLine) -> None:
    crm = Crm()
    done = certified(cli, crm, "-e", "production")
    assert done.status == 3
    assert "guarded" in done.err
    assert "staging" in done.err
    assert crm.heard == []


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
