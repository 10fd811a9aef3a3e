import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runInThisContext } from 'node:vm';
import fc from 'fast-check';
import { conventionalView } from '../ecma-test.ts';
import { evaluateExpression } from './interpret.ts';
import { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parseScript } from './parse.ts';
import type { Script } from './syntax.ts';

function parse(text: string): Script {
  return parseScript(text, 'a test', conventionalView);
}

function calculate(text: string): unknown {
  const cursor = new Cursor(text, 'a test');
  const expression = parseExpression(cursor, { locals: new Set(), view: () => undefined });
  assert.equal(cursor.token.kind, 'end', text);
  return evaluateExpression(expression, new Map());
}

function refused(text: string, code: string, message: RegExp): void {
  assert.throws(() => parse(text), { code, message });
}

describe('parseExpression', () => {
  it('has the precedences and values of JavaScript', () => {
    const expressions: [string, unknown][] = [
      ['1 + 2 * 3 - 4 / 2', 5],
      ['(1 + 2) * 3', 9],
      ['2 ** 3 ** 2', 512],
      ['1 << 3 | 1 & 0 ^ 5', 13],
      ['-1 >>> 28', 15],
      ['-8 >> 1', -4],
      ['~5', -6],
      ['!0 && 2 || 3', 2],
      ['undefined ?? 7', 7],
      ['1 < 2 === true ? "yes" : "no"', 'yes'],
      ['0x1F + 0b11 + 0o7 + 1_000 + 1.5e1', 1056],
      ['2n ** 64n - 1n', 2n ** 64n - 1n],
      ['7 % 4 != 3', false],
      ['- -3 + +4', 7],
      ['1 / +-0', -Infinity],
    ];
    for (const [text, value] of expressions) assert.equal(calculate(text), value, text);
  });

  it('groups sums and products of any length as JavaScript does', () => {
    const operators = fc.constantFrom('+', '-', '*', '&', '|', '^', '<<', '>>');
    const more = fc.array(fc.tuple(operators, fc.nat(100)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(100), more, (first, rest) => {
        const text = `${first} ${rest.map(([sign, value]) => `${sign} ${value}`).join(' ')}`;
        // What JavaScript itself makes of it is the model.
        const expected: unknown = runInThisContext(text);
        assert.equal(calculate(text), expected, text);
      }),
    );
  });
});

describe('parseScript', () => {
  it('keeps statements as written, on one line', () => {
    const { statements, names } = parse(
      'const a =\n  x[0];\nif (a === 1) { y[0] = 2 }\nlet b, c = 3',
    );
    assert.deepEqual(
      statements.map(({ text }) => text),
      ['const a = x[0]', 'if (a === 1)', 'let b', 'let c = 3'],
    );
    assert.deepEqual(names, ['a', 'b', 'c']);
  });

  it('reads what comments say of edges of the host and of functions', () => {
    const { statements } = parse(
      '/* signal host edge #3 (postMessage/join/notify) */\n' +
        '// a remark\n/* another */\n' +
        'const p = /* atomic RMW o=>o===0?1:o */ Atomics.rmw(f, 0);\n' +
        '/* await host edge #4 (x) */',
    );
    assert.deepEqual(
      statements.map(({ kind }) => kind),
      ['host', 'declare', 'host'],
    );
    const [posting, declaring, receiving] = statements;
    assert.deepEqual(posting, { kind: 'host', end: 'signal', edge: 3, text: 'post(3)' });
    assert.deepEqual(receiving, { kind: 'host', end: 'await', edge: 4, text: 'receive(4)' });
    assert.ok(declaring?.kind === 'declare' && declaring.value?.kind === 'function');
    assert.equal(declaring.value.arrow.parameter, 'o');
  });

  it('ends statements at line ends, as JavaScript does', () => {
    assert.equal(parse('x[0] = 1\ny[0] = 2').statements.length, 2);
    refused('x[0] = 1 y[0] = 2', 'ERR_LITMUS_SYNTAX', /";" was expected instead of "y"/);
  });

  it('names the line of what it does not understand', () => {
    refused('x[0] = 1;\nx[0] = = 2;', 'ERR_LITMUS_SYNTAX', /at line 2: x\[0\] = = 2;/);
    refused('x[0] = 1 # 2', 'ERR_LITMUS_SYNTAX', /"#" is not understood/);
    refused('1 = x[0]', 'ERR_LITMUS_SYNTAX', /can be assigned to/);
    refused('const a = 1; const a = 2;', 'ERR_LITMUS_SYNTAX', /a is declared twice/);
    refused('x[0] = 1 }', 'ERR_LITMUS_SYNTAX', /"}"/);
    refused('if (1', 'ERR_LITMUS_SYNTAX', /"\)" was expected/);
    refused('Atomics.store(x, 0)', 'ERR_LITMUS_SYNTAX', /needs more arguments/);
    refused('Atomics.rmw(x, 0)', 'ERR_LITMUS_SYNTAX', /needs a function/);
    refused('Atomics.load(f64_x, 0)', 'ERR_LITMUS_SYNTAX', /do not work on f64_x/);
    refused('Atomics.wait(u8_x, 0, 0)', 'ERR_LITMUS_SYNTAX', /Int32Array and BigInt64Array/);
  });

  it('says what it understands and does not have', () => {
    refused('for (;;) {}', 'ERR_LITMUS_UNSUPPORTED', /"for"/);
    refused('Atomics.waitAsync(x, 0, 0)', 'ERR_LITMUS_UNSUPPORTED', /Atomics.waitAsync/);
    refused('x.fill(1)', 'ERR_LITMUS_UNSUPPORTED', /x.fill/);
  });

  it('ends with a coded error, or a script, on any text', () => {
    const words = fc.constantFrom(
      ...['x[0]', '=', '1', ';', 'const', 'a', '(', ')', '{', '}', 'if', 'while', 'Atomics', '.'],
      ...['load', ',', '/* atomic RMW o=> */', '/*', '?', ':', '=>', 'n', '"', "'ok'", '0x', '++'],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words).map((all) => all.join(' ')),
          fc.string(),
        ),
        (text) => {
          try {
            parse(text);
          } catch (error) {
            assert.match((error as { code?: string }).code ?? String(error), /^ERR_LITMUS_/);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
