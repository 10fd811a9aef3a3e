import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { PeerTable } from './peers.ts';

const octet = fc.integer({ min: 0, max: 255 });
const port = fc.integer({ min: 1, max: 65535 });

test('PeerTable: an IPv4 address comes back, as text and as words', () => {
  const table = new PeerTable(4);
  const words = new Uint32Array(4);
  fc.assert(
    fc.property(octet, octet, octet, octet, port, fc.nat(3), (a, b, c, d, number, slot) => {
      const host = `${a}.${b}.${c}.${d}`;
      for (const spelling of [host, `::ffff:${host}`]) {
        table.noteAddress(slot, { host: spelling, port: number });
        assert.deepEqual(table.address(slot), { host, port: number });
        assert.equal(table.copy(slot, words), 4);
        assert.deepEqual([...words], [0, 0, 0xffff, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0]);
      }
    }),
  );
});

test('PeerTable: an IPv6 address comes back in the form of RFC 5952', () => {
  const table = new PeerTable(2);
  const words = new Uint32Array(4);
  fc.assert(
    fc.property(fc.ipV6(), port, (host, number) => {
      table.noteAddress(1, { host, port: number });
      const family = table.copy(1, words);
      const zero = words.every((word) => word === 0);
      fc.pre(!zero);
      const address = table.address(1);
      assert.ok('host' in address);
      assert.equal(address.port, number);
      assert.equal(family === 4 ? isIPv4(address.host) : isIPv6(address.host), true);
      if (family === 4) return;
      assert.equal(`http://[${address.host}]/`, new URL(`http://[${host}]/`).href);
    }),
  );
});

test('PeerTable: what follows on a slot leaves nothing of what was there', () => {
  const table = new PeerTable(1);
  const words = new Uint32Array(4).fill(1);
  table.noteAddress(0, { host: '2001:db8::1', port: 5 });
  table.noteAddress(0, { path: '/somewhere' });
  assert.deepEqual(table.address(0), { path: '' });
  assert.equal(table.copy(0, words), 0);
  assert.deepEqual([...words], [0, 0, 0, 0]);
});
