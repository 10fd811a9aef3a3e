/**
 * Who runs: random programs of tasks that wake, spawn and cancel each other, on the executor and on
 * a model that says the same rules with plain arrays. Both must poll the same tasks in the same
 * order.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  AGING,
  LIFO_POLLS,
  PENDING,
  pollFn,
  PRIORITIES,
  VirtualHost,
  type JoinHandle,
  type Waker,
} from '../../../src/task/index.ts';

/** What a task does in one poll, in order. Numbers are tasks, modulo how many there are. */
type Action =
  { do: 'wake'; who: number } | { do: 'spawn'; level: number } | { do: 'abort'; who: number };
interface PollScript {
  readonly actions: readonly Action[];
  readonly ends: boolean;
}
/** Of each task its polls; after the last it is pending for ever. Tasks are numbered by birth. */
interface Program {
  readonly first: readonly number[];
  readonly scripts: readonly (readonly PollScript[])[];
}

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wake' as const), who: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('spawn' as const), level: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), who: fc.nat(30) }) },
);
const pollScript = fc.record({
  actions: fc.array(action, { maxLength: 4 }),
  ends: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const program: fc.Arbitrary<Program> = fc.record({
  first: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
  scripts: fc.array(fc.array(pollScript, { maxLength: 12 }), { minLength: 1, maxLength: 8 }),
});

const TASKS_MAX = 40;

function onExecutor({ first, scripts }: Program): string[] {
  const host = new VirtualHost();
  const executor = host.executor();
  const trace: string[] = [];
  const handles: JoinHandle<unknown>[] = [];
  const wakers: Waker[] = [];
  const start = (level: number): void => {
    const me = handles.length;
    if (me === TASKS_MAX) return;
    const script = scripts[me % scripts.length]!;
    let poll = 0;
    const future = pollFn(
      (context) => {
        wakers[me] = context.waker;
        trace.push(`${me}`);
        const step = script[poll++];
        for (const each of step?.actions ?? []) act(each);
        return step?.ends === true ? 0 : PENDING;
      },
      () => {
        trace.push(`cancel ${me}`);
      },
    );
    handles.push(executor.spawn(future, { priority: PRIORITIES[level]! }));
    wakers.push(handles[me] as unknown as Waker);
  };
  const act = (each: Action): void => {
    if (each.do === 'spawn') start(each.level);
    else if (each.do === 'wake') wakers[each.who % wakers.length]!.wakeByRef();
    else handles[each.who % handles.length]!.abort();
  };
  for (const level of first) start(level);
  host.runUntilIdle();
  return trace;
}

interface ModelTask {
  readonly level: number;
  readonly script: readonly PollScript[];
  poll: number;
  isQueued: boolean;
  isOver: boolean;
  isAborted: boolean;
}

/** The rules of the executor and of `ClassQueue`, said with arrays. */
class Model {
  readonly trace: string[] = [];
  readonly #program: Program;
  readonly #tasks: ModelTask[] = [];
  readonly #queues: number[][] = [[], [], [], []];
  readonly #passed = [0, 0, 0, 0];
  #lifo: number | undefined;
  #lifoPolls = 0;
  #running: number | undefined;

  constructor(program: Program) {
    this.#program = program;
  }

  run(): string[] {
    for (const level of this.#program.first) this.#spawn(level);
    for (let next; (next = this.#next()) !== undefined;) this.#poll(next);
    return this.trace;
  }

  #spawn(level: number): void {
    if (this.#tasks.length === TASKS_MAX) return;
    const { scripts } = this.#program;
    const script = scripts[this.#tasks.length % scripts.length]!;
    const fresh = { poll: 0, isQueued: true, isOver: false, isAborted: false };
    this.#tasks.push({ level, script, ...fresh });
    this.#queues[level]!.push(this.#tasks.length - 1);
  }

  #wake(who: number): void {
    const task = this.#tasks[who]!;
    if (task.isQueued || task.isOver) return;
    task.isQueued = true;
    const isFirst = this.#queues.slice(0, task.level).every((queue) => queue.length === 0);
    const displaced = this.#lifo;
    const isLess = displaced !== undefined && this.#tasks[displaced]!.level < task.level;
    if (who === this.#running || isLess || !isFirst) {
      this.#queues[task.level]!.push(who);
      return;
    }
    this.#lifo = who;
    if (displaced !== undefined) this.#queues[this.#tasks[displaced]!.level]!.push(displaced);
  }

  #abort(who: number): void {
    const task = this.#tasks[who]!;
    if (task.isOver || task.isAborted) return;
    task.isAborted = true;
    this.#wake(who);
  }

  #next(): number | undefined {
    const slot = this.#lifo;
    if (slot === undefined) {
      this.#lifoPolls = 0;
      return this.#pop();
    }
    this.#lifo = undefined;
    this.#lifoPolls += 1;
    if (this.#lifoPolls <= LIFO_POLLS) return slot;
    this.#lifoPolls = 0;
    this.#queues[this.#tasks[slot]!.level]!.push(slot);
    return this.#pop();
  }

  #pop(): number | undefined {
    const ready = [0, 1, 2, 3].filter((level) => this.#queues[level]!.length > 0);
    if (ready.length === 0) return undefined;
    let level = ready[0]!;
    if (ready.length > 1) {
      const due = ready.filter((each) => this.#passed[each]! >= AGING);
      const oldest = Math.max(...due.map((each) => this.#passed[each]!));
      level = due.find((each) => this.#passed[each] === oldest) ?? level;
      for (const each of ready) this.#passed[each]! += 1;
      this.#passed[level] = 0;
    }
    const who = this.#queues[level]!.shift();
    if (this.#queues[level]!.length === 0) this.#passed[level] = 0;
    return who;
  }

  #poll(who: number): void {
    const task = this.#tasks[who]!;
    task.isQueued = false;
    if (task.isOver) return;
    this.#running = who;
    if (task.isAborted) {
      this.trace.push(`cancel ${who}`);
      task.isOver = true;
    } else {
      this.trace.push(`${who}`);
      const step = task.script[task.poll++];
      for (const each of step?.actions ?? []) {
        if (each.do === 'spawn') this.#spawn(each.level);
        else if (each.do === 'wake') this.#wake(each.who % this.#tasks.length);
        else this.#abort(each.who % this.#tasks.length);
      }
      if (step?.ends === true) task.isOver = true;
    }
    this.#running = undefined;
  }
}

it('the executor polls the tasks that the model polls, in its order', () => {
  fc.assert(
    fc.property(program, (each) => {
      assert.deepEqual(onExecutor(each), new Model(each).run());
    }),
    { numRuns: 3000 },
  );
});
