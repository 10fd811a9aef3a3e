/** Gated broadcast: all consumers get all messages from when they were let in. */
import { compareExchange, loadAcquire } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { Infer } from '../../../src/memory/index.ts';
import type { RingCore } from '../../../src/ring/core.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { Block, LaneState } from '../../../src/ring/layout.ts';
import type { Membership } from '../../../src/ring/segment/membership.ts';
import { ASKING } from '../../../src/ring/segment/layout.ts';
import { InPlace, type Source } from '../../../src/ring/sources.ts';
import { ringBell } from '../../../src/ring/waiting/bell.ts';
import { Waiter } from '../../../src/ring/waiting/waiter.ts';
import { assure, patiently } from './ground.ts';
import { CheckedRing, claimed, consuming, write } from './rings.ts';
import { Message } from './segments.ts';
import { QUICK, type Structure } from './structure.ts';

const SOURCES = ['ring/lanes/heads.js', 'ring/lanes/writer.js', 'ring/sources.js'];

type Value = Infer<typeof Message>;

/** What participant 9 + place writes into its owner word. */
const owner = (place: number): number => 9 + place;

const immortal = { lookForDeaths: () => undefined } as unknown as Membership;

function producingAll(core: RingCore, count: number): () => void {
  return () => {
    const writer = new LaneWriter(core, 0, 1);
    for (let value = 1; value <= count; value++) {
      write(core.words, claimed(writer), value);
      writer.commit(1);
    }
    writer.finish(true);
  };
}

/** Joins in the middle, sleeps or spins, and takes what there is until the lane is closed. */
function joining(ring: CheckedRing, place: number, sleeps: boolean): () => number[] {
  const core = ring.core();
  return () => {
    const word = core.word(Block.CONSUMER_OWNERS + 4 * place);
    compareExchange(core.words, word, 0, owner(place) | ASKING);
    ringBell(core.arena, core.producersBell);
    const source: Source<Value, never> = new InPlace(core, Message, place, 1, true);
    void source.joined;
    const values: number[] = [];
    const look = (): 'ready' | 'ended' | undefined => {
      const isClosed = core.laneState(0) === LaneState.CLOSED;
      if (source.isReady()) return 'ready';
      return isClosed ? 'ended' : undefined;
    };
    const lookout = { look, isReady: () => source.isReady(), beforeSleep: () => source.release() };
    const waiter = new Waiter(core.arena, core.consumersBell, immortal, lookout, 0);
    const spin = (): string => {
      for (;;) {
        const sight = look();
        if (sight !== undefined) return sight;
        source.release();
      }
    };
    const sleep = (): string => patiently(() => waiter.blocking(Infinity));
    while ((sleeps ? sleep() : spin()) === 'ready') {
      const message = source.next(1)!.$get();
      assure(message.check === ~message.value >>> 0, 'a message is whole');
      values.push(message.value);
      source.done();
      source.release();
    }
    return values;
  };
}

/** A consumer asks to be let in while the producer works; another one is there, or none. */
function admission(slots: number, count: number, hasOther: boolean, sleeps: boolean = true) {
  return (context: TestContext): void => {
    const ring = new CheckedRing(context, { topology: 'broadcast', places: 2, slots });
    if (hasOther) {
      ring.own(1, 1);
      context.thread('consumer', consuming(ring.core(), 0, count));
    }
    context.thread('producer', producingAll(ring.core(), count));
    const guest = context.thread('guest', joining(ring, 1, sleeps));
    context.after(() => {
      const { result } = guest;
      for (const [index, value] of result.entries()) {
        assure(value === result[0]! + index, 'nothing is missing after the first');
      }
      const last = result.at(-1);
      assure(last === undefined || last === count, 'all is seen from the first on');
    });
  };
}

/** A consumer that goes is not waited for any more. */
function leaving(context: TestContext): void {
  const ring = new CheckedRing(context, { topology: 'broadcast', places: 2, slots: 1 });
  ring.own(1, 2);
  context.thread('producer', producingAll(ring.core(), 3));
  context.thread('consumer', consuming(ring.core(), 0, 3));
  const core = ring.core();
  context.thread('leaver', () => {
    const word = core.word(Block.CONSUMER_OWNERS + 4);
    compareExchange(core.words, word, owner(1), 0);
    ringBell(core.arena, core.producersBell);
  });
  context.after(() => assure(loadAcquire(ring.words, ring.plan.cursor(0, 1) >>> 2) === 0, 'still'));
}

/** Without a consumer nobody is waited for; a head that lies is not believed. */
function unguarded(context: TestContext): void {
  const lie = [0, 3, -100, 0x7fff_ffff][context.choose(4)]!;
  const ring = new CheckedRing(context, { topology: 'broadcast', places: 2, slots: 2 });
  if (lie !== 0) {
    ring.own(1, 1);
    ring.set(ring.plan.cursor(0, 0), -lie);
  }
  context.thread('producer', producingAll(ring.core(), 4));
}

/** Everything about gated broadcast. */
export const broadcast: readonly Structure[] = [
  {
    name: 'a broadcast ring: a consumer joins while one message passes',
    covers: SOURCES,
    models: ['sc'],
    body: admission(1, 1, false),
  },
  {
    name: 'a broadcast ring: a consumer that does not sleep joins while messages pass',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: admission(1, 2, false, false),
  },
  {
    name: 'a broadcast ring with a consumer: another one joins that does not sleep',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: admission(1, 2, true, false),
  },
  {
    name: 'a broadcast ring: a consumer joins while messages pass, and gets all from then on',
    covers: SOURCES,
    models: QUICK,
    executions: 1_500,
    body: admission(1, 2, false),
  },
  {
    name: 'a broadcast ring with a consumer: another one joins',
    covers: SOURCES,
    models: ['sc'],
    body: admission(1, 1, true),
  },
  {
    name: 'a broadcast ring: nobody waits for a consumer that has gone',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: leaving,
  },
  {
    name: 'a broadcast ring without consumers, or with one that lies',
    covers: SOURCES,
    models: QUICK,
    body: unguarded,
  },
];
