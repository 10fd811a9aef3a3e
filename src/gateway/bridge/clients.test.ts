import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Random } from '../../base/index.ts';
import type { Connection } from '../sockets/connection.ts';
import { Clients } from './clients.ts';

const someone = (): Connection => ({}) as Connection;
const from = (start: number): Random => ({ below: () => start });

test('Clients finds who has a number, and nobody when it is gone', () => {
  const clients = new Clients();
  const [anne, bob] = [someone(), someone()];
  const id = clients.idOf(anne);
  assert.equal(clients.idOf(anne), id);
  assert.notEqual(clients.idOf(bob), id);
  assert.equal(clients.find(id), anne);
  clients.forget(anne);
  clients.forget(anne);
  assert.equal(clients.find(id), undefined);
  assert.equal(clients.find(clients.idOf(bob)), bob);
  assert.equal(clients.size, 1);
});

test('Clients gives the place of one that is gone with another number', () => {
  const clients = new Clients(from(7));
  const before = clients.idOf(someone());
  const anne = someone();
  const old = clients.idOf(anne);
  clients.forget(anne);
  const next = someone();
  const id = clients.idOf(next);
  assert.equal(id % 2 ** 20, old % 2 ** 20);
  assert.notEqual(id, old);
  assert.equal(clients.find(old), undefined);
  assert.equal(clients.find(id), next);
  assert.ok(clients.find(before) !== undefined);
});

test('Clients never gives 0, and numbers are safe integers', () => {
  const clients = new Clients(from(2 ** 32 - 2));
  const ids = Array.from({ length: 4 }, () => clients.idOf(someone()));
  assert.ok(ids.every((id) => Number.isSafeInteger(id) && id > 0));
  assert.equal(new Set(ids).size, 4);
});

test('Clients takes whatever an engine says', () => {
  const clients = new Clients();
  clients.idOf(someone());
  const anything = fc.oneof(fc.maxSafeInteger(), fc.maxSafeNat(), fc.double());
  fc.assert(
    fc.property(anything, (id) => {
      assert.equal(clients.find(id), undefined);
    }),
  );
  assert.equal(clients.find(0), undefined);
});
