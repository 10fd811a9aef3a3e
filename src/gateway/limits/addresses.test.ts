import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { formatAddress, isInRange, parseAddress, parseRange } from './addresses.ts';

const shown = (text: string): string | undefined => {
  const groups = parseAddress(text);
  return groups && formatAddress(groups);
};

it('parseAddress and formatAddress agree on every address', () => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (all) => {
      const text = formatAddress(Uint16Array.from(all));
      assert.deepEqual(Array.from(parseAddress(text)!), all);
      // The URL parser shortens in the same way.
      if (text.includes(':')) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
      const full = all.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
      assert.equal(shown(full), text);
    }),
  );
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(shown(text), text)));
});

it('parseAddress reads every form, and nothing else', () => {
  const forms: readonly (readonly [string, string | undefined])[] = [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['fe80::1%eth0', undefined],
    ['192.0.2', undefined],
    ['192.0.2.256', undefined],
    ['010.0.0.1', undefined],
    ['1:2:3:4:5:6:7', undefined],
    ['[::1]', undefined],
    [' ::1', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of forms) assert.equal(shown(text), expected, text);
});

it('isInRange has what begins with the same bits', () => {
  const cases: readonly (readonly [range: string, address: string, inside: boolean])[] = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '255.1.2.3', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.1', false],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1', '::1', true],
  ];
  for (const [text, address, inside] of cases) {
    const range = parseRange(text);
    assert.ok('bits' in range, text);
    assert.equal(isInRange(range, parseAddress(address)!), inside, `${address} in ${text}`);
  }
});

it('parseRange says what a range must be', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['10.0.0.0/33', /0 to 32 bits/],
    ['2001:db8::/129', /0 to 128 bits/],
    ['10.0.0.1/8', /it must be 10\.0\.0\.0\/8/],
    ['2001:db8::1/32', /it must be 2001:db8::\/32/],
    ['10.0.0.0/08', /address or a range/],
    ['10.0.0.0/', /address or a range/],
    ['10.0.0/8', /address or a range/],
    ['example.com', /address or a range/],
    ['', /address or a range/],
  ];
  for (const [text, rule] of wrong) {
    const range = parseRange(text);
    assert.ok('rule' in range, text);
    assert.match(range.rule, rule, text);
  }
});
