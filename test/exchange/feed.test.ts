/** The market data of the example exchange on its way, from engines that come, go and lie. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import type { StructType } from '../../src/memory/index.ts';
import { Ring } from '../../src/ring/index.ts';
import { until } from '../gateway/fixture.ts';

interface Event {
  sequence: number;
  kind: string;
  side: string;
  symbol: string;
  price: number;
  orders: number;
  quantity: number;
  trade: number;
  time: number;
}

interface Feed {
  close(): Promise<void>;
}

const example = (name: string): string =>
  new URL(`../../../examples/exchange/${name}`, import.meta.url).href;
const { Feed } = (await import(example('feed.js'))) as {
  Feed: new (gateway: object, ring: Ring<Event>, symbols: string[], lost: () => void) => Feed;
};
const { MarketEvent } = (await import(example('schema.js'))) as { MarketEvent: StructType<Event> };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const trade = (sequence: number, number: number): Event => ({
  sequence,
  kind: 'trade',
  side: 'buy',
  symbol: 'A',
  price: 100,
  orders: 0,
  quantity: 1,
  trade: number,
  time: 0,
});
const reset = (sequence: number): Event => ({ ...trade(sequence, 0), kind: 'reset' });

interface Fed {
  readonly ring: Ring<Event>;
  readonly trades: number[];
  readonly lost: () => number;
}

function feeding(): Fed {
  const ring = Ring.create(MarketEvent, { topology: 'broadcast', lossy: true, slots: 64 });
  const trades: number[] = [];
  let lost = 0;
  const gateway = {
    publish(topic: string, text: string) {
      if (topic === 'trades') trades.push((JSON.parse(text) as { trade: number }).trade);
    },
  };
  const feed = new Feed(gateway, ring, ['A'], () => (lost += 1));
  ends.push(() => ring.close());
  ends.push(() => feed.close());
  return { ring, trades, lost: () => lost };
}

it('Feed leaves out what means nothing, and asks for the books', async (t) => {
  const said = t.mock.method(console, 'error', () => undefined);
  const { ring, trades, lost } = feeding();
  const producer = ring.producer();
  const bytes = new Uint8Array(ring.share().memory.buffer);
  producer.tryPushAll([reset(1), trade(2, 1)]);
  for (const sequence of [3, 4]) {
    producer.tryWrite((event) => {
      event.$set(trade(sequence, 2));
      // A kind that there is not.
      bytes[event.$offset + 8] = 99;
    });
  }
  producer.tryPushAll([trade(5, 3), reset(6), trade(7, 4)]);
  await until(() => trades.length === 2, 'what came after it is told');
  assert.deepEqual(trades, [1, 4]);
  await until(() => lost() === 1, 'the books are asked for');
  assert.equal(said.mock.callCount(), 1);
});

it('Feed goes on with the next engine when one has ended the ring', async () => {
  const { ring, trades } = feeding();
  const first = ring.producer();
  first.tryPushAll([reset(1), trade(2, 1)]);
  first.close();
  await until(() => trades.length === 1, 'the last words are told');
  ring.producer().tryPushAll([reset(1), trade(2, 2)]);
  await until(() => trades.length === 2, 'the next engine is heard');
});

it('Feed leaves others their turns while events trickle in', async () => {
  const { ring, trades } = feeding();
  const producer = ring.producer();
  producer.tryPushAll([reset(1), trade(2, 1)]);
  // Each event that is told brings the next one, in a microtask.
  const { push } = trades;
  let turns = 0;
  trades.push = (number) => {
    if (number < 500) {
      queueMicrotask(() => {
        producer.tryPush(trade(number + 2, number + 1));
        producer.flush();
      });
    }
    return push.call(trades, number);
  };
  const turn = (): void => {
    turns += 1;
    if (trades.length < 500) setImmediate(turn);
  };
  setImmediate(turn);
  await until(() => trades.length === 500, 'all are told');
  assert.ok(turns > 100, `${turns} turns`);
});
