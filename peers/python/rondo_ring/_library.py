"""The C interface of the Rust library (peers/rust/include/rondo_ring_ffi.h).

The library is loaded twice. Calls that never sleep go through `ctypes.PyDLL` and keep the GIL:
they are shorter than handing it over, and a thread that gave it up for 100 ns could wait 5 ms to
get it back. Calls that sleep, read /proc or allocate segments go through `ctypes.CDLL`.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional

from ._errors import RingError

__all__ = ["Library", "RingInfo", "RingOptions", "library"]

VERSION = 2
ENDED = -1
CLOSED = -2
PEER_DIED = -3
LANGUAGE_PYTHON = 3

#: The library keeps no text of what is said by its number alone.
_OUTCOMES = {
    ENDED: "The ring has ended",
    CLOSED: "Cannot push: the consumer wants no more",
    PEER_DIED: "Cannot wait for the other side: it died; waiting again is for a successor",
}

#: Where the library is, when it is neither in the package nor in the checkout nor installed.
PATH_VARIABLE = "RONDO_RING_LIBRARY"
_FILE = "librondo_ring.so"


class RingOptions(ctypes.Structure):
    """rondo_ring_options"""

    _fields_ = [
        ("schema", c_char_p),
        ("schema_bytes", c_size_t),
        ("topology", c_uint32),
        ("lossy", c_uint32),
        ("lanes", c_uint32),
        ("consumers", c_uint32),
        ("slots", c_uint32),
        ("slab_bytes", c_uint32),
    ]


class RingInfo(ctypes.Structure):
    """rondo_ring_info"""

    _fields_ = [
        (name, c_uint32)
        for name in (
            "topology",
            "lossy",
            "lanes",
            "consumers",
            "slots",
            "stride",
            "slab_bytes",
            "schema_bytes",
            "closed",
            "poison",
            "active_producers",
            "active_consumers",
        )
    ]


_BELL = POINTER(c_void_p)

#: name without `rondo_` -> result, arguments. These keep the GIL.
_SHORT: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "ffi_version": (c_uint32, ()),
    "last_error": (c_size_t, (c_void_p, c_size_t)),
    "code_name": (c_char_p, (c_int32,)),
    "segment_descriptor": (c_int32, (c_void_p,)),
    "segment_rings": (c_int32, (c_void_p,)),
    "segment_info": (c_int32, (c_void_p, c_uint32, POINTER(RingInfo))),
    "segment_schema": (c_int32, (c_void_p, c_uint32, c_void_p, c_size_t)),
    "producer_put": (c_int32, (c_void_p, c_char_p, c_uint32, c_void_p)),
    "producer_abort": (c_int32, (c_void_p,)),
    "producer_flush": (c_int32, (c_void_p,)),
    "producer_admit": (c_int32, (c_void_p,)),
    "producer_message_bytes": (c_uint32, (c_void_p,)),
    "consumer_piece": (c_int32, (c_void_p, c_uint32, c_uint32, c_void_p)),
    "consumer_lane": (c_int32, (c_void_p,)),
    "consumer_release": (c_int32, (c_void_p,)),
    "consumer_joined": (c_int32, (c_void_p,)),
    "consumer_lost": (c_uint32, (c_void_p,)),
    "consumer_message_bytes": (c_uint32, (c_void_p,)),
}

#: What single messages go through, without declared arguments: checking those takes longer than
#: the rest of the call. Whoever calls them hands over ctypes objects of exactly these types:
#: `c_void_p`, `c_void_p` or `byref(…)`, `c_size_t`, `c_uint32`.
_UNCHECKED = ("producer_push", "consumer_pop")

#: These give the GIL up.
_LONG: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "ffi_identify": (c_int32, (c_uint32, c_char_p, c_size_t)),
    "segment_create": (
        c_int32,
        (
            c_char_p,
            c_size_t,
            c_char_p,
            c_size_t,
            POINTER(RingOptions),
            c_uint32,
            POINTER(c_void_p),
        ),
    ),
    "segment_open": (c_int32, (c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p))),
    "segment_attach": (c_int32, (c_int32, POINTER(c_void_p))),
    "segment_reap": (c_int32, (c_void_p,)),
    "segment_close": (None, (c_void_p,)),
    "producer_open": (
        c_int32,
        (c_void_p, c_uint32, c_char_p, c_size_t, c_uint32, POINTER(c_void_p)),
    ),
    "producer_wait": (c_int32, (c_void_p, c_int64, c_uint32)),
    "producer_wait_piece": (c_int32, (c_void_p, c_uint32, c_int64, c_uint32)),
    "producer_arm": (c_int32, (c_void_p, c_uint32, _BELL, POINTER(c_uint32))),
    "producer_close": (c_int32, (c_void_p,)),
    "producer_detach": (None, (c_void_p,)),
    "consumer_open": (c_int32, (c_void_p, c_uint32, c_char_p, c_size_t, POINTER(c_void_p))),
    "consumer_wait": (c_int32, (c_void_p, c_int64, c_uint32)),
    "consumer_arm": (c_int32, (c_void_p, _BELL, POINTER(c_uint32))),
    "consumer_close": (c_int32, (c_void_p,)),
    "consumer_detach": (None, (c_void_p,)),
}


class Library:
    """The functions, named without `rondo_`."""

    def __init__(self, path: str) -> None:
        short, long = ctypes.PyDLL(path), ctypes.CDLL(path)
        for loaded, table in ((short, _SHORT), (long, _LONG)):
            for name, (result, arguments) in table.items():
                function = getattr(loaded, f"rondo_{name}")
                function.restype = result
                function.argtypes = arguments
                setattr(self, name, function)
        for name in _UNCHECKED:
            function = getattr(short, f"rondo_{name}")
            function.restype = c_int32
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        # Only reached for names that are not there: the functions are set above.
        raise AttributeError(name)

    def failure(self, code: int) -> RingError:
        """What went wrong in the last call of this thread."""
        name: bytes = self.code_name(code) or b"ERR_ASSERTION"
        if code in _OUTCOMES:
            return RingError(name.decode(), _OUTCOMES[code])
        length: int = self.last_error(None, 0)
        buffer = ctypes.create_string_buffer(max(length, 1))
        self.last_error(buffer, length)
        text = buffer.raw[:length].decode("utf-8", "replace")
        prefix = f"{name.decode()}: "
        return RingError(name.decode(), text[len(prefix) :] if text.startswith(prefix) else text)

    def check(self, code: int) -> int:
        """Gives the result of a call, unless it is a failure: then raises it."""
        if code < 0:
            raise self.failure(code)
        return code


def _candidates() -> list[str]:
    chosen = os.environ.get(PATH_VARIABLE)
    if chosen:
        return [chosen]
    package = Path(__file__).resolve().parent
    # In a checkout: what the scripts of the project build, and what cargo builds by itself.
    peers = package.parent.parent
    places = (package, peers.parent / "build" / "cargo" / "release", peers / "rust/target/release")
    return [str(place / _FILE) for place in places if (place / _FILE).exists()] + [_FILE]


def _label() -> bytes:
    """How this process is shown to others: the script's name, at most 63 bytes."""
    name = os.path.basename(sys.argv[0]) or "python"
    return name.encode("utf-8", "replace")[:63].decode("utf-8", "ignore").encode()


@lru_cache(maxsize=None)
def library() -> Library:
    """Loads the library when it is first needed. ImportError when that is impossible."""
    if not sys.platform.startswith("linux"):
        raise ImportError("Cannot load rondo_ring: rings between processes need Linux")
    problem: Optional[Exception] = None
    for path in _candidates():
        try:
            loaded = Library(path)
        except (OSError, AttributeError) as error:
            problem = problem or error
            continue
        if loaded.ffi_version() < VERSION:
            problem = ImportError(f"{path} has an older interface")
            continue
        label = _label()
        loaded.check(loaded.ffi_identify(LANGUAGE_PYTHON, label, len(label)))
        return loaded
    raise ImportError(
        f"Cannot load {_FILE}: build it with `cargo build --release --features ffi` in peers/rust, "
        f"or name it in {PATH_VARIABLE} ({problem})"
    )
