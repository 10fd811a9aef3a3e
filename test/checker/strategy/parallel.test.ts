/** The same exploration in several threads. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { COLLECTOR, type DeclaredTest } from '../../../src/checker/check/model.ts';
import { check, checkParallel, type CheckResult } from '../../../src/checker/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'rondo-parallel-'));
after(() => rmSync(folder, { recursive: true }));

/** What a file declares. */
async function declaredIn(file: string): Promise<DeclaredTest[]> {
  const tests: DeclaredTest[] = [];
  const collected = globalThis as { [COLLECTOR]?: (test: DeclaredTest) => void };
  collected[COLLECTOR] = (test) => tests.push(test);
  await import(file);
  delete collected[COLLECTOR];
  return tests;
}

const file = new URL('./declared.js', import.meta.url).href;
const tests = await declaredIn(file);
const lateFile = new URL('./late.js', import.meta.url).href;
const lateTests = await declaredIn(lateFile);

function found(name: string, model: string): DeclaredTest {
  return tests.find((test) => test.name === name && test.options.model === model)!;
}

function summary({ executions, blocked, bounded, failure, races }: CheckResult): string {
  return JSON.stringify([executions, blocked, bounded, failure?.message, [...races].sort()]);
}

function inThreads(test: DeclaredTest, workers: number, more = {}): Promise<CheckResult> {
  const { name, options, body } = test;
  return checkParallel({ file, name }, { ...options, ...more }, body, { workers });
}

describe('several threads', () => {
  for (const test of tests) {
    const { name, options, body } = test;
    const isSmall = !name.startsWith('large') && !name.startsWith('lost');
    if (!isSmall || (options.model === 'es' && name.startsWith('mesh'))) continue;
    it(`count what one does: ${name} under ${options.model}`, async () => {
      const alone = summary(check(options, body));
      for (const workers of [1, 2, 3]) {
        assert.equal(summary(await inThreads(test, workers)), alone, `${workers} workers`);
      }
    });
  }

  it('find what fails, with the token that replays it', async () => {
    for (const name of ['lost update', 'lost wake']) {
      const test = found(name, 'sc');
      const { failure } = await inThreads(test, 2);
      assert.equal(failure?.kind, name === 'lost wake' ? 'deadlock' : 'error');
      const again = check({ token: failure.token }, test.body);
      assert.deepEqual(again.failure?.trace, failure.trace);
    }
  });

  it('stop at a bound, and are gone then', async () => {
    const { bounded, executions } = await inThreads(found('large', 'sc'), 2, { executions: 200 });
    assert.equal(bounded, '200 executions');
    assert.ok(executions >= 200);
  });

  it('stop in the midst of an execution when their time is over', async () => {
    const test = found('large, in one execution', 'es');
    const { bounded, executions } = await inThreads(test, 2, { milliseconds: 50 });
    assert.deepEqual([bounded, executions], ['50 ms', 0]);
  });

  it('stop when they are told to', async () => {
    const { name, options, body } = found('large', 'rc11');
    const abort = new AbortController();
    const progress = { ...options, onProgress: () => (abort.abort(), true) };
    const result = await checkParallel({ file, name }, progress, body, {
      workers: 2,
      signal: abort.signal,
    });
    assert.equal(result.bounded, 'it was stopped');
  });

  it('say that there is no such test', async () => {
    const { options, body } = found('ring', 'sc');
    const nowhere = { file, name: 'no such test' };
    await assert.rejects(checkParallel(nowhere, options, body, { workers: 2 }), {
      code: 'ERR_CHECKER_USE',
    });
  });
});

describe('several threads, of which one learns late what the others must know', () => {
  for (const { name, options, body } of lateTests) {
    it(`count what one does: ${name} under ${options.model}`, async () => {
      const alone = check(options, body);
      const source = { file: lateFile, name };
      const result = await checkParallel(source, options, body, { workers: 3 });
      assert.equal(summary(result), summary(alone));
    });
  }
});

describe('several threads that were put off', () => {
  it('go on from what several knew, which one then finds to be otherwise', async () => {
    for (const { name, options, body } of lateTests.slice(0, 7)) {
      const resume = join(folder, 'late');
      let result: CheckResult;
      let parts = 0;
      do {
        const more = { ...options, resume, executions: 2 ** parts, resumeEvery: 1 };
        const source = { file: lateFile, name };
        result = await (parts % 2 === 0
          ? check(more, body)
          : checkParallel(source, more, body, { workers: 2 }));
        parts += 1;
      } while (existsSync(resume));
      assert.equal(summary(result), summary(check(options, body)), name);
    }
  });

  it('go on, and have the same counts in the end', async () => {
    for (const name of ['mesh of three', 'inputs', 'ring']) {
      const test = found(name, 'sc');
      const resume = join(folder, 'state');
      let parts = 0;
      let result: CheckResult;
      do {
        // One thread goes on from what several have left, and the other way round.
        const more = { resume, executions: 40, resumeEvery: 1 };
        result = await (parts % 3 === 0
          ? check({ ...test.options, ...more }, test.body)
          : inThreads(test, parts % 3, more));
        parts += 1;
      } while (existsSync(resume));
      assert.equal(summary(result), summary(check(test.options, test.body)), name);
      assert.ok(parts > 1);
    }
  });
});
