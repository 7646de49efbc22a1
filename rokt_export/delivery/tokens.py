"""Where a token is kept while it is good: with its source, or between the processes of a run, one for all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any, Protocol

_MOST = 16_384
"""Bytes of a token that is shared; longer ones are fetched by each process (JWTs are a tenth of that)."""


class TokenStore(Protocol):
    """A place for one token."""

    def held(self) -> Any:
        """Return a context in which nobody else reads or writes it."""

    def read(self) -> tuple[str, float]:
        """Return the token and the moment (monotonic seconds, the machine's) until which it is good; empty at first."""

    def write(self, token: str, good_until: float) -> None:
        """Keep a token."""


class OwnStore:
    """The place of a source that shares with nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def held(self) -> threading.Lock:
        """Return a context in which nobody else reads or writes it."""
        return self._lock

    def read(self) -> tuple[str, float]:
        """Return the token and until when it is good."""
        return self._token, self._good_until

    def write(self, token: str, good_until: float) -> None:
        """Keep a token."""
        self._token, self._good_until = token, good_until


class SharedStore:
    """A place in memory that the processes of one run share: the secret is on no disk and in no argument."""

    def __init__(self, context: BaseContext) -> None:
        self._token: Any = context.Array("c", _MOST)
        self._good_until: Any = context.Value("d", 0.0, lock=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Return a context in which no other process reads or writes it."""
        with self._token.get_lock():
            yield

    def read(self) -> tuple[str, float]:
        """Return the token and until when it is good."""
        return self._token.value.decode(), self._good_until.value

    def write(self, token: str, good_until: float) -> None:
        """Keep a token, if it fits."""
        data = token.encode()
        if len(data) < _MOST:
            self._token.value = data
            self._good_until.value = good_until
