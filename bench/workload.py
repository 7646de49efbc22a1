"""Makes what every tool is given: a file of rows, the body that each row becomes, and the spec that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

COLUMNS = (
    "transactionid",
    "email",
    "firstname",
    "lastname",
    "mobile",
    "zipcode",
    "city",
    "country",
    "dob",
    "amount",
)
BODY = {
    "transaction_id": "transactionid",
    "email_address": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "mobile",
    "zip": "zipcode",
    "city": "city",
    "amount": "amount",
}
"""Name in the JSON body to column: eight parameters of the ten columns."""
TOKEN_VARIABLE = "BENCH_TOKEN"
TOKEN = "not-a-secret-0123456789"

# An odd multiplier runs through all values before it repeats one, so that rows differ without a random generator.
_SPREAD = 7919


def row(number: int) -> tuple[str, ...]:
    """The cells of a row, the same for the same 1-based number on every machine; none needs quoting in CSV or JSON."""
    spread = number * _SPREAD
    return (
        f"T{number:09d}",
        f"jane.doe+{number}@example.com",
        "Jane",
        f"Doe-{number % 997}",
        f"20255501{spread % 100:02d}",  # numbers reserved for fiction
        f"{spread % 100_000:05d}",
        f"Springfield {spread % 50}",
        "us",
        f"19{40 + spread % 60}{1 + spread % 12:02d}{1 + spread % 28:02d}",
        f"{1 + spread % 900}.{spread % 100:02d}",
    )


def lines(rows: int) -> Iterator[str]:
    """The lines of the CSV file, header first, each with its line break."""
    yield ",".join(COLUMNS) + "\n"
    for number in range(1, rows + 1):
        yield ",".join(row(number)) + "\n"


def write_rows(path: Path, rows: int) -> Path:
    """Write the CSV file, in constant memory: that of the process that starts the tools must stay small."""
    source = lines(rows)
    with path.open("w", encoding="ascii", newline="") as file:
        while chunk := "".join(islice(source, 10_000)):
            file.write(chunk)
    return path


def first_row() -> dict[str, str]:
    """The JSON body of row 1: what tools send that read no rows."""
    cells = dict(zip(COLUMNS, row(1), strict=True))
    return {name: cells[column] for name, column in BODY.items()}


def spec(url: str, *, concurrency: int = 64, environment: str = "staging") -> str:
    """The spec: a JSON body of eight parameters, a bearer token, three rules, the body deciding in two of them."""
    parameters = "\n".join(f"  - {{name: {name}, attribute: {column}}}" for name, column in BODY.items())
    return f"""\
spec_version: 1
partner: benchmark
endpoint: {{{environment}: "{url}"}}
method: POST
authentication: {{type: bearer, token: "{{{{ env.{TOKEN_VARIABLE} }}}}"}}
encoding: json
parameters:
{parameters}
responses:
  - {{outcome: duplicate, status: [200, 409], body: {{$.status: exists}}, capture: {{reference: $.id}}}}
  - {{outcome: delivered, status: 200-299, body: {{$.status: created}}, capture: {{reference: $.id}}}}
  - {{outcome: rejected, status: 4xx, capture: {{reason: $.detail}}}}
limits: {{concurrency: {concurrency}, timeout: 30s}}
"""


@dataclass(frozen=True)
class Workload:
    """Rows on disk.

    Attributes:
        folder: where scripts, specs and journals of the run go.
        csv: the file.
        rows: how many it has.
    """

    folder: Path
    csv: Path
    rows: int

    @classmethod
    def make(cls, folder: Path, rows: int) -> Workload:
        """The file of so many rows, written unless an earlier section has."""
        path = folder / f"rows-{rows}.csv"
        return cls(folder, path if path.exists() else write_rows(path, rows), rows)

    def remove(self) -> None:
        """Remove the file and the last journal, where they are large and of no more use."""
        self.csv.unlink()
        for journal in self.folder.glob("journal.sqlite*"):
            journal.unlink()
