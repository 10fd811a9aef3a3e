/** Traces as text and as JSON, good and bad. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Access, accessText } from '../access.ts';
import { parseTrace } from './index.ts';

describe('parseTrace, text', () => {
  it('reads names, threads, accesses and what did them', () => {
    const text = `
      # a ring
      name tail 0x400 4
      name head tail+64 8
      name free
      name more
      thread P1 consumer of all
      P0 W tail
      P0 w 0x40 8 writer.ts:272 publish
      P1 U head+4 1
      P1 X 64
      P0 R free reader.ts:9
      P0 R more
    `;
    const { accesses, names, threads, isProgram } = parseTrace(text);
    assert.deepEqual(accesses, [
      { core: 0, kind: 'write', address: 0x400, size: 4 },
      { core: 0, kind: 'write', address: 0x40, size: 8, site: 'writer.ts:272 publish' },
      { core: 1, kind: 'update', address: 0x444, size: 1 },
      { core: 1, kind: 'evict', address: 64, size: 4 },
      { core: 0, kind: 'read', address: 0x10000, size: 4, site: 'reader.ts:9' },
      { core: 0, kind: 'read', address: 0x10080, size: 4 },
    ]);
    assert.equal(names?.length, 4);
    assert.deepEqual([threads?.[0], threads?.[1]], [undefined, 'consumer of all']);
    assert.equal(isProgram, false);
    assert.equal(parseTrace('program\nP0 R 0').isProgram, true);
  });

  it('says in which line something cannot be', () => {
    const bad: readonly [string, RegExp][] = [
      ['P0 R 0x40\nP0 Q 0x40', /line 2: the second word is R, W, U or X, not "Q"/],
      ['Q0 R 0x40', /line 1: a line begins with a core/],
      ['P64 R 0x40', /cores are from 0 to 63/],
      ['P0 R', /an access has an address/],
      ['P0 R tail', /there is no name "tail" before this line/],
      ['P0 R 0x40 0', /bytes are from 1 to 4096/],
      ['P0 R 0x40 5000', /bytes are from 1 to 4096/],
      ['P0 R 99999999999999999', /addresses are from/],
      ['P0 R 12cats', /addresses are from/],
      ['name tail 0x400 4 5', /no more/],
      ['name 9lives 0x400', /a name is up to 64/],
      ['name a 0\nname a 4', /"a" is a name already/],
      ['thread P0', /a thread has a core and a name/],
      ['P0 R 0\nprogram', /"program" stands alone/],
      [`P0 R 0 4 ${'x'.repeat(201)}`, /the site is longer than 200/],
    ];
    for (const [text, message] of bad) {
      assert.throws(() => parseTrace(text), { code: 'ERR_CACHE_TRACE', message });
    }
  });

  it('takes no more than it may', () => {
    assert.throws(() => parseTrace('P0 R 0\nP0 R 0\n', 1), { code: 'ERR_CACHE_LIMIT' });
    const names = Array.from({ length: 1001 }, (_, index) => `name n${index}`).join('\n');
    assert.throws(() => parseTrace(names), { code: 'ERR_CACHE_LIMIT' });
  });

  it('reads back what accessText writes', () => {
    const fields = {
      core: fc.nat(63),
      kind: fc.constantFrom<Access['kind']>('read', 'write', 'update', 'evict'),
      address: fc.nat(),
      size: fc.integer({ min: 1, max: 4096 }),
      site: fc.constantFrom('writer.ts:272', 'a b', '4 words'),
    };
    const access = fc.record(fields, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(access), (accesses) => {
        const text = accesses.map(accessText).join('\n');
        assert.deepEqual(parseTrace(text).accesses, accesses);
      }),
    );
  });

  it('ends in a trace or in an error with a code, whatever it is given', () => {
    const word = fc.constantFrom(
      'P0',
      'R',
      'W',
      'name',
      'x',
      'thread',
      '0x4',
      '4',
      '{',
      '[',
      '"',
      '+',
    );
    const line = fc.array(fc.oneof(word, fc.string({ maxLength: 6 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const text = lines.map((words) => words.join(' ')).join('\n');
        try {
          parseTrace(text);
        } catch (error) {
          assert.match((error as { code: string }).code, /^ERR_CACHE_/);
        }
      }),
    );
  });
});

describe('parseTrace, JSON', () => {
  it('reads an array of accesses, or an object with what belongs to them', () => {
    const access = { core: 1, kind: 'W', address: '0x40' };
    const expected = [{ core: 1, kind: 'write', address: 64, size: 4 }];
    assert.deepEqual(parseTrace(JSON.stringify([access])).accesses, expected);
    const names = [{ name: 'tail', address: 64, size: 4 }];
    const whole = { accesses: [access], threads: [null, 'b'], names, program: true };
    const source = parseTrace(JSON.stringify(whole));
    assert.deepEqual(source, {
      accesses: expected,
      threads: [undefined, 'b'],
      names,
      isProgram: true,
    });
  });

  it('says where something cannot be', () => {
    const bad: readonly [unknown, RegExp][] = [
      [[{ core: 0, kind: 'Q', address: 0 }], /accesses\[0\]\.kind must be one of/],
      [[{ core: 99, kind: 'R', address: 0 }], /accesses\[0\]\.core must be/],
      [[{ core: 0, kind: 'R', address: '40' }], /accesses\[0\]\.address must be/],
      [[{ core: 0, kind: 'R', address: 0, sizes: 4 }], /accesses\[0\] has "sizes"/],
      [[7], /accesses\[0\] must be an object/],
      [{}, /accesses must be an array/],
      [{ accesses: [], more: 1 }, /it has "more"/],
      [{ accesses: [], program: 'yes' }, /program must be true or false/],
      [{ accesses: [], threads: [7] }, /threads\[0\] must be a text/],
      [{ accesses: [], names: [{ name: 'x' }] }, /names\[0\]\.address must be/],
    ];
    for (const [value, message] of bad) {
      assert.throws(() => parseTrace(JSON.stringify(value)), { code: 'ERR_CACHE_TRACE', message });
    }
    assert.throws(() => parseTrace('[1,'), { code: 'ERR_CACHE_TRACE', message: /as JSON/ });
    assert.throws(() => parseTrace('[{},{}]', 1), { code: 'ERR_CACHE_LIMIT' });
  });
});
