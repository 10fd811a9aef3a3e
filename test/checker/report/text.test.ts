import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, type ModelName, resultText, type TestBody } from '../../../src/checker/index.ts';
import * as cases from './cases.ts';

/** The report with lines and the token left open: they change with the file. */
function report(model: ModelName, body: TestBody, width: number = 90): string {
  const text = resultText(check({ model }, body), { width });
  return text
    .replaceAll(/(\bcases)\.[tj]s:\d+/g, '$1:N')
    .replace(/Token of this execution: [\w-]+$/, 'Token');
}

/** What stands above and below the columns, on one line. */
function sentences(model: ModelName, body: TestBody): string {
  const lines = report(model, body).split('\n');
  return lines
    .filter((line) => !/[│┼]/.test(line))
    .join(' ')
    .replaceAll(/\s+/g, ' ');
}

function assertSays(text: string, what: string): void {
  assert.ok(text.includes(what), text);
}

describe('resultText', () => {
  test('says how much was explored when nothing failed', () => {
    const body: TestBody = ({ words, thread }) => {
      const box = words(1);
      thread('a', () => box[0]);
      thread('b', () => {
        box[0] = 1;
      });
    };
    assert.equal(resultText(check({ model: 'sc' }, body)), 'sc: complete: 2 executions, 0 blocked');
    assert.match(
      resultText(check({ model: 'sc', executions: 1 }, body)),
      /^sc: BOUNDED \(1 executions\): 1 execution, 0 blocked$/,
    );
  });

  test('counts the execution that fails, wherever it fails', () => {
    const head = (model: ModelName, body: TestBody): string =>
      report(model, body).split('\n\n')[0]!.replaceAll(/\s+/g, ' ');
    for (const body of [cases.counting, cases.message, cases.lostWake]) {
      assert.match(
        head('es', body),
        / first failure, in execution \d+(, \d+ of the others blocked)?$/,
      );
    }
    const never: TestBody = ({ words, thread }) => {
      const box = words(1);
      thread('a', () => Atomics.wait(box, 0, 0));
    };
    assert.match(head('sc', never), /stopped at the first failure, in execution 1$/);
    const { failure } = check({ model: 'sc' }, never);
    assert.match(
      resultText(check({ token: failure!.token }, never)),
      /\n {2}a deadlock; the execution of a token\n/,
    );
  });

  test('shows what was thrown when it is no error', () => {
    const reason = { why: 'no reason', which: [1, 2] } as unknown as Error;
    const body: TestBody = ({ thread }) => {
      thread('a', () => {
        throw reason;
      });
    };
    const [title, kind] = report('sc', body).split('\n');
    assert.equal(title, "FAILED under sc: { why: 'no reason', which: [ 1, 2 ] }");
    assert.match(kind!, /^ {2}something that is no Error was thrown;/);
  });

  test('sets the threads beside each other, with the source of each row', () => {
    const [head, table] = report('armv8', cases.message).split('\n\n');
    assert.match(
      head!,
      /^FAILED under armv8: read 0\n  Error thrown at \S*cases:N; stopped at the/,
    );
    assert.deepEqual(
      table!.split('\n').map((line) => line.replaceAll(/\s+/g, ' ')),
      [
        ' writer │ reader',
        ' ───────────────────────────────────────────┼───────────────────────────────────────────',
        '1 write box[0] = -42 │',
        ' cases:N box[0] = -42; │',
        '2 write box[1] = 1 │',
        ' cases:N box[1] = 1; │',
        '3 │ read box[1]: 1 (from row 2)',
        ' │ cases:N const seen = box[1];',
        '4 │ read box[0]: 0 (the initial value)',
        ' │ cases:N return seen === 1 ? box[0]',
        ' │ : -42;',
      ],
    );
  });

  test('sets them below each other when there are too many', () => {
    const text = report('sc', cases.counting, 40);
    assert.match(
      text,
      /\n1 {2}a:\n {3}read count\[0\]: 0 \(the initial value\)\n {5}cases:N {2}count/,
    );
    assert.ok(text.split('\n').every((line) => line.length <= 40));
  });

  test('has colours on demand alone, and shows no more rows than were asked for', () => {
    const result = check({ model: 'armv8' }, cases.message);
    assert.ok(!resultText(result).includes('\u001b'));
    const text = resultText(result, { colors: true, rows: 1 });
    assert.ok(text.startsWith('\u001b[31mFAILED under armv8'));
    assert.match(text, /\(3 rows before these are not shown\)/);
    assert.ok(!text.includes('read box[1]'));
  });

  test('takes what would act on a terminal out of names and messages', () => {
    const result = check({ model: 'sc' }, ({ cell, thread }) => {
      const box = cell('', 'name\u001b[2J');
      thread('a', () => {
        box.store('\u001b[31m');
        throw new Error('red\u001b[0m');
      });
    });
    assert.ok(!resultText(result).includes('\u001b'));
    assert.match(resultText(result), /throws: red/);
  });

  test('shows what was chosen when a test fails while it is set up', () => {
    const result = check({ model: 'sc' }, ({ choose }) => {
      if (choose(3) === 2) throw new TypeError('no third');
    });
    const text = resultText(result);
    assert.match(
      text,
      /^FAILED under sc: no third\n  TypeError thrown while the test was set up at /,
    );
    assert.match(text, /\n\nChosen while the test was set up: 2\n\nToken of this execution: /);
  });
});

describe('resultText, of reads that need a reason', () => {
  test('x86-TSO: a store is still in its buffer, and leaves it in a row of its own', () => {
    const text = sentences('x86-tso', cases.storeBuffering);
    assertSays(
      text,
      'row 4 reads flags[0] = 0, the initial value, and not 1 (row 1): - the store of row 1 ' +
        '(cases:N) is still in the store buffer of left, where right cannot see it',
    );
    assert.match(report('x86-tso', cases.storeBuffering), /\n5 {2}flags\[0\] = 1 of row 1 leaves/);
  });

  test('machines: which accesses of a thread are out of order, on both sides', () => {
    for (const model of ['armv8', 'riscv', 'v8-arm64'] as const) {
      const text = sentences(model, cases.message);
      assert.match(text, /store of row 2 \(\S+\) may become visible before the store of row 1/);
      assert.match(text, /read of row 4 \(\S+\) may be satisfied before the read of row 3/);
      // The store that releases cannot be it.
      const half = sentences(model, cases.halfMessage);
      assert.ok(!half.includes('may become visible before'));
      assert.match(half, /read of row 4 \(\S+\) may be satisfied before the read of row 3/);
    }
  });

  test('ECMAScript and RC11: what would have made one happen before the other', () => {
    assertSays(
      sentences('es', cases.halfMessage),
      'row 1 (cases:N) does not happen before this read: the read of row 3 (cases:N) sees the ' +
        'store of row 2 (cases:N), but the read is plain, so that orders nothing',
    );
    assert.match(
      sentences('rc11', cases.cells),
      /sees the store of row 2 \(\S+\), but the store is relaxed, so that orders nothing/,
    );
    assertSays(
      sentences('es', cases.storeBuffering),
      'does not happen before this read: nothing that the two threads do orders one after the ' +
        'other',
    );
  });

  test('load buffering: the store that is read stands below', () => {
    assert.match(
      sentences('riscv', cases.lateRead),
      /row 1 reads box\[0\] = 1, of row 4: - it reads the store of row 4 .*\(load buffering\)/,
    );
  });

  test('says so when no read needs one', () => {
    for (const model of ['sc', 'x86-tso', 'armv8'] as const) {
      const text = sentences(model, cases.counting);
      assert.match(text, /Each read finds the last write above it: that threads take turns/);
      assert.ok(!text.includes('Why that is allowed'));
    }
  });
});

describe('resultText, of threads that do not end', () => {
  test('a lost wake: who slept where, and who had notified before', () => {
    const text = report('es', cases.lostWake);
    assert.match(
      text,
      /^FAILED under es: a thread sleeps, and nobody is left to wake it\n  a deadlock;/,
    );
    assert.match(text, /\n1 {2}notify door\[0\]: nobody sleeps there /);
    assert.match(text, /│ wait on door\[0\]: 0 \(the initial value\):/);
    assert.match(text, /│ sleeps for ever/);
    assertSays(
      text,
      'sleeper sleeps on door[0] since row 3: whoever notifies there did so before that (row 1)',
    );
  });

  test('sleepers that are woken, joins, and time that is up', () => {
    const text = report('es', cases.woken);
    assert.match(text, /notify door\[0\]: wakes/);
    assert.match(text, /│ joins waker/);
    assert.match(text, /│ is woken \(by row 3\)/);
    assert.match(report('es', cases.timedOut), /\n2 {2}the time of its wait on door\[0\] is up\n/);
  });

  test('a loop without end', () => {
    const text = report('rc11', cases.endless);
    assert.match(text, /\n {2}a livelock; stopped/);
    assert.match(text, /Atomics\.compareExchange door\[0\]: 0 stays/);
    assert.match(text, /goes round in a loop, with its last read  /);
  });

  test('a race: the two accesses', () => {
    assertSays(
      sentences('rc11', cases.race),
      'The race: the store of row 2 (cases:N), which is seq_cst, and the read of row 3 (cases:N), ' +
        'which is plain, are not ordered',
    );
  });
});
