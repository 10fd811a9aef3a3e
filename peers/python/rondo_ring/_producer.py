"""The writing side of a ring."""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Iterable, Optional, Sequence, TypeVar

from ._handle import Bell, Deadline, Handle
from ._library import PEER_DIED, Library
from ._message import Message, SlabField
from ._waiter import wait_for

if TYPE_CHECKING:
    import numpy
    import numpy.typing

__all__ = ["Producer"]

M = TypeVar("M", bound=Message)
_Piece = tuple[bytes, int]

_byref = ctypes.byref
_ONE = ctypes.c_uint32(1)


class Producer(Handle, Generic[M]):
    """Pushes messages into one lane of a ring; made by `Ring.producer`.

    As a context manager it closes the lane when the block ends, so that consumers see the end; when
    the block ends with an exception it detaches, and a successor may continue. Threads may share a
    producer and take turns. Every failure is a `RingError`: ERR_RING_CLOSED when the consumer
    wants no more, ERR_RING_POISONED, ERR_RING_MESSAGE_SIZE when the parts of a message that lie in
    the slab can never fit it.
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
        super().__init__(library, pointer, "producer")
        self._type = message
        self._size = ctypes.sizeof(message)
        self._stride = ctypes.c_size_t(self._size)
        self._slab = message._slab
        self._slab_bytes = slab_bytes
        self._spin = spin
        self._await_successor = await_successor
        self._push_call = library.producer_push
        # Of the message that was pushed last and found no room.
        self._wanted = 0

    def try_push(self, message: M, **slab: Any) -> bool:
        """Pushes a message unless the ring is full: then gives False.

        `slab` sets slab fields of the message first. On lossy rings there is always room.
        """
        if not isinstance(message, self._type):
            raise self._foreign(message)
        if slab:
            self._set(message, slab)
        if self._slab:
            return self._push_with_pieces(message)
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            pushed: int = self._push_call(self._pointer, _byref(message), self._stride, _ONE)
            if pushed < 0:
                raise self._library.failure(pushed)
        return pushed > 0

    def push(self, message: M, timeout: Optional[float] = None, **slab: Any) -> None:
        """Pushes a message; waits for room.

        `timeout` is in seconds, None for ever; TimeoutError after it. ERR_RING_PEER_DIED when a
        consumer dies meanwhile, told once for each; pushing again waits for its successor.
        """
        deadline = Deadline(timeout)
        pushed = self.try_push(message, **slab)
        while not pushed:
            self._await_room(deadline)
            pushed = self.try_push(message)

    async def push_async(self, message: M, **slab: Any) -> None:
        """As `push`, in an event loop of asyncio. When it is cancelled nothing was pushed."""
        pushed = self.try_push(message, **slab)
        while not pushed:
            await wait_for(self)
            pushed = self.try_push(message)

    def push_many(self, messages: Iterable[M], timeout: Optional[float] = None) -> None:
        """Pushes one message after the other; each may wait so long."""
        for message in messages:
            self.push(message, timeout)

    def try_push_batch(self, array: numpy.typing.NDArray[numpy.void], **slab: Sequence[Any]) -> int:
        """Pushes what fits of a numpy array with the dtype of `Message.dtype`; gives how many.

        `slab` has a sequence of texts or bytes for each slab field; what is not given is empty (or
        absent, where it is optional and the presence word says so). Start with `Message.array`:
        `numpy.empty` leaves in the padding what was in memory, and the padding is pushed too.
        """
        rows = self._rows(array)
        if self._slab:
            return self._push_rows_with_pieces(rows, slab)
        if slab:
            raise self._no_slab(slab)
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            pushed: int = self._push_call(
                self._pointer,
                ctypes.c_void_p(rows.ctypes.data),
                ctypes.c_size_t(rows.strides[0] if len(rows) > 1 else self._size),
                ctypes.c_uint32(min(len(rows), 2**30)),
            )
            return self._library.check(pushed)

    def push_batch(
        self,
        array: numpy.typing.NDArray[numpy.void],
        timeout: Optional[float] = None,
        **slab: Sequence[Any],
    ) -> None:
        """As `try_push_batch`, but waits for room until all are in.

        After a TimeoutError, as after every failure, a part may have been pushed.
        """
        deadline = Deadline(timeout)
        done = 0
        while True:
            rest = {name: values[done:] for name, values in slab.items()}
            done += self.try_push_batch(array[done:], **rest)
            if done >= len(array):
                return
            self._await_room(deadline)

    def flush(self) -> None:
        """Shows everything that was pushed to the consumers. Waiting does that too."""
        self._simple(self._library.producer_flush)

    def admit(self) -> int:
        """Lets consumers of a gated broadcast join that asked to; gives how many have joined.

        Every flush does it. For the other rings it gives how many consumers there are.
        """
        return self._simple(self._library.producer_admit)

    def close(self) -> None:
        """Flushes and ends the lane: no more will come. Detaches too."""

        def end(pointer: ctypes.c_void_p) -> None:
            try:
                self._library.check(self._library.producer_close(pointer))
            finally:
                self._library.producer_detach(pointer)

        self._free(end)

    def detach(self) -> None:
        """Flushes and gives the lane up without ending it: a successor may continue."""
        self._let_go()

    def __enter__(self) -> Producer[M]:
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

    def _let_go(self) -> None:
        self._free(self._library.producer_detach)

    def _simple(self, call: Any) -> int:
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            return self._library.check(call(self._pointer))

    def _await_room(self, deadline: Deadline) -> None:
        spin = self._spin
        while True:
            with self._lock:
                if self._pointer is None:
                    raise self._gone()
                arguments = (deadline.slice(), spin)
                if self._wanted:
                    call = self._library.producer_wait_piece
                    result: int = call(self._pointer, self._wanted, *arguments)
                else:
                    result = self._library.producer_wait(self._pointer, *arguments)
                if result < 0 and not (result == PEER_DIED and self._await_successor):
                    raise self._library.failure(result)
            if result > 0:
                return
            if deadline.over:
                raise TimeoutError("Cannot push: the ring stayed full")
            spin = 0

    def _arm(self) -> tuple[int, Bell]:
        bell, value = ctypes.c_void_p(), ctypes.c_uint32()
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            result = PEER_DIED
            while result == PEER_DIED:
                call = self._library.producer_arm
                result = call(self._pointer, self._wanted, _byref(bell), _byref(value))
                if result < 0 and not (result == PEER_DIED and self._await_successor):
                    raise self._library.failure(result)
        return result, Bell(bell.value or 0, value.value)

    # ---- Pieces --------------------------------------------------------------------------------

    def _push_with_pieces(self, message: M) -> bool:
        address = ctypes.addressof(message)
        if address % 4:
            # A view of a buffer can begin anywhere; references are written as words.
            raise ValueError("Cannot push: the message is not aligned to 4 bytes")
        pieces = self._pieces_of(message)
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            return self._push_one(address, pieces)

    def _push_one(self, address: int, pieces: list[_Piece]) -> bool:
        """Pieces, then the message at `address`; under the lock. False when there is no room."""
        pointer, library = self._pointer, self._library
        done = False
        try:
            for content, offset in pieces:
                # Writes the reference where it belongs in the message.
                put: int = library.producer_put(pointer, content, len(content), address + offset)
                if put <= 0:
                    if put < 0:
                        raise library.failure(put)
                    self._wanted = sum(-(-len(piece) // 8) * 8 for piece, _ in pieces)
                    return False
            self._wanted = 0
            pushed: int = self._push_call(pointer, ctypes.c_void_p(address), self._stride, _ONE)
            if pushed < 0:
                raise library.failure(pushed)
            done = pushed > 0
            return done
        finally:
            if not done and pieces:
                library.producer_abort(pointer)

    def _pieces_of(self, message: M) -> list[_Piece]:
        pieces: list[_Piece] = []
        address = ctypes.addressof(message)
        present = 0
        for field in self._slab:
            value = message.__dict__.get(field.name)
            ctypes.memset(address + field.offset, 0, 8)
            if value is None:
                continue
            present |= field.bit
            content = value.encode("utf-8") if field.is_text else value
            if content:
                pieces.append((content, field.offset))
        self._mark(address, present)
        return pieces

    def _mark(self, address: int, present: int) -> None:
        """Sets the presence bits of the slab fields, and of no others."""
        bits = 0
        for field in self._slab:
            bits |= field.bit
        if bits:
            word = ctypes.c_uint32.from_address(address + self._type._present_offset)
            word.value = (word.value & ~bits) | present

    def _push_rows_with_pieces(self, rows: Any, slab: dict[str, Sequence[Any]]) -> int:
        columns = [
            (field, self._column(field, slab.pop(field.name, None), rows)) for field in self._slab
        ]
        if slab:
            raise self._no_slab(slab)
        # The references are written into a copy: those of the array are of another ring, or none.
        copy = rows.copy()
        base = copy.ctypes.data
        for index in range(len(copy)):
            address = base + index * self._size
            pieces: list[_Piece] = []
            present = 0
            for field, column in columns:
                ctypes.memset(address + field.offset, 0, 8)
                content = b"" if column is None else column[index]
                if content is not None:
                    present |= field.bit
                    if content:
                        pieces.append((content, field.offset))
            self._mark(address, present)
            with self._lock:
                if self._pointer is None:
                    raise self._gone()
                if not self._push_one(address, pieces):
                    return index
        return len(copy)

    def _column(self, field: SlabField, values: Any, rows: Any) -> Optional[list[Optional[bytes]]]:
        if values is None:
            return None if not field.bit else [None] * len(rows)
        if len(values) != len(rows):
            raise ValueError(f"Cannot push: {field.name} has {len(values)} values for {len(rows)}")
        return [None if value is None and field.bit else _content(field, value) for value in values]

    def _rows(self, array: Any) -> Any:
        dtype = self._type.dtype()
        if getattr(array, "dtype", None) != dtype or array.ndim != 1:
            raise TypeError(f"Cannot push: it must be a one-dimensional array of {dtype}")
        if len(array) > 1 and array.strides[0] < self._size:
            array = array.copy()
        return array

    # ---- Misuse --------------------------------------------------------------------------------

    def _set(self, message: M, slab: dict[str, Any]) -> None:
        fields = {field.name for field in self._slab}
        if not fields.issuperset(slab):
            raise self._no_slab({name: slab[name] for name in slab if name not in fields})
        for name, value in slab.items():
            setattr(message, name, value)

    def _no_slab(self, slab: dict[str, Any]) -> TypeError:
        return TypeError(f"Cannot push: {', '.join(slab)} is no slab field of {self._type.NAME}")

    def _foreign(self, message: object) -> TypeError:
        got = type(message).__name__
        return TypeError(f"Cannot push: it must be {self._type.__name__}, got {got}")


def _content(field: SlabField, value: Any) -> bytes:
    if field.is_text and isinstance(value, str):
        return value.encode("utf-8")
    if not field.is_text and isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"Cannot push: {field.name} has a {type(value).__name__}")
