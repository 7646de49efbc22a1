"""What all readers do alike: a transaction's id, and a survey of the first rows.

Covers `transactions/transaction.py`.
"""

import pytest

from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import scan
from transactions.samples import read


def test_an_id_is_the_transactionid_else_the_confirmationref_else_the_row(write):
    rows, _ = read(write("transactionid,confirmationref,x\nT1,C1,x\n ,C2,x\n,,x\n"))
    assert [row.id for row in rows] == ["T1", "C2", "row-3"]


@pytest.mark.parametrize(("name", "form"), [("x.ndjson", "{}\n{}\n{}"), ("x.json", "[{},{},{}]")])
def test_a_look_at_the_beginning_tells_the_columns_too(write, name, form):
    path = write(form.format(*['{"email": "jane@example.com", "x": 1}'] * 3), name)
    found = scan([path], options=SourceOptions(wanted=frozenset({"email", "zipcode"})), limit=2)
    assert not found.complete
    assert (found.columns.missing, found.columns.unmapped) == (("zipcode",), ("x",))
