import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluateEcma } from './evaluate.ts';
import { parseEcmaProgram } from './program.ts';

const PUBLISHING = `
'publishing';
// Two cells of one memory.
const memory = new SharedArrayBuffer(8);
const data = new Int32Array(memory, 0, 1);
const flag = new Int32Array(memory, 4, 1);
const other = new Uint8Array(new SharedArrayBuffer(4));
data[0] = 7;
thread(() => {
  data[0] = 42;
  Atomics.store(flag, 0, 1);
});
thread(() => {
  const seen = Atomics.load(flag, 0);
  const value = data[0];
});
exists(seen === 1 && value !== 42);
`;

describe('parseEcmaProgram', () => {
  it('reads declarations, set-up, threads and the question', () => {
    const test = parseEcmaProgram(PUBLISHING, 'a file');
    assert.equal(test.name, 'publishing');
    const { outcomes, allowed } = evaluateEcma(test);
    assert.deepEqual(
      outcomes.map(({ text }) => text),
      ['seen=0; value=42', 'seen=0; value=7', 'seen=1; value=42'],
    );
    assert.equal(allowed, false);
  });

  it('does without a name, a question and declarations', () => {
    const test = parseEcmaProgram('thread(() => { x[0] = 1; const a = x[0]; })', 'a file');
    assert.equal(test.name, 'a file');
    const { outcomes, allowed } = evaluateEcma(test);
    assert.deepEqual([outcomes.map(({ text }) => text), allowed], [['a=1'], undefined]);
  });

  it('refuses what it does not understand, with the line', () => {
    const refused = (text: string, message: RegExp): void => {
      assert.throws(() => parseEcmaProgram(text, 'a file'), { code: 'ERR_LITMUS_SYNTAX', message });
    };
    refused('const x = new Int32Array(memory);', /memory is no SharedArrayBuffer/);
    refused('const m = new SharedArrayBuffer(8);\nconst m = 3;', /twice, at line 2/);
    refused('thread(() => { x[0] = 1 );', /at line 1/);
    refused('', /it has no threads/);
  });
});
