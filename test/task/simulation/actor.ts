/** Runs the steps of a random program, and tells the ledger about all that it does and sees. */
import {
  attempt,
  borrow,
  CoroutineFuture,
  deadline,
  END,
  join,
  joinSettled,
  pollFn,
  race,
  scope,
  select,
  shield,
  TaskSet,
  timeout,
  type BaseFuture,
  type Coroutine,
  type Future,
  type JoinHandle,
  type Outcome,
  type Scope,
  type Task,
} from '../../../src/task/index.ts';
import { Question } from './channels.ts';
import { ownErrors } from './ledger.ts';
import { observedSleep, Ticks, type SemaphoreThing } from './locks.ts';
import { Observed, type Scene } from './observed.ts';
import type { Act, BlockingLeaf, Compound, Leaf, Step } from './program.ts';
import type { World } from './world.ts';

/** What a cancelled or refused part of a program may throw beside the program's own errors. */
export const CODES: readonly string[] = [
  'ERR_TASK_CANCELLED',
  'ERR_TASK_TIMEOUT',
  'ERR_TASK_DEADLINE',
  'ERR_EXECUTOR_CLOSED',
];

/** Milliseconds that one wait may take where nothing can be cancelled. */
const PROTECTED_MS = 3;

/** Tasks at most, so that no program grows without end. */
const TASKS_MAX = 150;

type Of<K, C = Compound> = C extends { readonly do: infer D } ? (K extends D ? C : never) : never;

/** How a step is run: whether in a part that goes on when its task is cancelled. */
interface Frame {
  readonly isProtected: boolean;
}

const CLEANING: Frame = { isProtected: true };

/** All that the tasks of one program share; see the head of this file. */
export class Actor {
  readonly #scene: Scene;
  readonly #world: World;
  readonly #handles: JoinHandle<number>[] = [];
  /** What each task will give, if nothing stops it. */
  readonly #values = new Map<JoinHandle<number>, number>();

  constructor(scene: Scene, world: World) {
    this.#scene = scene;
    this.#world = world;
  }

  // ---- tasks

  /** Starts a task by `spawn`, and keeps its handle for all others. */
  start(
    parts: readonly Step[],
    spawn: (body: () => Coroutine<number>) => JoinHandle<number>,
    ended: () => void = () => undefined,
  ): JoinHandle<number> | undefined {
    if (this.#handles.length === TASKS_MAX) return undefined;
    const { ledger } = this.#scene;
    const value = ledger.number();
    const handle = spawn(() => this.#body(parts, value, ended));
    ledger.note(`spawns ${handle.id}`);
    this.#handles.push(handle);
    this.#values.set(handle, value);
    return handle;
  }

  *#body(parts: readonly Step[], value: number, ended: () => void): Coroutine<number> {
    const { ledger } = this.#scene;
    ledger.note('begins');
    ledger.finallyLeft += 1;
    try {
      yield* this.run(parts, { isProtected: false });
      return value;
    } finally {
      ledger.finallyLeft -= 1;
      ledger.note('ends');
      ended();
    }
  }

  /** Aborts one of all tasks, from inside or outside. */
  abort(which: number): void {
    const handle = this.#handles[which % this.#handles.length];
    if (handle === undefined) return;
    const { ledger } = this.#scene;
    const isLate = handle.isFinished;
    const isNews = handle.abort(`abort ${which}`);
    ledger.note(`aborts ${handle.id}: ${isNews}`);
    ledger.expect(!(isLate && isNews), `task ${handle.id} was aborted after its end`);
    ledger.expect(!handle.abort(), `task ${handle.id} was aborted twice`);
  }

  // ---- steps

  *run(steps: readonly Step[], frame: Frame): Coroutine<void> {
    for (const step of steps) yield* this.#future(step, frame);
  }

  /** A step as a future, to stand by itself or beside others. */
  #future(step: Step, frame: Frame): BaseFuture<unknown> {
    const leaf = this.#leaf(step as Leaf, frame.isProtected);
    if (leaf === undefined) return new CoroutineFuture(this.#perform(step, frame));
    const { patience = 0 } = step as Partial<BlockingLeaf>;
    if (frame.isProtected && 'patience' in step) return this.#bounded(leaf);
    return patience === 0 ? leaf : attempt(timeout(patience, leaf));
  }

  #bounded(future: Future<unknown>): BaseFuture<unknown> {
    return attempt(timeout(PROTECTED_MS, future));
  }

  #leaf(step: Leaf, isProtected: boolean): Observed<unknown> | undefined {
    return step.do === 'wait'
      ? this.#wait(step.which, isProtected)
      : this.#world.leaf(step, isProtected);
  }

  #wait(which: number, isProtected: boolean): Observed<unknown> {
    const { ledger } = this.#scene;
    const handle = this.#handles[which % this.#handles.length]!;
    return new Observed<number>(
      this.#scene,
      handle,
      {
        what: `wait for task ${handle.id}`,
        overdue: () => (handle.isFinished ? 'it has ended' : undefined),
        ready: (value) => {
          const expected = this.#values.get(handle);
          ledger.expect(value === expected, `task ${handle.id} gave ${value}, not ${expected}`);
        },
        threw: (error) => {
          ledger.awaited(error, CODES);
          return 0;
        },
      },
      isProtected,
    );
  }

  #perform(step: Step, frame: Frame): Coroutine<unknown> {
    switch (step.do) {
      case 'all':
        return this.run(step.parts, frame);
      case 'shield':
        return this.#shielded(step);
      case 'attempt':
        return this.#caught(new CoroutineFuture(this.run(step.parts, frame)));
      case 'clean':
        return this.#cleaned(step, frame);
      case 'timeout':
      case 'deadline':
        return this.#timed(step, frame);
      case 'follow':
        return this.#rethrown(
          this.#world.tokens.run(step.which, new CoroutineFuture(this.run(step.parts, frame))),
        );
      case 'select':
      case 'race':
      case 'join':
      case 'joinSettled':
        return this.#several(step, frame);
      case 'hold':
        return this.#held(step, frame);
      case 'sendBy':
        return step.how === 'clone' ? this.#cloned(step, frame) : this.#reserved(step, frame);
      case 'lend':
        return this.#lent(step, frame);
      case 'ask':
        return this.#asked(step, frame);
      case 'ticks':
        return this.#ticks(step, frame);
      case 'scope':
        return this.#scoped(step, frame);
      case 'set':
        return this.#set(step, frame);
      default:
        return this.#done(step);
    }
  }

  /** What needs no wait. */
  // oxlint-disable-next-line require-yield -- A step is a coroutine, also one that does not wait.
  *#done(step: Step): Coroutine<void> {
    if (step.do === 'spawn') this.#spawn(step);
    else if (step.do === 'abort') this.abort(step.which);
    else if (step.do === 'throw') throw this.#scene.ledger.makeError();
    else this.#world.act(step as Act);
  }

  #spawn({ priority, parts }: Of<'spawn'>): void {
    const { executor } = this.#scene;
    if (executor.isClosed) return;
    this.start(parts, (body) => executor.spawn(body, { priority }));
  }

  // ---- how parts end

  /** Takes the errors of the program; those of the library may be there too. */
  *#caught(future: Future<unknown>): Coroutine<void> {
    const { ok, error } = (yield* attempt(future)) as Outcome<unknown> & { error: unknown };
    if (!ok) this.#scene.ledger.caught(error, CODES);
  }

  /** Throws the errors of the program; that the library stopped it alone is no error. */
  *#rethrown(future: Future<unknown>): Coroutine<void> {
    const { ok, error } = (yield* attempt(future)) as Outcome<unknown> & { error: unknown };
    if (!ok && ownErrors(error).length > 0) throw error;
    if (!ok) this.#scene.ledger.caught(error, CODES);
  }

  *#shielded({ parts }: Of<'shield'>): Coroutine<void> {
    const { ledger } = this.#scene;
    let isOver = false;
    const whole = new CoroutineFuture(this.run([...parts], CLEANING));
    try {
      yield* shield(
        new Observed(
          this.#scene,
          whole,
          {
            what: 'shielded part',
            ready: () => (isOver = true),
            threw: (error) => {
              isOver = true;
              throw error;
            },
            gone: (hasBegun) => ledger.expect(!hasBegun, 'a shielded part was given up'),
          },
          true,
        ),
      );
    } finally {
      ledger.expect(isOver, 'a shielded part was left before its end');
    }
  }

  *#cleaned({ parts, cleanup }: Of<'clean'>, frame: Frame): Coroutine<void> {
    yield* this.#ensured(this.run(parts, frame), () => this.run(cleanup, CLEANING));
  }

  /** `finally`, but the error before is not forgotten, as JavaScript would, when that throws too. */
  *#ensured(body: Coroutine<void>, cleanup: () => Coroutine<void>): Coroutine<void> {
    const { ledger } = this.#scene;
    let thrown: unknown;
    ledger.finallyLeft += 1;
    try {
      yield* body;
    } catch (error) {
      thrown = error;
      throw error;
    } finally {
      ledger.finallyLeft -= 1;
      ledger.note('cleans up');
      yield* this.#cleanUp(cleanup(), thrown);
    }
  }

  *#cleanUp(cleanup: Coroutine<void>, thrown: unknown): Coroutine<void> {
    try {
      yield* cleanup;
    } catch (error) {
      if (ownErrors(thrown).length === 0) throw error;
      throw new AggregateError([thrown, error], 'the part and its cleaning up', { cause: error });
    }
  }

  *#timed({ do: kind, ms, parts }: Of<'timeout'>, frame: Frame): Coroutine<void> {
    const { ledger } = this.#scene;
    const begun = ledger.now;
    const inner: Observed<void> = new Observed<void>(
      this.#scene,
      new CoroutineFuture(this.run(parts, frame)),
      {
        what: `part of ${ms} ms`,
        overdue: () => (ledger.now > begun + ms ? 'its time is over' : undefined),
        ready: () => ledger.expect(ledger.now <= begun + ms, 'a timeout came too late'),
      },
      frame.isProtected,
    );
    const future = (kind === 'timeout' ? timeout : deadline)(ms, inner);
    const { ok, error } = (yield* attempt(future)) as Outcome<unknown> & { error: unknown };
    if (ok) return;
    if ((error as { code?: string }).code === 'ERR_TASK_TIMEOUT') {
      ledger.expect(inner.cancelled === begun + ms, `time was up at ${inner.cancelled}`);
    }
    if (ownErrors(error).length > 0) throw error;
    ledger.caught(error, CODES);
  }

  *#several({ do: kind, biased, branches }: Of<'select'>, frame: Frame): Coroutine<void> {
    const futures = branches.map((step) => this.#future(step, frame));
    if (futures.length === 0) return;
    const named = Object.fromEntries(futures.map((future, i) => [`branch${i}`, future]));
    switch (kind) {
      case 'select':
        yield* select(named, { biased });
        return;
      case 'race':
        yield* race(futures);
        return;
      case 'join':
        yield* biased ? join(named) : join(futures);
        return;
      default:
    }
    // What was caught is caught, also when the rest is given up.
    const caught = futures.map((future) => new CoroutineFuture(this.#caught(future)));
    const outcomes = yield* joinSettled(caught);
    const all = outcomes.length === futures.length && outcomes.every(({ ok }) => ok);
    this.#scene.ledger.expect(all, 'joinSettled gave an error');
  }

  // ---- holding

  *#held({ how, which, count, parts }: Of<'hold'>, frame: Frame): Coroutine<void> {
    const semaphore = this.#world.semaphore(which);
    const inside = (): Coroutine<void> => this.run(parts, frame);
    switch (how) {
      case 'permit':
      case 'try':
        return yield* this.#withPermit(semaphore, how === 'try', count, frame, inside);
      case 'run':
      case 'exclusive':
        return yield* this.#runs(how === 'run' ? semaphore : undefined, count, frame, inside);
      default:
        return yield* this.#withLock(how, frame, inside);
    }
  }

  *#withPermit(
    semaphore: SemaphoreThing,
    tries: boolean,
    count: number,
    frame: Frame,
    inside: () => Coroutine<void>,
  ): Coroutine<void> {
    const permit = tries
      ? semaphore.tryAcquire(count)
      : yield* this.#taken(semaphore.acquire(count, frame.isProtected), frame);
    if (permit === undefined) return;
    const held = permit.count;
    try {
      yield* inside();
    } finally {
      semaphore.givenBack(held);
      permit.release();
    }
  }

  /** What a wait gave; undefined when it took too long where nothing can be cancelled. */
  *#taken<T>(wait: Observed<T>, frame: Frame): Coroutine<T | undefined> {
    if (!frame.isProtected) return yield* wait;
    const outcome = yield* attempt(timeout(PROTECTED_MS, wait));
    return outcome.ok ? outcome.value : undefined;
  }

  /** The forms that hold while a body runs. */
  *#runs(
    semaphore: SemaphoreThing | undefined,
    count: number,
    frame: Frame,
    inside: () => Coroutine<void>,
  ): Coroutine<void> {
    const lock = this.#world.lock;
    const amount = semaphore?.amount(count) ?? 0;
    const asked = semaphore?.asks(amount);
    const body = function* (): Coroutine<void> {
      asked?.();
      if (semaphore === undefined) lock.locked();
      else semaphore.taken(amount);
      try {
        yield* inside();
      } finally {
        if (semaphore === undefined) lock.unlocked();
        else semaphore.givenBack(amount);
      }
    };
    const future: Future<void> =
      semaphore === undefined
        ? lock.mutex.runExclusive<void, unknown>(body)
        : semaphore.semaphore.run<void, unknown>(body, amount);
    // Where nothing can be cancelled it is not waited for either: others may hold it for long.
    try {
      if (frame.isProtected) yield* this.#rethrown(timeout(PROTECTED_MS, future));
      else yield* future as Observed<void>;
    } finally {
      asked?.();
    }
  }

  *#withLock(how: string, frame: Frame, inside: () => Coroutine<void>): Coroutine<void> {
    const lock = this.#world.lock;
    const { isProtected } = frame;
    const wait: Observed<{ release(): void }> =
      how === 'mutex'
        ? lock.lock(isProtected)
        : how === 'read'
          ? lock.read(isProtected)
          : lock.write(isProtected);
    const guard = yield* this.#taken(wait, frame);
    if (guard === undefined) return;
    try {
      yield* inside();
    } finally {
      if (how === 'mutex') lock.unlocked();
      else lock.left(how === 'write');
      guard.release();
    }
  }

  // ---- channels

  *#cloned({ which, parts }: Of<'sendBy'>, frame: Frame): Coroutine<void> {
    const channel = this.#world.channel(which);
    const sender = channel.clone();
    if (sender === undefined) return;
    try {
      yield* this.run(parts, frame);
      yield* this.#taken(channel.send(frame.isProtected, sender), frame);
    } finally {
      channel.closeClone(sender);
    }
  }

  *#reserved({ which, count, parts }: Of<'sendBy'>, frame: Frame): Coroutine<void> {
    const channel = this.#world.channel(which);
    const permit = yield* this.#taken(channel.reserve(1 + (count % 2), frame.isProtected), frame);
    if (permit === undefined) return;
    try {
      yield* this.run(parts, frame);
      if (permit.remaining > 0) channel.sendReserved(permit);
    } finally {
      channel.releasePermit(permit);
    }
  }

  *#asked({ asReceiver, answer }: Of<'ask'>, frame: Frame): Coroutine<void> {
    const { executor } = this.#scene;
    const question = new Question(this.#scene);
    if (executor.isClosed) return;
    const answering = this.start(answer, (body) =>
      executor.spawn(function* () {
        const value = yield* body();
        question.answer();
        return value;
      }),
    );
    if (answering === undefined) question.closeSender();
    // One that was aborted before it began answers nobody: that is for the other to know.
    else (answering as unknown as Task).onEnd(() => question.closeSender());
    yield* this.#taken(question.ask(asReceiver, frame.isProtected), frame);
  }

  /** One future that stands in a `select` first, and then, if it is not over, in a `join`. */
  *#lent({ leaf, ms }: Of<'lend'>, frame: Frame): Coroutine<void> {
    const lent = this.#leaf(leaf, frame.isProtected)!;
    const time = observedSleep(this.#scene, ms, frame.isProtected);
    try {
      const first = yield* select({ lent: borrow(lent), time });
      if (first.key === 'time') yield* this.#rethrown(timeout(ms, join([borrow(lent)])));
    } finally {
      yield* pollFn<void>((context) => lent.cancel(context));
    }
  }

  *#ticks({ period, missed, between }: Of<'ticks'>, frame: Frame): Coroutine<void> {
    const ticks = new Ticks(this.#scene, period, missed);
    for (let i = 0; i < 3; i++) {
      yield* ticks.tick(frame.isProtected);
      yield* this.run(between, frame);
    }
  }

  // ---- structure

  *#scoped(step: Of<'scope'>, frame: Frame): Coroutine<void> {
    const { ledger } = this.#scene;
    const children: JoinHandle<number>[] = [];
    const ended = (): void => {
      const left = children.filter(({ isFinished }) => !isFinished);
      ledger.expect(left.length === 0, `a scope ends before ${left.map(({ id }) => id).join()}`);
    };
    const opened = scope((opening) => this.#inScope(opening, step, frame, children), {
      onError: step.onError,
    });
    const observed = new Observed<void>(
      this.#scene,
      opened,
      {
        what: `scope with ${step.onError}`,
        overdue: () => (step.onError === 'cancel' ? unstopped(children) : undefined),
        ready: ended,
        gone: ended,
        threw: (error) => {
          ended();
          throw error;
        },
      },
      frame.isProtected,
    );
    yield* this.#rethrown(observed);
  }

  *#inScope(
    opening: Scope,
    step: Of<'scope'>,
    frame: Frame,
    children: JoinHandle<number>[],
  ): Coroutine<void> {
    for (const parts of step.children) {
      const child = this.start(parts, (body) => opening.spawn(body));
      if (child !== undefined) children.push(child);
    }
    yield* this.run(step.parts, frame);
    if (step.cancels) opening.cancel('enough');
  }

  *#set(step: Of<'set'>, frame: Frame): Coroutine<void> {
    if (this.#scene.executor.isClosed) return;
    const set = new TaskSet<number>();
    yield* this.#ensured(this.#useSet(set, step, frame), () => {
      set.abortAll('too late');
      // Its tasks have ended when they have cleaned up.
      return this.#sheltered(this.#joined(set));
    });
  }

  *#useSet(set: TaskSet<number>, step: Of<'set'>, frame: Frame): Coroutine<void> {
    for (const parts of step.children) this.start(parts, (body) => set.spawn(body));
    yield* this.run(step.parts, frame);
    if (frame.isProtected || step.how === 'abort') set.abortAll('enough');
    if (step.how === 'all') yield* this.#rethrown(set.joinAll());
    else yield* this.#joined(set);
  }

  *#sheltered(body: Coroutine<void>): Coroutine<void> {
    yield* shield(body);
  }

  *#joined(set: TaskSet<number>): Coroutine<void> {
    for (;;) {
      const outcome: Outcome<unknown> = yield* attempt(set.joinNext());
      if (!outcome.ok) this.#scene.ledger.caught(outcome.error, CODES);
      else if (outcome.value === END) return;
    }
  }
}

/** Who goes on although another of the scope has failed. */
function unstopped(children: readonly JoinHandle<number>[]): string | undefined {
  const all = children as unknown as readonly Task[];
  if (!all.some((task) => task.status === 'failed' && ownErrors(task.content).length > 0)) {
    return undefined;
  }
  const going = all.find(({ status }) => status === 'idle');
  return going === undefined ? undefined : `task ${going.id} goes on`;
}
