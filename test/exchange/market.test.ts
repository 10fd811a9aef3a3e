/** The market data of the example exchange, as the gateway puts it together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

interface Market {
  hear(event: object): void;
  book(symbol: string): { bids: number[][]; asks: number[][] };
  tape(): { trade: number }[];
}

const url = new URL('../../../examples/exchange/market.js', import.meta.url);
const { Market } = (await import(url.href)) as {
  Market: new (symbols: string[], on: object) => Market;
};

interface Heard {
  readonly market: Market;
  readonly lost: () => number;
  readonly traded: number[];
  readonly hear: (...events: object[]) => void;
}

/** Events are numbered one after the other from `sequence` on. */
function hearing(): Heard {
  let lost = 0;
  const traded: number[] = [];
  const market = new Market(['A', 'B'], {
    changed: () => undefined,
    traded: ({ trade }: { trade: number }) => traded.push(trade),
    lost: () => (lost += 1),
  });
  let next = 1;
  return {
    market,
    lost: () => lost,
    traded,
    hear(...events) {
      for (const event of events) {
        const { sequence = next } = event as { sequence?: number };
        next = sequence + 1;
        market.hear({ sequence, symbol: 'A', side: 'buy', orders: 1, trade: 0, time: 0, ...event });
      }
    },
  };
}

const level = (price: number, quantity: number, more: object = {}): object => ({
  kind: 'level',
  price,
  quantity,
  orders: quantity === 0 ? 0 : 1,
  ...more,
});
const trade = (number: number): object => ({ kind: 'trade', price: 1, quantity: 1, trade: number });

test('Market puts books together, best prices first', () => {
  const { market, hear, lost } = hearing();
  hear({ kind: 'reset' }, level(10, 5), level(12, 1), level(14, 2, { side: 'sell' }));
  hear(level(13, 3, { side: 'sell' }), level(12, 0), { kind: 'complete' });
  assert.deepEqual(market.book('A'), {
    bids: [[10, 5, 1]],
    asks: [
      [13, 3, 1],
      [14, 2, 1],
    ],
  });
  assert.equal(lost(), 0);
});

test('Market believes nothing after a gap, until the book has come again', () => {
  const { market, hear, lost } = hearing();
  hear({ kind: 'reset' }, level(10, 5), { kind: 'reset', symbol: 'B' }, trade(1));
  hear({ ...level(10, 7), sequence: 9 }, level(11, 1), trade(3));
  assert.equal(lost(), 1);
  assert.deepEqual(market.book('A').bids, [[10, 5, 1]]);
  hear({ kind: 'reset' }, level(11, 1), trade(1), trade(2), trade(3), { kind: 'complete' });
  assert.deepEqual(market.book('A').bids, [[11, 1, 1]]);
  hear(level(8, 1, { symbol: 'B' }));
  assert.deepEqual(market.book('B').bids, []);
  assert.deepEqual(
    market.tape().map((one) => one.trade),
    [1, 2, 3],
  );
});

test('Market takes the book of an engine that begins anew', () => {
  const { market, hear, lost, traded } = hearing();
  hear({ kind: 'reset' }, level(10, 5), trade(1));
  hear({ kind: 'reset', sequence: 1 }, level(10, 6), trade(1), trade(2));
  assert.equal(lost(), 0);
  assert.deepEqual(market.book('A').bids, [[10, 6, 1]]);
  assert.deepEqual(traded, [1, 2]);
});
