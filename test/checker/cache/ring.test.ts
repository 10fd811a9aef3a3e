/** The simulated ring is the real one: its words lie where they lie, and it does what that does. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { simulateRing } from '../../../src/checker/cache/index.ts';
import { ringLayout } from '../../../src/checker/cache/patterns/layout.ts';
import { f64, struct, u32 } from '../../../src/memory/index.ts';
import { Block, Lane, LINE_BYTES, RingPlan } from '../../../src/ring/layout.ts';
import { Ring } from '../../../src/ring/index.ts';

const Tick = struct('test.Tick', { id: u32, price: f64 });
const SLOTS = 4;

/** The atomic accesses of `work`, with addresses in the ring block. */
function record(work: () => void): { kind: 'read' | 'write'; word: number }[] {
  const door = Atomics as unknown as Record<string, (...values: unknown[]) => unknown>;
  const kinds = { load: 'read', store: 'write' } as const;
  const found: { kind: 'read' | 'write'; word: number }[] = [];
  const saved = Object.keys(kinds).map((name) => [name, door[name]!] as const);
  for (const [name, original] of saved) {
    door[name] = (...values) => {
      found.push({ kind: kinds[name as 'load'], word: values[1] as number });
      return original(...values);
    };
  }
  try {
    work();
  } finally {
    for (const [name, original] of saved) door[name] = original;
  }
  return found;
}

describe('simulateRing', () => {
  it('lays words out as a ring block of 128-byte lines does', () => {
    const plan = new RingPlan({
      topology: 'spsc',
      lossy: false,
      inProcess: false,
      lanes: 1,
      places: 1,
      slots: SLOTS,
      stride: 16,
      slabBytes: 0,
    });
    const control = plan.control(0);
    assert.deepEqual(ringLayout(LINE_BYTES), {
      closed: Block.CLOSED,
      poison: Block.POISON,
      consumersBell: Block.CONSUMERS_BELL,
      producersBell: Block.PRODUCERS_BELL,
      tail: control + Lane.TAIL,
      flushes: control + Lane.FLUSHES,
      head: plan.cursor(0, 0),
      slots: plan.slots(0),
    });
    // On one line: whatever the producer writes of its lane, and the head, and all of the bells.
    const together = ringLayout(0);
    for (const each of [together.flushes, together.head]) {
      assert.equal(Math.floor(each / 64), Math.floor(together.tail / 64));
    }
    assert.equal(together.consumersBell - together.closed < 64, true);
  });

  it('makes the atomic accesses that a ring makes', () => {
    const ring = Ring.create(Tick, { slots: SLOTS });
    const consumer = ring.consumer({ releaseEvery: 1 });
    const producer = ring.producer({ publishEvery: 1 });
    const pushed = record(() => producer.tryPush({ id: 1, price: 1 }));
    const popped = record(() => consumer.tryPop());
    const { tail, head, consumersBell, producersBell } = ringLayout(LINE_BYTES);
    const base = pushed[0]!.word * 4 - tail;
    const inBlock = (found: typeof pushed): unknown[] =>
      found.map(({ kind, word }) => [kind, word * 4 - base]);
    assert.deepEqual(inBlock(pushed), [
      ['write', tail],
      ['read', consumersBell],
    ]);
    assert.deepEqual(inBlock(popped), [
      ['read', tail],
      ['write', head],
      ['read', producersBell],
    ]);
    ring.close();
    const words = [tail, head, consumersBell, producersBell];
    const { steps } = simulateRing({ messages: 1, slots: SLOTS, messageBytes: 16 });
    const simulated = (core: number): unknown[] =>
      steps
        .filter((step) => step.core === core && words.includes(step.address))
        .map(({ kind, address }) => [kind, address]);
    // A producer that begins looks how far consumers are, the real one when it is made.
    assert.deepEqual(simulated(0), [['read', head], ...inBlock(pushed)]);
    const last = simulated(1).slice(-3);
    assert.deepEqual(last, inBlock(popped));
  });

  it('pays for lines that both sides write, and with pairs fetched for those beside them', () => {
    const machine = { sets: 1024, ways: 16 };
    for (const protocol of ['MSI', 'MESI', 'MESIF', 'MOESI', 'MOESIF'] as const) {
      const run = (apart: number, prefetch: 'none' | 'adjacent' = 'none') =>
        simulateRing({ apart, messages: 500 }, { ...machine, protocol, prefetch });
      const falseMisses = ({ totals }: ReturnType<typeof run>): number =>
        totals.misses['false sharing'];
      assert.ok(falseMisses(run(0)) > 500, protocol);
      assert.equal(falseMisses(run(128)), 0, protocol);
      assert.ok(run(0).elapsed > 1.5 * run(128).elapsed, protocol);
      assert.deepEqual(run(64).totals, run(128).totals, protocol);
      assert.ok(run(64, 'adjacent').elapsed > 1.2 * run(128, 'adjacent').elapsed, protocol);
      assert.equal(falseMisses(run(128, 'adjacent')), 0, protocol);
    }
  });

  it('gets every message over, whatever is published and given back together', () => {
    for (const publishEvery of [1, 3, 64]) {
      for (const releaseEvery of [1, 16, 5000]) {
        const messages = 100;
        const pattern = { messages, publishEvery, releaseEvery, slots: 8, messageBytes: 16 };
        const { lines, totals } = simulateRing(pattern);
        const fields = lines
          .flatMap(({ offsets }) => offsets.filter(({ name }) => name?.startsWith('slots')))
          .flatMap(({ sites }) => sites.flatMap(({ threads }) => threads));
        const sum = (core: number): number =>
          fields
            .filter((each) => each.core === core)
            .reduce((all, { counters }) => all + counters.reads + counters.writes, 0);
        assert.deepEqual([sum(0), sum(1)], [2 * messages, 2 * messages]);
        assert.ok(totals.reads > 0);
      }
    }
  });

  it('refuses patterns that cannot be', () => {
    const bad = [{ apart: 20 }, { slots: 3 }, { messageBytes: 12 }, { messages: 0 }];
    for (const pattern of bad) {
      assert.throws(() => simulateRing(pattern), { code: 'ERR_OPTION_RANGE' });
    }
    assert.throws(() => simulateRing({}, { maxAccesses: 100 }), { code: 'ERR_CACHE_LIMIT' });
  });
});

describe('examples/experiments/false-sharing.js', () => {
  it('prints what is simulated and what is measured', async () => {
    const root = fileURLToPath(new URL('../../../..', import.meta.url));
    const program = 'examples/experiments/false-sharing.js';
    const options = { cwd: root, timeout: 110_000 };
    const { stdout } = await promisify(execFile)(process.execPath, [program, '2000', '1'], options);
    const rows = stdout.split('\n').filter((line) => /^│ +\d/.test(line));
    assert.equal(rows.length, 9 + 6, stdout);
  });
});
