/** Rings whose peer writes anything anywhere: coded errors at most, nothing outside is touched. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { processArena, type Region } from '../../src/memory/index.ts';
import { Ring, type Topology } from '../../src/ring/index.ts';
import { Lead } from './hostile.test.worker.ts';
import { Sequence } from './sequence.test.helper.ts';

const program = new URL('./hostile.test.worker.js', import.meta.url);
const GUARD = 0x5a;
/** What may be said about a ring that lies, and about the messages in it. */
const EXPECTED =
  /^ERR_(RING_(POISONED|MESSAGE_SIZE|PEER_DIED|ROLE_TAKEN|PARTICIPANTS)|STRUCT_(VALUE|SLAB))$/;
const ROUNDS = 12;
const STEPS = 400;

/** Runs one step; anything but an expected error goes on to the test. */
function attempt(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined || !EXPECTED.test(code)) throw error;
  }
}

type Sequences = Ring<{ producer: number; sequence: number; check: number; text: string }, 'text'>;

function use(ring: Sequences): void {
  const consumer = ring.consumer({ spinMicroseconds: 0 });
  const producer = ring.producer({ spinMicroseconds: 0 });
  for (let sequence = 0; sequence < STEPS; sequence++) {
    const text = 'é'.repeat(sequence % 40);
    attempt(() => producer.tryPush({ producer: 0, sequence, check: 1, text }));
    attempt(() => {
      const message = consumer.tryPop();
      if (message) assert.equal(typeof message.text, 'string');
    });
    if (sequence % 16 === 0) attempt(() => consumer.forEach(64, ({ text: some }) => some.length));
    if (sequence % 64 === 0) attempt(() => producer.waitBlocking(0));
    if (sequence % 64 === 1) attempt(() => consumer.waitBlocking(0));
    if (sequence % 64 === 2) attempt(() => void ring.stats);
  }
}

describe('Ring with a hostile peer', () => {
  const arena = processArena();
  const { words } = arena;
  let leading: Region;
  let worker: Worker;

  /** Waits until the peer has seen what it is led by now, and nothing older. */
  function settle(): void {
    const word = (leading.offset >>> 2) + Lead.ROUNDS;
    const round = Atomics.load(words, word);
    while (Atomics.load(words, word) - round < 2);
  }

  /** Shows the peer a range of words; it never sees half of one and half of another. */
  function show(from: number, to: number): void {
    const lead = leading.offset >>> 2;
    Atomics.store(words, lead + Lead.TO, 0);
    settle();
    Atomics.store(words, lead + Lead.FROM, from);
    settle();
    Atomics.store(words, lead + Lead.TO, to);
  }

  before(async () => {
    leading = arena.allocate('lead', Lead.WORDS * 4);
    const lead = leading.offset >>> 2;
    worker = new Worker(program, { workerData: { buffer: arena.memory.buffer, lead, seed: 11 } });
    await once(worker, 'online');
  });
  after(async () => {
    const exit = once(worker, 'exit');
    Atomics.store(words, (leading.offset >>> 2) + Lead.STOP, 1);
    await exit;
  });

  for (const topology of ['spsc', 'mpsc', 'mpmc', 'broadcast'] as readonly Topology[]) {
    for (const lossy of [false, true]) {
      it(`${lossy ? 'lossy ' : ''}${topology}: coded errors, and nothing outside it`, () => {
        for (let round = 0; round < ROUNDS; round++) {
          const first = arena.allocate('guard', 4096);
          const ring = Ring.create(Sequence, { topology, lossy, slots: 16, slabBytes: 256 });
          const last = arena.allocate('guard', 4096);
          const guards = [first, last].map(({ offset }) =>
            arena.bytes.subarray(offset, offset + 4096).fill(GUARD),
          );
          const { offset, bytes } = ring.share();
          show(offset >>> 2, (offset + bytes) >>> 2);
          attempt(() => use(ring));
          attempt(() => void ring.peers);
          show(0, 0);
          attempt(() => ring.close());
          for (const guard of guards) assert.ok(guard.every((byte) => byte === GUARD));
          first.release();
          last.release();
        }
      });
    }
  }
});
