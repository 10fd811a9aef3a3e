// Keeps a ring busy in one of several ways until it is terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { Arena, type WasmMemory } from '../../src/memory/index.ts';
import type { Driver } from '../../src/driver/driver.ts';
import { createUringDriver } from '../../src/driver/uring/index.ts';

const { memory, mode } = workerData as { memory: WasmMemory; mode: string };
const arena = Arena.attach(memory);

const SMALL = { connections: 64, buffers: 16, bufferSize: 1024 };
const RECEIVED = 1000;

/** A driver that echoes to itself: accepts, receives, sends and times out without end. */
function busy(): Driver {
  const connections: number[] = [];
  const driver = createUringDriver({
    arena,
    ...SMALL,
    handler(token, result, _flags, buffer) {
      if (token === 1) {
        if (result > 0) driver.receive(result, RECEIVED);
      } else if (token === 2 && result > 0) {
        connections.push(result);
        driver.send(result, 3, driver.arena.size - 4096, 512);
      } else if (token === 3) {
        for (const connection of connections) driver.send(connection, 4, arena.size - 4096, 512);
      } else if (token === 4 && mode === 'storm' && result > 0) {
        driver.timeout(0, 3);
      } else if (token === RECEIVED && buffer !== 0) {
        driver.release(buffer);
      }
    },
  });
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  driver.accept(listener, 1);
  for (let i = 0; i < 8; i++) driver.connect(driver.address(listener), 2);
  for (let i = 0; i < 8; i++) driver.timeout(1_000_000, 5);
  return driver;
}

if (mode === 'attaching') {
  parentPort?.postMessage('ready');
  for (;;) await busy().destroy();
} else {
  const driver = busy();
  driver.turn();
  parentPort?.postMessage('ready');
}
