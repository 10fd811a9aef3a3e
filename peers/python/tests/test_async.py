"""Event loops of asyncio: waiting without a thread for each ring."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any, Coroutine
from unittest import mock

from rondo_ring import RingError, _waiter
from tests.support import Note, RingTestCase, Tick, threads


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(coroutine, 20)

    return asyncio.run(limited())


class AsyncTest(RingTestCase):
    def test_async_for_ends_with_the_ring(self) -> None:
        producer, consumer = self.pair(slots=4)

        async def push() -> None:
            with producer:
                for i in range(1000):
                    await producer.push_async(Tick(id=i))

        async def both() -> list[int]:
            pushing = asyncio.ensure_future(push())
            taken = [tick.id async for tick in consumer]
            await pushing
            return taken

        self.assertEqual(run(both()), list(range(1000)))

    def test_one_thread_waits_for_many_rings(self) -> None:
        pairs = [self.pair() for _ in range(30)]

        async def main() -> list[int]:
            waits = [asyncio.ensure_future(consumer.pop_async()) for _, consumer in pairs]
            await asyncio.sleep(0.01)
            self.assertLessEqual(threads(), base + 1)
            for i in reversed(range(len(pairs))):
                pairs[i][0].push(Tick(id=i))
            return [tick.id for tick in await asyncio.gather(*waits)]

        with mock.patch.object(_waiter, "_waiters", []):
            base = threads()
            self.assertEqual(run(main()), list(range(30)))
            self.assertEqual(len(_waiter._waiters), 1)

    def test_more_than_one_thread_can_wait_for(self) -> None:
        with mock.patch.object(_waiter, "_MOST", 2):
            pairs = [self.pair() for _ in range(5)]

            async def main() -> list[int]:
                waits = [asyncio.ensure_future(consumer.pop_async()) for _, consumer in pairs]
                await asyncio.sleep(0.01)
                for i, (producer, _) in enumerate(pairs):
                    producer.push(Tick(id=i))
                return [tick.id for tick in await asyncio.gather(*waits)]

            self.assertEqual(run(main()), list(range(5)))

    def test_without_the_system_call_it_looks_from_time_to_time(self) -> None:
        with (
            mock.patch.object(_waiter, "_waiters", []),
            mock.patch.object(_waiter, "_FUTEX_WAITV", 100_000),
        ):
            self.test_async_for_ends_with_the_ring()

    def test_cancelling_loses_nothing(self) -> None:
        producer, consumer = self.pair()

        async def main() -> int:
            for _ in range(20):
                wait = asyncio.ensure_future(consumer.pop_async())
                await asyncio.sleep(0)
                wait.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await wait
            producer.push(Tick(id=5))
            popped: int = (await consumer.pop_async()).id
            return popped

        self.assertEqual(run(main()), 5)

    def test_waits_for_room_in_the_slab(self) -> None:
        producer, consumer = self.pair(Note, slots=16, slab_bytes=64)

        async def push() -> None:
            with producer:
                for i in range(50):
                    await producer.push_async(Note(id=i), text="x" * 40)

        async def main() -> list[int]:
            pushing = asyncio.ensure_future(push())
            taken: list[int] = []
            while await consumer.ready():
                taken.extend(note.id for note in consumer.try_pop_many(4))
                consumer.release()
            await pushing
            return taken

        self.assertEqual(run(main()), list(range(50)))

    def test_others_have_their_turn(self) -> None:
        producer, consumer = self.pair(slots=2048)
        producer.push_many(Tick(id=i) for i in range(2000))
        producer.close()

        async def main() -> int:
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.ensure_future(count())
            async for _ in consumer:
                pass
            counting.cancel()
            return turns

        self.assertGreater(run(main()), 3)

    def test_a_death_is_told_once_and_a_successor_continues(self) -> None:
        code = """
import sys
from rondo_ring import Ring
from tests.support import Tick
producer = Ring.attach_descriptor(int(sys.argv[1]), Tick).producer()
producer.push(Tick(id=1))
sys.stdin.read(1)
"""
        ring = self.ring()
        consumer = self.open(ring.consumer())
        child = self.child(code, ring.descriptor, pass_fds=[ring.descriptor])

        async def main() -> list[int]:
            taken = [(await consumer.pop_async()).id]
            child.kill()
            with self.assertRaises(RingError) as caught:
                await consumer.pop_async()
            self.assertEqual(caught.exception.code, "ERR_RING_PEER_DIED")
            wait = asyncio.ensure_future(consumer.pop_async())
            await asyncio.sleep(0.12)
            self.assertFalse(wait.done())
            self.open(ring.producer()).push(Tick(id=2))
            return [*taken, (await wait).id]

        self.assertEqual(run(main()), [1, 2])

    def test_closing_ends_a_wait(self) -> None:
        _, consumer = self.pair()

        async def main() -> None:
            wait = asyncio.ensure_future(consumer.pop_async())
            await asyncio.sleep(0.01)
            consumer.detach()
            await wait

        self.fails("ERR_RING_CLOSED", lambda: run(main()))


if __name__ == "__main__":
    unittest.main()
