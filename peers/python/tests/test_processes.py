"""Between processes: names, descriptors, deaths, forks and interrupts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import unittest

from rondo_ring import Ring
from tests.support import ROOT, RingTestCase, Tick

PRODUCE = """
import sys
from rondo_ring import Ring
from tests.support import Tick
ring = Ring.open('ticks', Tick, directory=sys.argv[1], timeout=10)
producer = ring.producer()
for i in range(int(sys.argv[2])):
    producer.push(Tick(id=i))
print('pushed', flush=True)
sys.stdin.read(1)
producer.close()
"""

CONSUME = """
import sys
from rondo_ring import Ring
from tests.support import Tick
ring = Ring.open('ticks', Tick, directory=sys.argv[1], timeout=10)
consumer = ring.consumer()
for i in range(int(sys.argv[2])):
    print(consumer.pop(10).id, flush=True)
sys.stdin.read(1)
"""


class ProcessTest(RingTestCase):
    def test_a_name_joins_two_processes(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory)
        consumer = self.open(ring.consumer())
        child = self.child(PRODUCE, self.directory, 100)
        taken = [consumer.pop(20).id for _ in range(100)]
        self.assertEqual(taken, list(range(100)))
        child.communicate("\n", timeout=20)
        self.assertIsNone(consumer.pop(20))

    def test_a_descriptor_is_inherited(self) -> None:
        code = """
import sys
from rondo_ring import Ring
from tests.support import Tick
with Ring.attach_descriptor(int(sys.argv[1]), Tick) as ring, ring.producer() as producer:
    producer.push(Tick(id=42))
"""
        ring = self.ring()
        consumer = self.open(ring.consumer())
        self.child(code, ring.descriptor, pass_fds=[ring.descriptor])
        self.assertEqual([tick.id for tick in consumer], [42])

    def test_what_the_dead_published_is_there_and_the_death_is_told(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory)
        consumer = self.open(ring.consumer())
        child = self.child(PRODUCE, self.directory, 3)
        self.assertEqual(self.line(child), "pushed")
        child.kill()
        child.wait()
        self.assertEqual([consumer.pop(20).id for _ in range(3)], [0, 1, 2])
        self.fails("ERR_RING_PEER_DIED", lambda: consumer.pop(20))
        # Told once; its successor continues.
        with self.assertRaises(TimeoutError):
            consumer.pop(0.01)
        with ring.producer() as successor:
            successor.push(Tick(id=9))
        self.assertEqual([tick.id for tick in consumer], [9])

    def test_awaiting_a_successor_tells_no_deaths(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory)
        consumer = self.open(ring.consumer(await_successor=True))
        child = self.child(PRODUCE, self.directory, 1)
        self.assertEqual(self.line(child), "pushed")
        child.kill()
        child.wait()
        self.assertEqual(consumer.pop(20).id, 0)
        with self.assertRaises(TimeoutError):
            consumer.pop(0.2)
        self.assertEqual(ring.info().active_producers, 0)

    def test_what_a_dead_consumer_had_not_released_comes_again(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory, slots=4)
        producer = self.open(ring.producer())
        producer.push_many(Tick(id=i) for i in range(4))
        child = self.child(CONSUME, self.directory, 2)
        self.assertEqual([self.line(child), self.line(child)], ["0", "1"])
        child.kill()
        child.wait()
        producer.push(Tick(id=4), timeout=20)
        self.fails("ERR_RING_PEER_DIED", lambda: producer.push(Tick(id=5), timeout=20))
        successor = self.open(ring.consumer())
        self.assertEqual([successor.pop(20).id for _ in range(4)], [1, 2, 3, 4])

    def test_a_stopped_peer_is_slow_and_not_dead(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory)
        consumer = self.open(ring.consumer())
        child = self.child(PRODUCE, self.directory, 1)
        self.assertEqual(self.line(child), "pushed")
        child.send_signal(signal.SIGSTOP)
        self.assertEqual(consumer.pop(20).id, 0)
        with self.assertRaises(TimeoutError):
            consumer.pop(0.3)
        self.assertEqual(ring.info().active_producers, 1)
        child.send_signal(signal.SIGCONT)
        child.communicate("\n", timeout=20)
        self.assertIsNone(consumer.pop(20))

    def test_who_exits_leaves_and_does_not_die(self) -> None:
        """What a script left open is let go when its interpreter ends."""
        code = PRODUCE.replace("producer.close()", "")
        ring = self.ring(name="ticks", directory=self.directory)
        consumer = self.open(ring.consumer(await_successor=True))
        child = self.child(code, self.directory, 1)
        child.communicate("\n", timeout=20)
        self.assertEqual(consumer.pop(20).id, 0)
        self.assertEqual(ring.info().active_producers, 0)
        self.assertEqual(ring.reap(), 0)


class SignalTest(RingTestCase):
    def test_waits_can_be_interrupted(self) -> None:
        ring = self.ring(slots=1)
        producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
        main = threading.get_ident()
        for wait in (consumer.pop, lambda: [producer.push(Tick()) for _ in range(2)]):
            timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
            timer.start()
            with self.assertRaises(KeyboardInterrupt):
                wait()
                time.sleep(10)
            timer.join()
        # Both are whole.
        self.assertIsNotNone(consumer.try_pop())
        consumer.release()
        self.assertTrue(producer.try_push(Tick()))

    def test_a_fork_has_no_part_in_its_parents_roles(self) -> None:
        ring = self.ring(name="ticks", directory=self.directory)
        producer, consumer = self.open(ring.producer()), self.open(ring.consumer())
        script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from rondo_ring import Ring, RingError
from tests.support import Tick
ring = Ring.create(Tick, name='forked', directory={self.directory!r})
producer, consumer = ring.producer(), ring.consumer()
child = os.fork()
if child == 0:
    try:
        producer.push(Tick())
    except RingError as error:
        # A new one of its own is another matter; the only lane is taken.
        with Ring.open('forked', Tick, directory={self.directory!r}) as own:
            try:
                own.producer()
            except RingError as taken:
                print(error.code, taken.code, flush=True)
    sys.exit()
os.waitpid(child, 0)
producer.push(Tick(id=1))
print(consumer.pop(1).id, ring.info().active_producers, flush=True)
"""
        process = self.child(script)
        self.assertEqual(self.line(process), "ERR_RING_CLOSED ERR_RING_ROLE_TAKEN")
        self.assertEqual(self.line(process), "1 1")
        producer.push(Tick(id=2))
        self.assertEqual(consumer.pop(1).id, 2)

    def test_nothing_is_left_behind(self) -> None:
        """A name whose holders were all killed is free again, and its directory tidy."""
        code = """
import sys
from rondo_ring import Ring
from tests.support import Tick
ring = Ring.create(Tick, name='ticks', directory=sys.argv[1])
print('made', flush=True)
sys.stdin.read(1)
"""
        for _ in range(3):
            child = self.child(code, self.directory)
            self.assertEqual(self.line(child), "made")
            child.kill()
            child.wait()
        with Ring.create(Tick, name="ticks", directory=self.directory):
            self.assertEqual(os.listdir(self.directory), ["ticks"])
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
