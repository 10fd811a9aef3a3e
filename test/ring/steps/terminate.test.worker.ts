/** A side that works until its thread is ended. */
import { workerData } from 'node:worker_threads';
import { storeRelease } from '#atomics';
import { Ring, type SharedRings } from '../../../src/ring/index.ts';
import type { StepRing } from './actor.ts';
import { assertWhole, Step, stepOf } from './message.ts';

/** What the thread does. */
export type Ended =
  | { readonly role: 'producer'; readonly shared: SharedRings; readonly next: number }
  | { readonly role: 'consumer'; readonly shared: SharedRings; readonly seen: Int32Array };

function produce(ring: StepRing, first: number): never {
  const producer = ring.producer({ publishEvery: 4, awaitSuccessor: true });
  for (let next = first; ;) {
    const result = producer.tryPush(stepOf(1, next));
    if (result === 'pushed') next += 1;
    else producer.waitBlocking();
  }
}

function consume(ring: StepRing, seen: Int32Array): never {
  const consumer = ring.consumer({ awaitSuccessor: true });
  let next = -1;
  for (;;) {
    consumer.forEach(32, (slot) => {
      const message = slot.$get();
      assertWhole(message);
      if (next < 0) storeRelease(seen, 0, message.sequence + 1);
      else if (message.sequence !== next) {
        throw new Error(`Message ${message.sequence} came when ${next} was due`);
      }
      next = message.sequence + 1;
      storeRelease(seen, 1, next);
    });
    consumer.waitBlocking();
  }
}

const task = workerData as Ended;
const ring = Ring.attach(Step, task.shared);
if (task.role === 'producer') produce(ring, task.next);
else consume(ring, task.seen);
