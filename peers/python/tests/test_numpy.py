"""Batches as numpy arrays."""

from __future__ import annotations

import unittest
from functools import partial
from typing import Any

from tests.conformance_message import Message
from tests.support import Note, RingTestCase, Tick

try:
    import numpy
except ImportError as error:
    raise unittest.SkipTest("numpy is not installed") from error


class BatchTest(RingTestCase):
    def test_carries_whole_arrays(self) -> None:
        producer, consumer = self.pair(slots=64)
        sent = Tick.array(50)
        sent["id"] = numpy.arange(50)
        sent["price"] = sent["id"] / 2
        sent["symbol"] = b"ABC"
        self.assertEqual(producer.try_push_batch(sent), 50)
        first = consumer.try_pop_batch(20)
        rest = consumer.pop_batch(100)
        numpy.testing.assert_array_equal(numpy.concatenate([first, rest]), sent)
        self.assertEqual(first["symbol"][0].decode(), "ABC")
        self.assertEqual(len(consumer.try_pop_batch(5)), 0)

    def test_takes_what_fits(self) -> None:
        producer, consumer = self.pair(slots=8)
        sent = Tick.array(20)
        sent["id"] = numpy.arange(20)
        self.assertEqual(producer.try_push_batch(sent), 8)
        self.assertEqual(producer.try_push_batch(sent[8:]), 0)
        with self.assertRaises(TimeoutError):
            producer.push_batch(sent[8:], timeout=0.001)
        self.assertEqual(consumer.try_pop_batch(8)["id"].tolist(), list(range(8)))
        with self.assertRaises(ValueError):
            consumer.try_pop_batch(0)

    def test_arrays_may_have_gaps(self) -> None:
        producer, consumer = self.pair(slots=64)
        sent = Tick.array(20)
        sent["id"] = numpy.arange(20)
        self.assertEqual(producer.try_push_batch(sent[::2]), 10)
        self.assertEqual(producer.try_push_batch(sent[::-1]), 20)
        self.assertEqual(producer.try_push_batch(sent[:0]), 0)
        expected = [*range(0, 20, 2), *reversed(range(20))]
        self.assertEqual(consumer.try_pop_batch(64)["id"].tolist(), expected)

    def test_batches_and_messages_are_the_same(self) -> None:
        producer, consumer = self.pair(slots=64)
        tick = Tick(id=1, price=2.5, quantity=3, side="sell", symbol="abc")
        producer.push(tick)
        batch = consumer.try_pop_batch(1)
        self.assertEqual(batch.tobytes(), bytes(tick))
        producer.push_batch(batch)
        self.assertEqual(consumer.pop(1), tick)

    def test_what_was_popped_is_private(self) -> None:
        producer, consumer = self.pair(slots=4)
        for start in range(0, 40, 4):
            sent = Tick.array(4)
            sent["id"] = numpy.arange(start, start + 4)
            producer.push_batch(sent)
            batch = consumer.try_pop_batch(4)
            consumer.release()
            if start == 0:
                kept = batch
        self.assertEqual(kept["id"].tolist(), [0, 1, 2, 3])

    def test_other_arrays_are_refused(self) -> None:
        producer, _ = self.pair()
        for wrong in (Note.array(1), Tick.array(4).reshape(2, 2), numpy.zeros(4), [Tick()]):
            with self.assertRaises(TypeError):
                producer.try_push_batch(wrong)
        with self.assertRaises(TypeError):
            producer.try_push_batch(Tick.array(1), text=["a"])

    def test_ends_with_an_empty_batch(self) -> None:
        producer, consumer = self.pair()
        producer.close()
        self.assertEqual(len(consumer.pop_batch(4)), 0)
        self.assertTrue(consumer.ended)

    def test_dtype_is_that_of_the_struct(self) -> None:
        self.assertEqual(Message.dtype().itemsize, 64)
        message = Message(side="sell", symbol="abc", pair=(1.5, 2), big=2**63)
        row: Any = numpy.frombuffer(bytes(message), Message.dtype())[0]
        self.assertEqual((row["side"], row["symbol"], row["big"]), (1, b"abc", 2**63))
        self.assertEqual(row["pair"].tolist(), [1.5, 2.0])


class PiecesTest(RingTestCase):
    def test_carries_text_and_bytes(self) -> None:
        producer, consumer = self.pair(Note, slots=16, slab_bytes=1024)
        sent = Note.array(5)
        sent["id"] = numpy.arange(5)
        texts = [f"text {i}" for i in range(5)]
        data = [None, b"", b"a", None, b"bb"]
        self.assertEqual(producer.try_push_batch(sent, text=texts, data=data), 5)
        batch = consumer.try_pop_batch(16)
        self.assertEqual(batch["id"].tolist(), list(range(5)))
        self.assertEqual(consumer.pieces(batch, "text"), texts)
        self.assertEqual(consumer.pieces(batch, "data"), data)

    def test_waits_for_the_slab(self) -> None:
        producer, consumer = self.pair(Note, slots=16, slab_bytes=64)
        texts = ["x" * 30] * 3
        self.assertEqual(producer.try_push_batch(Note.array(3), text=texts), 2)
        self.assertEqual(consumer.pieces(consumer.try_pop_batch(3), "text"), texts[:2])
        consumer.release()
        producer.push_batch(Note.array(1), 1, text=texts[2:])
        self.assertEqual(consumer.pop(1).text, texts[2])

    def test_references_are_not_taken_over(self) -> None:
        producer, consumer = self.pair(Note, slots=16, slab_bytes=64)
        wild = Note.array(1)
        wild["text"] = (12345, 2**31)
        wild["data"] = (12345, 2**31)
        wild["_present"] = 1
        producer.push_batch(wild)
        self.assertEqual(consumer.pop(1), Note(text="", data=None))

    def test_references_of_others_are_refused(self) -> None:
        producer, consumer = self.pair(Note, slots=16, slab_bytes=64)
        producer.push(Note(text="abc"))
        batch = consumer.try_pop_batch(1)
        for reference in ((0, 65), (63, 2), (2**32 - 1, 2**32 - 1)):
            wild = batch.copy()
            wild["text"] = reference
            with self.subTest(reference):
                self.fails("ERR_RING_CLAIM", partial(consumer.pieces, wild, "text"))
        self.assertEqual(consumer.pieces(batch, "text"), ["abc"])

    def test_counts_must_match(self) -> None:
        producer, consumer = self.pair(Note)
        with self.assertRaises(ValueError):
            producer.try_push_batch(Note.array(2), text=["a"])
        with self.assertRaises(TypeError):
            producer.try_push_batch(Note.array(1), text=[b"a"])
        with self.assertRaises(ValueError):
            consumer.pieces(Note.array(1), "id")
