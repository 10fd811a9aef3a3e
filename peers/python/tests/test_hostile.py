"""Peers that lie: the memory of a ring changes under our feet."""

from __future__ import annotations

import fcntl
import mmap
import os
import random
import struct
import unittest

from rondo_ring import Ring, RingError
from tests.support import Note, RingTestCase

#: Offsets of spec/ring.md, for an SPSC ring.
LANE = 1024
HEAD = LANE + 256
SLOTS = LANE + 128 * 3

#: What a ring may say of random words: a lie was found, a consumer said that it wants no more, or
#: the slab lies so that a message does not fit.
CODES = ("ERR_RING_POISONED", "ERR_RING_CLOSED", "ERR_RING_MESSAGE_SIZE")


class HostileTest(RingTestCase):
    def memory(self, ring: Ring[Note]) -> tuple[mmap.mmap, int]:
        memory = mmap.mmap(ring.descriptor, 0)
        self.addCleanup(memory.close)
        return memory, struct.unpack_from("<I", memory, 128)[0]

    def test_lies_poison_the_ring(self) -> None:
        def push_many() -> None:
            for _ in range(8):
                producer.push(Note(), 1)

        def pop_many() -> None:
            for _ in range(8):
                consumer.pop(1)

        lies = {"tail": (LANE, 1), "head": (HEAD, 2), "reference": (SLOTS + 8, 3)}
        for name, (offset, poison) in lies.items():
            with self.subTest(name):
                ring = self.ring(Note, slots=4, slab_bytes=64)
                memory, block = self.memory(ring)
                producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
                producer.push(Note(text="abc"))
                struct.pack_into("<I", memory, block + offset, 1000)
                self.fails("ERR_RING_POISONED", push_many if name == "head" else pop_many)
                self.assertEqual(ring.info().poison, poison)
                self.fails("ERR_RING_POISONED", push_many)
                self.fails("ERR_RING_POISONED", pop_many)

    def test_unsealed_memory_is_refused(self) -> None:
        ring = self.ring(Note)
        memory, _ = self.memory(ring)
        descriptor = os.memfd_create("copy", os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, descriptor)
        os.write(descriptor, memory[:])
        self.fails("ERR_RING_SEGMENT", lambda: Ring.attach_descriptor(descriptor, Note))

    def test_every_changed_byte_of_the_header_is_refused_or_harmless(self) -> None:
        original = self.ring(Note, name="note", directory=self.directory, slots=2, slab_bytes=64)
        memory, block = self.memory(original)
        image = memory[:]
        schema = struct.unpack_from("<II", image, 136)
        places = [*range(200), *range(schema[0], sum(schema)), *range(block, block + 36)]
        for place in places:
            changed = bytearray(image)
            changed[place] ^= 0xFF
            descriptor = os.memfd_create("changed", os.MFD_ALLOW_SEALING)
            try:
                os.write(descriptor, changed)
                fcntl.fcntl(descriptor, 1033, 1 | 2 | 4)
                with Ring.attach_descriptor(descriptor, Note) as ring, ring.producer() as producer:
                    producer.try_push(Note(text="abc"))
            except RingError as error:
                self.assertIn(error.code, ("ERR_RING_SEGMENT", "ERR_RING_SCHEMA"), place)
            finally:
                os.close(descriptor)

    def test_random_words_never_crash(self) -> None:
        source = random.Random(4)
        for _ in range(60):
            ring = Ring.create(Note, slots=8, slab_bytes=64, lossy=source.random() < 0.3)
            memory = mmap.mmap(ring.descriptor, 0)
            (block,) = struct.unpack_from("<I", memory, 128)
            with ring, memory, ring.producer() as producer, ring.consumer() as consumer:
                try:
                    for _ in range(100):
                        at = block + 4 * source.randrange(32, (len(memory) - block) // 4)
                        value = source.choice([0, 1, 2**31, 2**32 - 1, source.getrandbits(32)])
                        struct.pack_into("<I", memory, at, value)
                        producer.try_push(Note(text="x" * source.randrange(40), data=b"y"))
                        for note in consumer.try_pop_many(4):
                            repr(note)
                except RingError as error:
                    self.assertIn(error.code, CODES)


if __name__ == "__main__":
    unittest.main()
