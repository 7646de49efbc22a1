"""Turn a run into an e-mail to the tech contact, with what the partner received attached, ready to be sent."""

from __future__ import annotations

import csv
import io
import zipfile
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TextIO

from rokt_export.journal.queries import was_sent
from rokt_export.redaction.display_text import csv_cell, one_line
from rokt_export.reports.contact_letter import ContactLetter, record_of
from rokt_export.reports.listing import Listing
from rokt_export.reports.person_lookup import Identities
from rokt_export.reports.run_report import RunReport, moment

LARGEST_PLAIN = 2_000_000
"""Bytes of the table up to which it is attached as it is; a longer one is zipped, for many servers refuse 10 MB."""
MOST_LISTED = 100_000
"""Rows of the table: 2 MB zipped."""


def write(run_report: RunReport, stream: TextIO, template: str = "en") -> None:
    """Write an RFC 5322 message, text and HTML, that mail programs open as a draft (`X-Unsent`).

    It has no sender and no date: the sender adds them. What the partner received is attached as CSV.

    Args:
        run_report: the run.
        stream: a text stream that translates no line ends.
        template: a language, or a folder of templates; see `ContactLetter`.

    Raises:
        UsageError: a template is missing, or fails.
    """
    listing = Listing.of(run_report, MOST_LISTED)
    letter = ContactLetter(run_report, template, table=listing)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = letter.subject()
    if (to := _address(run_report)) is not None:
        message["To"] = to
    message["X-Unsent"] = "1"
    message.set_content(letter.text(), cte="quoted-printable")
    message.add_alternative(letter.html(), subtype="html", cte="quoted-printable")
    _attach(message, listing)
    stream.write(message.as_bytes().decode("ascii"))


def _address(run_report: RunReport) -> Address | None:
    contact = run_report.spec.contact if run_report.spec is not None else None
    if contact is None or not contact.email:
        return None
    try:
        return Address(display_name=one_line(contact.name), addr_spec=contact.email)
    except (ValueError, IndexError, MessageError):  # the spec's text is not an address: the sender fills it in
        return None


def _attach(message: EmailMessage, listing: Listing) -> None:
    table = io.StringIO(newline="")
    _write_table(listing, table)
    data = table.getvalue().encode()
    run = listing.run_report.run
    name = f"{run.partner}-{run.run}.csv"
    if len(data) <= LARGEST_PLAIN:
        message.add_attachment(data, maintype="text", subtype="csv", filename=name, params={"charset": "utf-8"})
        return
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    message.add_attachment(packed.getvalue(), maintype="application", subtype="zip", filename=f"{name}.zip")


def _write_table(listing: Listing, table: TextIO) -> None:
    """Write what the partner received and how it responded, a line a delivery, without rows that were not sent."""
    identities = Identities(listing.run_report)
    writer = csv.writer(table, lineterminator="\r\n")
    names = identities.names if listing.run_report.figures.invented else identities.impersonal
    writer.writerow(["sent_utc", *names, "status", "outcome", "reference", "reason"])
    for one, recording in listing.deliveries_with_recordings():
        if not was_sent(one):
            continue
        record = record_of(one, recording, identities)
        who = [record.who.get(name, "") for name in names]
        outcome = "accepted" if record.provisional else record.outcome
        sent = moment(one.started).removesuffix(" UTC") if one.started else ""
        status = "" if record.status is None else record.status
        writer.writerow(map(csv_cell, [sent, *who, status, outcome, record.reference, record.reason]))
