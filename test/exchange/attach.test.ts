/** Gateways that come and go, while the engine of the example exchange goes on. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, it } from 'node:test';
import { until } from '../gateway/fixture.ts';
import { loadExchange, PATIENT_MS, Place, skip, type Exchange } from './program.ts';
import { Trader } from './trader.ts';

const ends: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const order = { kind: 'limit', side: 'buy', symbol: 'RNDO', price: 100, quantity: 1 } as const;

async function open(exchange: Exchange, account: string): Promise<Trader> {
  const address = await exchange.listen();
  await until(() => exchange.bridge.state === 'up', 'the engine is there');
  const trader = await Trader.open(address, account);
  await until(() => trader.states.includes('up'), 'the client knows');
  ends.push(() => trader.leave());
  return trader;
}

async function listed(trader: Trader): Promise<(string | undefined)[]> {
  trader.ask();
  await until(() => trader.list !== undefined, 'the orders are listed');
  return trader.list!.map(({ reference }) => reference);
}

it('the exchange: a gateway takes over from another, the engine goes on', { skip }, async () => {
  const { createExchange, ENGINE } = await loadExchange();
  const place = new Place();
  ends.push(() => place.remove());
  const gateway = { host: '127.0.0.1', port: 0 };
  const options = { ...place, engine: null, maxAgeMs: PATIENT_MS, gateway };
  const first = createExchange(options);
  const { directory, journal } = place;
  const names = ['--name', 'exchange', '--directory', directory, '--journal', journal];
  const flags = [...names, '--symbols', 'RNDO', '--max-age-ms', `${PATIENT_MS}`];
  const engine: ChildProcess = spawn(ENGINE, flags, { stdio: 'ignore' });
  ends.push(async () => {
    if (engine.exitCode !== null || !engine.kill()) return;
    await once(engine, 'close');
  });
  const before = await open(first, 'anne');
  for (const reference of ['1', '2']) before.say({ ...order, reference });
  await until(() => before.accepted.size === 2, 'the orders are accepted');
  await first.close({ deadlineMs: 0 });

  // With its own engine, if there were none: the one that runs is left alone.
  const second = createExchange({ ...options, engine: ENGINE });
  ends.push(() => second.close({ deadlineMs: 0 }));
  const after = await open(second, 'anne');
  assert.equal(second.supervisor.pid, undefined);
  assert.deepEqual(await listed(after), ['1', '2']);
  await until(() => after.books.get('RNDO')?.bids?.length === 1, 'the book has come');
  after.say({ ...order, reference: '2' });
  after.say({ ...order, reference: '3' });
  await until(() => after.accepted.size === 2, 'both are accepted');
  assert.ok(after.accepted.get('2')!.repeated);

  // When that one ends, an own one takes its place.
  engine.kill('SIGKILL');
  await until(() => second.supervisor.pid !== undefined, 'an engine is started');
  await until(() => after.states.at(-1) === 'up' && after.states.includes('down'), 'it is there');
  assert.deepEqual(await listed(after), ['1', '2', '3']);
});

it('the exchange: what cannot be is refused, in words', { skip }, async () => {
  const { createExchange } = await loadExchange();
  const place = new Place();
  ends.push(() => place.remove());
  const exchange = createExchange({ ...place, gateway: { host: '127.0.0.1', port: 0 } });
  ends.push(() => exchange.close({ deadlineMs: 0 }));
  const trader = await open(exchange, 'anne');
  trader.say({ ...order, reference: 'a', symbol: 'NONE' });
  trader.say({ ...order, reference: 'b', quantity: 0 });
  trader.say({ kind: 'cancel', reference: 'c' });
  trader.say({ ...order, reference: 'd', price: 1.5 });
  trader.say({ ...order, reference: 'much too long'.repeat(4) });
  trader.say({ kind: 'nothing' } as never);
  await until(() => trader.rejected.length === 3 && trader.refused.length === 3, 'all is answered');
  assert.deepEqual(
    trader.rejected.map(({ reason }) => reason),
    ['unknown_symbol', 'bad_quantity', 'unknown_order'],
  );
  for (const { detail } of [...trader.rejected, ...trader.refused]) assert.ok(detail !== '');

  await exchange.supervisor.stop('SIGKILL');
  await until(() => exchange.bridge.state === 'down', 'its death is noticed');
  trader.say({ ...order, reference: 'e' });
  await until(() => trader.refused.length === 4, 'it is refused');
  const { reference, detail } = trader.refused[3]!;
  assert.deepEqual([reference, detail], ['e', 'The engine is down']);
});
