"""From the raw fields of ctypes to Python values and back.

A `Message` keeps its bytes as ctypes does; each of its attributes is a property over the raw
descriptor that ctypes made. Reading may meet whatever a peer wrote; writing refuses what peers
would misread.
"""

from __future__ import annotations

import ctypes
import enum
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence, Union

from ._layout import Field, FieldType

if TYPE_CHECKING:
    from ._message import Message

__all__ = ["Slab", "field_property", "raw_type", "slab_property"]

Choices = Union["type[enum.IntEnum]", "type[enum.IntFlag]"]
Convert = Optional[Callable[[Any], Any]]

_RAW: dict[str, Any] = {
    "u8": ctypes.c_uint8,
    "i8": ctypes.c_int8,
    "bool": ctypes.c_uint8,
    "u16": ctypes.c_uint16,
    "i16": ctypes.c_int16,
    "u32": ctypes.c_uint32,
    "i32": ctypes.c_int32,
    "f32": ctypes.c_float,
    "u64": ctypes.c_uint64,
    "i64": ctypes.c_int64,
    "f64": ctypes.c_double,
}

_SAFE_MAX = 2**53 - 1


class Slab(ctypes.Structure):
    """A reference into a ring's slab. It says nothing outside the ring that it came from."""

    _fields_ = [("position", ctypes.c_uint32), ("length", ctypes.c_uint32)]
    if TYPE_CHECKING:
        position: int
        length: int


def raw_type(kind: FieldType, nested: Callable[[FieldType], Any]) -> Any:
    """The ctypes type of a field; `nested` gives that of structs."""
    if kind.kind == "text":
        return ctypes.c_char * kind.length
    if kind.kind == "bytes":
        return ctypes.c_uint8 * kind.length
    if kind.kind == "array":
        assert kind.element is not None
        return raw_type(kind.element, nested) * kind.length
    if kind.kind == "slab":
        return Slab
    if kind.kind == "struct":
        return nested(kind)
    return _RAW[kind.base]


def field_property(field: Field, raw: Any, ctype: Any, choices: Optional[Choices]) -> Any:
    """The attribute of a field that is not in the slab. `raw` is what ctypes made for it."""
    load, store = _conversions(field.name, field.type, ctype, choices)
    if field.presence >= 0:
        return _optional_property(field, raw, load, store)
    if load is None and store is None:
        return raw
    raw_get: Callable[[Any], Any] = raw.__get__
    raw_set = _raw_setter(field, raw)
    getter = raw_get
    if load is not None:
        convert = load

        def getter(self: Any) -> Any:
            return convert(raw_get(self))

    def setter(self: Any, value: Any) -> None:
        raw_set(self, value if store is None else store(value))

    return property(getter, setter)


def slab_property(field: Field) -> Any:
    """The attribute of a slab field: a `str` or `bytes` that the object holds itself."""
    name = field.name
    is_text = field.type.base == "text"
    absent: Any = None if field.presence >= 0 else "" if is_text else b""

    def getter(self: Message) -> Any:
        return self.__dict__.get(name, absent)

    def setter(self: Message, value: Any) -> None:
        if value is None and absent is None:
            self.__dict__.pop(name, None)
            return
        if is_text:
            if not isinstance(value, str):
                raise TypeError(f"Cannot set {name}: it must be str, got {type(value).__name__}")
        else:
            value = _bytes_of(name, value)
        self.__dict__[name] = value

    return property(getter, setter)


def _raw_setter(field: Field, raw: Any) -> Callable[[Any, Any], None]:
    if field.type.kind != "text":
        setter: Callable[[Any, Any], None] = raw.__set__
        return setter
    offset, size = field.offset, field.type.size

    def text_setter(self: Any, value: bytes) -> None:
        # ctypes copies no further than the first zero, and would leave the end of a longer text.
        ctypes.memmove(ctypes.addressof(self) + offset, value, size)

    return text_setter


def _optional_property(field: Field, raw: Any, load: Convert, store: Convert) -> Any:
    bit = 1 << field.presence
    offset, size = field.offset, field.type.size
    raw_set = _raw_setter(field, raw)

    def getter(self: Any) -> Any:
        if not self._present & bit:
            return None
        value = raw.__get__(self)
        return value if load is None else load(value)

    def setter(self: Any, value: Any) -> None:
        if value is None:
            self._present &= ~bit
            ctypes.memset(ctypes.addressof(self) + offset, 0, size)
            return
        raw_set(self, value if store is None else store(value))
        self._present |= bit

    return property(getter, setter)


def _conversions(
    name: str, kind: FieldType, ctype: Any, choices: Optional[Choices]
) -> tuple[Convert, Convert]:
    """How a raw value becomes a Python value, and how it is made of one; None: as it is."""
    if kind.kind == "scalar" and kind.base == "bool":
        return bool, _one_or_zero
    if kind.kind == "scalar":
        return (None, None) if kind.base[0] == "f" else (None, _integer(name, kind))
    if kind.kind == "safe":
        return None, _integer(name, kind)
    if kind.kind == "enum":
        return _choice_loader(name, choices), _choice(name, kind)
    if kind.kind == "flags":
        return _flags_loader(name, kind, choices), _flags(name, kind)
    if kind.kind == "text":
        return _text_loader, _text(name, kind.length)
    if kind.kind == "bytes":
        return bytes, _exact_bytes(name, ctype, kind.length)
    if kind.kind == "array":
        return _array(name, kind, ctype, choices)
    return None, _struct(name, ctype)


def _struct(name: str, ctype: Any) -> Callable[[Any], Any]:
    def store(value: Any) -> Any:
        if isinstance(value, Mapping):
            return ctype(**value)
        if getattr(value, "_layout", None) != ctype._layout:
            raise TypeError(
                f"Cannot set {name}: it must be {ctype.NAME}, got {type(value).__name__}"
            )
        # Two classes may have been made for one struct.
        return value if type(value) is ctype else ctype.from_buffer_copy(value)

    return store


def _one_or_zero(value: Any) -> int:
    return 1 if value else 0


def _bounded(name: str, least: int, most: int) -> Callable[[Any], int]:
    def store(value: Any) -> int:
        # What numpy and others count as integers has __index__, as for list indices.
        number: int = value.__index__() if hasattr(value, "__index__") else _no_integer(name, value)
        if not least <= number <= most:
            raise ValueError(f"Cannot set {name}: it must be {least} to {most}, got {number}")
        return number

    return store


def _no_integer(name: str, value: Any) -> int:
    raise TypeError(f"Cannot set {name}: it must be an integer, got {type(value).__name__}")


def _integer(name: str, kind: FieldType) -> Callable[[Any], int]:
    bits = 8 * kind.size
    if kind.base[0] == "u":
        least, most = 0, 2**bits - 1
    else:
        least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if kind.kind == "safe":
        least, most = max(least, -_SAFE_MAX), _SAFE_MAX
    return _bounded(name, least, most)


def _choice(name: str, kind: FieldType) -> Callable[[Any], int]:
    numbers = {choice: number for number, choice in enumerate(kind.names)}
    bounded = _bounded(name, 0, len(kind.names) - 1)

    def store(value: Any) -> int:
        if not isinstance(value, str):
            return bounded(value)
        if value not in numbers:
            choices = ", ".join(kind.names[:16])
            raise ValueError(f"Cannot set {name}: it must be one of {choices}, got {value!r}")
        return numbers[value]

    return store


def _choice_loader(name: str, choices: Optional[Choices]) -> Convert:
    if choices is None:
        return None
    # Several times as fast as calling the class.
    members = {int(member): member for member in choices}

    def load(raw: int) -> int:
        member = members.get(raw)
        if member is None:
            raise ValueError(f"Cannot read {name}: it is {raw}, which has no name")
        return member

    return load


def _flags(name: str, kind: FieldType) -> Callable[[Any], int]:
    return _bounded(name, 0, 2 ** len(kind.names) - 1)


def _flags_loader(name: str, kind: FieldType, choices: Optional[Choices]) -> Convert:
    mask = 2 ** len(kind.names) - 1

    def load(raw: int) -> int:
        # IntFlag would take the bits, and remember every combination for ever.
        if raw & ~mask:
            raise ValueError(f"Cannot read {name}: it has bits without a name, {raw:#x}")
        return raw if choices is None else choices(raw)

    return load


def _text_loader(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _text(name: str, length: int) -> Callable[[Any], bytes]:
    def store(value: Any) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"Cannot set {name}: it must be str, got {type(value).__name__}")
        encoded = value.encode("utf-8")
        if len(encoded) > length or b"\0" in encoded:
            raise ValueError(
                f"Cannot set {name}: it must be at most {length} bytes of UTF-8 without a zero, "
                f"got {len(encoded)}"
            )
        return encoded.ljust(length, b"\0")

    return store


def _bytes_of(name: str, value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"Cannot set {name}: it must be bytes, got {type(value).__name__}")
    return bytes(value)


def _exact_bytes(name: str, ctype: Any, length: int) -> Callable[[Any], Any]:
    def store(value: Any) -> Any:
        content = _bytes_of(name, value)
        if len(content) != length:
            raise ValueError(f"Cannot set {name}: it must be {length} bytes, got {len(content)}")
        return ctype.from_buffer_copy(content)

    return store


def _array(
    name: str, kind: FieldType, ctype: Any, choices: Optional[Choices]
) -> tuple[Convert, Convert]:
    element = kind.element
    assert element is not None
    element_type = ctype._type_
    load, store = _conversions(name, element, element_type, choices)
    is_text = element.kind == "text"

    def load_array(raw: Any) -> tuple[Any, ...]:
        if is_text:
            return tuple(_text_loader(item.value) for item in raw)
        return tuple(raw) if load is None else tuple(map(load, raw))

    def store_array(values: Sequence[Any]) -> Any:
        if len(values) != kind.length:
            raise ValueError(f"Cannot set {name}: it must have {kind.length}, got {len(values)}")
        made = ctype()
        for index, value in enumerate(values):
            item = value if store is None else store(value)
            # Arrays of characters take no bytes as elements, only arrays of characters.
            made[index] = element_type.from_buffer_copy(item) if is_text else item
        return made

    return load_array, store_array
