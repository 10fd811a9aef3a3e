import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { resolveTrustProxy, type TrustProxy } from './proxy.ts';

const resolve = (trust: TrustProxy, peer: string, headers: Readonly<Record<string, string>>) =>
  resolveTrustProxy(trust)(peer, new Map(Object.entries(headers)));

const xff = (value: string): Readonly<Record<string, string>> => ({ 'x-forwarded-for': value });
const forwarded = (value: string): Readonly<Record<string, string>> => ({ forwarded: value });

it('resolveTrustProxy(false) believes nobody, and gives IPv4 as IPv4', () => {
  assert.equal(resolve(false, '127.0.0.1', xff('192.0.2.1')), '127.0.0.1');
  assert.equal(resolve(false, '::ffff:127.0.0.1', {}), '127.0.0.1');
  assert.equal(resolve(false, 'fe80::1%eth0', {}), 'fe80::1%eth0');
  assert.equal(resolve(false, '', xff('192.0.2.1')), '');
});

it('resolveTrustProxy goes from the right to the first that is not trusted', () => {
  const chain = xff('6.6.6.6, 192.0.2.1, 10.0.0.2');
  const cases: readonly (readonly [TrustProxy, peer: string, expected: string])[] = [
    ['loopback', '127.0.0.1', '10.0.0.2'],
    ['loopback', '127.8.9.1', '10.0.0.2'],
    ['loopback', '::1', '10.0.0.2'],
    ['loopback', '::ffff:127.0.0.1', '10.0.0.2'],
    ['loopback', '', '10.0.0.2'],
    ['loopback', '10.0.0.1', '10.0.0.1'],
    ['loopback', 'fe80::1%lo', 'fe80::1%lo'],
    [['10.0.0.0/8'], '10.0.0.1', '192.0.2.1'],
    [['10.0.0.0/8', '192.0.2.1'], '10.0.0.1', '6.6.6.6'],
    [['0.0.0.0/0'], '10.0.0.1', '6.6.6.6'],
    [['10.0.0.0/8'], '127.0.0.1', '127.0.0.1'],
    [['10.0.0.0/8'], '', ''],
    [[], '10.0.0.1', '10.0.0.1'],
    [1, '203.0.113.9', '10.0.0.2'],
    [2, '203.0.113.9', '192.0.2.1'],
    [3, '203.0.113.9', '6.6.6.6'],
    [100, '', '6.6.6.6'],
  ];
  for (const [trust, peer, expected] of cases) {
    assert.equal(resolve(trust, peer, chain), expected, `${String(trust)} ${peer}`);
    assert.equal(
      resolve(trust, peer, forwarded('for=6.6.6.6;proto=https, For="192.0.2.1" , for=10.0.0.2')),
      expected,
      `${String(trust)} ${peer} by Forwarded`,
    );
  }
});

it('resolveTrustProxy reads X-Forwarded-For where both are there', () => {
  const both = { ...xff('192.0.2.1'), ...forwarded('for=192.0.2.2') };
  assert.equal(resolve(1, '10.0.0.1', both), '192.0.2.1');
  assert.equal(resolve(1, '10.0.0.1', {}), '10.0.0.1');
});

it('resolveTrustProxy takes ports and brackets off', () => {
  const nodes: readonly (readonly [node: string, expected: string])[] = [
    ['192.0.2.1:4711', '192.0.2.1'],
    ['192.0.2.1:_hidden', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[::ffff:192.0.2.1]', '192.0.2.1'],
  ];
  for (const [node, expected] of nodes) {
    assert.equal(resolve(1, '10.0.0.1', xff(node)), expected, node);
    assert.equal(resolve(1, '10.0.0.1', forwarded(`for="${node}"`)), expected, node);
  }
});

it('resolveTrustProxy stops at what is malformed', () => {
  const nodes = [
    'unknown',
    '_hidden',
    '',
    '192.0.2.1:',
    '192.0.2.1:123456',
    '192.0.2.1 4711',
    '[192.0.2.1]',
    '[2001:db8::1',
    '[2001:db8::1]4711',
    '2001:db8::1%eth0',
    'localhost',
  ];
  for (const node of nodes) {
    assert.equal(resolve(9, '10.0.0.1', xff(`6.6.6.6, ${node}, 192.0.2.1`)), '192.0.2.1', node);
  }
  const elements = [
    'proto=https',
    'for=[2001:db8::1]',
    'for="192.0.2.1\\""',
    'for=6.6.6.6;for=7.7.7.7',
    'for = 6.6.6.6',
    'for=6.6.6.6;',
    ';for=6.6.6.6',
    'for=unknown',
    'for=',
    '',
  ];
  for (const element of elements) {
    const header = forwarded(`for=7.7.7.7, ${element}, for=192.0.2.1`);
    assert.equal(resolve(9, '10.0.0.1', header), '192.0.2.1', element);
  }
});

it('resolveTrustProxy finds what the proxies wrote, whatever the client wrote before it', () => {
  const text = fc.stringMatching(/^[ -~]{0,40}$/);
  const pieces = fc.array(fc.constantFrom('"', ',', ';', '\\', 'for=', '6.6.6.6', ' ', '[', '='));
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        pieces.map((all) => all.join('')),
      ),
      fc.boolean(),
      (said, plain) => {
        const header = plain
          ? xff(`${said}, 192.0.2.1, 10.0.0.2`)
          : forwarded(`${said}, for="192.0.2.1:99";by="a,b", for=10.0.0.2`);
        assert.equal(resolve(['10.0.0.0/8'], '10.0.0.1', header), '192.0.2.1');
        assert.equal(resolve(2, '10.0.0.1', header), '192.0.2.1');
      },
    ),
  );
});

it('resolveTrustProxy refuses what is no such option', () => {
  const wrong: readonly (readonly [unknown, code: string, message: RegExp])[] = [
    [true, 'ERR_OPTION_TYPE', /got true/],
    ['everybody', 'ERR_OPTION_TYPE', /'loopback'/],
    [0, 'ERR_OPTION_RANGE', /from 1 to 100/],
    [1.5, 'ERR_OPTION_RANGE', /whole/],
    [101, 'ERR_OPTION_RANGE', /got 101/],
    [['10.0.0.1/8'], 'ERR_OPTION_TYPE', /"10\.0\.0\.1\/8" in trustProxy: .*10\.0\.0\.0\/8/],
    [['localhost'], 'ERR_OPTION_TYPE', /"localhost"/],
    [[1], 'ERR_OPTION_TYPE', /must be a string/],
  ];
  for (const [trust, code, message] of wrong) {
    assert.throws(() => resolveTrustProxy(trust as TrustProxy), { code, message });
  }
});
