"""The message of spec/conformance.md, as `rondo gen --python` declares structs.

What a generated module has for each struct, nested ones first:

- an `enum.IntEnum` for each `enum:…` field and an `enum.IntFlag` for each `flags:…` field;
- a class derived from `rondo_ring.Message` (so from `ctypes.Structure`) whose `_fields_` are the
  fields in order, with `_pad0`, `_pad1`, … wherever C would pad, the end included, and with
  `_present` (u32) where the text has it. Apart from padding, entry i is field line i of LAYOUT:
  a field whose name Python or `rondo_ring.Message` uses gets an underscore behind it here;
- `ENUMS`: the enumeration of each field that has one (of the elements, for arrays);
- `DTYPE`: for `numpy.dtype`, without padding; text is `S<n>`, bytes and bool are `u1`, an
  enumeration is its base, a slab field its two words, an array `(format, (length,))`, a nested
  struct a dict of the same form;
- types for checkers, under TYPE_CHECKING: numbers and bool as they are, `str` for text and
  `slab:text`, `bytes` for bytes and `slab:bytes`, the enumeration, the nested class, and
  `tuple[T, ...]` for arrays; `Optional[T]` for optional fields.

`rondo_ring.Message` compares all of it with LAYOUT when the module is imported, and makes the
attributes take and give the Python values.
"""

from __future__ import annotations

import ctypes
import enum
from typing import TYPE_CHECKING, Any, ClassVar

import rondo_ring

__all__ = ["Message", "MessageSide", "MessageTags"]


class MessageSide(enum.IntEnum):
    """Values of `side`."""

    buy = 0
    sell = 1


class MessageTags(enum.IntFlag):
    """Bits of `tags`."""

    a = 1
    b = 2
    c = 4


class Message(rondo_ring.Message):
    """conformance.Message: 64 bytes."""

    NAME: ClassVar[str] = "conformance.Message"
    LAYOUT: ClassVar[str] = (
        "rondo-struct 1\n"
        "name conformance.Message\n"
        "field producer u32 0\n"
        "field sequence u32 4\n"
        "field value f64 8\n"
        "field big u64 16\n"
        "field side enum:u8(buy,sell) 24\n"
        "field tags flags:u8(a,b,c) 25\n"
        "field symbol text[8] 26\n"
        "field small i16 34\n"
        "field pair array[2](f32) 36\n"
        "field note slab:text 44\n"
        "field data slab:bytes 52\n"
        "size 64 align 8\n"
    )
    FINGERPRINT: ClassVar[int] = 0x3599E6B8FE83501E
    SLAB_FIELDS: ClassVar[dict[str, str]] = {"note": "text", "data": "bytes"}
    ENUMS: ClassVar[dict[str, Any]] = {"side": MessageSide, "tags": MessageTags}
    DTYPE: ClassVar[dict[str, Any]] = {
        "names": [
            "producer",
            "sequence",
            "value",
            "big",
            "side",
            "tags",
            "symbol",
            "small",
            "pair",
            "note",
            "data",
        ],
        "formats": [
            "<u4",
            "<u4",
            "<f8",
            "<u8",
            "u1",
            "u1",
            "S8",
            "<i2",
            ("<f4", (2,)),
            {
                "names": ["position", "length"],
                "formats": ["<u4", "<u4"],
                "offsets": [0, 4],
                "itemsize": 8,
            },
            {
                "names": ["position", "length"],
                "formats": ["<u4", "<u4"],
                "offsets": [0, 4],
                "itemsize": 8,
            },
        ],
        "offsets": [0, 4, 8, 16, 24, 25, 26, 34, 36, 44, 52],
        "itemsize": 64,
    }
    _fields_ = [
        ("producer", ctypes.c_uint32),
        ("sequence", ctypes.c_uint32),
        ("value", ctypes.c_double),
        ("big", ctypes.c_uint64),
        ("side", ctypes.c_uint8),
        ("tags", ctypes.c_uint8),
        ("symbol", ctypes.c_char * 8),
        ("small", ctypes.c_int16),
        ("pair", ctypes.c_float * 2),
        ("note", rondo_ring.Slab),
        ("data", rondo_ring.Slab),
        ("_pad0", ctypes.c_uint8 * 4),
    ]
    if TYPE_CHECKING:
        producer: int
        sequence: int
        value: float
        big: int
        side: MessageSide
        tags: MessageTags
        symbol: str
        small: int
        pair: tuple[float, ...]
        note: str
        data: bytes
