"""The reading side of a ring."""

from __future__ import annotations

import asyncio
import ctypes
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar, Union

from ._errors import RingError
from ._handle import Bell, Deadline, Handle
from ._library import ENDED, PEER_DIED, Library
from ._message import Message
from ._waiter import wait_for

if TYPE_CHECKING:
    import numpy
    import numpy.typing

__all__ = ["Consumer"]

M = TypeVar("M", bound=Message)

#: Messages that an `async for` takes at most before the event loop has its turn.
TURN = 256

_byref = ctypes.byref
_ONE = ctypes.c_uint32(1)


class Consumer(Handle, Generic[M]):
    """Takes messages out of a ring; made by `Ring.consumer`.

    Everything that it gives is private memory: no object refers to the ring, and nothing happens
    to a message later. Slots are given back to producers together: after a quarter of the ring,
    when nothing more is there, before waiting, or with `release`. On SPSC and MPSC rings what was
    not given back when a consumer dies comes again for its successor.
    Iterating waits for messages and ends with the ring. As a context manager it closes when the
    block ends, and detaches when it ends with an exception. Threads may share a consumer and
    take turns. Every failure is a `RingError`, such as ERR_RING_POISONED.
    """

    def __init__(
        self,
        library: Library,
        pointer: ctypes.c_void_p,
        message: type[M],
        slab_bytes: int,
        spin: int,
        await_successor: bool,
    ) -> None:
        super().__init__(library, pointer, "consumer")
        self._type = message
        self._size = ctypes.sizeof(message)
        self._stride = ctypes.c_size_t(self._size)
        self._slab = message._slab
        self._slab_bytes = slab_bytes
        self._spin = spin
        self._await_successor = await_successor
        self._pop_call = library.consumer_pop
        self._buffer = ctypes.create_string_buffer(256 if self._slab else 0)
        self._ended = False
        self._turn = 0

    def try_pop(self) -> Optional[M]:
        """The next message; None when there is none now, or none any more (see `ended`)."""
        message = self._type()
        with self._lock:
            popped = self._pop(_byref(message), _ONE)
            if popped and self._slab:
                self._fill(message)
        return message if popped else None

    def pop(self, timeout: Optional[float] = None) -> Optional[M]:
        """The next message, waiting for it; None when the ring has ended.

        `timeout` is in seconds, None for ever; TimeoutError after it. ERR_RING_PEER_DIED when a
        producer dies and nothing is left; told once for each, popping again waits for others.
        """
        deadline = Deadline(timeout)
        while True:
            message = self.try_pop()
            if message is not None or self._ended:
                return message
            self._await_message(deadline)

    async def pop_async(self) -> Optional[M]:
        """As `pop`, in an event loop of asyncio. When it is cancelled no message is lost."""
        while True:
            message = self.try_pop()
            if message is not None or self._ended:
                return message
            await wait_for(self)

    def try_pop_many(self, limit: int) -> list[M]:
        """Up to `limit` messages of one producer; none when there are none now."""
        if limit < 1:
            raise ValueError(f"Cannot pop: limit must be at least 1, got {limit}")
        limit = min(limit, 65_536)
        kind = self._type
        buffer = ctypes.create_string_buffer(limit * self._size)
        with self._lock:
            popped = self._pop(_byref(buffer), ctypes.c_uint32(limit))
            size = self._size
            messages = [kind.from_buffer_copy(buffer, index * size) for index in range(popped)]
            if self._slab:
                for message in messages:
                    self._fill(message)
        return messages

    def try_pop_batch(self, limit: int) -> numpy.typing.NDArray[numpy.void]:
        """Up to `limit` messages of one producer as a numpy array, which is a copy.

        Slab fields are references; `pieces` gives their content until the next pop.
        """
        if limit < 1:
            raise ValueError(f"Cannot pop: limit must be at least 1, got {limit}")
        import numpy

        batch = numpy.empty(min(limit, 2**24), self._type.dtype())
        with self._lock:
            out = ctypes.c_void_p(batch.ctypes.data)
            popped = self._pop(out, ctypes.c_uint32(len(batch)))
        # A part of an array keeps all of it alive.
        return batch if popped == len(batch) else batch[:popped].copy()

    def pop_batch(
        self, limit: int, timeout: Optional[float] = None
    ) -> numpy.typing.NDArray[numpy.void]:
        """As `try_pop_batch`, but waits for one message at least; none when the ring has ended."""
        deadline = Deadline(timeout)
        while True:
            batch = self.try_pop_batch(limit)
            if len(batch) or self._ended:
                return batch
            self._await_message(deadline)

    def pieces(
        self, batch: numpy.typing.NDArray[numpy.void], field: str
    ) -> list[Optional[Union[str, bytes]]]:
        """The content of a slab field of each message of the last batch, before the next pop.

        None where an optional field is absent. ERR_RING_CLAIM for other messages' fields.
        """
        found = next((slab for slab in self._slab if slab.name == field), None)
        if found is None:
            raise ValueError(f"Cannot read pieces: {field!r} is no slab field")
        references = batch[field]
        present = batch["_present"] & found.bit if found.bit else None
        pieces: list[Optional[Union[str, bytes]]] = []
        with self._lock:
            for index, (position, length) in enumerate(references.tolist()):
                if present is not None and not present[index]:
                    pieces.append(None)
                    continue
                content = self._piece(position, length)
                pieces.append(content.decode("utf-8", "replace") if found.is_text else content)
        return pieces

    async def ready(self) -> bool:
        """Waits, in an event loop of asyncio, until a pop gives something; False at the end.

        For batches: `while await consumer.ready(): batch = consumer.try_pop_batch(256)`. On MPMC
        rings another consumer may be faster.
        """
        return await wait_for(self)

    @property
    def ended(self) -> bool:
        """Whether the last pop found the ring drained and all its lanes closed."""
        return self._ended

    @property
    def joined(self) -> bool:
        """False while the consumer waits for the producer of a gated broadcast to let it in."""
        return self._simple(self._library.consumer_joined) > 0

    @property
    def lane(self) -> int:
        """The lane of the message that was popped last: tells producers apart."""
        return self._simple(self._library.consumer_lane)

    @property
    def lost(self) -> int:
        """Messages that were overwritten before they were read: lossy rings only. Modulo 2^32."""
        return self._simple(self._library.consumer_lost)

    def release(self) -> None:
        """Gives the slots of what was popped back now, and not with the next pop."""
        self._simple(self._library.consumer_release)

    def close(self) -> None:
        """Tells the producers that no more is wanted (SPSC, MPSC), and detaches."""

        def end(pointer: ctypes.c_void_p) -> None:
            try:
                self._library.check(self._library.consumer_close(pointer))
            finally:
                self._library.consumer_detach(pointer)

        self._free(end)

    def detach(self) -> None:
        """Releases and gives the place up; a successor may continue."""
        self._let_go()

    def __enter__(self) -> Consumer[M]:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.detach()

    def __iter__(self) -> Consumer[M]:
        return self

    def __next__(self) -> M:
        message = self.pop()
        if message is None:
            raise StopIteration
        return message

    def __aiter__(self) -> Consumer[M]:
        return self

    async def __anext__(self) -> M:
        self._turn += 1
        if self._turn % TURN == 0:
            await asyncio.sleep(0)
        message = await self.pop_async()
        if message is None:
            raise StopAsyncIteration
        return message

    def _let_go(self) -> None:
        self._free(self._library.consumer_detach)

    def _simple(self, call: Any) -> int:
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            return self._library.check(call(self._pointer))

    def _pop(self, out: Any, limit: ctypes.c_uint32) -> int:
        """Under the lock. 0 at the end too."""
        if self._pointer is None:
            raise self._gone()
        popped: int = self._pop_call(self._pointer, out, self._stride, limit)
        self._ended = popped == ENDED
        if popped >= 0:
            return popped
        if popped == ENDED:
            return 0
        raise self._library.failure(popped)

    def _fill(self, message: M) -> None:
        """Copies the slab fields, under the lock of their pop."""
        address = ctypes.addressof(message)
        offset = self._type._present_offset
        present = ctypes.c_uint32.from_address(address + offset).value if offset >= 0 else 0
        for field in self._slab:
            if field.bit and not present & field.bit:
                continue
            reference = (ctypes.c_uint32 * 2).from_address(address + field.offset)
            content = self._piece(reference[0], reference[1])
            message.__dict__[field.name] = (
                content.decode("utf-8", "replace") if field.is_text else content
            )

    def _piece(self, position: int, length: int) -> bytes:
        if length == 0:
            return b""
        if self._pointer is None:
            raise self._gone()
        # Only a reference of another message can be longer: the library bounds those that it pops.
        if length > self._slab_bytes:
            raise RingError("ERR_RING_CLAIM", "Cannot read a piece: it is not of this ring")
        if len(self._buffer) < length:
            self._buffer = ctypes.create_string_buffer(length)
        call = self._library.consumer_piece
        self._library.check(call(self._pointer, position, length, self._buffer))
        return ctypes.string_at(self._buffer, length)

    def _await_message(self, deadline: Deadline) -> None:
        spin = self._spin
        while True:
            with self._lock:
                if self._pointer is None:
                    raise self._gone()
                call = self._library.consumer_wait
                result: int = call(self._pointer, deadline.slice(), spin)
                if result == ENDED:
                    return
                if result < 0 and not (result == PEER_DIED and self._await_successor):
                    raise self._library.failure(result)
            if result > 0:
                return
            if deadline.over:
                raise TimeoutError("Cannot pop: no message came")
            spin = 0

    def _arm(self) -> tuple[int, Bell]:
        bell, value = ctypes.c_void_p(), ctypes.c_uint32()
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            result = PEER_DIED
            while result == PEER_DIED:
                # Each death is told once.
                result = self._library.consumer_arm(self._pointer, _byref(bell), _byref(value))
                is_failure = result < 0 and result != ENDED
                if is_failure and not (result == PEER_DIED and self._await_successor):
                    raise self._library.failure(result)
        return result, Bell(bell.value or 0, value.value)
