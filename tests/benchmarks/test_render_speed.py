"""How long one row of the Mailchimp sample takes to render: at most 20 us, credentials included."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from rokt_export.partner_spec.loading import load_spec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

SAMPLE = Path(__file__).parents[2] / "sample_specs" / "mailchimp.yaml"
LIMIT = 20e-6
ROWS = [
    Transaction(
        number,
        f"order-{number}",
        {
            "email": f"jane.doe.{number}@example.com",
            "firstname": f"Zoë {number}",
            "lastname": "O'Doe",
            "dob": f"198312{number % 28 + 1:02}",
            "zipcode": "02108",
            "amount": "1.10",
        },
    )
    for number in range(1, 101)
]


def test_render(benchmark: BenchmarkFixture) -> None:
    spec = load_spec(SAMPLE).spec
    renderer = Renderer(spec, "staging", {"MAILCHIMP_STAGING_LIST": "abc123", "MAILCHIMP_API_KEY": "0123456789abcdef"})
    rows = cycle(ROWS)
    request = benchmark(lambda: renderer.sign(renderer.render(next(rows))))
    assert request.header("Authorization") == "Basic YW55c3RyaW5nOjAxMjM0NTY3ODlhYmNkZWY="
    assert b'"LNAME":"O\'Doe"' in (request.body or b"")
    if benchmark.stats is not None:  # none where benchmarks are switched off
        assert benchmark.stats.stats.median < LIMIT
