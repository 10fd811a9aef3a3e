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
import type { Counts, Order, Report, WorkerStart } from './messages.ts';
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

  constructor(port: NonNullable<typeof parentPort>, start: WorkerStart, body: TestBody) {
    const options = { ...start.options, model: start.model, executions: 2 ** 31 - 1 };
    const settings = resolveCheckOptions(options);
    this.#port = port;
    this.#explored = consistencyOf(settings.model, settings.failsOnRaces);
    this.#examination = new Examination(body, settings, this.#explored);
    this.#examination.observer = {
      estimate: () => undefined,
      looked: (now) => this.#look(now),
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
      this.#say({ kind: 'stopped', attempt, work: undefined, ...this.#counts() });
    } else this.#isStopped = true;
  }

  /** Between two executions. */
  #look(now: number): boolean {
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port)) {
      this.#obey(got.message as Order);
    }
    if (this.#isStopped) return false;
    if (now >= this.#nextTold) {
      this.#nextTold = now + PROGRESS_MS;
      const { executions, blocked } = this.#examination;
      const pending = this.#explorer!.pending.length;
      this.#say({ kind: 'progress', attempt: this.#attempt, executions, blocked, pending });
    }
    return true;
  }

  #share(attempt: number): void {
    const explorer = this.#explorer;
    const half = (explorer?.pending.length ?? 0) >>> 1;
    const work = half === 0 ? undefined : this.#pack(half);
    this.#say({ kind: 'shared', attempt, work });
  }

  #pack(count: number): Uint8Array {
    const { session } = this.#examination;
    const { values, counts } = session.inputs;
    const graphs = this.#explorer!.giveAway(count);
    return workBytes(session.locations, { inputs: values, counts, graphs });
  }

  #counts(): Counts {
    const { session, tally } = this.#examination;
    return { tally: tallyBytes(session.locations, tally), isTooLong: session.cut === 'thread' };
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
        this.#say({ kind: 'again', attempt, layout: session.layout, isLarger: false });
      } else {
        const { code, message } = error as { code?: string; message: string };
        this.#say({ kind: 'error', attempt, code: code ?? '', message });
      }
    } finally {
      this.#explorer = undefined;
    }
  }

  #explore({ attempt, words, layout, work }: Work): boolean {
    const examination = this.#examination;
    const { session } = examination;
    if (attempt !== this.#attempt) {
      this.#attempt = attempt;
      examination.restart();
      session.restart();
      session.adopt(layout);
    }
    const { consistency } = this.#explored;
    const { inputs, counts, graphs } = readWork(new Reader(work), session, consistency, words);
    session.inputs.set(inputs, counts);
    session.prepare();
    const explorer = new Explorer(consistency, session, examination, words);
    this.#explorer = explorer;
    session.use(explorer);
    for (const graph of graphs) explorer.add(graph);
    const isDone = explorer.explore();
    if (examination.failure === undefined) examination.proveRounds();
    return isDone;
  }

  #conclude(attempt: number, isDone: boolean): void {
    const { session, failure } = this.#examination;
    if (failure !== undefined) {
      this.#say({ kind: 'failed', attempt, token: failure.token, ...this.#counts() });
    } else if (session.cut === 'all') {
      this.#say({ kind: 'again', attempt, layout: session.layout, isLarger: true });
    } else if (isDone && !this.#isStopped) {
      this.#say({ kind: 'idle', attempt, ...this.#counts() });
    } else {
      const { length } = this.#explorer!.pending;
      const work = length === 0 ? undefined : this.#pack(length);
      this.#say({ kind: 'stopped', attempt, work, ...this.#counts() });
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
