// Opens files until it is terminated: most of them are open already, but nobody has been told.
import { parentPort, workerData } from 'node:worker_threads';
import { createDriver, type RealDriverKind } from '../../../src/driver/index.ts';
import { adoptArena, type WasmMemory } from '../../../src/memory/index.ts';

/** What the worker is given. */
export interface OpeningTask {
  readonly kind: RealDriverKind;
  readonly memory: WasmMemory;
  /** A file that exists. */
  readonly path: string;
  readonly opens: number;
}

const { kind, memory, path, opens } = workerData as OpeningTask;
adoptArena(memory);
const driver = createDriver({
  kind,
  connections: opens,
  buffers: 16,
  bufferSize: 256,
  // The rest of what a turn finds stays where it is.
  completionsPerTurn: 2,
  handler: () => undefined,
});
for (let i = 0; i < opens; i++) driver.openFile(path, { access: 'read' }, i);
driver.turn();
parentPort!.postMessage('opening');
// No further turn comes: termination finds the thread here.
for (;;);
