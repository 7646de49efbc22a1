"""Ctrl-C held back for as long as a C library runs our callbacks, which it could not leave half-way."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class HeldInterrupt:
    """Holds SIGINT back inside a `with` block, and passes it to the program's own handler at its end.

    An exception raised by a signal handler inside a libcurl callback would abort every transfer in flight. Outside the
    main thread, where Python runs no signal handlers, and where SIGINT has no Python handler, nothing is done.
    """

    __slots__ = ("_held", "_previous")

    def __init__(self) -> None:
        self._held: tuple[int, FrameType | None] | None = None
        self._previous: Any = None

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and handler != self._hold:
            signal.signal(signal.SIGINT, self._hold)
            self._previous = handler

    def __exit__(self, *_: object) -> None:
        handler, self._previous = self._previous, None
        if handler is None:
            return
        signal.signal(signal.SIGINT, handler)
        held, self._held = self._held, None
        if held is not None:
            handler(*held)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held = (number, frame)
