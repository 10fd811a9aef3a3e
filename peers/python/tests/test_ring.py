"""Rings in one process: topologies, outcomes, ends and misuse."""

from __future__ import annotations

import gc
import threading
import unittest
import warnings
from functools import partial
from typing import Any

from rondo_ring import Channel, Record, Ring, RingError, RingSpec
from tests.support import Note, RingTestCase, Tick


class TopologyTest(RingTestCase):
    def test_spsc_keeps_messages_and_their_order(self) -> None:
        producer, consumer = self.pair(slots=8)
        for round_trip in range(5):
            sent = [Tick(id=round_trip * 8 + i, price=i / 2, side="sell") for i in range(8)]
            self.assertTrue(all(producer.try_push(tick) for tick in sent))
            self.assertFalse(producer.try_push(Tick()))
            self.assertEqual([consumer.try_pop() for _ in sent], sent)
            self.assertIsNone(consumer.try_pop())
            self.assertFalse(consumer.ended)

    def test_mpsc_has_a_lane_for_each_producer(self) -> None:
        ring = self.ring(topology="mpsc", producers=3, slots=16)
        producers = [self.open(ring.producer()) for _ in range(3)]
        self.fails("ERR_RING_ROLE_TAKEN", ring.producer)
        consumer = self.open(ring.consumer())
        for i in range(12):
            producers[i % 3].push(Tick(id=i, quantity=i % 3))
        taken: dict[int, list[int]] = {}
        lanes: dict[int, int] = {}
        for _ in range(12):
            tick = consumer.pop(1)
            taken.setdefault(tick.quantity, []).append(tick.id)
            lanes.setdefault(tick.quantity, consumer.lane)
        self.assertEqual(taken, {p: list(range(p, 12, 3)) for p in range(3)})
        self.assertEqual(sorted(lanes.values()), [0, 1, 2])

    def test_mpmc_gives_each_message_to_one(self) -> None:
        ring = self.ring(topology="mpmc", producers=2, consumers=2, slots=32)
        producers = [self.open(ring.producer()) for _ in range(2)]
        consumers = [self.open(ring.consumer()) for _ in range(2)]
        for i in range(20):
            producers[i % 2].push(Tick(id=i))
        taken = [consumers[i % 2].try_pop().id for i in range(20)]
        self.assertEqual(sorted(taken), list(range(20)))
        self.assertIsNone(consumers[0].try_pop())

    def test_gated_broadcast_gives_all_to_all_and_waits_for_the_slowest(self) -> None:
        ring = self.ring(topology="broadcast", consumers=2, slots=4)
        producer = self.open(ring.producer())
        consumers = [self.open(ring.consumer()) for _ in range(2)]
        self.until(lambda: producer.admit() == 2)
        self.until(lambda: all(consumer.joined for consumer in consumers))
        for i in range(4):
            self.assertTrue(producer.try_push(Tick(id=i)))
        self.assertEqual([consumers[0].pop(1).id for _ in range(4)], [0, 1, 2, 3])
        consumers[0].release()
        self.assertFalse(producer.try_push(Tick(id=4)))
        self.assertEqual([consumers[1].pop(1).id for _ in range(4)], [0, 1, 2, 3])
        consumers[1].detach()
        self.assertTrue(producer.try_push(Tick(id=4)))

    def test_lossy_rings_lose_the_oldest_and_count(self) -> None:
        for topology in ("spsc", "mpsc", "mpmc", "broadcast"):
            with self.subTest(topology):
                ring = self.ring(topology=topology, lossy=True, slots=8)
                producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
                for i in range(100):
                    self.assertTrue(producer.try_push(Tick(id=i)))
                producer.close()
                taken = [tick.id for tick in consumer]
                self.assertEqual(taken, list(range(taken[0], 100)))
                self.assertLessEqual(len(taken), 8)
                self.assertEqual(consumer.lost, 100 - len(taken))

    def test_info_says_what_it_is(self) -> None:
        ring = self.ring(topology="mpmc", producers=3, consumers=2, slots=64, slab_bytes=128)
        info = ring.info()
        self.assertEqual((info.topology, info.producers, info.consumers), ("mpmc", 3, 2))
        self.assertEqual((info.slots, info.stride, info.slab_bytes), (64, 32, 128))
        self.assertFalse(info.lossy or info.closed or info.poison)
        producer, consumer = ring.producer(), ring.consumer()
        info = ring.info()
        self.assertEqual((info.active_producers, info.active_consumers), (1, 1))
        producer.detach()
        consumer.detach()
        self.assertEqual(ring.schema, Tick.LAYOUT)


class SlabTest(RingTestCase):
    def test_carries_text_and_bytes(self) -> None:
        producer, consumer = self.pair(Note, slots=8, slab_bytes=256)
        sent = [
            Note(id=0, text="", data=None),
            Note(id=1, text="äöü", data=b""),
            Note(id=2, text="x" * 50, data=bytes(range(60))),
        ]
        for _ in range(20):
            for note in sent:
                self.assertTrue(producer.try_push(note))
            taken = [consumer.try_pop() for _ in sent]
            self.assertEqual(taken, sent)
        # What was taken is private: it stays.
        self.assertTrue(producer.try_push(Note(), text="y" * 100))
        self.assertEqual(taken, sent)

    def test_keywords_set_slab_fields(self) -> None:
        producer, consumer = self.pair(Note)
        producer.push(Note(id=1), text="t", data=b"d")
        self.assertEqual(consumer.pop(1), Note(id=1, text="t", data=b"d"))
        with self.assertRaises(TypeError):
            producer.try_push(Note(), other="x")

    def test_full_slab_is_full_and_what_never_fits_is_refused(self) -> None:
        producer, consumer = self.pair(Note, slots=8, slab_bytes=64)
        self.assertTrue(producer.try_push(Note(id=1, text="a" * 40)))
        self.assertFalse(producer.try_push(Note(id=2, text="b" * 40)))
        with self.assertRaises(TimeoutError):
            producer.push(Note(id=2, text="b" * 40), timeout=0)
        self.fails("ERR_RING_MESSAGE_SIZE", lambda: producer.try_push(Note(text="c" * 65)))
        self.assertEqual(consumer.try_pop().id, 1)
        consumer.release()
        producer.push(Note(id=3, text="d" * 64), timeout=1)
        self.assertEqual(consumer.pop(1), Note(id=3, text="d" * 64))

    def test_messages_can_be_passed_on(self) -> None:
        first, second = self.pair(Note), self.pair(Note)
        for i in range(3):
            first[0].push(Note(id=i, text=str(i), data=b"x" * i))
        for _ in range(3):
            second[0].push(first[1].pop(1))
        self.assertEqual([second[1].pop(1).text for _ in range(3)], ["0", "1", "2"])

    def test_records_have_any_length(self) -> None:
        producer, consumer = self.pair(Record, slab_bytes=1024)
        for length in (0, 1, 7, 8, 500):
            producer.push(Record(type=length, payload=b"r" * length), timeout=1)
            self.assertEqual(consumer.pop(1), Record(type=length, payload=b"r" * length))


class EndTest(RingTestCase):
    def test_iteration_ends_with_the_ring(self) -> None:
        producer, consumer = self.pair()
        with producer:
            producer.push_many(Tick(id=i) for i in range(3))
        self.assertEqual([tick.id for tick in consumer], [0, 1, 2])
        self.assertTrue(consumer.ended)
        self.assertIsNone(consumer.pop())

    def test_an_exception_leaves_the_lane_to_a_successor(self) -> None:
        ring = self.ring()
        consumer = self.open(ring.consumer())
        with self.assertRaises(KeyError), ring.producer() as producer:
            producer.push(Tick(id=1))
            raise KeyError
        self.assertEqual(consumer.try_pop().id, 1)
        self.assertIsNone(consumer.try_pop())
        self.assertFalse(consumer.ended)
        with ring.producer() as successor:
            successor.push(Tick(id=2))
        self.assertEqual([tick.id for tick in consumer], [2])

    def test_producers_learn_that_no_more_is_wanted(self) -> None:
        producer, consumer = self.pair(slots=4)
        consumer.close()
        self.fails("ERR_RING_CLOSED", lambda: [producer.push(Tick(), 1) for _ in range(6)])

    def test_messages_are_shown_together(self) -> None:
        ring = self.ring()
        producer = self.open(ring.producer(publish_every=3))
        consumer = self.open(ring.consumer())
        producer.push(Tick(id=1))
        producer.push(Tick(id=2))
        self.assertIsNone(consumer.try_pop())
        producer.push(Tick(id=3))
        producer.push(Tick(id=4))
        self.assertEqual([tick.id for tick in consumer.try_pop_many(10)], [1, 2, 3])
        producer.flush()
        self.assertEqual(consumer.try_pop().id, 4)

    def test_what_was_not_released_comes_again(self) -> None:
        ring = self.ring()
        producer, consumer = self.open(ring.producer()), ring.consumer()
        producer.push_many(Tick(id=i) for i in range(4))
        consumer.try_pop_many(2)
        consumer.detach()
        successor = self.open(ring.consumer())
        # Detaching releases; a death would not (test_processes).
        self.assertEqual(successor.try_pop().id, 2)

    def test_timeouts_are_seconds(self) -> None:
        producer, consumer = self.pair(slots=1)
        for timeout in (0, 0.001):
            with self.assertRaises(TimeoutError):
                consumer.pop(timeout)
        producer.push(Tick())
        with self.assertRaises(TimeoutError):
            producer.push(Tick(), 0.001)
        with self.assertRaises(ValueError):
            producer.push(Tick(), -1)

    def test_waits_give_the_gil_up(self) -> None:
        producer, consumer = self.pair(slots=2)
        taken: list[int] = []
        reader = threading.Thread(target=lambda: taken.extend(tick.id for tick in consumer))
        reader.start()
        with producer:
            producer.push_many((Tick(id=i) for i in range(500)), timeout=10)
        reader.join()
        self.assertEqual(taken, list(range(500)))

    def test_threads_take_turns(self) -> None:
        producer, consumer = self.pair(slots=16)

        def work(start: int) -> None:
            for i in range(start, start + 200):
                producer.push(Tick(id=i), timeout=10)

        workers = [threading.Thread(target=work, args=(1000 * i,)) for i in range(3)]
        for worker in workers:
            worker.start()
        taken = [consumer.pop(10).id for _ in range(600)]
        for worker in workers:
            worker.join()
        expected = [1000 * i + k for i in range(3) for k in range(200)]
        self.assertEqual(sorted(taken), expected)

    def test_closing_ends_a_wait_in_another_thread(self) -> None:
        _, consumer = self.pair()
        errors: list[str] = []

        def wait() -> None:
            try:
                consumer.pop()
            except RingError as error:
                errors.append(error.code)

        waiting = threading.Thread(target=wait)
        waiting.start()
        consumer.detach()
        waiting.join(10)
        self.assertEqual(errors, ["ERR_RING_CLOSED"])


class NameTest(RingTestCase):
    def test_is_found_until_the_last_holder_goes(self) -> None:
        ring = self.ring(name="prices", directory=self.directory)
        self.fails(
            "ERR_RING_EXISTS",
            lambda: Ring.create(Tick, name="prices", directory=self.directory),
        )
        with Ring.open("prices", Tick, directory=self.directory) as other:
            producer, consumer = self.open(ring.producer()), self.open(other.consumer())
            producer.push(Tick(id=7))
            self.assertEqual(consumer.pop(1).id, 7)
            ring.close()
            producer.detach()
            consumer.detach()
        self.fails(
            "ERR_RING_NOT_FOUND", lambda: Ring.open("prices", Tick, directory=self.directory)
        )

    def test_opens_without_a_schema(self) -> None:
        ring = self.ring(Note, name="notes", directory=self.directory)
        self.open(ring.producer()).push(Note(id=1, text="hello"))
        with Ring.open("notes", directory=self.directory) as other:
            with other.consumer() as consumer:
                self.assertEqual(self.open(consumer).pop(1).text, "hello")

    def test_refuses_bad_names_directories_and_descriptors(self) -> None:
        def make(name: str, directory: str) -> Any:
            return lambda: Ring.create(Tick, name=name, directory=directory)

        for name in (".hidden", "a/b", "x" * 64):
            self.fails("ERR_RING_NAME", make(name, self.directory))
        self.fails("ERR_RING_DIRECTORY", make("a", "/dev/null"))
        with open(__file__, "rb") as file:
            number = file.fileno()
            self.fails("ERR_RING_SEGMENT", lambda: Ring.attach_descriptor(number, Tick))

    def test_a_descriptor_is_enough(self) -> None:
        ring = self.ring()
        with Ring.attach_descriptor(ring.descriptor, Tick) as other:
            self.open(ring.producer()).push(Tick(id=9))
            self.assertEqual(self.open(other.consumer()).pop(1).id, 9)

    def test_channels_have_two_rings(self) -> None:
        names: Any = {"directory": self.directory}
        with Channel.create("orders", RingSpec(Tick, slots=8), RingSpec(Note), **names) as channel:
            with Channel.open("orders", Tick, Note, **names) as other:
                requests, answers = channel.requests.producer(), other.responses.producer()
                served: Any
                got: Any
                served, got = other.requests.consumer(), channel.responses.consumer()
                with requests, answers, served, got:
                    requests.push(Tick(id=3))
                    answers.push(Note(id=served.pop(1).id), text="done")
                    self.assertEqual(got.pop(1), Note(id=3, text="done"))
            self.fails("ERR_RING_SEGMENT", lambda: Ring.open("orders", Tick, **names))
        ring = self.ring(name="alone", **names)
        self.fails("ERR_RING_SEGMENT", lambda: Channel.open("alone", Tick, Note, **names))
        ring.close()


class MisuseTest(RingTestCase):
    def test_another_schema_is_refused_with_the_differences(self) -> None:
        ring = self.ring(Note)
        other = Ring.attach_descriptor(ring.descriptor, Tick)
        self.addCleanup(other.close)
        for role in (other.producer, other.consumer):
            self.assertIn("test.Note", str(self.fails("ERR_RING_SCHEMA", role)))

    def test_consumers_may_know_less(self) -> None:
        import rondo_ring

        lines = Tick.LAYOUT.replace("field symbol text[8] 21\n", "").replace("size 32", "size 24")
        short: Any = rondo_ring.message_type(lines)
        ring = self.ring(slots=4)
        other = Ring.attach_descriptor(ring.descriptor, short)
        self.addCleanup(other.close)
        producer, consumer = self.open(ring.producer()), self.open(other.consumer())
        self.fails("ERR_RING_ROLE_TAKEN", other.consumer)
        for i in range(3):
            producer.push(Tick(id=i, side="sell", symbol="abc"))
        self.assertEqual([tick.id for tick in consumer.try_pop_many(3)], [0, 1, 2])
        self.fails("ERR_RING_SCHEMA", other.producer)

    def test_messages_of_other_structs_are_refused(self) -> None:
        producer, _ = self.pair()
        for wrong in (Note(), None, b"x" * 32):
            with self.assertRaises(TypeError):
                producer.try_push(wrong)

    def test_options_are_checked(self) -> None:
        refused: list[dict[str, Any]] = [
            {"slots": 3},
            {"slots": 0},
            {"topology": "spsc", "producers": 2},
            {"topology": "mpsc", "producers": 65},
            {"slab_bytes": 63},
        ]
        for options in refused:
            with self.subTest(options):
                self.fails("ERR_OPTION_RANGE", partial(self.ring, **options))
        wrong: list[dict[str, Any]] = [{"slots": 2**33}, {"slots": "4"}, {"topology": "x"}]
        for options in wrong:
            with self.subTest(options), self.assertRaises(ValueError):
                self.ring(**options)
        with self.assertRaises(TypeError):
            Ring.create(int)  # type: ignore[type-var]

    def test_what_is_closed_says_so(self) -> None:
        ring = self.ring()
        producer, consumer = ring.producer(), ring.consumer()
        producer.close()
        consumer.close()
        ring.close()
        ring.close()
        self.assertTrue(producer.closed and consumer.closed)
        for call in (
            lambda: producer.try_push(Tick()),
            producer.flush,
            consumer.try_pop,
            lambda: consumer.lost,
            ring.info,
            ring.producer,
        ):
            self.fails("ERR_RING_CLOSED", call)

    def test_roles_outlive_their_ring(self) -> None:
        ring = self.ring()
        producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
        ring.close()
        producer.push(Tick(id=1))
        self.assertEqual(consumer.pop(1).id, 1)

    def test_what_is_forgotten_is_let_go_with_a_warning(self) -> None:
        ring = self.ring()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            producer = ring.producer()
            del producer
            gc.collect()
        self.assertEqual([w.category for w in seen], [ResourceWarning])
        self.open(ring.producer())


if __name__ == "__main__":
    unittest.main()
