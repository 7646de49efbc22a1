"""What a run inherits from an earlier one, and what it may not."""

from __future__ import annotations

import pytest

from commands.conftest import spec_text
from commands.replays import emails, people, production


@pytest.fixture
def staged(cli, spec, partner):
    """A run of test data to staging."""
    rows = cli.write("rows.csv", people(1))
    flags = ("--set", "email=jane.doe.9@example.com", "--test-data")
    assert cli("replay", spec, rows, *flags, "--name", "staged").status == 0
    partner.heard.clear()
    return rows


def test_test_data_of_an_earlier_run_needs_leave_anew_before_it_goes_to_production(cli, spec, partner, staged):
    shown = production(cli, spec, staged, "--from-run", "staged", "--only", "delivered", "--again")
    assert (shown.status, partner.heard) == (2, [])
    for words in ("test data is never sent to production", "--test-data", "Using --set email, --test-data, as in run"):
        assert words in shown.err, shown.err
    allowed = production(cli, spec, staged, "--from-run", "staged", "--only", "delivered", "--again", "--test-data")
    assert (allowed.status, emails(partner)) == (0, ["9"])
    assert "jane.doe.9" not in allowed.err


def test_rows_that_were_never_sent_do_not_stop_a_run_to_production(cli, spec, partner):
    rows = cli.write("rows.csv", "email,firstname\n" + ",Jane\n" * 5 + "jane.doe.6@example.com,Jane\n")
    shown = production(cli, spec, rows)
    assert shown.json["counts"] == {"invalid": 5, "delivered": 1}, shown.err
    assert emails(partner) == ["6"]


def test_the_hint_to_go_on_repeats_the_consent_to_a_plug_in(cli, partner):
    (cli.folder / "signer.py").write_text(
        "import requests\n\nclass Signer(requests.auth.AuthBase):\n"
        "    def __call__(self, request):\n        return request\n"
    )
    text = spec_text(partner.url, authentication="{type: custom, auth: 'signer:Signer'}")
    spec, rows = cli.write("acme.yaml", text), cli.write("rows.csv", people(1, 2, 3))
    partner.answer = lambda _heard: (400, {}, b"{}")
    shown = cli.process(
        "replay", spec, rows, "--stop-after", "1", "--concurrency", "1", "--allow-plugin", "signer:Signer",
        env={"PYTHONPATH": f"{cli.folder}:{cli.environment()['PYTHONPATH']}"},
    )  # fmt: skip
    assert "runs resume" in shown.err and "--allow-plugin signer:Signer" in shown.err, shown.err
