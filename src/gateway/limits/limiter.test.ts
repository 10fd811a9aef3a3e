import assert from 'node:assert/strict';
import { it } from 'node:test';
import { REFUSED } from './address-table.ts';
import { Limiter } from './limiter.ts';
import { resolveLimits, type LimitOptions, type OverRate } from './options.ts';

const limiter = (limits: LimitOptions, overRate: OverRate = 'delay', addresses = 100): Limiter =>
  new Limiter({ limits: resolveLimits(limits), overRate, addresses });

it('Limiter has nothing to do where nothing is limited', () => {
  const none = limiter({});
  assert.deepEqual(
    [none.active, none.limitsMessages, none.limitsHandshakes],
    [false, false, false],
  );
  const id = none.enter('192.0.2.1');
  assert.equal(none.handshake(id, 0), 0);
  assert.equal(none.message(0, id, 1e9, 0), 0);
  none.leave(id);
  assert.equal(none.addresses, 0);
  const some = limiter({ address: { connections: 1 } });
  assert.deepEqual([some.active, some.limitsMessages, some.limitsHandshakes], [true, false, false]);
  assert.equal(limiter({ total: { bytesPerSecond: 1 } }).limitsMessages, true);
  assert.equal(limiter({ total: { handshakesPerSecond: 1 } }).limitsHandshakes, true);
});

it('Limiter.enter refuses connections above the limit of an address', () => {
  const limits = limiter({ address: { connections: 1 } });
  const id = limits.enter('192.0.2.1');
  assert.equal(limits.enter('192.0.2.1'), REFUSED);
  limits.leave(REFUSED);
  assert.equal(limits.enter('192.0.2.1'), REFUSED);
  limits.leave(id);
  assert.equal(limits.enter('192.0.2.1'), id);
});

it('Limiter.handshake is counted for nobody when it is refused', () => {
  const limits = limiter({
    address: { handshakesPerSecond: 2 },
    total: { handshakesPerSecond: 3 },
  });
  const [a, b] = [limits.enter('10.0.0.1'), limits.enter('10.0.0.2')];
  const waits = [a, a, a, a, b, b].map((id) => limits.handshake(id, 0));
  assert.deepEqual(waits, [0, 0, 500, 500, 0, 334]);
  assert.deepEqual([limits.handshake(b, 334), limits.handshake(b, 334)], [0, 166]);
});

it('Limiter.handshake goes on owing after the last connection of an address is gone', () => {
  const limits = limiter({ address: { handshakesPerSecond: 1 } }, 'delay', 1);
  const id = limits.enter('10.0.0.1');
  assert.equal(limits.handshake(id, 0), 0);
  limits.leave(id);
  assert.equal(limits.enter('10.0.0.1'), id);
  assert.equal(limits.handshake(id, 1), 999);
  limits.leave(id);
  assert.equal(limits.enter('10.0.0.2'), id, 'another address gets the place');
  assert.equal(limits.handshake(id, 1), 0, 'and owes nothing');
});

it('Limiter.message delays in the order in which messages come', () => {
  const limits = limiter({ connection: { messagesPerSecond: 10 } });
  const waits = Array.from({ length: 12 }, () => limits.message(4, 0, 1, 0));
  assert.deepEqual(waits, [...Array<number>(10).fill(0), 100, 200]);
  assert.equal(limits.message(5, 0, 1, 0), 0, 'another connection');
  limits.begin(4);
  assert.equal(limits.message(4, 0, 1, 0), 0, 'another connection of the same index');
});

it('Limiter.message refuses, and counts nothing then, where connections are closed', () => {
  const limits = limiter(
    { connection: { bytesPerSecond: 100 }, total: { messagesPerSecond: 3 } },
    'close',
  );
  assert.equal(limits.message(0, 0, 100, 0), 0);
  for (let i = 0; i < 9; i++) assert.equal(limits.message(0, 0, 50, 0), 500);
  assert.equal(limits.message(1, 0, 1, 0), 0);
  assert.equal(limits.message(2, 0, 1, 0), 0);
  assert.equal(limits.message(3, 0, 1, 0), 334);
  assert.equal(limits.message(0, 0, 50, 500), 0);
});

it('Limiter.message takes the longest of its limits', () => {
  const limits = limiter({
    connection: { messagesPerSecond: 100 },
    address: { bytesPerSecond: 1000 },
    total: { bytesPerSecond: 500 },
  });
  const id = limits.enter('10.0.0.1');
  assert.equal(limits.message(0, id, 500, 0), 0);
  assert.equal(limits.message(1, id, 500, 0), 1000);
  assert.equal(limits.message(2, id, 500, 0), 2000);
});

it('Limiter gives peers without an address the limits of connections and the total alone', () => {
  const limits = limiter({
    connection: { messagesPerSecond: 2 },
    address: { messagesPerSecond: 1, handshakesPerSecond: 1, connections: 1 },
  });
  const id = limits.enter('');
  assert.deepEqual([limits.enter(''), limits.handshake(id, 0), limits.handshake(id, 0)], [0, 0, 0]);
  const waits = [1, 2, 3].map(() => limits.message(0, id, 1, 0));
  assert.deepEqual(waits, [0, 0, 500]);
});
