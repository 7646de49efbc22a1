"""A finding of an earlier run stays open until a run that can tell has none."""

from __future__ import annotations

from commands.conftest import CommandLine, Result

from certification.certifying import ENV, defects, probes
from certification.crm import SPEC, Crm, serving
from rokt_export.journal import Journal


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
