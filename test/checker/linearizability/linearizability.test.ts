import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  check,
  type CheckResult,
  type ModelName,
  type TestContext,
} from '../../../src/checker/check/index.ts';
import { linearizable, type Sequential } from '../../../src/checker/linearizability/index.ts';

const MODELS: readonly ModelName[] = ['sc', 'x86-tso', 'rc11', 'es', 'v8-arm64'];

interface Queue {
  push(value: number): boolean;
  pop(): number | undefined;
}

/** A queue for two threads with room for two, which publishes before it writes if it is wrong. */
function ring({ words }: TestContext, isWrong: boolean): Queue {
  const memory = words(4, 'queue');
  return {
    push(value) {
      const tail = Atomics.load(memory, 1);
      if (tail - Atomics.load(memory, 0) === 2) return false;
      if (isWrong) Atomics.store(memory, 1, tail + 1);
      memory[2 + (tail % 2)] = value;
      if (!isWrong) Atomics.store(memory, 1, tail + 1);
      return true;
    },
    pop() {
      const head = Atomics.load(memory, 0);
      if (Atomics.load(memory, 1) === head) return undefined;
      const value = memory[2 + (head % 2)]!;
      Atomics.store(memory, 0, head + 1);
      return value;
    },
  };
}

function queueOfTwo(): Sequential {
  const values: number[] = [];
  return {
    push(value: number) {
      if (values.length === 2) return false;
      values.push(value);
      return true;
    },
    pop: () => values.shift(),
  };
}

interface Stack {
  push(node: number): void;
  pop(): number;
}

/** The stack of Treiber over nodes 1 to 3; `isCounted` tells the same top at two times apart. */
function treiber({ words }: TestContext, isCounted: boolean): Stack {
  const next = words(4, 'next');
  const top = words(1, 'top');
  const count = isCounted ? 0x100 : 0;
  return {
    push(node) {
      for (;;) {
        const before = Atomics.load(top, 0);
        Atomics.store(next, node, before & 0xff);
        const after = ((before & ~0xff) + count) | node;
        if (Atomics.compareExchange(top, 0, before, after) === before) return;
      }
    },
    pop() {
      for (;;) {
        const before = Atomics.load(top, 0);
        const node = before & 0xff;
        if (node === 0) return 0;
        const after = ((before & ~0xff) + count) | Atomics.load(next, node);
        if (Atomics.compareExchange(top, 0, before, after) === before) return node;
      }
    },
  };
}

function stack(): Sequential {
  const nodes: number[] = [];
  return {
    push: (node: number) => void nodes.push(node),
    pop: () => nodes.pop() ?? 0,
  };
}

function counter(): Sequential {
  let count = 0;
  return { next: () => count++ };
}

describe('linearizable', () => {
  const usual = [
    (queue: Queue) => [1, 2, 3].forEach((value) => queue.push(value)),
    (queue: Queue) => [0, 1].forEach(() => queue.pop()),
  ];

  function queueUnder(model: ModelName, isWrong: boolean): CheckResult {
    const object = (context: TestContext): Queue => ring(context, isWrong);
    const options = { object, specification: queueOfTwo, threads: usual };
    return check({ model, races: 'allow' }, linearizable(options));
  }

  for (const model of MODELS) {
    it(`holds of a queue that is right, under ${model}`, () => {
      const { failure, bounded, executions } = queueUnder(model, false);
      assert.equal(failure?.message, undefined);
      assert.equal(bounded, undefined);
      assert.equal(executions, 19);
    });

    it(`finds a queue that publishes too early, under ${model}`, () => {
      const { failure } = queueUnder(model, true);
      assert.match(failure!.message, /no order of these calls gives these results/);
      assert.match(failure!.message, /pop\(\) = 0/);
      assert.ok(failure!.trace);
    });
  }

  it('finds a queue for one consumer that has two', () => {
    const threads = [
      (queue: Queue) => [1, 2].forEach((value) => queue.push(value)),
      (queue: Queue) => void queue.pop(),
      (queue: Queue) => void queue.pop(),
    ];
    const object = (context: TestContext): Queue => ring(context, false);
    const test = linearizable({ object, specification: queueOfTwo, threads });
    assert.match(check({ model: 'sc' }, test).failure!.message, /pop\(\) = 1 should be 2/);
  });

  it('holds of a stack with counted pointers, and finds that plain ones are taken for others', () => {
    const threads = [
      (object: Stack) => void object.pop(),
      (object: Stack) => {
        object.pop();
        object.pop();
        object.push(1);
      },
    ];
    const outcome = (isCounted: boolean): string | undefined => {
      const object = (context: TestContext): Stack => {
        const made = treiber(context, isCounted);
        for (const node of [2, 1]) made.push(node);
        return made;
      };
      const specification = (): Sequential => {
        const made = stack() as unknown as Stack;
        for (const node of [2, 1]) made.push(node);
        return made as unknown as Sequential;
      };
      // What is left is popped at the end by nobody: a third thread looks at what the top is.
      const all = [...threads, (made: Stack) => void made.pop()];
      return check({ model: 'sc' }, linearizable({ object, specification, threads: all })).failure
        ?.message;
    };
    assert.equal(outcome(true), undefined);
    assert.match(outcome(false) ?? '', /no order of these calls/);
  });

  it('finds a counter that loses counts, and holds of one that does not', () => {
    const outcome = (next: (words: Int32Array) => number): string | undefined => {
      const object = ({ words }: TestContext): { next(): number } => {
        const memory = words(1, 'count');
        return { next: () => next(memory) };
      };
      const threads = [0, 1].map(() => (made: { next(): number }) => void made.next());
      const test = linearizable({ object, specification: counter, threads });
      return check({ model: 'es' }, test).failure?.message;
    };
    assert.equal(
      outcome((memory) => Atomics.add(memory, 0, 1)),
      undefined,
    );
    const lossy = outcome((memory) => {
      const count = Atomics.load(memory, 0);
      Atomics.store(memory, 0, count + 1);
      return count;
    });
    assert.match(lossy ?? '', /next\(\) = 0/);
  });

  it('notes what calls throw', () => {
    const object = (): Sequential => ({
      fail(): never {
        throw new Error('always');
      },
    });
    const call = (made: Sequential): void => {
      assert.throws(() => made['fail']!(), /always/);
    };
    const threads = [call];
    const never = (): Sequential => ({ fail: () => 1 });
    const failing = linearizable({ object, specification: never, threads });
    assert.match(check({ model: 'sc' }, failing).failure!.message, /fail\(\) threw/);
    const alike = linearizable({ object, specification: object, threads });
    assert.equal(check({ model: 'sc' }, alike).failure, undefined);
  });
});
