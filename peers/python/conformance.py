"""The conformance program of spec/conformance.md: `python3 conformance.py --help`."""

from __future__ import annotations

import argparse
import ctypes
import mmap
import os
import struct
import sys
import time
from typing import Any, Callable, Iterator, Optional

import rondo_ring
from rondo_ring import Channel, Consumer, Producer, Ring, RingSpec
from tests.conformance_message import Message

#: Seconds for others to come.
PATIENCE = 10.0
#: Seconds for the next message.
STALL = 30.0
#: All of a message; its four words of references are zero here.
IMAGE = struct.Struct("<IIdQBB8shff16x4x")
REFERENCES = slice(44, 60)


def mix(h: int) -> int:
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def content(producer: int, sequence: int) -> tuple[bytes, str, bytes]:
    """The image, the note and the data of a message."""
    x = mix(producer * 0x9E3779B1 + sequence & 0xFFFFFFFF)
    image = IMAGE.pack(
        producer,
        sequence,
        (x >> 8) / 256,
        x * 4294967291 + sequence & 0xFFFFFFFFFFFFFFFF,
        x & 1,
        x >> 1 & 7,
        str(x % 10**7).encode(),
        (x & 0xFFFF) - ((x & 0x8000) << 1),
        x & 255,
        -(x >> 8 & 255) / 2,
    )
    note = "é" * (x % 5) + str(sequence)
    return image, note, bytes((x + i) & 255 for i in range(x % 97))


def make(producer: int, sequence: int) -> Message:
    image, note, data = content(producer, sequence)
    message = Message.from_buffer_copy(image)
    message.note = note
    message.data = data
    return message


def check(message: Message) -> None:
    """Every byte against what it must be."""
    image, note, data = content(message.producer, message.sequence)
    found = bytearray(bytes(message))
    found[REFERENCES] = bytes(16)
    who = f"message {message.sequence} of producer {message.producer}"
    if found != image:
        raise ValueError(f"{who} is {found.hex()}, not {image.hex()}")
    if message.note != note or message.data != data:
        raise ValueError(f"{who} has {message.note!r} and {message.data!r}")


class Run:
    """One role, and how it waits."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.spins = options.wait == "spin"
        self.full = 0

    def push(self, producer: Producer[Message], message: Message) -> None:
        if producer.try_push(message):
            return
        self.full += 1
        if not self.spins:
            producer.push(message, STALL)
            return
        producer.flush()
        wait_until(lambda: producer.try_push(message), STALL, "room")

    def pop(self, consumer: Consumer[Message], limit: int) -> list[Message]:
        """None at the end."""
        end = time.monotonic() + STALL
        while True:
            messages = consumer.try_pop_many(limit)
            if messages or consumer.ended:
                return messages
            if time.monotonic() >= end:
                raise TimeoutError("no message came")
            if self.spins:
                os.sched_yield()
                continue
            one = consumer.pop(STALL)
            return [] if one is None else [one]

    def produce(self, ring: Ring[Message]) -> str:
        options = self.options
        producer = ring.producer(publish_every=options.batch, spin=0, await_successor=True)
        with producer:
            if options.peers:
                wait_until(lambda: producer.admit() >= options.peers, PATIENCE, "consumers")
            for sequence in range(options.count):
                self.push(producer, make(options.id, sequence))
        return f"sent {options.count} full {self.full}"

    def consume(self, ring: Ring[Message]) -> str:
        info = ring.info()
        grows_by_one = not info.lossy and info.topology != "mpmc"
        starts_at_zero = grows_by_one and info.topology != "broadcast"
        last: dict[int, int] = {}
        received = 0
        with ring.consumer(spin=0, await_successor=True) as consumer:
            for message in self.messages(ring, consumer):
                check(message)
                before = last.get(message.producer, -1 if starts_at_zero else None)
                after = message.sequence
                if before is not None and (after <= before or grows_by_one and after > before + 1):
                    raise ValueError(f"producer {message.producer}: {after} came after {before}")
                last[message.producer] = after
                received += 1
            return f"received {received} lost {consumer.lost}"

    def messages(self, ring: Ring[Message], consumer: Consumer[Message]) -> Iterator[Message]:
        came = False
        while True:
            # The first producer may close before the last one comes: only an end that is seen after
            # all have come is one.
            came = came or used_lanes(ring) >= self.options.peers
            messages = self.pop(consumer, self.options.batch)
            yield from messages
            if not messages and came:
                return
            if not messages:
                os.sched_yield()

    def ask(self, channel: Channel[Message, Message]) -> str:
        options = self.options
        with channel.responses.consumer(spin=0, await_successor=True) as answers:
            with channel.requests.producer(spin=0, await_successor=True) as requests:
                for sequence in range(options.count):
                    self.push(requests, make(options.id, sequence))
                    taken = self.pop(answers, 1)
                    if not taken:
                        raise ValueError(f"no answer to {sequence}: the ring has ended")
                    check(taken[0])
                    if (taken[0].producer, taken[0].sequence) != (options.id, sequence):
                        raise ValueError(f"the answer to {sequence} is that to another")
        return f"answered {options.count}"

    def serve(self, channel: Channel[Message, Message]) -> str:
        served = 0
        with channel.requests.consumer(spin=0, await_successor=True) as requests:
            with channel.responses.producer(spin=0, await_successor=True) as answers:
                while True:
                    messages = self.pop(requests, self.options.batch)
                    if not messages:
                        return f"served {served}"
                    for message in messages:
                        self.push(answers, message)
                        served += 1


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            raise TimeoutError(f"no {what} within {seconds:.0f} s")
        os.sched_yield()


def used_lanes(ring: Ring[Message]) -> int:
    """How many lanes have had a producer (spec/ring.md, section 4: state is not 0)."""
    with mmap.mmap(ring.descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
        (block,) = struct.unpack_from("<I", memory, 128)
        lanes, cursors = struct.unpack_from("<II", memory, block + 12)
        controls = range(
            block + 1024, block + 1024 + lanes * 128 * (2 + cursors), 128 * (2 + cursors)
        )
        return sum(struct.unpack_from("<I", memory, at + 16) != (0,) for at in controls)


def spec_of(text: str) -> RingSpec[Message]:
    topology, lossy, lanes, consumers, slots, slab = text.split(",")
    return RingSpec(
        Message,
        topology,
        int(slots),
        int(slab),
        int(lanes),
        int(consumers),
        lossy != "0",
    )


def open_ring(options: argparse.Namespace) -> Ring[Message]:
    if options.descriptor is not None:
        return Ring.attach_descriptor(options.descriptor, Message)
    if not options.create:
        return Ring.open(options.name, Message, directory=options.directory, timeout=PATIENCE)
    spec = spec_of(options.create[0])
    return Ring.create(
        Message,
        name=options.name,
        directory=options.directory,
        topology=spec.topology,
        slots=spec.slots,
        slab_bytes=spec.slab_bytes,
        producers=spec.producers,
        consumers=spec.consumers,
        lossy=spec.lossy,
    )


def open_channel(options: argparse.Namespace) -> Channel[Message, Message]:
    if options.descriptor is not None:
        return Channel.attach_descriptor(options.descriptor, Message, Message)
    if options.create:
        request, response = map(spec_of, options.create)
        return Channel.create(options.name, request, response, directory=options.directory)
    return Channel.open(
        options.name, Message, Message, directory=options.directory, timeout=PATIENCE
    )


def ring_of(options: argparse.Namespace) -> tuple[Ring[Message], Any]:
    """The ring that `--ring` names, and what holds it."""
    if len(options.create) < 2 and options.ring == 0:
        try:
            ring = open_ring(options)
            return ring, ring
        except rondo_ring.RingError as error:
            # It may be a channel, whose first ring is meant.
            if options.create or error.code != "ERR_RING_SEGMENT":
                raise
    channel = open_channel(options)
    return (channel.responses if options.ring else channel.requests), channel


def options_of(arguments: Optional[list[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speaks spec/conformance.md")
    parser.add_argument("--directory")
    parser.add_argument("--name")
    parser.add_argument("--descriptor", type=int)
    parser.add_argument("--ring", type=int, default=0, choices=[0, 1])
    roles = ["producer", "consumer", "client", "server"]
    parser.add_argument("--role", required=True, choices=roles)
    parser.add_argument("--create", action="append", default=[], metavar="TOPOLOGY,LOSSY,…")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--id", type=int, default=0)
    parser.add_argument("--wait", choices=["spin", "sleep"], default="sleep")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--peers", type=int, default=0)
    return parser.parse_args(arguments)


def main() -> int:
    options = options_of()
    assert ctypes.sizeof(Message) == IMAGE.size
    run = Run(options)
    try:
        if options.role in ("client", "server"):
            with open_channel(options) as channel:
                print(run.ask(channel) if options.role == "client" else run.serve(channel))
        else:
            ring, holder = ring_of(options)
            with holder:
                print(run.produce(ring) if options.role == "producer" else run.consume(ring))
    except (rondo_ring.RingError, OSError, ValueError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
