/** What becomes of orders of the example exchange that meet no engine. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { until } from '../gateway/fixture.ts';
import { Model, readJournal } from './model.ts';
import { Orders, storage } from './page.ts';
import { loadExchange, PATIENT_MS, Place, skip } from './program.ts';
import { Trader, type Command } from './trader.ts';

const ends: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const orderCalled = (reference: string): Command => ({
  kind: 'limit',
  side: 'sell',
  symbol: 'RNDO',
  price: 100,
  quantity: 3,
  reference,
});

it('the exchange: an engine gets what came before its death was known', { skip }, async () => {
  const { createExchange } = await loadExchange();
  const place = new Place();
  ends.push(() => place.remove());
  const local = { host: '127.0.0.1', port: 0 };
  const exchange = createExchange({ ...place, maxAgeMs: PATIENT_MS, gateway: local });
  ends.push(() => exchange.close({ deadlineMs: 0 }));
  const { gateway, bridge, supervisor } = exchange;
  const address = await exchange.listen();
  await until(() => bridge.state === 'up', 'the engine is there');
  const trader = await Trader.open(address, 'anne');
  ends.push(() => trader.leave());
  await until(() => trader.states.includes('up'), 'the client knows');
  const orders = new Orders(storage(), 'anne');
  trader.onReport = (report) => orders.reported(report);
  const send = (reference: string): void => {
    orders.sent(orderCalled(reference));
    trader.say(orderCalled(reference));
  };
  const states = (): object => orders.list().map(({ reference, state }) => [reference, state]);

  process.kill(supervisor.pid!, 'SIGSTOP');
  const { messagesReceived } = gateway.counters();
  send('early');
  await until(() => gateway.counters().messagesReceived > messagesReceived, 'it is in the ring');
  await supervisor.stop('SIGKILL');
  await until(() => trader.states.at(-1) === 'down', 'the death is known');
  send('late');
  await until(() => trader.refused.length === 1, 'it is refused');
  assert.ok(orders.refused(trader.refused[0]!));
  const before = [['late', 'refused'] as const, ['early', 'waiting'] as const];
  assert.deepEqual(states(), before);

  // Only what the page sends again is sent again: what waits.
  trader.pending.clear();
  supervisor.start();
  await until(() => trader.states.at(-1) === 'up', 'its successor is there');
  for (const command of orders.again()) trader.say(command as Command);
  trader.ask();
  await until(() => trader.list !== undefined, 'the orders are listed');
  assert.deepEqual(states(), [before[0], ['early', 'open']]);
  assert.deepEqual([...trader.accepted.keys()], ['early']);
  assert.equal(trader.accepted.get('early')!.repeated, false);
  const { orders: carriedOut } = new Model(readJournal(place.journal));
  assert.deepEqual(
    carriedOut.map(({ reference }) => reference),
    ['early'],
  );
});
