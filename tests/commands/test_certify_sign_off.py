"""The sign-off on the real command line: answers read back, a changed spec found, a guarded replay warned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from certification_samples import HOSTILE, certification
from msgspec.structs import replace

from rokt_export.certification.records import Certification, CertifiedSpec
from rokt_export.certification.staleness import parts_of
from rokt_export.commands.certify_sign_off import hand_over
from rokt_export.commands.terminal import Terminal
from rokt_export.journal import Journal, RunState
from rokt_export.partner_spec.loading import load_spec
from tests.certification.test_sign_off import mail
from tests.commands.conftest import CommandLine, Heard, Partner, serve

TODAY = datetime.now(UTC).date().isoformat()
SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: http://127.0.0.1:1/leads
  production: "{url}/leads"
parameters:
  - {{name: email, attribute: email, required: true}}
responses:
  - {{outcome: delivered, status: 2xx}}
"""


class Certified:
    """A certification as `certify` leaves it: a run in the journal, and a pack in the folder."""

    def __init__(
        self, cli: CommandLine, spec: Path, journal: Path | None = None, origin: str = "http://127.0.0.1:1",
        **changes: Any,
    ) -> None:  # fmt: skip
        loaded = load_spec(spec)
        with Journal.open(journal or cli.journal) as opened:
            writer = opened.begin(
                command="certify", partner="acme", environment="staging", spec_file=str(spec),
                spec_sha256=loaded.sha256, options={"flags": {}},
            )  # fmt: skip
            writer.end(RunState.FINISHED, 1)
            info = opened.find(writer.run)
        made = certification(writer.run)
        began = info.started.isoformat()
        about = replace(made.run, origin=origin, started_at=began, ended_at=began)
        known = CertifiedSpec("acme", loaded.sha256, parts_of(loaded))
        self.made: Certification = replace(made, run=about, spec=known, **changes)
        self.run = writer.run
        self.folder = cli.folder
        hand_over(self.made, str(journal or cli.journal), cli.folder, "en", Terminal())

    @property
    def json(self) -> Path:
        return self.folder / f"acme-{self.run}.certification.json"

    @property
    def html(self) -> Path:
        return self.folder / f"acme-{self.run}.certification.html"

    def answers(self, **changes: Any) -> dict[str, Any]:
        records = {one.id: {"found": "as_sent", "note": ""} for one in self.made.records}
        records["R3"] = {"found": "not_found", "note": ""}
        found = {
            "format": "rokt-export certification answers", "version": 1, "run": self.run,
            "spec_hash": self.made.spec.hash, "pack_digest": json.loads(self.json.read_text())["digest"],
            "records": records, "findings": {each.id: "intended" for each in self.made.findings},
            "questions": {"Q1": "Yes.", "Q2": "100"}, "name": "Jane Doe", "date": TODAY,
        }  # fmt: skip
        return {**found, **changes}

    def write(self, **changes: Any) -> Path:
        path = self.folder / "answers.json"
        path.write_text(json.dumps(self.answers(**changes)))
        return path

    def clean(self) -> tuple[Any, ...]:
        return tuple(replace(each, verdict="as expected") for each in self.made.probes)


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    return cli.write("acme.yaml", SPEC.format(url=partner.url))


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


def clean(**changes: Any) -> dict[str, Any]:
    """Changes to the sample after which it has no finding."""
    probes = tuple(replace(each, verdict="as expected") for each in certification().probes)
    return {"probes": probes, **changes}


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


class Guarded:
    """Replays to production, each time with a person whom nobody was sent before."""

    def __init__(self, cli: CommandLine, spec: Path, partner: Partner) -> None:
        self.cli, self.spec, self.partner, self.sent = cli, spec, partner, 0

    def __call__(self, *flags: object) -> tuple[int, str, int]:
        """Return exit status, stderr, and the requests that the partner heard."""
        self.sent += 1
        self.partner.heard.clear()
        rows = self.cli.write("rows.csv", f"email\nreal.{self.sent}@example.com\n")
        done = self.cli("replay", self.spec, rows, "-e", "production", "--confirm", "acme", *flags)
        return done.status, done.err, len(self.partner.heard)


@pytest.fixture
def replay(cli: CommandLine, spec: Path, partner: Partner) -> Guarded:
    return Guarded(cli, spec, partner)


def test_a_guarded_replay_says_whether_its_spec_is_certified(cli: CommandLine, spec: Path, replay: Guarded) -> None:
    status, err, heard = replay()
    assert (status, heard) == (0, 1), err
    assert err.count("was never certified, as far as this journal knows") == 1
    status, err, heard = replay("--require-certified")
    assert (status, heard) == (3, 0)
    assert "never certified" in err and "nothing was sent" in err
    made = Certified(cli, spec, **clean())
    status, err, heard = replay("--require-certified")
    assert (status, heard) == (0, 1)
    assert f"the spec is certified in staging by run {made.run}, not signed by the partner" in err
    cli("certify", "--answers", made.write(), made.run)
    text = spec.read_text()
    spec.write_text(f"# a comment\n{text}")
    status, err, heard = replay("--require-certified")
    assert (status, heard) == (0, 1)
    assert f"by run {made.run}, signed by Jane Doe on {TODAY}" in err
    spec.write_text(text.replace("status: 2xx", "status: 200"))
    status, err, heard = replay("--require-certified")
    assert (status, heard) == (3, 0)
    assert f"has changed since run {made.run} certified it in staging (signed by Jane Doe on {TODAY}): rules" in err


def test_a_certification_with_findings_counts_once_they_are_accepted(
    cli: CommandLine, spec: Path, replay: Guarded
) -> None:
    Certified(cli, spec, **clean())
    made = Certified(cli, spec)  # the newest decides
    status, err, heard = replay("--require-certified")
    assert (status, heard) == (3, 0)
    assert f"run {made.run} tried it, and it has a finding that nobody accepted: P4" in err
    cli("certify", "--answers", made.write(), made.run)
    assert replay("--require-certified")[0] == 0
    cli("certify", "--answers", made.write(records={"R1": {"found": "not_found"}}), made.run)
    assert "Jane Doe contradicted it" in replay("--require-certified")[1]


def test_the_certification_that_fits_best_is_compared(cli: CommandLine, spec: Path, replay: Guarded) -> None:
    """The newest is of a spec with more changes, and an older one of this very spec."""
    text = spec.read_text()
    own = Certified(cli, spec, **clean())
    spec.write_text(text.replace("required: true", "required: false").replace("status: 2xx", "status: 200"))
    Certified(cli, spec, **clean())
    spec.write_text(text)
    assert f"the spec is certified in staging by run {own.run}" in replay("--require-certified")[1]
    spec.write_text(text.replace("status: 2xx", "status: 201"))
    assert f"has changed since run {own.run} certified it" in replay()[1]
    cli("certify", "--answers", own.write(records={"R1": {"found": "not_found"}}), own.run)
    err = replay()[1]
    assert f"since run {own.run} tried it in staging, and did not certify it (Jane Doe contradicted it" in err
    assert "signed by" not in err


def test_a_sandbox_certifies_nothing(cli: CommandLine, spec: Path, replay: Guarded) -> None:
    from rokt_export.certification.pack import certificate_of

    made = Certified(cli, spec, **clean())
    with Journal.open(cli.journal) as journal:
        journal.certify(made.run, replace(certificate_of(made.made), sandbox=True))
    assert "was certified only by a sandbox" in replay()[1]


def test_a_pack_of_another_machine_certifies_with_its_answers(cli: CommandLine, spec: Path, replay: Guarded) -> None:
    made = Certified(cli, spec, cli.folder / "other.sqlite")
    status, err, heard = replay("--require-certified", "--certified", made.html)
    assert (status, heard) == (3, 0)
    assert "a finding that nobody accepted" in err
    answers = cli.write("mail.txt", mail(made.answers()))
    status, err, heard = replay("--require-certified", "--certified", made.html, "--certified", answers)
    assert (status, heard) == (0, 1), err
    assert f"signed by Jane Doe on {TODAY}" in err
    status, err, heard = replay("--certified", answers)
    assert (status, heard, "Add --certified with its pack" in err) == (3, 0, True), err
    own = Certified(cli, spec)
    cli("certify", "--answers", own.write(), own.run)
    assert f"by run {own.run}, signed by Jane Doe" in replay("--certified", own.json)[1]
    made.json.write_text(made.json.read_text().replace("Zo\u00eb", "Zoe"))
    status, err, heard = replay("--certified", made.json)
    assert (status, heard, "was changed" in err) == (3, 0, True), err


def test_no_certification_is_asked_for_elsewhere(cli: CommandLine, spec: Path) -> None:
    rows = cli.write("rows.csv", "email\njane.doe@example.com\n")
    done = cli("replay", spec, rows, "--sandbox", "-e", "production")
    assert (done.status, "certified" in done.err) == (0, False), done.err
    done = cli("replay", spec, rows, "--sandbox", "--require-certified")
    assert (done.status, "never certified" in done.err) == (3, True), done.err
