/**
 * The thread in which `rondo check` runs tests: checking never yields, so that it could not be stopped
 * where it runs. Loads each file with the condition `checker`, in which what it imports may have
 * another form, and collects what it declares with `model`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { RondoError, systemClock } from '../base/index.ts';
import {
  cacheTraceText,
  check,
  type CheckOptions,
  checkParallel,
  type CheckProgress,
  type CheckResult,
  COLLECTOR,
  coverageText,
  type DeclaredTest,
  dotText,
  findRepairs,
  litmusText,
  type ModelName,
  pageText,
  recordAccesses,
  type Repairs,
  resultText,
} from '../checker/index.ts';
import {
  type CheckedTest,
  type CheckMessage,
  type CheckOrder,
  preemptionsError,
} from './check-messages.ts';
import { shownPath } from './faults.ts';
import { UsageError } from './flags.ts';
import { loadModule } from './modules.ts';

/** How often it tells how far it is. */
const PROGRESS_MS = 1000;

const { order, port } = workerData as { order: CheckOrder; port: MessagePort };

/** An estimate that is no further off than that, as a factor, tells nobody anything. */
const ESTIMATE_LEAST = 1.1;

let isStopped = false;
/** Tests whose names have what `--only` asks for. */
let wantedCount = 0;
/** Why the token was refused last. */
let tokenFault = '';
const ending = new AbortController();
// Messages come in as always when this thread only coordinates others.
if (order.workers > 1) {
  port.on('message', () => {
    isStopped = true;
    ending.abort();
  });
}

function send(message: CheckMessage): void {
  port.postMessage(message);
}

/** Whether it was told to stop; asked between executions, as no event can come in. */
function isToStop(): boolean {
  isStopped ||= receiveMessageOnPort(port) !== undefined;
  return isStopped;
}

/** What a file declares, for the models that are asked for. */
async function collect(file: string): Promise<readonly DeclaredTest[]> {
  const tests: DeclaredTest[] = [];
  const holder = globalThis as { [COLLECTOR]?: (test: DeclaredTest) => void };
  holder[COLLECTOR] = (test) => tests.push(test);
  await loadModule(file);
  if (tests.length === 0) {
    throw new UsageError(`${shownPath(file)} declares no test: call model() of rondo/checker`);
  }
  const wanted = tests.filter(({ name }) => order.only === undefined || name.includes(order.only));
  wantedCount += wanted.length;
  const asked = wanted.length === 0 ? [] : askedOf(wanted);
  const other = asked.find(({ options }) => options.token === undefined && options.model !== 'sc');
  if (order.options.preemptions !== undefined && other !== undefined) {
    throw preemptionsError(`"${other.name}" (${other.options.model ?? 'es'})`);
  }
  return asked;
}

/** Tests under the models that are asked for, or with the token. */
function askedOf(wanted: readonly DeclaredTest[]): readonly DeclaredTest[] {
  const { models, token } = order;
  if (models === undefined && token === undefined) return wanted;
  // Each was declared once for each of its own models.
  const first = wanted.filter((test, index) => {
    return wanted.findIndex(({ body, name }) => body === test.body && name === test.name) === index;
  });
  const replayed = token === undefined ? undefined : { token };
  if (models === undefined) return first.map((test) => ({ ...test, options: { token: token! } }));
  return first.flatMap((test) =>
    models.map((model) => ({ ...test, options: { ...(replayed ?? test.options), model } })),
  );
}

function progressOf(name: string): (progress: CheckProgress) => boolean {
  let next = systemClock.now() + PROGRESS_MS;
  return ({ executions, blocked, pending, estimate }) => {
    const now = systemClock.now();
    if (now >= next) {
      next = now + PROGRESS_MS;
      const counts = `${executions} executions, ${blocked} blocked, ${pending} waiting`;
      const isTelling = (estimate ?? 0) > ESTIMATE_LEAST * (executions + blocked);
      const text = counts + (isTelling ? `, perhaps ${Math.round(estimate!)} in all` : '');
      send({ kind: 'progress', name, text });
    }
    return !isToStop();
  };
}

/** Checks with as many threads as were asked for. */
async function explore(file: string, test: DeclaredTest, all: CheckOptions): Promise<CheckResult> {
  const { workers } = order;
  if (workers === 1) return check(all, test.body);
  const { signal } = ending;
  const source = { file: pathToFileURL(file).href, name: test.name };
  return checkParallel(source, all, test.body, { workers, signal });
}

/** Undefined when the token is of another test. */
async function run(file: string, test: DeclaredTest): Promise<CheckedTest | undefined> {
  const { name, options, body } = test;
  const title = options.model === undefined ? name : `${name} (${options.model})`;
  const all = { ...options, ...order.options, onProgress: progressOf(title) };
  send({ kind: 'begin', name: title });
  let result: CheckResult;
  try {
    result = await explore(file, test, all);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code = '' } = error as { code?: string };
    if (code.startsWith('ERR_OPTION_')) throw new UsageError(error.message);
    if (code === 'ERR_CHECKER_TOKEN') {
      tokenFault = error.message;
      return undefined;
    }
    return refused(file, name, options.model, error);
  }
  const { failure, bounded, model } = result;
  const files = new Files(file, name, model);
  if (order.folders.cache !== undefined) {
    files.write(order.folders.cache, 'json', cacheTraceText(recordAccesses({}, body)));
  }
  const repairs = isStopped ? { found: [], tried: 0 } : findRepairs(options, body, result);
  if (failure !== undefined) writeFailure(files, name, result, repairs);
  const text = resultText(result, { width: order.width, colors: order.hasColors, repairs });
  return {
    file,
    name,
    model,
    verdict: failure !== undefined ? 'failed' : bounded === undefined ? 'passed' : 'bounded',
    coverage: coverageText(result),
    text: failure === undefined ? undefined : text,
    written: files.written,
    data: dataOf(result, repairs),
  };
}

/** A test that cannot be checked: it is not deterministic, too large, or uses what is not known. */
function refused(file: string, name: string, model: ModelName = 'es', error: Error): CheckedTest {
  const { code } = error as { code?: string };
  const isOwn = error instanceof RondoError || /^ERR_(CHECKER|OPTION)_/.test(code ?? '');
  const text = isOwn ? error.message : (error.stack ?? error.message);
  return {
    file,
    name,
    model,
    verdict: 'failed',
    coverage: 'cannot be checked',
    text,
    written: [],
    data: { error: error.message, code },
  };
}

/** What was asked for in files. */
class Files {
  readonly written: string[] = [];
  readonly #stem: string;

  constructor(file: string, name: string, model: string) {
    const test = `${basename(file).replace(/\.[cm]?[jt]s$/, '')}-${name}-${model}`;
    this.#stem = test.replaceAll(/[^\w.-]+/g, '-');
  }

  write(folder: string | undefined, extension: string, text: string | undefined): void {
    if (folder === undefined || text === undefined) return;
    const path = join(folder, `${this.#stem}.${extension}`);
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path, text);
    } catch (error) {
      throw new UsageError(`cannot write ${shownPath(path)}: ${(error as Error).message}`);
    }
    this.written.push(path);
  }
}

function writeFailure(files: Files, name: string, result: CheckResult, repairs: Repairs): void {
  const { page, litmus, dot } = order.folders;
  if (page !== undefined) files.write(page, 'html', pageText(result, name, { repairs }));
  if (dot !== undefined) files.write(dot, 'dot', dotText(result));
  if (litmus === undefined) return;
  const test = litmusText(result, `${name} ${result.model}`);
  files.write(litmus, test?.extension ?? '', test?.text);
}

/** A result for programs that read it. */
function dataOf({ failure, ...rest }: CheckResult, repairs: Repairs): unknown {
  if (failure === undefined) return rest;
  const { kind, message, inputs, token, trace } = failure;
  const told = trace && {
    ...trace,
    coherence: Object.fromEntries(trace.coherence),
    initial: Object.fromEntries(trace.initial),
  };
  return {
    ...rest,
    failure: { kind, message, inputs, token, trace: told, repairs: repairs.found },
  };
}

/** Runs what a file declares; gives how many tests were not begun, and how many were. */
async function runFile(file: string): Promise<{ left: number; done: number }> {
  let left = 0;
  let done = 0;
  for (const declared of await collect(file)) {
    if (isToStop()) {
      left += 1;
      continue;
    }
    const test = await run(file, declared);
    if (test === undefined) continue;
    done += 1;
    send({ kind: 'test', test });
  }
  return { left, done };
}

async function runAll(): Promise<void> {
  let left = 0;
  let done = 0;
  let isFaulty = false;
  for (const file of order.files) {
    try {
      const counts = await runFile(file);
      left += counts.left;
      done += counts.done;
    } catch (error) {
      const isMistake = error instanceof UsageError;
      if (!isMistake && !(error instanceof RondoError)) throw error;
      send({ kind: 'fault', message: error.message, isMistake });
      isFaulty = true;
    }
  }
  if (order.only !== undefined && wantedCount === 0 && !isFaulty) {
    const message = `no test has ${JSON.stringify(order.only)} in its name`;
    send({ kind: 'fault', message, isMistake: true });
  } else if (order.token !== undefined && left + done === 0 && !isFaulty) {
    const none = 'the token is of none of these tests as they are now';
    const message = order.models === undefined ? none : tokenFault;
    send({ kind: 'fault', message, isMistake: false });
  }
  send({ kind: 'end', left });
}

await runAll();
port.close();
