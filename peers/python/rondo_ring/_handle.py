"""What producers, consumers and segments have in common: a pointer of the library.

Invariants:
 1. A pointer is used under the handle's lock, so by one thread at a time. Waits hold it for a slice
    of at most `SLICE` seconds, so others get their turn, and signals are handled between slices.
 2. A handle is freed once, and its pointer is None from then on. What is still open when the
    interpreter ends is let go then, so that others see somebody leave and nobody die.
 3. After a fork the child has no handles: the roles are its parent's. Nothing is freed there.
"""

from __future__ import annotations

import atexit
import ctypes
import math
import os
import threading
import time
import warnings
import weakref
from typing import Any, Callable, NamedTuple, Optional

from ._errors import RingError
from ._library import Library

__all__ = ["SLICE", "Bell", "Deadline", "Handle"]

#: Seconds that one sleep lasts at most: how late a KeyboardInterrupt can be.
SLICE = 0.05


class Bell(NamedTuple):
    """A word of shared memory to sleep on while it has a value."""

    address: int
    value: int


class Handle:
    """A pointer of the library and the right to use it."""

    def __init__(self, library: Library, pointer: ctypes.c_void_p, what: str) -> None:
        self._library = library
        self._pointer: Optional[ctypes.c_void_p] = pointer
        self._lock = threading.Lock()
        self._what = what
        _open_handles.add(self)

    @property
    def closed(self) -> bool:
        """Whether it was closed or detached."""
        return self._pointer is None

    def _free(self, free: Callable[[Any], Any]) -> None:
        with self._lock:
            pointer, self._pointer = self._pointer, None
            if pointer is not None:
                free(pointer)

    def _let_go(self) -> None:
        """Frees it without a word to the other side."""
        raise NotImplementedError

    def _arm(self) -> tuple[int, Bell]:
        """The first half of a sleep: 0 and the bell to sleep on, or why not to sleep."""
        raise NotImplementedError

    def _gone(self) -> RingError:
        return RingError("ERR_RING_CLOSED", f"Cannot use the {self._what}: it was closed")

    def __del__(self) -> None:
        # An exception in __init__ leaves no attributes.
        if self.__dict__.get("_pointer") is not None:
            warnings.warn(f"unclosed {self._what}", ResourceWarning, source=self, stacklevel=2)
            self._let_go()


_open_handles: weakref.WeakSet[Handle] = weakref.WeakSet()


def _at_exit() -> None:
    for handle in list(_open_handles):
        handle._let_go()


def _after_fork() -> None:
    for handle in list(_open_handles):
        handle._pointer = None
        # Another thread of the parent may have held it.
        handle._lock = threading.Lock()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)


class Deadline:
    """A timeout in seconds, in slices of ms. None is for ever."""

    def __init__(self, timeout: Optional[float]) -> None:
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"Cannot wait: timeout must be at least 0 or None, got {timeout}")
        self._end = None if timeout is None else time.monotonic() + timeout

    def slice(self) -> int:
        """How long to sleep now."""
        if self._end is None:
            return int(SLICE * 1000)
        left = min(self._end - time.monotonic(), SLICE)
        return max(0, math.ceil(left * 1000))

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end
