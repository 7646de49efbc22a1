"""Before a guarded replay: whether the spec is certified, by whom it was signed, and whether it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from commands import certified_runs
from commands.certified_runs import TODAY, Certified, clean
from commands.conftest import CommandLine, Partner
from rokt_export.journal import Journal
from tests.certification.test_sign_off import mail

spec = certified_runs.spec


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
    assert "never certified" in err and "nothing was sent" in err and "certifies it" in err
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
    assert "certifies it" not in err
    assert f"`rokt-export certify --answers FILE {made.run}` reads the partner's answers" in " ".join(err.split())
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
