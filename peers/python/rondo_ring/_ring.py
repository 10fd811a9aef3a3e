"""Rings and channels: the shared memory that producers and consumers meet in."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Optional, Sequence, TypeVar, Union, cast, overload

from ._consumer import Consumer
from ._errors import RingError
from ._handle import Handle
from ._library import Library, library
from ._library import RingInfo as _RawInfo
from ._library import RingOptions as _RawOptions
from ._message import Message, message_type
from ._producer import Producer

__all__ = ["Channel", "Ring", "RingInfo", "RingSpec"]

M = TypeVar("M", bound=Message)
Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

Path = Union[str, "os.PathLike[str]"]

TOPOLOGIES = {"spsc": 1, "mpsc": 2, "mpmc": 3, "broadcast": 4}
_TOPOLOGY_NAMES = {number: name for name, number in TOPOLOGIES.items()}
#: Seconds between two looks for a name that nobody holds yet.
_RETRY = 0.01
_SLAB_DEFAULT = 65_536
_MANY_DEFAULT = 8


@dataclass(frozen=True)
class RingSpec(Generic[M]):
    """What a ring to be created is like.

    `topology`: `spsc` one producer and one consumer, `mpsc` several producers, `mpmc` several of
    both (each message to one consumer), `broadcast` one producer and several consumers (each
    message to all). `slots`: messages that fit, for each producer; a power of two, 1 to 2^24.
    `slab_bytes`: for texts and bytes of variable length, for each producer; a power of two from 64
    to 2^29, by default 64 KiB where the message has such fields. `producers`, `consumers`: how many
    at a time, 1 to 64; 8 where the topology has several. `lossy`: a full ring overwrites its oldest
    message instead of making producers wait.
    """

    message: type[M]
    topology: str = "spsc"
    slots: int = 1024
    slab_bytes: Optional[int] = None
    producers: Optional[int] = None
    consumers: Optional[int] = None
    lossy: bool = False

    def _raw(self) -> _RawOptions:
        if self.topology not in TOPOLOGIES:
            names = ", ".join(TOPOLOGIES)
            raise ValueError(f"Cannot use topology: it must be one of {names}: {self.topology!r}")
        layout = _checked(self.message)
        slab = self.slab_bytes
        if slab is None:
            slab = _SLAB_DEFAULT if self.message._slab else 0
        many_producers = self.topology in ("mpsc", "mpmc")
        many_consumers = self.topology in ("mpmc", "broadcast")
        producers = self.producers
        if producers is None:
            producers = _MANY_DEFAULT if many_producers else 1
        consumers = self.consumers
        if consumers is None:
            consumers = _MANY_DEFAULT if many_consumers else 1
        return _RawOptions(
            layout,
            len(layout),
            TOPOLOGIES[self.topology],
            1 if self.lossy else 0,
            _u32("producers", producers),
            _u32("consumers", consumers),
            _u32("slots", self.slots),
            _u32("slab_bytes", slab),
        )


@dataclass(frozen=True)
class RingInfo:
    """What a ring is like, and how it is at the moment."""

    topology: str
    lossy: bool
    #: How many there can be.
    producers: int
    consumers: int
    slots: int
    #: Bytes from one slot to the next.
    stride: int
    slab_bytes: int
    #: The consumer wants no more.
    closed: bool
    #: 0, or the code of the lie that was found (spec/ring.md, section 11).
    poison: int
    #: How many there are.
    active_producers: int
    active_consumers: int


class _Segment(Handle):
    def __init__(self, loaded: Library, pointer: ctypes.c_void_p) -> None:
        super().__init__(loaded, pointer, "ring")

    @staticmethod
    def create(
        name: Optional[str], directory: Optional[Path], specs: Sequence[RingSpec[Any]]
    ) -> _Segment:
        loaded = library()
        place, label = _encoded(directory), _encoded(name)
        options = (_RawOptions * len(specs))(*(spec._raw() for spec in specs))
        out = ctypes.c_void_p()
        made = loaded.segment_create(
            place, len(place), label, len(label), options, len(specs), ctypes.byref(out)
        )
        loaded.check(made)
        return _Segment(loaded, out)

    @staticmethod
    def open(name: str, directory: Optional[Path], timeout: float) -> _Segment:
        loaded = library()
        place, label = _encoded(directory), _encoded(name)
        out = ctypes.c_void_p()
        end = time.monotonic() + timeout
        while True:
            found = loaded.segment_open(place, len(place), label, len(label), ctypes.byref(out))
            if found >= 0:
                return _Segment(loaded, out)
            error = loaded.failure(found)
            if error.code != "ERR_RING_NOT_FOUND" or time.monotonic() >= end:
                raise error
            time.sleep(_RETRY)

    @staticmethod
    def attach(descriptor: int) -> _Segment:
        loaded = library()
        out = ctypes.c_void_p()
        if not -(2**31) <= descriptor < 2**31:
            raise ValueError(f"Cannot attach: {descriptor} is no descriptor")
        loaded.check(loaded.segment_attach(descriptor, ctypes.byref(out)))
        return _Segment(loaded, out)

    def call(self, name: str, *arguments: Any) -> int:
        with self._lock:
            if self._pointer is None:
                raise self._gone()
            return self._library.check(getattr(self._library, name)(self._pointer, *arguments))

    def _let_go(self) -> None:
        self._free(self._library.segment_close)


class Ring(Generic[M]):
    """A ring whose messages are `M`.

    Closing it takes nothing away from its producers and consumers. Whoever holds it, or one of
    them, keeps a named ring alive; when the last one goes, so does the memory.
    """

    def __init__(self, segment: _Segment, index: int, message: type[M], owns: bool) -> None:
        """Not for users: see `create`, `open` and `attach_descriptor`."""
        self._segment = segment
        self._index = index
        self._owns = owns
        self.message = message

    @classmethod
    def create(
        cls,
        message: type[M],
        *,
        name: Optional[str] = None,
        directory: Optional[Path] = None,
        topology: str = "spsc",
        slots: int = 1024,
        slab_bytes: Optional[int] = None,
        producers: Optional[int] = None,
        consumers: Optional[int] = None,
        lossy: bool = False,
    ) -> Ring[M]:
        """Makes a ring; the options are those of `RingSpec`.

        With a name others find it in `directory` (by default /dev/shm/rondo-<uid>); without, it is
        handed on as `descriptor`. ERR_RING_EXISTS when somebody holds the name, ERR_RING_NAME,
        ERR_RING_DIRECTORY, ERR_OPTION_RANGE.
        """
        spec = RingSpec(message, topology, slots, slab_bytes, producers, consumers, lossy)
        return cls(_Segment.create(name, directory, [spec]), 0, message, True)

    @overload
    @classmethod
    def open(
        cls,
        name: str,
        message: type[M],
        *,
        directory: Optional[Path] = None,
        timeout: float = 0,
    ) -> Ring[M]: ...

    @overload
    @classmethod
    def open(
        cls, name: str, *, directory: Optional[Path] = None, timeout: float = 0
    ) -> Ring[Any]: ...

    @classmethod
    def open(
        cls,
        name: str,
        message: Optional[type[M]] = None,
        *,
        directory: Optional[Path] = None,
        timeout: float = 0,
    ) -> Ring[Any]:
        """Attaches to a named ring; looks for it for `timeout` seconds.

        Without a message class one is made from the ring's own schema (see `message_type`).
        ERR_RING_NOT_FOUND when nobody holds the name, ERR_RING_SEGMENT when it cannot be used.
        """
        return _attached(_Segment.open(name, directory, timeout), message)

    @overload
    @classmethod
    def attach_descriptor(cls, descriptor: int, message: type[M]) -> Ring[M]: ...

    @overload
    @classmethod
    def attach_descriptor(cls, descriptor: int) -> Ring[Any]: ...

    @classmethod
    def attach_descriptor(cls, descriptor: int, message: Optional[type[M]] = None) -> Ring[Any]:
        """Attaches to a ring whose descriptor was inherited, which stays the caller's.

        ERR_RING_SEGMENT when it is not a sealed segment.
        """
        return _attached(_Segment.attach(descriptor), message)

    def producer(
        self, *, publish_every: int = 1, spin: float = 50e-6, await_successor: bool = False
    ) -> Producer[M]:
        """Takes a free lane.

        `publish_every`: messages that are shown to consumers together, 1 to the number of slots;
        `Producer.flush` shows them before. `spin`: seconds that a wait spins before it sleeps.
        `await_successor`: waits go on when a consumer dies, instead of ending with
        ERR_RING_PEER_DIED. ERR_RING_ROLE_TAKEN when there is none, ERR_RING_SCHEMA when the
        messages differ; its text has the differences.
        """
        text = _checked(self.message)
        out = ctypes.c_void_p()
        self._segment.call(
            "producer_open",
            self._index,
            text,
            len(text),
            _u32("publish_every", publish_every),
            ctypes.byref(out),
        )
        return Producer(*self._role(out), _micros(spin), await_successor)

    def consumer(self, *, spin: float = 50e-6, await_successor: bool = False) -> Consumer[M]:
        """Takes a free place; the options are those of `producer`.

        The messages may be the ring's without their last fields. On broadcast rings it gets what
        comes from now on; where the producer waits for consumers, from when it lets it in.
        ERR_RING_ROLE_TAKEN, ERR_RING_SCHEMA.
        """
        text = _checked(self.message)
        out = ctypes.c_void_p()
        self._segment.call("consumer_open", self._index, text, len(text), ctypes.byref(out))
        return Consumer(*self._role(out), _micros(spin), await_successor)

    def info(self) -> RingInfo:
        """What the ring is like, and how it is now."""
        raw = self._raw_info()
        return RingInfo(
            _TOPOLOGY_NAMES[raw.topology],
            bool(raw.lossy),
            raw.lanes,
            raw.consumers,
            raw.slots,
            raw.stride,
            raw.slab_bytes,
            bool(raw.closed),
            raw.poison,
            raw.active_producers,
            raw.active_consumers,
        )

    @property
    def schema(self) -> str:
        """The canonical text of the ring's own messages."""
        return _schema(self._segment, self._index)

    @property
    def descriptor(self) -> int:
        """The ring's own descriptor, for a child to inherit (`pass_fds`); not to be closed."""
        return self._segment.call("segment_descriptor")

    def reap(self) -> int:
        """Clears up after the dead and gives how many there were; waiting does that too."""
        return self._segment.call("segment_reap")

    def close(self) -> None:
        """Lets the ring go. A channel's ring goes with its channel."""
        if self._owns:
            self._segment._let_go()

    def __enter__(self) -> Ring[M]:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _raw_info(self) -> _RawInfo:
        raw = _RawInfo()
        self._segment.call("segment_info", self._index, ctypes.byref(raw))
        return raw

    def _role(self, out: ctypes.c_void_p) -> tuple[Library, ctypes.c_void_p, type[M], int]:
        return (self._segment._library, out, self.message, self._raw_info().slab_bytes)


class Channel(Generic[Q, R]):
    """Two rings in one segment: requests to a server, and its responses."""

    def __init__(self, segment: _Segment, request: type[Q], response: type[R]) -> None:
        """Not for users: see `create`, `open` and `attach_descriptor`."""
        self._segment = segment
        self.requests: Ring[Q] = Ring(segment, 0, request, False)
        self.responses: Ring[R] = Ring(segment, 1, response, False)

    @classmethod
    def create(
        cls,
        name: Optional[str],
        request: RingSpec[Q],
        response: RingSpec[R],
        *,
        directory: Optional[Path] = None,
    ) -> Channel[Q, R]:
        """Makes a channel; as `Ring.create`."""
        segment = _Segment.create(name, directory, [request, response])
        return cls(segment, request.message, response.message)

    @classmethod
    def open(
        cls,
        name: str,
        request: type[Q],
        response: type[R],
        *,
        directory: Optional[Path] = None,
        timeout: float = 0,
    ) -> Channel[Q, R]:
        """Attaches to a named channel; as `Ring.open`."""
        return cls._of(_Segment.open(name, directory, timeout), request, response)

    @classmethod
    def attach_descriptor(
        cls, descriptor: int, request: type[Q], response: type[R]
    ) -> Channel[Q, R]:
        """Attaches to a channel whose descriptor was inherited."""
        return cls._of(_Segment.attach(descriptor), request, response)

    @classmethod
    def _of(cls, segment: _Segment, request: type[Q], response: type[R]) -> Channel[Q, R]:
        _need(segment, 2, "channel")
        return cls(segment, request, response)

    @property
    def descriptor(self) -> int:
        """The channel's own descriptor, for a child to inherit; not to be closed."""
        return self._segment.call("segment_descriptor")

    def close(self) -> None:
        """Lets the channel go; its producers and consumers stay."""
        self._segment._let_go()

    def __enter__(self) -> Channel[Q, R]:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _attached(segment: _Segment, message: Optional[type[M]]) -> Ring[M]:
    _need(segment, 1, "ring")
    try:
        kind = message or cast("type[M]", message_type(_schema(segment, 0)))
    except ValueError as error:
        segment._let_go()
        raise RingError("ERR_RING_SCHEMA", str(error)) from error
    return Ring(segment, 0, kind, True)


def _need(segment: _Segment, rings: int, what: str) -> None:
    found = segment.call("segment_rings")
    if found != rings:
        segment._let_go()
        raise RingError("ERR_RING_SEGMENT", f"Cannot attach: {found} rings are no {what}")


def _schema(segment: _Segment, index: int) -> str:
    length = segment.call("segment_schema", index, None, 0)
    buffer = ctypes.create_string_buffer(max(length, 1))
    segment.call("segment_schema", index, buffer, length)
    return buffer.raw[:length].decode("utf-8", "replace")


def _checked(message: type[Message]) -> bytes:
    """The canonical text of a message class whose size is what the library will copy."""
    layout = getattr(message, "_layout", None)
    if layout is None or ctypes.sizeof(message) != layout.size:
        raise TypeError(f"Cannot use {message!r}: it must be a declared Message")
    return message.LAYOUT.encode("ascii")


def _encoded(value: Optional[Path]) -> bytes:
    return b"" if value is None else os.fsencode(value)


def _u32(name: str, value: int) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"Cannot use {name}: it must be 0 to 2^32 - 1, got {value!r}")
    return value


def _micros(spin: float) -> int:
    if not 0 <= spin <= 1:
        raise ValueError(f"Cannot use spin: it must be 0 to 1 s, got {spin!r}")
    return round(spin * 1e6)
