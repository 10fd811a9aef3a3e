/** Texts that are almost litmus tests: each is parsed, or refused with a code and a line. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { RondoError } from '../../../src/base/index.ts';
import { parseLitmus, runLitmus } from '../../../src/checker/litmus/index.ts';
import { modelNamed } from '../../../src/checker/models/index.ts';

const MODELS = { x86: 'tso', aarch64: 'armv8', riscv: 'riscv', c11: 'rc11' } as const;

const folder = fileURLToPath(new URL('../../../../examples/litmus', import.meta.url));
const TESTS = readdirSync(folder)
  .filter((name) => name.endsWith('.litmus'))
  .map((name) => readFileSync(join(folder, name), 'utf8'));

/** What is put in or doubled: pieces of every architecture. */
const PIECES = [
  ...['{', '}', '(', ')', '[', ']', '(*', '*)', '/*', '//', ';', '|', '=', '"', '~', ':', ','],
  ...['\n', ' ', '\t', '\0', '-', '#', '$', '%', '/\\', '\\/', '=>', '0x', '99999999999999999999'],
  ...['P0', 'exists', 'forall', 'locations', 'filter', 'x', 'X1', 'W1', 'a0', 'x5', 'EAX', '%rax'],
  ...['lock ', 'LDR', 'STXR', 'amoadd.w', 'fence', 'jmp L0', 'L0:', 'if', 'while (1) {', 'int '],
];

/** A part cut out, a piece put in, or a part doubled. */
const edit = fc.oneof(
  fc.record({ at: fc.nat(2000), cut: fc.nat(20), put: fc.constantFrom('', ...PIECES) }),
  fc.record({ at: fc.nat(2000), double: fc.nat(40) }),
);

function apply(text: string, change: Readonly<Record<string, unknown>>): string {
  const at = (change['at'] as number) % (text.length + 1);
  if (typeof change['double'] === 'number') {
    return text.slice(0, at + change['double']) + text.slice(at);
  }
  return text.slice(0, at) + (change['put'] as string) + text.slice(at + (change['cut'] as number));
}

test('every example is a test', () => {
  assert.ok(TESTS.length > 0);
  for (const text of TESTS) assert.ok(parseLitmus(text).threads.length > 0);
});

test('parseLitmus takes a text or refuses it with a code, whatever it is', () => {
  const changed = fc
    .tuple(fc.constantFrom(...TESTS), fc.array(edit, { minLength: 1, maxLength: 5 }))
    .map(([text, edits]) => edits.reduce(apply, text));
  fc.assert(
    fc.property(changed, (text) => {
      try {
        parseLitmus(text);
      } catch (error) {
        assert.ok(error instanceof RondoError, String((error as Error).stack));
        assert.match(error.code, /^ERR_LITMUS_(SYNTAX|UNSUPPORTED|SIZE)$/);
        assert.match(error.message, /^Cannot read the litmus test/);
      }
    }),
    { numRuns: 5000 },
  );
});

/** Rows in another order, registers of another number: texts that are tests for the most part. */
const shuffle = fc.record({ from: fc.nat(40), to: fc.nat(40), register: fc.nat(9) });

test('what is parsed is run, or refused with a code', () => {
  const changed = fc
    .tuple(fc.constantFrom(...TESTS), fc.array(shuffle, { minLength: 1, maxLength: 6 }))
    .map(([text, edits]) =>
      edits.reduce((all, { from, to, register }) => {
        const lines = all.split('\n');
        lines.splice(to % lines.length, 0, lines[from % lines.length]!);
        return lines.join('\n').replace(/(?<=\b[WX])\d(?=\D)/, String(register));
      }, text),
    );
  fc.assert(
    fc.property(changed, (text) => {
      try {
        const litmus = parseLitmus(text);
        runLitmus(litmus, modelNamed(MODELS[litmus.architecture])!);
      } catch (error) {
        assert.ok(error instanceof RondoError, String((error as Error).stack));
        assert.match(error.code, /^ERR_LITMUS_(SYNTAX|UNSUPPORTED|SIZE)$/);
      }
    }),
    { numRuns: 1000 },
  );
});
