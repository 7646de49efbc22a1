"""The ledger knows a live system by its address and account, whatever a spec calls partner and environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.conftest import CommandLine, Partner, Result, spec_text
from commands.replays import emails, people, production
from rokt_export.journal import Journal

BEARER = "{type: bearer, token: '{{ env.TOKEN }}'}"


def send(cli: CommandLine, spec: Path, rows: Path, environment: str = "production", *flags: str, **more) -> Result:
    flags = ("-e", environment, "--confirm", spec.stem, "--output", "json", *flags)
    return cli("replay", spec, rows, *flags, **more)


@pytest.fixture
def sent(cli: CommandLine, spec: Path, partner: Partner) -> Path:
    """A file whose rows production was sent."""
    rows = cli.write("rows.csv", people(1, 2))
    assert send(cli, spec, rows).status == 0
    return rows


@pytest.mark.parametrize(
    ("name", "environment", "old", "new"),
    [
        ("acme", "prod", "  production:", "  prod:"),
        ("acme-us", "production", "Jane Doe", "Jane M. Doe"),
        ("acme-us", "prod", "  production:", "  prod:"),
        ("acme", "production", "127.0.0.1", "localhost"),
        ("acme-us", "production", "127.0.0.1", "LOCALHOST"),
        ("acme", "production", "/production/leads", "/production/v2/leads"),
    ],
)
def test_a_system_by_another_name_or_spelling_is_not_sent_a_row_again(cli, partner, sent, name, environment, old, new):
    text = spec_text(partner.url).replace("partner: acme", f"partner: {name}").replace(old, new)
    shown = send(cli, cli.write(f"{name}.yaml", text), sent, environment)
    assert (shown.status, emails(partner)) == (0, ["1", "2"]), shown.err
    assert shown.json["left_out"] == {"delivered": 2}


def test_two_live_systems_of_a_partner_have_two_ledgers(cli, partner, sent):
    text = spec_text(partner.url).replace("  production:", f"  us: {partner.url}/us/leads\n  production:")
    assert send(cli, cli.write("acme.yaml", text), sent, "us").json["counts"] == {"delivered": 2}


def test_two_customers_of_one_vendor_have_two_ledgers_and_a_new_credential_makes_no_third(cli, partner):
    rows = cli.write("rows.csv", people(1))
    text = spec_text(partner.url, authentication=BEARER)
    acme, other = cli.write("acme.yaml", text), cli.write("other.yaml", text.replace("partner: acme", "partner: other"))
    assert send(cli, acme, rows, env={"TOKEN": "first-token-1"}).json["counts"] == {"delivered": 1}
    assert send(cli, other, rows, env={"TOKEN": "other-token-2"}).json["counts"] == {"delivered": 1}
    for spec, token in ((acme, "third-token-3"), (other, "other-token-2")):
        assert send(cli, spec, rows, env={"TOKEN": token}).json["left_out"] == {"delivered": 1}


def test_rows_under_the_name_of_an_older_journal_are_known(cli, spec, partner):
    """Older versions named the ledger by the partner, and took values as they were written."""
    from rokt_export.delivery.row_filter import canonical_row, identity_of
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.journal import RunState
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.transactions.sources import open_transactions

    rows = cli.write("rows.csv", "email,firstname\njane.doe.1@example.com ,Jane\n")
    identity = identity_of(load_spec(spec).spec)
    (row,) = open_transactions((str(rows),))
    with Journal.open(cli.journal) as journal:
        writer = journal.begin(
            command="replay", partner="acme", environment="production", spec_file="acme.yaml", spec_sha256="0" * 64,
            production=True,
        )  # fmt: skip
        writer.ways(identity)
        writer.intend([(1, row.id, writer.fingerprint(canonical_row(row, identity, as_written=True)))])
        writer.settle([Delivery(1, row.id, OutcomeKind.DELIVERED, 200, attempts=1)])
        writer.end(RunState.FINISHED, 0)
    assert send(cli, spec, rows).json["left_out"] == {"delivered": 1}
    assert partner.heard == []


@pytest.mark.parametrize("name", ["Jane ", "\N{NO-BREAK SPACE}Jane", "\tJane"])
def test_blanks_around_a_value_make_no_new_row(cli, spec, partner, sent, name):
    rows = cli.write("blank.csv", f'email,firstname\njane.doe.1@example.com,"{name}"\n')
    assert production(cli, spec, rows).json["left_out"] == {"delivered": 1}


def test_another_unicode_form_makes_no_new_row(cli, spec, partner):
    for letters in ("Ren\u00e9e", "Rene\u0301e"):
        rows = cli.write("rows.csv", f"email,firstname\njane.doe.1@example.com,{letters}\n")
        assert production(cli, spec, rows).status == 0
    assert emails(partner) == ["1"]
