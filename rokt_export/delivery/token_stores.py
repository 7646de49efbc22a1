"""Where a token is kept while it is good: with its source, or between the processes of a run, one for all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple, Protocol

_MOST = 16_384
"""Bytes of a token that is shared; longer ones are fetched by each process (JWTs are a tenth of that)."""


class Token(NamedTuple):
    """A token, with moments in the machine's monotonic seconds.

    Attributes:
        value: the token; empty before there is one.
        good_until: when another is to be had.
        ends: when it is of no more use: until then it serves where no other is to be had.
        again: when a token server that could not give one may be asked again.
    """

    value: str = ""
    good_until: float = 0.0
    ends: float = 0.0
    again: float = 0.0


class TokenStore(Protocol):
    """A place for one token."""

    def held(self) -> Any:
        """Return a context in which nobody else reads or writes it."""

    def read(self) -> Token:
        """Return the token."""

    def write(self, token: Token) -> None:
        """Keep a token."""


class OwnStore:
    """The place of a source that shares with nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = Token()

    def held(self) -> threading.Lock:
        """Return a context in which nobody else reads or writes it."""
        return self._lock

    def read(self) -> Token:
        """Return the token."""
        return self._token

    def write(self, token: Token) -> None:
        """Keep a token."""
        self._token = token


class SharedStore:
    """A place in memory that the processes of one run share: the secret is on no disk and in no argument."""

    def __init__(self, context: BaseContext) -> None:
        self._value: Any = context.Array("c", _MOST)
        self._moments: Any = context.Array("d", 3, lock=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Return a context in which no other process reads or writes it."""
        with self._value.get_lock():
            yield

    def read(self) -> Token:
        """Return the token."""
        return Token(self._value.value.decode(), *self._moments)

    def write(self, token: Token) -> None:
        """Keep a token, if it fits."""
        data = token.value.encode()
        if len(data) < _MOST:
            self._value.value = data
            self._moments[:] = token[1:]
