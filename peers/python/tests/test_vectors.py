"""The golden bytes of spec/vectors, read as README.md there says."""

from __future__ import annotations

import json
import os
import struct
import unittest
from pathlib import Path
from typing import Any, Optional

import rondo_ring
from rondo_ring import Channel, FieldType, Ring, RingSpec, parse_layout
from tests.support import RingTestCase

FOLDER = Path(__file__).resolve().parents[3] / "spec" / "vectors"

#: A section: its lines as word and rest.
Section = list[tuple[str, str]]


def sections(file: str, first: str) -> list[Section]:
    found: list[Section] = []
    for line in (FOLDER / file).read_text("utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == first:
            found.append([])
        if word:
            found[-1].append((word, rest))
    return found


def all_of(section: Section, wanted: str) -> list[str]:
    return [rest for word, rest in section if word == wanted]


def bytes_of(section: Section) -> bytes:
    found = bytearray(int(all_of(section, "bytes")[0]))
    for rest in all_of(section, "at"):
        offset, _, digits = rest.partition(" ")
        at = int(offset, 16)
        found[at : at + 32] = bytes.fromhex(digits)
    return bytes(found)


def text_of(section: Section) -> str:
    return "".join(line + "\n" for line in all_of(section, "text"))


STRUCTS = sections("structs.txt", "struct")
TYPES: dict[str, Any] = {
    parse_layout(text_of(section)).name: rondo_ring.message_type(text_of(section))
    for section in STRUCTS
}


def value_of(kind: FieldType, plain: Any) -> Any:
    """A plain value of the vectors as the package takes it."""
    if kind.kind == "array":
        assert kind.element is not None
        return [value_of(kind.element, each) for each in plain]
    if kind.kind == "struct":
        assert kind.struct is not None
        return {
            field.name: value_of(field.type, plain[field.name]) for field in kind.struct.fields
        }
    if kind.kind == "flags":
        return sum(1 << kind.names.index(name) for name in plain)
    if kind.kind == "bytes" or (kind.kind, kind.base) == ("slab", "bytes"):
        return bytes.fromhex(plain)
    if kind.kind == "scalar" and isinstance(plain, str):
        return float(plain) if kind.base.startswith("f") else int(plain)
    return plain


def spec_of(words: str) -> RingSpec[Any]:
    topology, lossy, lanes, consumers, slots, slab, name = words.split(" ")
    return RingSpec(
        TYPES[name], topology, int(slots), int(slab), int(lanes), int(consumers), lossy == "1"
    )


def create(spec: RingSpec[Any], **place: Any) -> Ring[Any]:
    return Ring.create(
        spec.message,
        topology=spec.topology,
        slots=spec.slots,
        slab_bytes=spec.slab_bytes,
        producers=spec.producers,
        consumers=spec.consumers,
        lossy=spec.lossy,
        **place,
    )


def block_of(ring: Ring[Any]) -> int:
    """Where the ring's block begins."""
    offset: int = struct.unpack("<I", os.pread(ring.descriptor, 4, 128))[0]
    return offset


def up(count: int) -> int:
    return -(-count // 128) * 128


class StructVectors(RingTestCase):
    def test_fingerprints(self) -> None:
        for section in STRUCTS:
            found = rondo_ring.fingerprint(text_of(section))
            self.assertEqual([f"{found:016x}"], all_of(section, "fingerprint"))

    def test_messages(self) -> None:
        for section in STRUCTS:
            layout = parse_layout(text_of(section))
            value: dict[str, Any] = {}
            slot, slab = "", ""
            for word, rest in [*section, ("value", "{}")]:
                if word == "value":
                    if slot:
                        with self.subTest(name=layout.name, value=value):
                            self.check(layout.name, value, bytes.fromhex(slot), bytes.fromhex(slab))
                    plain = json.loads(rest)
                    value = {
                        field.name: value_of(field.type, plain[field.name])
                        for field in layout.fields
                        if field.name in plain
                    }
                    slot, slab = "", ""
                elif word == "slot":
                    slot = rest
                elif word == "slab":
                    slab = rest

    def check(self, name: str, value: dict[str, Any], slot: bytes, slab: bytes) -> None:
        made = TYPES[name]
        has_slab = len(made.SLAB_FIELDS) > 0
        ring = self.ring(made, slots=1, slab_bytes=1024 if has_slab else 0)
        producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
        self.assertTrue(producer.try_push(made(**value)))
        at = block_of(ring) + 1024 + 128 * 3
        self.assertEqual(os.pread(ring.descriptor, len(slot), at), slot)
        at += up(-(-len(slot) // 8) * 8) + up(4)
        self.assertEqual(os.pread(ring.descriptor, len(slab), at), slab)
        self.assertEqual(consumer.try_pop(), made(**value))


class SegmentVectors(RingTestCase):
    def test_segments(self) -> None:
        for section in sections("segments.txt", "segment"):
            name = section[0][1]
            with self.subTest(name=name):
                specs = [spec_of(words) for words in all_of(section, "ring")]
                made: Any
                if len(specs) == 1:
                    made = create(specs[0], name=name, directory=self.directory)
                else:
                    made = Channel.create(name, *specs, directory=self.directory)
                with made:
                    size = os.fstat(made.descriptor).st_size
                    found = bytearray(os.pread(made.descriptor, size, 0))
                for begin, end in ((16, 32), (48, 56), (4096, 12_288)):
                    found[begin:end] = bytes(end - begin)
                self.assertEqual(bytes(found), bytes_of(section))


def item(words: list[str]) -> Any:
    number, note, data = (int(word) for word in words[:3])
    return TYPES["vectors.Item"](
        id=number,
        check=number * 0x9E3779B1 & 0xFFFFFFFF,
        value=number / 4,
        note="".join(chr(97 + (number + i) % 26) for i in range(note)),
        data=bytes((number + 3 * i) & 255 for i in range(data)),
    )


def mask(block: bytes, spec: RingSpec[Any]) -> bytes:
    """Leaves out what README.md says is left out."""
    masked = bytearray(block)
    masked[256:1024] = bytes(768)
    lanes, cursors, slots, stride, slab = struct.unpack_from("<II4xIII", block, 12)
    control_bytes = 128 * (2 + cursors)
    lane_bytes = up(slots * stride) + up(4 * slots) + up(slab)
    for lane in range(lanes):
        control = 1024 + lane * control_bytes
        if spec.lossy:
            masked[control + 4 : control + 8] = bytes(4)
            masked[control + 12 : control + 16] = bytes(4)
        masked[control + 128 : control + 256] = bytes(128)
        for cursor in range(cursors):
            at = control + 256 + 128 * cursor
            masked[at + 8 : at + 128] = bytes(120)
        starts = 1024 + lanes * control_bytes + lane * lane_bytes + up(slots * stride)
        for at in range(starts, starts + 4 * slots, 4):
            (start,) = struct.unpack_from("<I", masked, at)
            struct.pack_into("<I", masked, at, (start + 7 & ~7) & 0xFFFFFFFF)
    return bytes(masked)


class TraceVectors(RingTestCase):
    def test_traces(self) -> None:
        for section in sections("traces.txt", "trace"):
            # Here a message is pushed as a whole: there is nothing to abort.
            if all_of(section, "abort"):
                continue
            with self.subTest(name=section[0][1]):
                self.check(section)

    def check(self, section: Section) -> None:
        spec = spec_of(all_of(section, "ring")[0])
        ring = create(spec)
        self.addCleanup(ring.close)
        block = block_of(ring)
        roles: dict[str, Any] = {}
        for word, rest in section:
            if word in ("trace", "ring", "bytes", "at"):
                continue
            if word == "word":
                at, value = rest.split(" ")
                os.pwrite(ring.descriptor, struct.pack("<I", int(value)), block + int(at))
                continue
            name, *words = rest.split(" ")
            if word == "producer":
                roles[name] = self.open(ring.producer(publish_every=int(words[0])))
            elif word == "consumer":
                roles[name] = self.open(ring.consumer())
            else:
                self.operate(word, roles[name], words)
        wanted = bytes_of(section)
        found = os.pread(ring.descriptor, len(wanted), block)
        self.assertEqual(mask(found, spec), wanted)

    def operate(self, word: str, role: Any, words: list[str]) -> None:
        if word == "push":
            self.assertEqual(role.try_push(item(words)), words[3] == "pushed")
        elif word == "lost":
            self.assertEqual(role.lost, int(words[0]))
        elif word == "pop":
            self.pop(role, words)
        else:
            getattr(role, "detach" if word == "leave" else word)()

    def pop(self, consumer: Any, words: list[str]) -> None:
        message: Optional[Any] = consumer.try_pop()
        if words[0] in ("empty", "ended"):
            self.assertIsNone(message)
            self.assertEqual(consumer.ended, words[0] == "ended")
            return
        self.assertEqual(message, item(words))
        consumer.release()


if __name__ == "__main__":
    unittest.main()
