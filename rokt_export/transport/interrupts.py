"""Ctrl-C held back for as long as a C library runs our callbacks, which it could not leave half-way."""

from __future__ import annotations

import threading
from signal import SIGINT
from types import FrameType
from typing import Any

try:  # what `signal` is made of, without its look-up of each handler in an enumeration: 1 us a hold against 12
    from _signal import getsignal, signal  # type: ignore[import-not-found]
except ImportError:  # no CPython
    from signal import getsignal, signal


class HeldInterrupt:
    """Holds SIGINT back inside a `with` block, and passes it to the program's own handler at its end.

    An exception raised by a signal handler inside a libcurl callback would abort every transfer in flight. Outside the
    main thread, where Python runs no signal handlers, and where SIGINT has no Python handler, nothing is done.
    """

    __slots__ = ("_held", "_holder", "_previous")

    def __init__(self) -> None:
        self._held: tuple[int, FrameType | None] | None = None
        self._holder = self._hold
        self._previous: Any = None

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        handler = getsignal(SIGINT)
        if callable(handler) and handler is not self._holder:
            signal(SIGINT, self._holder)
            self._previous = handler

    def __exit__(self, *_: object) -> None:
        handler, self._previous = self._previous, None
        if handler is None:
            return
        signal(SIGINT, handler)
        held, self._held = self._held, None
        if held is not None:
            handler(*held)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held = (number, frame)
