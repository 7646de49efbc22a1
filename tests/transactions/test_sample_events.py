import re
import runpy
from pathlib import Path

import pytest

from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.references import variable_names
from rokt_export.request.render import Renderer
from rokt_export.transactions.sources import open_transactions, scan

PLUGINS = frozenset({"requests.auth:HTTPBasicAuth"})
"""What `example-custom-auth.yaml` asks to load."""
ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_events"
CONTENTS = runpy.run_path(str(ROOT / "tests" / "make_sample_events.py"))["contents"]()


@pytest.mark.parametrize("name", CONTENTS)
def test_the_script_writes_the_same_bytes(name):
    assert (SAMPLES / name).read_bytes() == CONTENTS[name]


@pytest.mark.parametrize(("name", "rows"), [("few.csv", 5), ("few.ndjson", 5), ("thousand.csv", 1_000)])
def test_every_row_can_be_read(name, rows):
    found = scan([str(SAMPLES / name)])
    assert (found.rows, found.problems, found.clean) == (rows, 0, True)
    assert found.columns.unmapped == ()
    transactions = list(open_transactions([str(SAMPLES / name)]))
    assert len({row.id for row in transactions}) == rows
    emails = {row.values["email"].lower() for row in transactions}
    assert len(emails) == rows
    assert all(email.endswith("@example.com") for email in emails)


def test_the_readme_names_the_specs_that_find_rows_invalid():
    rows = list(open_transactions([str(SAMPLES / "thousand.csv")]))
    refusing = set()
    for path in sorted((ROOT / "sample_specs").glob("*.yaml")):
        spec = load_spec(path).spec
        environment = next(iter(spec.endpoint))
        variables = dict.fromkeys(variable_names(spec, [environment]), "host.example")
        renderer = Renderer(spec, environment, variables, base_url="http://127.0.0.1:1", plugins=PLUGINS)
        if not all(renderer.renders(row) for row in rows):
            refusing.add(path.stem)
    named = (SAMPLES / "README.md").read_text().partition("Most sample specs send every row.")[2].partition("find")[0]
    assert set(re.findall(r"`([\w-]+)`", named)) == refusing


def test_both_small_files_hold_the_same_people():
    csv_rows, json_rows = (list(open_transactions([str(SAMPLES / name)])) for name in ("few.csv", "few.ndjson"))
    assert csv_rows == json_rows


def test_the_dirt_that_is_promised_is_there():
    data = CONTENTS["thousand.csv"]
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in data and data.replace(b"\r\n", b"").count(b"\n") > 300
    rows = list(open_transactions([str(SAMPLES / "thousand.csv")]))
    for name, dirt in (
        ("address1", "\r\nFloor"),
        ("address1", "A\n4"),
        ("address1", "🏠"),
        ("lastname", '"JD"'),
        ("lastname", "Doe, Jr."),
        ("firstname", " Zoë "),
        ("firstname", "太郎"),
        ("zipcode", "00501"),
        ("zipcode", "01067"),
        ("confirmationref", "000"),
        ("mobile", ""),
    ):
        assert any(dirt == row.values[name] or (dirt and dirt in row.values[name]) for row in rows), (name, dirt)
    assert all(int(row.id) > 2**53 for row in rows)
    assert any(row.values[name] == "" for row in rows for name in ("firstname", "title", "optin"))
