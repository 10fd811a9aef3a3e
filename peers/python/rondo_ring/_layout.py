"""Canonical texts of structs (spec/ring.md, section 3), read and made.

A text may come from anybody. It is bounded, read once from left to right, and laid out anew by the
rule of C: unless that gives the same text byte for byte, it is refused. So no field of a `Layout`
overlaps another, is misaligned or lies outside the struct.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Optional

HEAD = "rondo-struct 1"
PRESENCE = "_present"
TEXT_MAX = 65_536
STRUCT_MAX = 65_536
FIELDS_MAX = 256
OPTIONALS_MAX = 32
DEPTH_MAX = 8

#: Bytes of a scalar, which is its alignment too.
SCALARS = {
    "u8": 1,
    "i8": 1,
    "bool": 1,
    "u16": 2,
    "i16": 2,
    "u32": 4,
    "i32": 4,
    "f32": 4,
    "u64": 8,
    "i64": 8,
    "f64": 8,
}

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_STRUCT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[A-Za-z_][A-Za-z0-9_]{0,63})*")
_STRUCT_NAME_MAX = 128
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_WORD = re.compile(r"[a-z][a-z0-9]*")


@dataclass(frozen=True)
class FieldType:
    """The type of a field. What a kind does not have is empty."""

    #: scalar, safe, text, bytes, enum, flags, array, struct, slab
    kind: str
    size: int
    alignment: int
    #: Of scalar, safe, enum, flags: the scalar. Of slab: text or bytes.
    base: str = ""
    names: tuple[str, ...] = ()
    #: Of text and bytes in bytes, of arrays in elements.
    length: int = 0
    element: Optional[FieldType] = None
    struct: Optional[Layout] = None

    @property
    def text(self) -> str:
        """The type in a canonical text."""
        if self.kind == "scalar":
            return self.base
        if self.kind in ("safe", "slab"):
            return f"{self.kind}:{self.base}"
        if self.kind in ("text", "bytes"):
            return f"{self.kind}[{self.length}]"
        if self.kind in ("enum", "flags"):
            return f"{self.kind}:{self.base}({','.join(self.names)})"
        if self.kind == "array" and self.element is not None:
            return f"array[{self.length}]({self.element.text})"
        assert self.struct is not None
        inner = ";".join(self.struct.lines())
        return f"struct({self.struct.name}{{{inner}}}{self.struct.size}/{self.struct.alignment})"


@dataclass(frozen=True)
class Field:
    """A field and its place."""

    name: str
    type: FieldType
    offset: int
    #: Its bit in the presence word; below 0 when it is always there.
    presence: int = -1

    @property
    def line(self) -> str:
        """The field in a canonical text, without the word `field`."""
        kind = self.type.text
        if self.presence >= 0:
            kind = f"optional:{self.presence}({kind})"
        return f"{self.name} {kind} {self.offset}"


@dataclass(frozen=True)
class Layout:
    """A struct: where its fields lie."""

    name: str
    fields: tuple[Field, ...]
    #: Of the word with the presence bits; below 0 without optional fields.
    presence_offset: int
    size: int
    alignment: int

    def lines(self) -> list[str]:
        """One line for each field, the presence word where it stands."""
        lines: list[str] = []
        for field in self.fields:
            if field.presence == 0:
                lines.append(f"{PRESENCE} presence {self.presence_offset}")
            lines.append(field.line)
        return lines

    @property
    def text(self) -> str:
        """The canonical text."""
        fields = "".join(f"field {line}\n" for line in self.lines())
        return f"{HEAD}\nname {self.name}\n{fields}size {self.size} align {self.alignment}\n"

    @property
    def has_slab(self) -> bool:
        """Whether messages have parts in the slab."""
        return any(field.type.kind == "slab" for field in self.fields)


def fingerprint(text: str) -> int:
    """The first 8 bytes of the text's SHA-256, little-endian."""
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "little")


@lru_cache(maxsize=64)
def parse_layout(text: str) -> Layout:
    """The struct that a canonical text describes. ValueError when it is none."""
    if len(text) > TEXT_MAX:
        raise _refused(f"it may have {TEXT_MAX} characters, and has {len(text)}")
    layout = _Reader(text).whole()
    again = layout.text
    if again != text:
        pairs = zip(text.split("\n"), again.split("\n"))
        found, right = next(((a, b) for a, b in pairs if a != b), ("", ""))
        raise _refused(f"a line is {found[:80]!r} and must be {right[:80]!r}")
    return layout


def _refused(why: str) -> ValueError:
    return ValueError(f"Cannot read the layout of a struct: {why}")


@dataclass(frozen=True)
class _Draft:
    name: str
    type: FieldType
    is_optional: bool


def _lay_out(name: str, drafts: list[_Draft]) -> Layout:
    """Gives every field its place: the rule of C with one size for each type everywhere."""
    names = {draft.name for draft in drafts}
    if not 0 < len(drafts) <= FIELDS_MAX or len(names) < len(drafts):
        raise _refused(f"{name} must have 1 to {FIELDS_MAX} fields with different names")
    if any(field.startswith("_pad") for field in names):
        raise _refused(f"{name} has a field whose name is that of padding")
    if sum(draft.is_optional for draft in drafts) > OPTIONALS_MAX:
        raise _refused(f"{name} may have {OPTIONALS_MAX} optional fields")
    fields: list[Field] = []
    end, alignment, presence_offset, optionals = 0, 1, -1, 0
    for draft in drafts:
        presence = -1
        if draft.is_optional:
            if presence_offset < 0:
                presence_offset = _up(end, 4)
                end = presence_offset + 4
                alignment = max(alignment, 4)
            presence = optionals
            optionals += 1
        offset = _up(end, draft.type.alignment)
        end = offset + draft.type.size
        alignment = max(alignment, draft.type.alignment)
        fields.append(Field(draft.name, draft.type, offset, presence))
    size = _up(end, alignment)
    if size > STRUCT_MAX:
        raise _refused(f"{name} may have {STRUCT_MAX} bytes, and has {size}")
    return Layout(name, tuple(fields), presence_offset, size, alignment)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Layout:
        self._literal(f"{HEAD}\nname ")
        name = self._struct_name()
        self._literal("\n")
        drafts: list[_Draft] = []
        while self._has("field "):
            self._field(drafts)
            self._literal("\n")
        self._literal("size ")
        self._number()
        self._literal(" align ")
        self._number()
        self._literal("\n")
        if self._at != len(self._text):
            raise self._unexpected("the end")
        return _lay_out(name, drafts)

    # Numbers of places are not kept: they follow from the types, and the texts are compared.
    def _field(self, drafts: list[_Draft]) -> None:
        name = self._match(_IDENTIFIER, "the name of a field")
        self._literal(" ")
        if name == PRESENCE:
            self._literal("presence ")
            self._number()
            return
        is_optional = self._has("optional:")
        if is_optional:
            self._number()
            self._literal("(")
        kind = self._type()
        if is_optional:
            self._literal(")")
        self._literal(" ")
        self._number()
        drafts.append(_Draft(name, kind, is_optional))

    def _type(self) -> FieldType:
        word = self._match(_WORD, "a type")
        if word in SCALARS:
            return FieldType("scalar", SCALARS[word], SCALARS[word], base=word)
        if word in ("text", "bytes"):
            length = self._length()
            return FieldType(word, length, 1, length=length)
        if word == "array":
            return self._array()
        if word == "struct":
            return self._nested()
        if word not in ("safe", "enum", "flags", "slab"):
            raise _refused(f"it has the type {word[:40]!r}, which does not exist")
        self._literal(":")
        base = self._match(_WORD, "what comes after the colon")
        if word == "slab" and base in ("text", "bytes"):
            return FieldType("slab", 8, 4, base=base)
        if word == "safe" and base in ("u64", "i64"):
            return FieldType("safe", 8, 8, base=base)
        if word in ("enum", "flags") and base in ("u8", "u16", "u32"):
            return self._choices(word, base)
        raise _refused(f"it has the type {word}:{base[:40]}, which does not exist")

    def _choices(self, kind: str, base: str) -> FieldType:
        self._literal("(")
        names = [self._match(_IDENTIFIER, "a name")]
        while self._has(","):
            names.append(self._match(_IDENTIFIER, "a name"))
        self._literal(")")
        size = SCALARS[base]
        most = 8 * size if kind == "flags" else 1 << (8 * size)
        if len(names) > most or len(set(names)) < len(names):
            raise _refused(f"{kind}:{base} must have 1 to {most} different names")
        return FieldType(kind, size, size, base=base, names=tuple(names))

    def _array(self) -> FieldType:
        length = self._length()
        self._literal("(")
        element = self._type()
        self._literal(")")
        if element.kind in ("array", "slab"):
            raise _refused(f"it has an array of {element.kind}")
        size = length * element.size
        return FieldType("array", size, element.alignment, length=length, element=element)

    def _nested(self) -> FieldType:
        # Before recursing, so that no text can exhaust the stack.
        self._depth += 1
        if self._depth >= DEPTH_MAX:
            raise _refused(f"structs may be nested {DEPTH_MAX} deep")
        self._literal("(")
        name = self._struct_name()
        self._literal("{")
        drafts: list[_Draft] = []
        self._field(drafts)
        while self._has(";"):
            self._field(drafts)
        self._literal("}")
        self._number()
        self._literal("/")
        self._number()
        self._literal(")")
        self._depth -= 1
        struct = _lay_out(name, drafts)
        if struct.has_slab:
            raise _refused(f"{name} has slab fields, and they cannot be nested")
        return FieldType("struct", struct.size, struct.alignment, struct=struct)

    def _struct_name(self) -> str:
        name = self._match(_STRUCT_NAME, "the name of a struct")
        if len(name) > _STRUCT_NAME_MAX:
            raise _refused(f"names of structs may have {_STRUCT_NAME_MAX} characters")
        return name

    def _length(self) -> int:
        self._literal("[")
        length = self._number()
        self._literal("]")
        if not 1 <= length <= STRUCT_MAX:
            raise _refused(f"lengths are 1 to {STRUCT_MAX}, got {length}")
        return length

    def _number(self) -> int:
        return int(self._match(_NUMBER, "a number"))

    def _has(self, literal: str) -> bool:
        if not self._text.startswith(literal, self._at):
            return False
        self._at += len(literal)
        return True

    def _literal(self, literal: str) -> None:
        if not self._has(literal):
            raise self._unexpected(repr(literal))

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._unexpected(what)
        self._at = found.end()
        return found.group()

    def _unexpected(self, expected: str) -> ValueError:
        got = self._text[self._at : self._at + 40]
        return _refused(f"at character {self._at} there must be {expected}, got {got!r}")
