"""The sign-off on the real command line: answers read back, a changed spec found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from certification_samples import HOSTILE, certification
from msgspec.structs import replace

from commands import certified_runs
from commands.certified_runs import SPEC, TODAY, Certified, clean
from commands.conftest import CommandLine, Heard, Partner
from rokt_export.journal import Journal, RunState
from tests.certification.test_sign_off import mail

spec = certified_runs.spec


def test_answers_are_kept_and_told_everywhere(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    done = cli("certify", "--answers", made.write(), made.run)
    assert done.status == 0, done.err
    assert f"signed by Jane Doe on {TODAY}: 4 of 4 records confirmed" in done.out
    assert "Q1 Is a repeated record always answered with 409? Answer: Yes." in done.out
    assert f"run {made.run} counts as a certification" in done.out
    told = f"signed by Jane Doe on {TODAY}"
    assert told in cli("runs", "show", made.run).out
    for form in ("markdown", "html"):
        assert told in cli("report", made.run, "--format", form).out
    assert told in cli("report", made.run, "--brief").out
    shown = cli("runs", "show", made.run, "--output", "json").json["certification"]
    assert (shown["certified"], shown["sign_offs"][0]["name"]) == (True, "Jane Doe")
    assert shown["sign_offs"][0]["confirmed"] == ["R1", "R2", "R3", "R4"]


def test_what_certify_writes_is_signed_and_lets_a_guarded_replay_pass(cli: CommandLine, partner: Partner) -> None:
    seen: set[bytes] = set()

    def answering(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if dict(heard.headers).get("Content-Type") != "application/json" or b'"email"' not in heard.body:
            return 422, {}, b"{}"
        if (body := heard.body.lower()) in seen:
            return 409, {}, b"{}"
        seen.add(body)
        return 201, {"Content-Type": "application/json"}, b'{"id": "A-1"}'

    partner.answer = answering
    text = SPEC.format(url=partner.url).replace("http://127.0.0.1:1/leads", f"{partner.url}/test")
    rules = "  - {outcome: duplicate, status: 409}\n  - {outcome: rejected, status: 422}\n"
    spec = cli.write("acme.yaml", f"{text}{rules}")
    done = cli("certify", spec)
    assert done.status == 0, done.out
    (page,) = cli.folder.glob("*.certification.html")
    (pack,) = cli.folder.glob("*.certification.json")
    assert f"Send {page.name} to the partner's tech contact" in done.err
    written = json.loads(pack.read_text())
    there = ("delivered", "duplicate")
    answers = {
        "format": "rokt-export certification answers", "version": 1, "run": written["run"]["id"],
        "spec_hash": written["spec"]["hash"], "pack_digest": written["digest"],
        "records": {
            each["id"]: {"found": "as_sent" if each["outcome"] in there else "not_found"} for each in written["records"]
        },
        "questions": {each["id"]: "yes" for each in written["questions"]},
        "name": "Jane Doe", "date": TODAY,
    }  # fmt: skip
    assert cli("certify", "--check", page).status == 0
    done = cli("certify", "--answers", "-", "last", stdin=mail(answers).encode())
    assert done.status == 0, done.out + done.err
    rows = cli.write("rows.csv", "email\nreal.1@example.com\n")
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--require-certified")
    assert done.status == 0, done.err
    assert f"by run {written['run']['id']}, signed by Jane Doe on {TODAY}" in done.err


def test_a_delivered_record_that_is_not_there_is_a_finding(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec, **clean())
    records = {"R1": {"found": "not_found"}, "R2": {"found": "differs", "note": "the name is cut"}}
    done = cli("certify", "--answers", made.write(records=records, questions={}), "last")
    assert done.status == 1
    assert "contradicted: R1 (a good transaction): delivered, and the partner did not find it" in done.out
    assert "R2 (the same again): duplicate, and the partner found it with differences: the name is cut" in done.out
    assert "0 of 4 records confirmed, 2 contradicted, not answered: R3, R4, Q1, Q2" in done.out
    assert f"not certified: Jane Doe contradicted it on {TODAY}" in done.out
    assert "Next: correct the spec" in done.err and "the last sign-off counts" in " ".join(done.err.split())
    told = cli("certify", "--answers", made.write(records=records, questions={}), "--output", "json").json
    assert (told["run"], told["certified"], len(told["sign_offs"])) == (made.run, False, 1)
    assert told["sign_offs"][0]["unanswered"] == ["R3", "R4", "Q1", "Q2"]


def test_the_last_signature_counts_and_the_earlier_one_is_told(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec, **clean())
    wrong = {**made.answers()["records"], "R1": {"found": "not_found"}}
    assert cli("certify", "--answers", made.write(records=wrong, name="John Smith"), made.run).status == 1
    text = mail(made.answers()).replace("\n", "\r\n> ")
    done = cli("certify", "--answers", "-", made.run, stdin=text.encode())
    assert done.status == 0
    assert f"an earlier sign-off by John Smith on {TODAY} no longer counts: 3 confirmed, 1 contradicted" in done.out
    again = cli("certify", "--answers", "-", stdin=text.encode())
    assert "nothing is kept twice" in again.err
    old = cli("certify", "--answers", made.write(records=wrong, name="John Smith"), made.run)
    assert f"read before; nothing is kept twice; later answers count, signed by Jane Doe on {TODAY}" in old.err
    assert (old.status, "counts as a certification" in old.out) == (0, True)
    assert len(cli("runs", "show", made.run, "--output", "json").json["certification"]["sign_offs"]) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": "20200101-000000"}, ", run: these answers are about another run"),
        ({"spec_hash": "0" * 64}, ", spec_hash: these answers are about another version of the spec"),
        ({"pack_digest": "0" * 64}, ", pack_digest: these answers are about another pack"),
        ({"records": {"R77": {"found": "as_sent"}}}, ", records: the certification has no `R77`"),
        ({"questions": {"Q1": HOSTILE}}, ", questions.Q1: this holds a script or HTML: `</script`"),
        ({"date": "2999-01-01"}, ", date: the date 2999-01-01 is in the future"),
        ({"name": " "}, ", name: nobody signed these answers"),
    ],
)
def test_forged_and_stale_answers_are_refused_and_nothing_is_kept(
    cli: CommandLine, spec: Path, changes: dict[str, Any], message: str
) -> None:
    made = Certified(cli, spec)
    done = cli("certify", "--answers", made.write(**changes), made.run)
    assert done.status == 3
    assert f"answers.json{message}" in done.err
    assert done.out == ""
    assert cli("runs", "show", made.run, "--output", "json").json["certification"]["sign_offs"] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * 20_000_000, "larger than 2,000,000 bytes"),
        (b"\x00\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b"", "there are no answers in this"),
        (b"Hello,\nno answers here", "there are no answers in this"),
    ],
)
def test_a_file_of_something_else_is_refused(cli: CommandLine, spec: Path, content: bytes, message: str) -> None:
    made = Certified(cli, spec)
    done = cli("certify", "--answers", cli.write("mail.txt", content), made.run)
    assert (done.status, message in done.err) == (3, True), done.err
    missing = cli("certify", "--answers", "mial.txt", made.run)
    assert (missing.status, "Did you mean mail.txt?" in missing.err) == (3, True), missing.err


def test_a_run_that_is_no_certification_has_no_answers(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    with Journal.open(cli.journal) as journal:
        other = journal.begin(
            command="test", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
        )
        other.end(RunState.FINISHED, 0)
    done = cli("certify", "--answers", made.write(), "last")
    assert (done.status, f"run {other.run} is no certification" in done.err) == (2, True), done.err


def test_a_pack_and_its_page_say_whether_the_spec_has_changed(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec, **clean())
    for pack in (made.json, made.html):
        done = cli("certify", "--check", pack)
        assert (done.status, "is certified in staging by run" in done.out) == (0, True), done.out
        assert "not signed by the partner" in done.out
    text = spec.read_text()
    spec.write_text(f"# Rokt\n{text}")
    assert cli("certify", "--check", made.json, "--spec", spec).status == 0
    spec.write_text(text.replace("required: true", "required: false").replace('/leads"', '/people"'))
    done = cli("certify", "--check", made.json, "--output", "json")
    assert done.status == 1
    told = done.json
    assert (told["certified"], told["not_probed"]) == (False, ["production"])
    assert told["changed"] == [{"part": "parameters", "how": "changed"}]
    assert told["run_again"] == ["P1", "P2", "P3", "P4", "P5"]
    table = cli("certify", spec, "--check", made.html)
    assert "It did not count" not in table.out
    assert "  parameters: changed\n" in table.out
    assert "  P3 without email\n" in table.out
    assert "production has changed" in table.err


def test_a_probe_that_cannot_run_is_not_among_those_to_run_again(cli: CommandLine, spec: Path) -> None:
    race, good = certification().probes[-1], certification().probes[0]
    made = Certified(cli, spec, probes=(good, race), records=certification().records[:1])
    spec.write_text(spec.read_text().replace("status: 2xx", "status: 200"))
    done = cli("certify", "--check", made.json)
    assert (done.status, "P1 a good" in done.out, "P5" in done.out) == (1, True, False), done.out


def test_check_of_a_run_says_that_the_pack_is_wanted(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    done = cli("certify", "--check", made.run)
    assert (done.status, f"Name acme-{made.run}.certification.json" in done.err) == (2, True), done.err
    assert "no such file" in cli("certify", "--check", "gone.json").err


def test_the_folder_of_a_pack_is_made(cli: CommandLine, spec: Path) -> None:
    done = cli("certify", spec, "--sandbox", "--pack", "packs")
    assert (done.status, len(list((cli.folder / "packs").iterdir()))) == (0, 2), done.err


def test_another_address_than_the_certified_one_is_not_certified(cli: CommandLine, partner: Partner) -> None:
    text = SPEC.format(url=partner.url).replace("http://127.0.0.1:1/", "http://{{ env.ACME_HOST }}/")
    made = Certified(cli, cli.write("acme.yaml", text), origin="http://test.example.com:81", **clean())
    for host, status, told in (
        ("test.example.com:81", 0, "is certified in staging"),
        ("test.example.com", 1, "staging is http://test.example.com by the variables at hand"),
        ("other.example.com:81", 1, "staging is http://other.example.com:81 by the variables at hand"),
    ):
        done = cli("certify", "--check", made.json, env={"ACME_HOST": host})
        assert (done.status, told in done.out) == (status, True), done.out
    done = cli("certify", "--check", made.json, env={"ACME_HOST": ""})
    assert (done.status, "is certified in staging" in done.out) == (0, True)
    assert "the address of staging cannot be compared with http://test.example.com:81: " in done.err
    cli.write(".env.staging", "ACME_HOST=other.example.com\n")
    told = cli("certify", "--check", made.json, "--output", "json").json
    assert told["address"] == {"certified": "http://test.example.com:81", "now": "http://other.example.com"}
    assert not told["certified"]


def test_a_pack_with_a_finding_is_certified_once_the_partner_means_it(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    done = cli("certify", "--check", made.json)
    assert (done.status, "it has a finding that nobody accepted: P4" in done.out) == (1, True), done.out
    cli("certify", "--answers", made.write(), made.run)
    done = cli("certify", "--check", made.json)
    assert (done.status, f"signed by Jane Doe on {TODAY}" in done.out) == (0, True), done.out


def test_a_pack_that_was_changed_or_is_not_the_runs_is_refused(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    text = made.json.read_text()
    made.json.write_text(text.replace('"finding"', '"as expected"'))
    done = cli("certify", "--check", made.json)
    assert (done.status, "was changed after `certify` wrote it" in done.err) == (3, True), done.err
    from rokt_export.certification.pack import write_json

    with made.json.open("w") as stream:  # forged with the tool itself: the journal knows better
        write_json(replace(made.made, probes=made.clean()), stream)
    done = cli("certify", "--check", made.json)
    assert (done.status, f"not the one that run {made.run} wrote" in done.err) == (3, True), done.err


def test_a_pack_of_another_journal_needs_its_spec_named(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec, cli.folder / "other.sqlite", **clean())
    done = cli("certify", "--check", made.json)
    assert (done.status, "Add --spec SPEC" in done.err) == (2, True), done.err
    assert cli("certify", "--check", made.json, "--spec", spec).status == 0
    other = cli.write("other.yaml", spec.read_text().replace("partner: acme", "partner: other"))
    done = cli("certify", "--check", made.json, "--spec", other)
    assert (done.status, "this pack is about acme" in done.err) == (3, True), done.err


def test_flags_that_do_not_go_together_are_refused(cli: CommandLine, spec: Path) -> None:
    made = Certified(cli, spec)
    for flags, message in (
        (("--answers", made.write(), "--check", made.json), "two things"),
        (("--spec", spec), "Add --check PACK"),
        ((spec, "--template", "fr"), "no page in `fr`"),
        ((spec, "--pack", "nowhere/packs"), "this folder does not exist"),
    ):
        done = cli("certify", *flags)
        assert (done.status, message in done.err) == (2, True), done.err
