"""Waiting in event loops of asyncio without a thread for each ring.

One thread sleeps for all producers and consumers that wait in any event loop of the process: on
all their bells at once, with `futex_waitv(2)` (Linux 5.16). It arms each bell, sleeps, and tells
the loop of whoever has something to do. It looks again every `SLICE` seconds, which is how deaths
are noticed; it ends when nobody has waited for a while. A thread waits for up to 126 of them.

Where the system call is missing or forbidden (older kernels, some sandboxes) the thread looks
every millisecond instead.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import platform
import threading
import time
from typing import Optional, Union

from ._handle import SLICE, Bell, Handle
from ._library import ENDED

__all__ = ["wait_for"]

_FUTEX_WAITV = 449
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98}
_FUTEX_WAKE_PRIVATE = 1 | 128
_SIZE_U32 = 2
_PRIVATE = 128
_CLOCK_MONOTONIC = 1
#: The kernel takes 128 words: one is the thread's own.
_MOST = 126
#: Seconds without anything to wait for after which the thread ends.
_IDLE = 5.0
#: Seconds between looks where the kernel cannot wait for many words.
_POLL = 0.001


class _WaitV(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class _TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64)]


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (
    ctypes.c_long,
    ctypes.c_void_p,
    ctypes.c_long,
    ctypes.c_long,
    ctypes.c_void_p,
    ctypes.c_long,
)


class _Wait:
    """One coroutine that waits."""

    def __init__(self, handle: Handle, loop: asyncio.AbstractEventLoop) -> None:
        self.handle = handle
        self.loop = loop
        self.future: asyncio.Future[int] = loop.create_future()

    def finish(self, outcome: Union[int, BaseException]) -> None:
        """Called in the waiting thread."""
        try:
            self.loop.call_soon_threadsafe(self._set, outcome)
        except RuntimeError:
            # The loop was closed while its coroutine waited: nobody is left to tell.
            pass

    def _set(self, outcome: Union[int, BaseException]) -> None:
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class _Waiter:
    """A thread that sleeps for up to `_MOST` waits."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waits: list[_Wait] = []
        self._thread: Optional[threading.Thread] = None
        # Changes whenever `_waits` does; the thread sleeps on it too.
        self._changes = ctypes.c_uint32(0)
        number = _FUTEX.get(platform.machine())
        self._wake_number = number
        # Without a way to wake the thread it must not sleep for long.
        self._can_sleep = number is not None

    def add(self, wait: _Wait) -> bool:
        """False when it waits for as many as it can."""
        with self._mutex:
            if len(self._waits) >= _MOST:
                return False
            self._waits.append(wait)
            self._changed()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rondo-ring", daemon=True)
                self._thread.start()
        return True

    def remove(self, wait: _Wait) -> None:
        """For who was cancelled. Nothing when it is over."""
        with self._mutex:
            if wait in self._waits:
                self._waits.remove(wait)

    def _changed(self) -> None:
        self._changes.value = (self._changes.value + 1) & 0xFFFFFFFF
        if self._wake_number is not None:
            word = ctypes.byref(self._changes)
            _syscall(self._wake_number, word, _FUTEX_WAKE_PRIVATE, 1, None, 0)

    def _run(self) -> None:
        idle_since: Optional[float] = None
        while True:
            with self._mutex:
                changes = self._changes.value
                waits = list(self._waits)
                if waits:
                    idle_since = None
                elif idle_since is None:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since >= _IDLE:
                    self._thread = None
                    return
            bells = self._arm(waits)
            if len(bells) == len(waits):
                self._sleep(changes, bells, SLICE if waits else _IDLE)

    def _arm(self, waits: list[_Wait]) -> list[Bell]:
        bells: list[Bell] = []
        over: list[tuple[_Wait, Union[int, BaseException]]] = []
        for wait in waits:
            try:
                result, bell = wait.handle._arm()
            except Exception as error:
                over.append((wait, error))
                continue
            if result == 0:
                bells.append(bell)
            else:
                over.append((wait, result))
        for wait, outcome in over:
            self.remove(wait)
            wait.finish(outcome)
        return bells

    def _sleep(self, changes: int, bells: list[Bell], seconds: float) -> None:
        if not self._can_sleep:
            time.sleep(_POLL if bells else 0.05)
            return
        words = (_WaitV * (len(bells) + 1))()
        words[0] = _WaitV(changes, ctypes.addressof(self._changes), _SIZE_U32 | _PRIVATE, 0)
        for index, bell in enumerate(bells):
            words[index + 1] = _WaitV(bell.value, bell.address, _SIZE_U32, 0)
        end = time.monotonic_ns() + int(seconds * 1e9)
        until = _TimeSpec(end // 10**9, end % 10**9)
        clock = _CLOCK_MONOTONIC
        result = _syscall(_FUTEX_WAITV, words, len(words), 0, ctypes.byref(until), clock)
        # EAGAIN: a word changed before. EFAULT: a ring was closed meanwhile. Both: look again.
        if result < 0 and ctypes.get_errno() in (errno.ENOSYS, errno.EPERM):
            self._can_sleep = False


_waiters: list[_Waiter] = []
_waiters_lock = threading.Lock()


def _after_fork() -> None:
    global _waiters_lock
    _waiters_lock = threading.Lock()
    _waiters.clear()


os.register_at_fork(after_in_child=_after_fork)


def _start(wait: _Wait) -> _Waiter:
    with _waiters_lock:
        for waiter in _waiters:
            if waiter.add(wait):
                return waiter
        waiter = _Waiter()
        waiter.add(wait)
        _waiters.append(waiter)
        return waiter


async def wait_for(handle: Handle) -> bool:
    """Until there is something to do for a producer or consumer; False when a ring has ended."""
    result, _ = handle._arm()
    if result == 0:
        wait = _Wait(handle, asyncio.get_running_loop())
        waiter = _start(wait)
        try:
            result = await wait.future
        finally:
            waiter.remove(wait)
    return result != ENDED
