/**
 * Whole sets of outcomes with known answers: our own always, and the tests for ECMAScript of the
 * shared folder of litmus tests when it is there (`../shared/litmus`, or what RONDO_LITMUS names).
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  evaluateEcma,
  evaluateV8,
  explainEcma,
  parseEcmaTest,
} from '../../../src/checker/specification/index.ts';
import { SHAPES, STYLES, testOf } from './shapes.ts';

interface Row {
  readonly name: string;
  readonly es: string;
  readonly es2019: string;
  readonly racy: boolean;
  readonly v8_arm64: string;
  readonly v8_x64: string;
  readonly outcomes: readonly string[];
  readonly outcomeCount: number;
}

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = process.env['RONDO_LITMUS'] ?? join(root, '..', 'shared', 'litmus');

function read(file: string): unknown {
  const path = join(folder, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function verdict(allowed: boolean | undefined): string {
  return allowed ? 'Allowed' : 'Forbidden';
}

describe('evaluateEcma, on the classic shapes', () => {
  const table = read('classic-table.json') as Record<string, Record<string, string>> | undefined;
  for (const [name, { expected }] of Object.entries(SHAPES)) {
    it(name, () => {
      for (const [at, style] of STYLES.entries()) {
        const { allowed } = evaluateEcma(testOf(name, style));
        assert.equal(allowed ? 'A' : 'F', expected[at], style);
        const known = table?.[name]?.[`JS.${style}`];
        if (known !== undefined) assert.equal(expected[at], known, `the table, ${style}`);
      }
    });
  }

  it('keeps each explanation and V8 within what is allowed', () => {
    for (const name of Object.keys(SHAPES)) {
      for (const style of STYLES) {
        const test = testOf(name, style);
        const { allowed, outcomes } = evaluateEcma(test);
        assert.equal(explainEcma(test).allowed, allowed, `${name} ${style}`);
        const known = new Set(outcomes.map(({ text }) => text));
        for (const model of ['v8-x64', 'v8-arm64'] as const) {
          for (const { text } of evaluateV8(test, model).outcomes) {
            assert.ok(known.has(text), `${name} ${style} ${model}: ${text}`);
          }
        }
      }
    }
  });
});

describe('evaluateEcma, on the shared tests', () => {
  const corpus = read('ecmascript.json') as { tests: Row[] } | undefined;
  const tests = corpus?.tests ?? [];
  for (const row of tests) {
    it(row.name, () => {
      const test = parseEcmaTest(row);
      const result = evaluateEcma(test);
      const texts = result.outcomes.map(({ text }) => text);
      assert.equal(verdict(result.allowed), row.es);
      assert.equal(result.racy, row.racy);
      assert.equal(texts.length, row.outcomeCount);
      if (row.outcomes.length === row.outcomeCount) assert.deepEqual(texts, row.outcomes);
      assert.equal(verdict(evaluateEcma(test, { model: 'es2019' }).allowed), row.es2019);
      const columns = [
        ['v8-x64', row.v8_x64],
        ['v8-arm64', row.v8_arm64],
      ] as const;
      for (const [model, expected] of columns) {
        if (expected === '-') continue;
        const { allowed } = evaluateV8(test, model);
        assert.equal(allowed ? 'Sometimes' : 'Never', expected, model);
      }
    });
  }
});
