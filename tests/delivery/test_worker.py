"""One partition in this process: its events are written down first, also where it ends in an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery import exchanges
from delivery.exchanges import exchange, person, recorded
from rokt_export.delivery.events import Event, Settled
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.redaction_setup import redactor_for
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.worker import _listened_to, _Reporter
from rokt_export.errors import TransactionsError, UnreachableError

spec = exchanges.spec
personal = exchanges.personal
writer = exchanges.writer


@pytest.mark.parametrize("error", [UnreachableError("the token server is away"), TransactionsError("the file ends")])
def test_a_run_that_ends_in_an_error_has_all_its_recordings(writer, spec, personal, error):
    class Failing:
        def run(self) -> Iterator[Event]:
            yield Settled(tuple([exchange(person(row)) for row in range(1, 65)]))
            raise error

    class Silent:
        def tell(self, *_: object) -> None: ...
        def settled(self, _: Settled) -> None: ...

    keeper = Bookkeeper(writer, redactor_for(spec, "staging", {}, key=b"key"), personal, ())
    with pytest.raises(type(error)):
        _listened_to(Failing(), keeper, _Reporter(0, Tally(), Silent(), ()))
    assert recorded(writer) == list(range(1, 65))
