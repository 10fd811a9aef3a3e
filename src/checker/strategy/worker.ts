/**
 * One thread of a parallel exploration: it loads the file that declares the test, explores what it
 * is given, and gives half of what waits away when it is asked to. It runs in its own worker
 * thread; while it explores, it looks for orders between two executions.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../base/index.ts';
import { Examination } from '../check/examination.ts';
import { COLLECTOR, type DeclaredTest } from '../check/model.ts';
import { consistencyOf, type Explored } from '../check/models.ts';
import { resolveCheckOptions } from '../check/options.ts';
import { Explorer } from '../explore/explorer.ts';
import { withSession } from '../program/current.ts';
import { withGlobals } from '../program/globals.ts';
import { Resplit } from '../program/locations.ts';
import type { TestBody } from '../program/test.ts';
import { Reader } from './codec.ts';
import { WORDS_MAX } from './exploration.ts';
import { loopedBytes } from './looped.ts';
import type { Found, Known, Order, Report, WorkerStart } from './messages.ts';
import { readWork, tallyBytes, workBytes } from './state.ts';

/** Between two reports of progress. */
const PROGRESS_MS = 20;

type Work = Extract<Order, { kind: 'work' }>;

/** See the head of this file. */
class Worker {
  readonly #port: NonNullable<typeof parentPort>;
  readonly #examination: Examination;
  readonly #explored: Explored;
  #explorer: Explorer | undefined;
  #attempt = -1;
  #isStopped = false;
  #nextTold = 0;
  /** Orders that have come in the midst of an execution, when they cannot be carried out. */
  readonly #orders: Order[] = [];
  /** Words that the coordinator knows of, as many as they are: their number only grows. */
  #told = 0;
  /** Whether larger graphs would hold what is given up. */
  #mayGrow = true;
  #looped: Uint8Array | undefined;

  constructor(port: NonNullable<typeof parentPort>, start: WorkerStart, body: TestBody) {
    const options = { ...start.options, model: start.model, executions: 2 ** 31 - 1 };
    const settings = resolveCheckOptions(options);
    this.#port = port;
    this.#explored = consistencyOf(settings.model, settings.failsOnRaces);
    this.#examination = new Examination(body, settings, this.#explored);
    this.#examination.observer = {
      estimate: () => undefined,
      looked: (now) => this.#look(now),
      isToStop: (now) => this.#isToStop(now),
    };
  }

  /** Begins to take orders. */
  start(): void {
    this.#port.on('message', (order: Order) => this.#obey(order));
    this.#say({ kind: 'ready', attempt: -1 });
  }

  #say(report: Report): void {
    this.#port.postMessage(report);
  }

  #obey(order: Order): void {
    if (order.kind === 'work') {
      this.#carryOut(order);
      return;
    }
    const { attempt } = order;
    if (attempt !== this.#attempt && order.kind === 'share') return;
    if (order.kind === 'share') this.#share(attempt);
    else if (this.#explorer === undefined) {
      this.#say({ kind: 'stopped', attempt, work: undefined, ...this.#found() });
    } else this.#isStopped = true;
  }

  #takeOrders(): void {
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port)) {
      this.#orders.push(got.message as Order);
    }
  }

  #obeyAll(): void {
    for (const order of this.#orders.splice(0)) this.#obey(order);
  }

  /** In the midst of an execution that takes long. */
  #isToStop(now: number): boolean {
    if (now < this.#nextTold + PROGRESS_MS) return false;
    this.#takeOrders();
    const stop = this.#orders.findIndex(({ kind }) => kind === 'stop');
    if (stop >= 0) {
      this.#orders.splice(stop, 1);
      this.#isStopped = true;
    }
    return this.#isStopped;
  }

  /** Between two executions. */
  #look(now: number): boolean {
    this.#takeOrders();
    this.#obeyAll();
    if (this.#isStopped || this.#isTooSmall) return false;
    if (now >= this.#nextTold) {
      this.#nextTold = now + PROGRESS_MS;
      const { executions, blocked } = this.#examination;
      const pending = this.#explorer!.pending.length;
      const { size } = this.#examination.session.constants;
      const known = size === this.#told ? undefined : this.#known();
      const attempt = this.#attempt;
      this.#say({ kind: 'progress', attempt, executions, blocked, pending, known });
    }
    return true;
  }

  get #isTooSmall(): boolean {
    return this.#mayGrow && this.#examination.session.cut === 'all';
  }

  #share(attempt: number): void {
    const explorer = this.#explorer;
    const half = (explorer?.pending.length ?? 0) >>> 1;
    const work = half === 0 ? undefined : this.#pack(half);
    this.#say({ kind: 'shared', attempt, work, known: this.#known() });
  }

  #pack(count: number): Uint8Array {
    const { session } = this.#examination;
    const { values, counts } = session.inputs;
    const graphs = this.#explorer!.giveAway(count);
    return workBytes(session.locations, { inputs: values, counts, graphs });
  }

  #known(): Known {
    const { layout, constants } = this.#examination.session;
    this.#told = constants.size;
    return { layout, constants: constants.read };
  }

  #found(looped?: Uint8Array): Found {
    const { session, tally } = this.#examination;
    return { known: this.#known(), tally: tallyBytes(session.locations, tally), looped };
  }

  #carryOut(order: Work): void {
    const { session } = this.#examination;
    const { attempt } = order;
    this.#isStopped = false;
    this.#nextTold = systemClock.now() + PROGRESS_MS;
    try {
      const isDone = withGlobals(() => withSession(session, () => this.#explore(order)));
      this.#conclude(attempt, isDone);
    } catch (error) {
      if (error instanceof Resplit) {
        this.#say({ kind: 'again', attempt, known: this.#known(), isLarger: false });
      } else {
        const { code, message } = error as { code?: string; message: string };
        this.#say({ kind: 'error', attempt, code: code ?? '', message });
      }
    } finally {
      this.#explorer = undefined;
    }
    this.#obeyAll();
  }

  #explore({ attempt, words, known, work }: Work): boolean {
    const examination = this.#examination;
    const { session } = examination;
    if (attempt !== this.#attempt) {
      this.#attempt = attempt;
      examination.restart();
      session.restart();
    }
    this.#mayGrow = words < WORDS_MAX;
    session.adopt(known.layout, known.constants);
    const { consistency } = this.#explored;
    const { inputs, counts, graphs } = readWork(new Reader(work), session, consistency, words);
    session.inputs.set(inputs, counts);
    session.prepare();
    const explorer = new Explorer(consistency, session, examination, words);
    this.#explorer = explorer;
    session.use(explorer);
    for (const graph of graphs) explorer.add(graph);
    const isDone = explorer.explore();
    this.#looped = examination.failure === undefined ? this.#seen() : undefined;
    return isDone;
  }

  /** What was seen of loops: it is proved with what others have seen, when nobody has any more. */
  #seen(): Uint8Array | undefined {
    const examination = this.#examination;
    const looped = examination.giveLooped(false);
    try {
      return loopedBytes(examination.session.locations, looped);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_CHECKER_UNSUPPORTED') throw error;
      // What it has read cannot be handed on, so that its graphs cannot, either: it has all.
      examination.takeLooped(looped);
      examination.proveRounds();
      return undefined;
    }
  }

  #conclude(attempt: number, isDone: boolean): void {
    const { failure } = this.#examination;
    if (failure !== undefined) {
      this.#say({ kind: 'failed', attempt, token: failure.token, ...this.#found() });
      return;
    }
    if (this.#isTooSmall) {
      this.#say({ kind: 'again', attempt, known: this.#known(), isLarger: true });
      return;
    }
    const found = this.#found(this.#looped);
    if (isDone && !this.#isStopped) {
      this.#say({ kind: 'idle', attempt, ...found });
    } else {
      const { length } = this.#explorer!.pending;
      const work = length === 0 ? undefined : this.#pack(length);
      this.#say({ kind: 'stopped', attempt, work, ...found });
    }
  }
}

/** The body of the test that the file declares. */
async function load({ file, name, model }: WorkerStart): Promise<TestBody | undefined> {
  let found: TestBody | undefined;
  const collect = (test: DeclaredTest): void => {
    if (test.name === name && test.options.model === model) found ??= test.body;
  };
  Object.assign(globalThis, { [COLLECTOR]: collect });
  await import(file);
  return found;
}

if (parentPort !== null) {
  const port = parentPort;
  const start = workerData as WorkerStart;
  try {
    const body = await load(start);
    if (body === undefined) {
      throw new RangeError(`no test "${start.name}" is declared under ${start.model}`);
    }
    new Worker(port, start, body).start();
  } catch (error) {
    const { message } = error as Error;
    const report: Report = { kind: 'error', attempt: -1, code: 'ERR_CHECKER_USE', message };
    port.postMessage(report);
  }
}
