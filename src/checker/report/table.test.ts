import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { styled, tableText, wrap } from './table.ts';

describe('wrap', () => {
  test('keeps every word in its order, in lines that are short enough', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 30 })),
        fc.integer({ min: 1, max: 40 }),
        (words, width) => {
          const text = words.join(' ');
          const lines = wrap(text, width);
          assert.ok(lines.every((line) => line.length <= width));
          assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''));
        },
      ),
    );
  });
});

describe('tableText', () => {
  const cells = [
    { column: 0, label: '1', lines: [{ text: 'a b', style: 'plain' as const }] },
    { column: 1, label: '10', lines: [{ text: 'c', style: 'bold' as const, indent: 2 }] },
  ];

  test('has a column for each thread', () => {
    assert.equal(
      tableText(['left', 'right'], cells, 57, false),
      `    left                      │ right
    ──────────────────────────┼──────────────────────────
 1  a b                       │
10                            │   c`
        .split('\n')
        .map((line) => line.trimEnd())
        .join('\n'),
    );
  });

  test('sets threads below each other when columns would be too narrow', () => {
    assert.equal(
      tableText(['left', 'right'], cells, 40, false),
      ' 1  left:\n    a b\n10  right:\n      c',
    );
  });

  test('has colours on demand', () => {
    assert.ok(tableText(['a', 'b'], cells, 80, true).includes('\u001B[1m  c\u001B[22m'));
    assert.equal(styled('', 'bold', true), '');
    assert.equal(styled('x', 'plain', true), 'x');
  });
});
