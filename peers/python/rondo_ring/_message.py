"""Messages: the structs in the slots of a ring."""

from __future__ import annotations

import ctypes
import enum
import keyword
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Mapping, NamedTuple, Optional, cast

from ._fields import Choices, Slab, field_property, raw_type, slab_property
from ._layout import PRESENCE, Field, FieldType, Layout, fingerprint, parse_layout

if TYPE_CHECKING:
    import numpy
    import numpy.typing

__all__ = ["Message", "Record", "message_type"]


class SlabField(NamedTuple):
    """A slab field as producers and consumers see it."""

    name: str
    is_text: bool
    #: Of the reference in the struct.
    offset: int
    #: The bit in the presence word; 0 when the field is always there.
    bit: int


class _MessageType(type(ctypes.Structure)):  # type: ignore[misc]
    """Holds a declaration to its canonical text and makes the attributes convert."""

    def __init__(cls, name: str, bases: Any, namespace: Any, **options: Any) -> None:
        super().__init__(name, bases, namespace, **options)
        if "LAYOUT" in namespace and "_fields_" in namespace:
            _prepare(cls)


if TYPE_CHECKING:
    # Checkers know no metaclass of ctypes that could be derived from.
    _Struct = ctypes.Structure
else:
    _Struct = _MessageType("_Struct", (ctypes.Structure,), {})


class Message(_Struct):
    """A struct: the base of the classes that `rondo gen --python` writes.

    Attributes take and give Python values: `str` for text, the enumerations, `None` for an
    optional field that is absent, tuples for arrays. Numbers outside their type's range and texts
    that are too long are refused with ValueError; reading an enumeration whose number has no name
    is a ValueError too, since peers may write anything. Text that is no UTF-8 reads with U+FFFD.
    An object is private memory: nothing that happens in the ring changes it.
    """

    NAME: ClassVar[str] = ""
    #: The canonical text.
    LAYOUT: ClassVar[str] = ""
    FINGERPRINT: ClassVar[int] = 0
    #: `text` or `bytes` for each field whose content lies in the slab.
    SLAB_FIELDS: ClassVar[Mapping[str, str]] = {}
    ENUMS: ClassVar[Mapping[str, Any]] = {}
    #: For `numpy.dtype`.
    DTYPE: ClassVar[Mapping[str, Any]] = {}

    _layout: ClassVar[Optional[Layout]] = None
    _attributes: ClassVar[tuple[str, ...]] = ()
    _slab: ClassVar[tuple[SlabField, ...]] = ()
    _present_offset: ClassVar[int] = -1
    _dtype: ClassVar[Any] = None

    def to_dict(self) -> dict[str, Any]:
        """All fields by name; nested structs as dicts."""
        return {name: _plain(getattr(self, name)) for name in self._attributes}

    @classmethod
    def dtype(cls) -> numpy.dtype[numpy.void]:
        """The struct for numpy. Slab fields are references, of use with `Consumer.pieces` only."""
        found: numpy.dtype[numpy.void] = cls._dtype
        if found is None:
            import numpy

            # Checkers want literal keys.
            spec: Any = dict(cls.DTYPE)
            found = numpy.dtype(spec)
            if found.itemsize != ctypes.sizeof(cls):
                raise TypeError(f"Cannot use {cls.__name__}: DTYPE has another size")
            cls._dtype = found
        return found

    @classmethod
    def array(cls, count: int) -> numpy.typing.NDArray[numpy.void]:
        """A numpy array of so many messages, all zero, padding included."""
        import numpy

        return numpy.zeros(count, cls.dtype())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._attributes)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_shown(self, name)}" for name in self._attributes)
        return f"{type(self).__name__}({fields})"


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_dict()
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value


def _shown(message: Message, name: str) -> str:
    try:
        return repr(getattr(message, name))
    except ValueError:
        return "<invalid>"


def _prepare(cls: Any) -> None:
    """Compares a declaration with its text, then puts properties over what ctypes made."""
    if sys.byteorder != "little":
        raise ImportError("Cannot declare messages: rings are little-endian, this machine is not")
    layout = parse_layout(cls.LAYOUT)
    if cls.FINGERPRINT != fingerprint(cls.LAYOUT):
        raise _wrong(cls, "FINGERPRINT is not that of LAYOUT")
    if ctypes.sizeof(cls) != layout.size:
        raise _wrong(cls, f"it has {ctypes.sizeof(cls)} bytes, not {layout.size}")
    declared = [entry for entry in cls._fields_ if not entry[0].startswith("_pad")]
    expected: list[Optional[Field]] = list(layout.fields)
    if layout.presence_offset >= 0:
        first = next(i for i, field in enumerate(layout.fields) if field.presence == 0)
        expected.insert(first, None)
    if len(declared) != len(expected):
        raise _wrong(cls, f"it has {len(declared)} fields, not {len(expected)}")
    attributes: list[str] = []
    slab: list[SlabField] = []
    for (name, ctype, *_), field in zip(declared, expected):
        raw = cls.__dict__[name]
        offset = layout.presence_offset if field is None else field.offset
        size = 4 if field is None else field.type.size
        if (raw.offset, raw.size, ctypes.sizeof(ctype)) != (offset, size, size):
            raise _wrong(cls, f"{name} is {raw.size} bytes at {raw.offset}, not {size} at {offset}")
        if field is None:
            continue
        if _is_taken(name):
            raise _wrong(cls, f"{name} is a name that rondo_ring.Message has itself")
        attributes.append(name)
        renamed = Field(name, field.type, field.offset, field.presence)
        if field.type.kind == "slab":
            bit = 0 if field.presence < 0 else 1 << field.presence
            slab.append(SlabField(name, field.type.base == "text", field.offset, bit))
            setattr(cls, name, slab_property(renamed))
        else:
            _check_type(cls, name, field.type, ctype)
            choices = _choices_of(cls, name, field.type)
            setattr(cls, name, field_property(renamed, raw, ctype, choices))
    cls._layout = layout
    cls._attributes = tuple(attributes)
    cls._slab = tuple(slab)
    cls._present_offset = layout.presence_offset


def _check_type(cls: Any, name: str, kind: FieldType, ctype: Any) -> None:
    """Equal sizes are not enough: a float is as long as an integer."""

    def nested(struct: FieldType) -> Any:
        inner = ctype._type_ if kind.kind == "array" else ctype
        if not (issubclass(inner, Message) and inner._layout == struct.struct):
            raise _wrong(cls, f"{name} is not the struct that LAYOUT describes")
        return inner

    if raw_type(kind, nested) is not ctype:
        raise _wrong(cls, f"{name} must be {kind.text}")


def _choices_of(cls: Any, name: str, kind: FieldType) -> Optional[Choices]:
    if kind.kind == "array" and kind.element is not None:
        kind = kind.element
    choices: Optional[Choices] = cls.ENUMS.get(name)
    if choices is None or kind.kind not in ("enum", "flags"):
        return None
    numbers = range(len(kind.names))
    values = {1 << number for number in numbers} if kind.kind == "flags" else set(numbers)
    if {int(member) for member in choices.__members__.values()} != values:
        raise _wrong(cls, f"the enumeration of {name} has other values than LAYOUT")
    return choices


def _wrong(cls: Any, why: str) -> TypeError:
    return TypeError(f"Cannot use the declaration of {cls.__name__}: {why}")


def message_type(layout: str) -> type[Message]:
    """Makes the class that `rondo gen --python` would declare, from a canonical text.

    For tools, and for scripts that open a ring without its schema: checkers know nothing of its
    attributes. A name that Python or `Message` uses gets an underscore behind it. The text may
    come from anybody. ValueError when it is none.
    """
    return _declare(parse_layout(layout), {})


def _declare(layout: Layout, made: dict[Layout, type[Message]]) -> type[Message]:
    """`made` has the nested structs so far: one class for each."""
    fields: list[tuple[str, Any]] = []
    names: dict[str, str] = {}
    enums: dict[str, Any] = {}
    end = 0
    pads = 0

    def nested(kind: FieldType) -> Any:
        assert kind.struct is not None
        if kind.struct not in made:
            made[kind.struct] = _declare(kind.struct, made)
        return made[kind.struct]

    def place(name: str, ctype: Any, offset: int) -> None:
        nonlocal end, pads
        if offset > end:
            fields.append((f"_pad{pads}", ctypes.c_uint8 * (offset - end)))
            pads += 1
        if ctype is not None:
            fields.append((name, ctype))
            end = offset + ctypes.sizeof(ctype)

    for field in layout.fields:
        if field.presence == 0:
            place(PRESENCE, ctypes.c_uint32, layout.presence_offset)
        name = _attribute_name(field.name, names)
        names[name] = field.name
        place(name, raw_type(field.type, nested), field.offset)
        choices = field.type.element or field.type
        if choices.kind in ("enum", "flags"):
            enums[name] = _enumeration(f"{layout.name}.{name}", choices)
    place("", None, layout.size)
    text = layout.text
    slab = [(name, field.type) for name, field in zip(names, layout.fields)]
    namespace = {
        "__doc__": f"{layout.name}: {layout.size} bytes.",
        "NAME": layout.name,
        "LAYOUT": text,
        "FINGERPRINT": fingerprint(text),
        "SLAB_FIELDS": {name: kind.base for name, kind in slab if kind.kind == "slab"},
        "ENUMS": enums,
        "DTYPE": _dtype_spec(layout, tuple(names)),
        "_fields_": fields,
    }
    declared: Any = _MessageType(layout.name.split(".")[-1], (Message,), namespace)
    return cast("type[Message]", declared)


#: Names that mean something to ctypes, whether or not `Message` has them.
_RESERVED = {"_align_", "_anonymous_", "_fields_", "_layout_", "_pack_", "_swappedbytes_", "_type_"}


def _is_taken(name: str) -> bool:
    return keyword.iskeyword(name) or name in _RESERVED or hasattr(Message, name)


def _attribute_name(name: str, taken: Mapping[str, str]) -> str:
    while _is_taken(name) or name in taken:
        name += "_"
    return name


def _enumeration(name: str, kind: FieldType) -> Any:
    members: dict[str, int] = {}
    for index, choice in enumerate(kind.names):
        # The enum module gives a meaning to some names with underscores, and to mro.
        member = f"n{choice}" if choice.startswith("_") else choice
        while keyword.iskeyword(member) or member == "mro" or member in members:
            member += "_"
        members[member] = 1 << index if kind.kind == "flags" else index
    if kind.kind == "flags":
        return enum.IntFlag(name, members)
    return enum.IntEnum(name, members)


_FORMATS = {"bool": "u1", "f32": "<f4", "f64": "<f8"}
_REFERENCE = {
    "names": ["position", "length"],
    "formats": ["<u4", "<u4"],
    "offsets": [0, 4],
    "itemsize": 8,
}


def _format(kind: FieldType) -> Any:
    if kind.kind == "text":
        return f"S{kind.length}"
    if kind.kind == "bytes":
        return ("u1", (kind.length,))
    if kind.kind == "slab":
        return dict(_REFERENCE)
    if kind.kind == "array" and kind.element is not None:
        return (_format(kind.element), (kind.length,))
    if kind.kind == "struct" and kind.struct is not None:
        return _dtype_spec(kind.struct, tuple(field.name for field in kind.struct.fields))
    if kind.base in _FORMATS:
        return _FORMATS[kind.base]
    return f"{'<' if kind.size > 1 else ''}{kind.base[0]}{kind.size}"


def _dtype_spec(layout: Layout, names: tuple[str, ...]) -> dict[str, Any]:
    spec: dict[str, Any] = {"names": [], "formats": [], "offsets": [], "itemsize": layout.size}

    def add(name: str, kind: Any, offset: int) -> None:
        spec["names"].append(name)
        spec["formats"].append(kind)
        spec["offsets"].append(offset)

    for name, field in zip(names, layout.fields):
        if field.presence == 0:
            add(PRESENCE, "<u4", layout.presence_offset)
        add(name, _format(field.type), field.offset)
    return spec


class Record(Message):
    """rondo.Record: a message of variable length, of a type that its users number."""

    NAME: ClassVar[str] = "rondo.Record"
    LAYOUT: ClassVar[str] = (
        "rondo-struct 1\n"
        "name rondo.Record\n"
        "field type u32 0\n"
        "field payload slab:bytes 4\n"
        "size 12 align 4\n"
    )
    FINGERPRINT: ClassVar[int] = fingerprint(LAYOUT)
    SLAB_FIELDS: ClassVar[Mapping[str, str]] = {"payload": "bytes"}
    DTYPE: ClassVar[Mapping[str, Any]] = _dtype_spec(parse_layout(LAYOUT), ("type", "payload"))
    _fields_ = [("type", ctypes.c_uint32), ("payload", Slab)]
    if TYPE_CHECKING:
        type: int
        payload: bytes
