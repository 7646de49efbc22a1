"""Several rates hold at once, over all workers."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from commands.conftest import CommandLine, Partner, spec_text

BURST, STEADY, SPAN = 20, 30, 3.0


def test_neither_more_than_the_burst_nor_more_than_the_steady_rate_leaves(cli: CommandLine, partner: Partner) -> None:
    limits = f"limits: {{rate: [{BURST}/s, {STEADY}/{SPAN:g}s], concurrency: 6, "
    cli.write("acme.yaml", spec_text(partner.url).replace("limits: {", limits))
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{number}@example.com\n" for number in range(45)))
    done = cli.process("replay", "acme.yaml", "rows.csv", "--workers", "2")
    assert done.status == 0, done.err
    assert f"at most {BURST}/s and {STEADY}/{SPAN:g} s (several rates: kept by this run alone)" in done.err
    assert len(partner.heard) == 45
    with closing(sqlite3.connect(cli.journal)) as journal:  # when they left: a busy machine lets them arrive together
        left = [moment for (moment,) in journal.execute("SELECT started FROM delivery ORDER BY started")]
    for most, span in ((BURST, 1.0), (STEADY, SPAN)):
        assert max(sum(first <= each < first + span for each in left) for first in left) <= most
    assert left[STEADY] - left[0] >= SPAN
