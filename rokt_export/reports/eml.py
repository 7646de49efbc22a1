"""Turn a run into an e-mail to the tech contact, with every delivery attached, ready to be opened and sent."""

from __future__ import annotations

import io
import zipfile
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TextIO

from rokt_export.redaction.display_text import one_line
from rokt_export.reports.blocks import html, markdown
from rokt_export.reports.contact_letter import letter, title
from rokt_export.reports.rows import write_csv
from rokt_export.reports.run_report import Story

LARGEST_PLAIN = 2_000_000
"""Bytes of the table up to which it is attached as it is; a longer one is zipped, for many servers refuse 10 MB."""


def write(story: Story, stream: TextIO) -> None:
    """Write an RFC 5322 message, text and HTML, that mail programs open as a draft (`X-Unsent`).

    It has no sender and no date: these are of whoever sends it. The table of all deliveries is attached as CSV.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(title(story))
    if (to := _address(story)) is not None:
        message["To"] = to
    message["X-Unsent"] = "1"
    # Tables are read once, as they are written: each part has a letter of its own.
    message.set_content("".join(markdown(letter(story), plain=True)))
    message.add_alternative("".join(html(letter(story))), subtype="html")
    _attach(message, story)
    stream.write(message.as_bytes().decode("ascii"))


def _address(story: Story) -> Address | None:
    contact = story.spec.contact if story.spec is not None else None
    if contact is None or not contact.email:
        return None
    try:
        return Address(display_name=one_line(contact.name), addr_spec=contact.email)
    except (ValueError, IndexError, MessageError):  # the spec's text is no address: whoever sends it fills it in
        return None


def _attach(message: EmailMessage, story: Story) -> None:
    table = io.StringIO(newline="")
    write_csv(story, table)
    data = table.getvalue().encode()
    name = f"{story.run.partner}-{story.run.run}.csv"
    if len(data) <= LARGEST_PLAIN:
        message.add_attachment(data, maintype="text", subtype="csv", filename=name, params={"charset": "utf-8"})
        return
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    message.add_attachment(packed.getvalue(), maintype="application", subtype="zip", filename=f"{name}.zip")
