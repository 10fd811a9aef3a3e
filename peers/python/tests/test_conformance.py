"""The program of spec/conformance.md against itself, in every topology and both ways of waiting."""

from __future__ import annotations

import subprocess
import sys
import unittest

from tests.support import ROOT, RingTestCase, output

#: topology, lossy, lanes, consumers
SHAPES = [
    ("spsc", 0, 1, 1),
    ("mpsc", 0, 2, 1),
    ("mpmc", 0, 2, 2),
    ("broadcast", 0, 1, 2),
    ("spsc", 1, 1, 1),
    ("mpsc", 1, 2, 1),
    ("mpmc", 1, 2, 2),
    ("broadcast", 1, 1, 2),
]
COUNT = 300


class ConformanceTest(RingTestCase):
    def program(self, role: str, *arguments: object) -> subprocess.Popen[str]:
        place = ["--directory", self.directory, "--name", "conformance"]
        process = subprocess.Popen(
            [sys.executable, "conformance.py", *place, "--role", role, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(output(process).close)
        self.addCleanup(process.kill)
        return process

    def result(self, process: subprocess.Popen[str]) -> str:
        printed = process.communicate(timeout=60)[0].strip()
        self.assertEqual(process.returncode, 0, printed)
        return printed

    def test_producers_and_consumers(self) -> None:
        for topology, lossy, lanes, consumers in SHAPES:
            for wait, batch in (("sleep", 1), ("spin", 16)):
                with self.subTest(topology=topology, lossy=lossy, wait=wait):
                    shape = f"{topology},{lossy},{lanes},{consumers},64,4096"
                    how = ["--wait", wait, "--batch", batch]
                    first = self.program("consumer", "--create", shape, "--peers", lanes, *how)
                    others = [
                        self.program("consumer", "--peers", lanes, *how)
                        for _ in range(consumers - 1)
                    ]
                    producers = [
                        self.program(
                            "producer", "--id", i, "--count", COUNT, "--peers", consumers, *how
                        )
                        for i in range(lanes)
                    ]
                    for producer in producers:
                        self.assertRegex(self.result(producer), rf"^sent {COUNT} full \d+$")
                    taken = [self.result(consumer).split() for consumer in [first, *others]]
                    received = sum(int(words[1]) for words in taken)
                    lost = sum(int(words[3]) for words in taken)
                    all_sent = COUNT * lanes * (consumers if topology == "broadcast" else 1)
                    self.assertEqual(received + lost, all_sent)
                    if not lossy:
                        self.assertEqual(lost, 0)

    def test_clients_and_servers(self) -> None:
        for wait in ("sleep", "spin"):
            with self.subTest(wait):
                shape = ["--create", "spsc,0,1,1,16,4096"] * 2
                server = self.program("server", *shape, "--wait", wait)
                client = self.program("client", "--count", COUNT, "--wait", wait)
                self.assertEqual(self.result(client), f"answered {COUNT}")
                self.assertEqual(self.result(server), f"served {COUNT}")


if __name__ == "__main__":
    unittest.main()
