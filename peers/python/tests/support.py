"""What the tests of rings share."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import IO, Any, Callable

import rondo_ring
from rondo_ring import Ring

#: The folder of the package: where children run.
ROOT = Path(__file__).resolve().parent.parent
#: Seconds after which a test has failed, whatever it waits for.
PATIENCE = 20.0

#: 32 bytes, no slab.
Tick: Any = rondo_ring.message_type(
    "rondo-struct 1\n"
    "name test.Tick\n"
    "field id u64 0\n"
    "field price f64 8\n"
    "field quantity u32 16\n"
    "field side enum:u8(buy,sell) 20\n"
    "field symbol text[8] 21\n"
    "size 32 align 8\n"
)

#: Texts and bytes in the slab, one of them optional.
Note: Any = rondo_ring.message_type(
    "rondo-struct 1\n"
    "name test.Note\n"
    "field id u32 0\n"
    "field text slab:text 4\n"
    "field _present presence 12\n"
    "field data optional:0(slab:bytes) 16\n"
    "size 24 align 4\n"
)


class RingTestCase(unittest.TestCase):
    """Has a directory of names, and closes what was made in it."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="rondo-ring-")
        self.addCleanup(holder.cleanup)
        self.directory = holder.name

    def ring(self, message: Any = Tick, **options: Any) -> Ring[Any]:
        ring = Ring.create(message, **options)
        self.addCleanup(ring.close)
        return ring

    def open(self, role: Any) -> Any:
        """Registers a producer or consumer for the end of the test."""
        self.addCleanup(role.detach)
        return role

    def pair(self, message: Any = Tick, **options: Any) -> tuple[Any, Any]:
        ring = self.ring(message, **options)
        return self.open(ring.producer()), self.open(ring.consumer())

    def fails(self, code: str, call: Callable[[], Any]) -> rondo_ring.RingError:
        with self.assertRaises(rondo_ring.RingError) as caught:
            call()
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return caught.exception

    def until(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                self.fail("what was waited for did not come")
            time.sleep(0.002)

    def child(self, code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """A Python process that runs `code`; it ends with the test."""
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        self.addCleanup(_end, process)
        return process

    def line(self, process: subprocess.Popen[str]) -> str:
        """The next line that a child prints."""
        return output(process).readline().strip()


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def threads() -> int:
    """Threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
