"""What pushing and popping costs from Python: `python3 bench.py`. Both sides in one process."""

from __future__ import annotations

import time
from typing import Any, Callable

import rondo_ring
from rondo_ring import Ring

SLOTS = 4096

#: 32 bytes.
Tick: Any = rondo_ring.message_type(
    "rondo-struct 1\n"
    "name bench.Tick\n"
    "field id u64 0\n"
    "field price f64 8\n"
    "field quantity u32 16\n"
    "field side enum:u8(buy,sell) 20\n"
    "field symbol text[8] 21\n"
    "size 32 align 8\n"
)


def measure(name: str, messages: int, once: Callable[[], object]) -> None:
    """Processor time, the best of 10 runs: others share the machine."""
    rounds = max(1, 50_000 // messages)
    best = float("inf")
    for _ in range(10):
        start = time.thread_time()
        for _ in range(rounds):
            once()
        best = min(best, (time.thread_time() - start) / (rounds * messages))
    print(f"{name:44} {best * 1e9:8.1f} ns  {1 / best / 1e6:7.2f} M/s")


def main() -> None:
    with Ring.create(Tick, slots=SLOTS) as ring, ring.producer() as producer:
        with ring.consumer() as consumer:
            tick = Tick(id=1, price=2.5, quantity=3, side="sell", symbol="ABC")

            def single() -> None:
                for _ in range(64):
                    producer.try_push(tick)
                for _ in range(64):
                    consumer.try_pop()

            def push() -> None:
                for _ in range(64):
                    producer.try_push(tick)
                consumer.try_pop_many(64)

            def made() -> None:
                for i in range(64):
                    producer.try_push(Tick(id=i, price=2.5, quantity=3))
                for _ in range(64):
                    read: Any = consumer.try_pop()
                    _ = read.id + read.price + read.quantity

            measure("push 64, pop many", 64, push)
            measure("push 1, pop 1", 64, single)
            measure("the same, made anew and 3 fields read", 64, made)
            try:
                batch = Tick.array(1024)
            except ImportError:
                print("numpy is not installed: no batches")
                return

            def batches() -> None:
                producer.try_push_batch(batch)
                consumer.try_pop_batch(1024)

            measure("push and pop batches of 1,024 (numpy)", 1024, batches)


if __name__ == "__main__":
    main()
