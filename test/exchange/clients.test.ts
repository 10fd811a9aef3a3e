/** Both ends of what clients of the example exchange say: the gateway's checks, the page's orders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StructType } from '../../src/memory/index.ts';
import { Channel } from '../../src/ring/index.ts';
import { Orders, storage } from './page.ts';

type Command = Record<string, unknown>;

const load = async <T>(name: string): Promise<T> =>
  (await import(new URL(`../../../examples/exchange/${name}`, import.meta.url).href)) as T;
const { commandOf } = await load<{
  commandOf: (message: unknown, account: string) => Command | string;
}>('commands.js');
const schema = await load<Record<'Command' | 'Report', StructType<Command>>>('schema.js');

/** Values that are almost right, and some that are not at all. */
const nearly = (...right: unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constantFrom(...right),
    fc.constantFrom(...right.map((each) => [each])),
    fc.constantFrom(
      null,
      NaN,
      Infinity,
      -1,
      -0,
      0.5,
      2 ** 32,
      1e300,
      '',
      '__proto__',
      {},
      [],
      true,
    ),
    fc.jsonValue(),
  );

test('commandOf lets through what can be written, and refuses all else in words', () => {
  const { requests } = Channel.create({
    request: schema.Command,
    response: schema.Report,
  }).client();
  const message = fc.record(
    {
      kind: nearly('limit', 'market', 'cancel', 'orders', 'book', 'constructor'),
      side: nearly('buy', 'sell'),
      symbol: nearly('RNDO', 'rndo', 'MUCHTOOLONG', 12),
      reference: nearly('a', 'ä', '\0', 'x'.repeat(36), 'x'.repeat(37), 7),
      price: nearly(1, 2 ** 32 - 1, '1'),
      quantity: nearly(1, '__proto__'),
      account: nearly('bob'),
      client: nearly(1),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(message, fc.jsonValue()), (said) => {
      const command = commandOf(said, 'anne');
      if (typeof command === 'string') return assert.ok(command !== '');
      assert.equal(command['account'], 'anne');
      assert.notEqual(command['kind'], 'book');
      // What does not fit the struct would throw here.
      requests.claim()!.$set({ ...command, client: 1, sent: 1 });
      requests.abort();
      return undefined;
    }),
    { numRuns: 2000 },
  );
});

const command = {
  kind: 'limit',
  side: 'buy',
  symbol: 'RNDO',
  reference: 'a',
  price: 1,
  quantity: 1,
};
const states = (orders: Orders): string[] => orders.list().map(({ state }) => state);
const down = { reference: 'a', reason: 'down', detail: 'The engine is down' };

test('Orders takes an order for refused that was sent once', () => {
  const orders = new Orders(storage(), 'anne');
  orders.sent(command);
  assert.equal(orders.refused(down), true);
  assert.deepEqual(states(orders), ['refused']);
  assert.deepEqual(orders.again(), []);
  assert.equal(orders.refused({ ...down, reference: 'b' }), false);
});

test('Orders waits on for an order that was sent before: that may have reached the engine', () => {
  const kept = storage();
  const orders = new Orders(kept, 'anne');
  orders.sent(command);
  assert.deepEqual(orders.again(), [command]);
  assert.equal(orders.refused(down), false);
  assert.deepEqual(states(orders), ['waiting']);
  // Also when the page was loaded again.
  const loaded = new Orders(kept, 'anne');
  assert.equal(loaded.refused(down), false);
  loaded.reported({ ...command, kind: 'accepted', remaining: 1, detail: '' });
  assert.deepEqual(states(loaded), ['open']);
  assert.deepEqual(new Orders(kept, 'anne').list(), []);
  // What is no order never reached it.
  assert.equal(orders.refused({ ...down, reason: 'invalid' }), true);
  assert.deepEqual(states(orders), ['refused']);
});
