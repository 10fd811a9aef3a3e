/** See twin.ts. */
import { parentPort } from 'node:worker_threads';
import { loadAcquire, pause, storeRelease } from '#atomics';
import { cleanRings, Ring } from '../../../src/ring/index.ts';
import type { StepRing } from './actor.ts';
import { Step } from './message.ts';
import type { TwinTask } from './twin.ts';

const joined = new Map<number, StepRing>();

function stand(start: Int32Array): void {
  storeRelease(start, 0, 1);
  while (loadAcquire(start, 1) === 0) pause();
}

function clearUp(ring: StepRing): void {
  // Looking at who is there clears the dead away.
  void ring.peers;
  ring.close();
}

parentPort!.on('message', ({ attach, id, directory, start }: TwinTask) => {
  if (attach !== undefined) joined.set(attach.id, Ring.attach(Step, attach.rings));
  stand(start);
  if (id !== undefined) clearUp(joined.get(id)!);
  if (directory !== undefined) cleanRings({ directory });
  parentPort!.postMessage('done');
});
