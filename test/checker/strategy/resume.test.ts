/** Going on from where an exploration was put off. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkWith } from '../../../src/checker/check/check.ts';
import { check, type CheckOptions, type TestBody } from '../../../src/checker/index.ts';
import {
  counter,
  inputs,
  lateByte,
  lateLength,
  lateRounds,
  lateWrite,
  mesh,
  mixed,
  ring,
  sleeper,
} from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'rondo-resume-'));
after(() => rmSync(folder, { recursive: true }));

/** Goes on until all is explored, a few executions at a time. */
function inParts(options: CheckOptions, body: TestBody, executions: number): string {
  const resume = join(folder, 'state');
  for (let part = 1; ; part++) {
    const result = check({ ...options, resume, executions }, body);
    assert.equal(existsSync(resume), result.bounded === `${executions} executions`);
    if (existsSync(resume)) continue;
    assert.ok(part > 1);
    const { blocked, bounded, races } = result;
    return JSON.stringify([result.executions, blocked, bounded, [...races].sort()]);
  }
}

function atOnce(options: CheckOptions, body: TestBody): string {
  const { executions, blocked, bounded, races } = check(options, body);
  return JSON.stringify([executions, blocked, bounded, [...races].sort()]);
}

describe('an exploration that was put off', () => {
  for (const model of ['sc', 'rc11', 'es'] as const) {
    it(`has the same counts in the end under ${model}`, () => {
      const options: CheckOptions = { model, races: 'allow' };
      for (const body of [mesh(2, 2), ring(4), counter(4, true), sleeper(false), inputs, mixed]) {
        assert.equal(inParts(options, body, 2), atOnce(options, body));
      }
    });
  }

  it('knows what went by, when that turns out otherwise', () => {
    for (const body of [lateWrite, lateByte, lateRounds]) {
      const options: CheckOptions = { model: 'sc', races: 'allow' };
      assert.equal(inParts(options, body, 1), atOnce(options, body));
    }
    assert.match(atOnce({ model: 'sc' }, lateRounds), /rounds of a loop/);
  });

  it('knows that something was given up', () => {
    const options: CheckOptions = { model: 'sc', races: 'allow', events: 20 };
    assert.match(atOnce(options, lateLength), /20 events of a thread/);
    assert.equal(inParts(options, lateLength, 1), atOnce(options, lateLength));
  });

  it('goes on from what was written on the way', () => {
    const resume = join(folder, 'on-the-way');
    const body = mesh(3, 3);
    let now = 0;
    const clock = { now: () => (now += 10) };
    let left = 4;
    const onProgress = (): boolean => {
      if (left-- > 0) return true;
      throw new Error('as if it was killed');
    };
    const options = { model: 'sc', resume, resumeEvery: 30 } as const;
    assert.throws(() => checkWith({ ...options, onProgress }, body, { clock }), /killed/);
    assert.ok(existsSync(resume));
    const { executions, bounded } = check(options, body);
    assert.equal(bounded, undefined);
    assert.equal(executions, check({ model: 'sc' }, body).executions);
  });

  it('is refused to another test, to other options, and when it is no such file', () => {
    const resume = join(folder, 'other');
    const options = { model: 'sc', resume, executions: 2 } as const;
    check(options, mesh(3, 2));
    const refused = { code: 'ERR_CHECKER_RESUME' };
    assert.throws(() => check(options, mesh(3, 3)), refused);
    assert.throws(() => check({ ...options, model: 'rc11' }, mesh(3, 2)), refused);
    assert.throws(() => check({ ...options, events: 100 }, mesh(3, 2)), refused);
    writeFileSync(resume, 'something else');
    assert.throws(() => check(options, mesh(3, 2)), refused);
  });

  it('leaves no file when something has failed', () => {
    const resume = join(folder, 'fails');
    assert.equal(check({ model: 'sc', resume }, counter(3, false)).failure?.kind, 'error');
    assert.ok(!existsSync(resume));
  });
});
