import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { AddressTable, NO_ADDRESS, OVERFLOW, REFUSED } from './address-table.ts';

const table = (connections: number, entries: number, reused: number[] = []): AddressTable =>
  new AddressTable({ connections, entries, reused: (id) => reused.push(id) });

it('AddressTable knows an IPv4 address in both of its forms, and IPv6 by its /64', () => {
  const addresses = table(0, 10);
  const id = addresses.enter('192.0.2.1');
  assert.equal(addresses.enter('::ffff:192.0.2.1'), id);
  assert.equal(addresses.enter('::ffff:c000:201'), id);
  assert.notEqual(addresses.enter('192.0.2.2'), id);
  const network = addresses.enter('2001:db8:1:2::1');
  assert.equal(addresses.enter('2001:db8:1:2:ffff::9'), network);
  assert.notEqual(addresses.enter('2001:db8:1:3::1'), network);
  assert.equal(addresses.enter('fe80::1%eth0'), addresses.enter('fe80::2'));
  assert.equal(addresses.size, 5);
});

it('AddressTable gives peers without an address no limits', () => {
  const addresses = table(1, 10);
  assert.deepEqual([addresses.enter(''), addresses.enter('')], [NO_ADDRESS, NO_ADDRESS]);
  addresses.leave(NO_ADDRESS);
  assert.equal(addresses.enter('nonsense'), OVERFLOW);
  assert.equal(addresses.enter('nonsense too'), REFUSED);
});

it('AddressTable.enter refuses an address that has as many connections as it may have', () => {
  const addresses = table(2, 10);
  const id = addresses.enter('192.0.2.1');
  assert.equal(addresses.enter('192.0.2.1'), id);
  assert.equal(addresses.enter('192.0.2.1'), REFUSED);
  addresses.leave(id);
  assert.equal(addresses.enter('192.0.2.1'), id);
  assert.equal(addresses.connectionsOf(id), 2);
});

it('AddressTable forgets who has been idle longest, and shares one entry when nobody is', () => {
  const reused: number[] = [];
  const addresses = table(2, 3, reused);
  const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((each) => addresses.enter(each));
  const late = ['10.0.0.4', '10.0.0.5', '10.0.0.6'].map((each) => addresses.enter(each));
  assert.deepEqual(late, [OVERFLOW, OVERFLOW, REFUSED], 'the limit holds for them together');
  addresses.leave(b!);
  addresses.leave(a!);
  assert.equal(addresses.enter('10.0.0.2'), b, 'it is remembered while its place is not needed');
  assert.deepEqual(reused, []);
  assert.equal(addresses.enter('10.0.0.7'), a);
  assert.deepEqual(reused, [a]);
  addresses.leave(c!);
  assert.equal(addresses.enter('10.0.0.1'), c, 'it is new');
  assert.equal(addresses.size, 3);
});

it('AddressTable counts as a naive table does, and is never larger than it may be', () => {
  const step = fc.record({ host: fc.nat(12), leaves: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (all, size) => {
      const addresses = table(3, size);
      const inside: { host: number; id: number }[] = [];
      for (const { host, leaves } of all) {
        const one = inside.findIndex((each) => each.host === host);
        if (leaves && one !== -1) addresses.leave(inside.splice(one, 1)[0]!.id);
        if (leaves) continue;
        const id = addresses.enter(`10.0.0.${host}`);
        if (id !== REFUSED) inside.push({ host, id });
        assert.ok(addresses.size <= size);
        const own = new Set(inside.filter((each) => each.id > OVERFLOW).map((each) => each.host));
        assert.ok(own.size <= size);
        for (const { id } of inside) {
          const count = inside.filter((each) => each.id === id).length;
          assert.equal(addresses.connectionsOf(id), count);
          assert.ok(count <= 3);
          const hosts = new Set(inside.filter((each) => each.id === id).map((each) => each.host));
          assert.ok(id === OVERFLOW || hosts.size === 1, 'an entry is one address');
        }
      }
    }),
  );
});
