"""Turn an iterator of transactions into batches as the engine has room, without waiting on a live input."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.transaction import Transaction


class Feed(Protocol):
    """Where the engine takes transactions from, in order."""

    exhausted: bool
    searching: bool

    @property
    def scarce(self) -> bool:
        """Whether others might need what is left, so that no more should be taken than can leave at once."""

    def take(self, most: int) -> list[Transaction]:
        """Return up to `most` transactions that are at hand.

        None may mean "not yet" until `exhausted` is true. Where it has gone over many that are left out and not come to
        the end of them, it is `searching`, and may be asked again at once.
        """


class FileFeed:
    """A feed from an input that is all there.

    Args:
        transactions: the input, or a share of it; a None is no transaction, but a moment for something else.
        share: that share.
    """

    def __init__(self, transactions: Iterator[Transaction | None], share: Share = ALL) -> None:
        self._transactions = transactions
        self._share = share
        self._error: Exception | None = None
        self.exhausted = self.searching = False

    @property
    def scarce(self) -> bool:
        """Whether other workers might need what is left."""
        return self._share.scarce

    def take(self, most: int) -> list[Transaction]:
        """Return the next transactions.

        Raises:
            TransactionsError: the input could not be read further; what came before it has been returned.
        """
        if self._error is not None:
            self.exhausted = True
            raise self._error
        self._share.ask(most)
        self.searching = False
        found: list[Transaction] = []
        try:
            for transaction in islice(self._transactions, most):
                if transaction is None:
                    self.searching = True
                    return found
                found.append(transaction)
        except Exception as error:
            if not found:
                self.exhausted = True
                raise
            self._error = error
            return found
        self.exhausted = len(found) < most
        return found


class LiveFeed:
    """A feed from an input that arrives as it pleases (`tail -F … | rokt-export replay SPEC -`), read by a thread.

    Args:
        transactions: the input.
        wake: called from the thread when something has arrived.
        ahead: transactions read ahead at most.
    """

    scarce = searching = False

    def __init__(self, transactions: Iterator[Transaction | None], wake: Callable[[], None], ahead: int = 1000) -> None:
        self._transactions = transactions
        self._wake = wake
        self._queue: queue.Queue[Transaction | BaseException | None] = queue.Queue(ahead)
        self.exhausted = False
        threading.Thread(target=self._read, name="transactions", daemon=True).start()

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for transaction in self._transactions:
                if transaction is not None:
                    self._queue.put(transaction)
                    self._wake()
        except BaseException as error:  # noqa: BLE001 - raised again by `take`, in the engine's thread
            last = error
        self._queue.put(last)
        self._wake()

    def take(self, most: int) -> list[Transaction]:
        """Return what has arrived.

        Raises:
            TransactionsError: the input could not be read further; what came before it has been returned.
        """
        found: list[Transaction] = []
        while len(found) < most and not self.exhausted:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(item, Transaction):
                found.append(item)
            elif item is None:
                self.exhausted = True
            elif found:
                self._queue.queue.appendleft(item)
                break
            else:
                self.exhausted = True
                raise item
        return found
