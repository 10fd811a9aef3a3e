/** `rondo check`: tests of concurrent code under memory models. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type CheckOptions, MODEL_NAMES, type ModelName, type Strategy } from '../checker/index.ts';
import {
  type CheckedTest,
  type CheckMessage,
  type CheckOrder,
  preemptionsError,
} from './check-messages.ts';
import { describeUncaught, shownPath } from './faults.ts';
import {
  choiceOf,
  describeFlags,
  type Given,
  numberOf,
  parseCommand,
  UsageError,
} from './flags.ts';
import { toJson } from './ring-text.ts';
import { endWithReader } from './reader.ts';

const FLAGS = {
  model: {
    value: 'MODEL',
    many: true,
    help: `instead of those that tests name; may be repeated: ${MODEL_NAMES.join(', ')}`,
  },
  only: { value: 'TEXT', help: 'tests with this in their names alone' },
  token: { value: 'TOKEN', help: 'carry out the one execution that a failure gave this for' },
  executions: { value: 'N', help: 'executions of each test at most', fallback: '1000000' },
  milliseconds: { value: 'MS', help: 'time for each test at most' },
  preemptions: { value: 'N', help: 'under sc: times that a thread is interrupted, at most' },
  strategy: { value: 'HOW', help: 'all, or samples: random, pct', fallback: 'all' },
  seed: { value: 'N', help: 'of samples', fallback: '1' },
  samples: { value: 'N', help: 'how many are drawn', fallback: '10000' },
  depth: { value: 'N', help: 'of pct: steps whose order makes the bug', fallback: '3' },
  resume: { value: 'FILE', help: 'goes on from there, and leaves there what is left' },
  page: { value: 'DIR', help: 'write a page with the graph of each failure' },
  dot: { value: 'DIR', help: 'write the graph of each failure for Graphviz' },
  litmus: { value: 'DIR', help: 'write each failure as a litmus test, for rondo litmus' },
  cache: { value: 'DIR', help: 'write the accesses of one run of each test, for rondo cache' },
  workers: { value: 'N', help: 'threads that explore a test together', fallback: '1' },
  json: { help: 'print one line of JSON for each test' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo check FILE… [flags]: explores every execution of tests that a memory model allows

Files are modules that call model() of rondo/checker. They are loaded with the condition "checker",
and need not be run by a test runner. A failure is shown with its execution. Ctrl+C ends with what
was found so far, and 130. Ends with 0 when nothing failed, with 1 when something did.

${describeFlags(FLAGS)}

See docs/guide/model-checking.md.
`;

/** More files than anybody names by hand; a shell puts them there. */
const MAX_FILES = 10_000;

const WORKERS_MAX = 64;

/** Columns when there is no terminal, and at most. */
const WIDTH = 100;
const WIDTH_MAX = 160;

/** Runs the command. */
export async function check(args: readonly string[]): Promise<void> {
  endWithReader();
  const { given, words } = parseCommand(args, FLAGS, MAX_FILES);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  if (words.length === 0) throw new UsageError('which tests? rondo check FILE…');
  words.forEach(rejectFolder);
  const { isTTY, columns } = process.stdout;
  const { page, dot, litmus, cache } = given;
  const folders = {
    ...(page === undefined ? {} : { page: resolve(page) }),
    ...(dot === undefined ? {} : { dot: resolve(dot) }),
    ...(litmus === undefined ? {} : { litmus: resolve(litmus) }),
    ...(cache === undefined ? {} : { cache: resolve(cache) }),
  };
  const order: CheckOrder = {
    files: words.map((file) => resolve(file)),
    models: modelsOf(given),
    options: optionsOf(given),
    workers: workersOf(given.workers),
    token: given.token,
    only: given.only,
    folders,
    width: isTTY ? Math.min(columns, WIDTH_MAX) : WIDTH,
    hasColors: isTTY && !process.env['NO_COLOR'] && !given.json,
  };
  await new Run(order, given.json === true).end;
}

/** @throws {UsageError} */
function rejectFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new UsageError(`${shownPath(resolve(path))} is a folder: name the files of tests in it`);
}

/** @throws {UsageError} */
function modelsOf({ model, preemptions }: Given<typeof FLAGS>): readonly ModelName[] | undefined {
  const models = model?.map((name) => choiceOf('model', name, MODEL_NAMES)!);
  const other = models?.find((name) => name !== 'sc');
  if (preemptions !== undefined && other !== undefined) throw preemptionsError(`--model ${other}`);
  return models;
}

const NUMBERS = ['executions', 'milliseconds', 'preemptions', 'seed', 'samples', 'depth'] as const;
const STRATEGIES: readonly Strategy[] = ['all', 'random', 'pct'];

/** What was given of the options of a check, whose ranges it looks at itself. */
function optionsOf(given: Given<typeof FLAGS>): CheckOptions {
  const numbers = NUMBERS.flatMap((name) => {
    const number = numberOf(name, given[name]);
    return number === undefined ? [] : [[name, number] as const];
  });
  const strategy = choiceOf('strategy', given.strategy, STRATEGIES);
  const { resume } = given;
  return {
    ...(Object.fromEntries(numbers) as CheckOptions),
    ...(strategy === undefined ? {} : { strategy }),
    ...(resume === undefined ? {} : { resume: resolve(resume) }),
  };
}

/** @throws {UsageError} */
function workersOf(text: string | undefined): number {
  const workers = numberOf('workers', text) ?? 1;
  if (workers >= 1 && workers <= WORKERS_MAX) return workers;
  throw new UsageError(`--workers must be 1 to ${WORKERS_MAX}`);
}

/** One run of the command: what the thread says, as it comes. */
class Run {
  readonly #isJson: boolean;
  readonly #worker: Worker;
  readonly #counts = { passed: 0, bounded: 0, failed: 0 };
  #file = '';
  /** The test that is being checked. */
  #current = '';
  #isProgressing = false;
  #isStopping = false;
  #isOver = false;
  #exitCode = 0;
  /** Settles when the thread has ended. */
  readonly end: Promise<void>;

  constructor(order: CheckOrder, isJson: boolean) {
    this.#isJson = isJson;
    const { port1, port2 } = new MessageChannel();
    this.#worker = new Worker(new URL('./check-worker.js', import.meta.url), {
      execArgv: [...process.execArgv, '--conditions=checker'],
      workerData: { order, port: port2 },
      transferList: [port2],
      // What tests print is no part of what is read by programs.
      stdout: isJson,
    });
    if (isJson) this.#worker.stdout.pipe(process.stderr);
    port1.on('message', (message: CheckMessage) => this.#take(message));
    const onSignal = (): void => {
      if (this.#isStopping) {
        if (this.#current !== '') console.error(`rondo: ended in ${this.#current}`);
        process.exit(130);
      }
      this.#isStopping = true;
      port1.postMessage('stop');
      console.error('rondo: ending with what was found so far; Ctrl+C again ends at once');
    };
    process.on('SIGINT', onSignal);
    this.end = new Promise((done) => {
      this.#worker.on('error', (error) => {
        console.error(`rondo: ${describeUncaught(error)}`);
        this.#exitCode = 1;
      });
      // The port closes behind the last message.
      port1.on('close', () => {
        process.off('SIGINT', onSignal);
        if (!this.#isOver && this.#exitCode === 0) {
          console.error('rondo: a test ended the thread in which it ran');
          this.#exitCode = 1;
        }
        // As for any program that a signal has ended, unless it has more to say.
        process.exitCode = this.#exitCode === 0 && this.#isStopping ? 130 : this.#exitCode;
        done();
      });
    });
  }

  #take(message: CheckMessage): void {
    if (this.#isProgressing && process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    this.#isProgressing = message.kind === 'progress';
    switch (message.kind) {
      case 'progress':
        process.stderr.write(`${message.name}: ${message.text}${process.stderr.isTTY ? '' : '\n'}`);
        break;
      case 'begin':
        this.#current = message.name;
        break;
      case 'test':
        this.#current = '';
        this.#tell(message.test);
        break;
      case 'fault':
        console.error(`rondo: ${message.message}`);
        this.#exitCode = Math.max(this.#exitCode, message.isMistake ? 2 : 1);
        break;
      case 'end':
        this.#isOver = true;
        if (!this.#isJson) this.#sum(message.left);
        break;
    }
  }

  #tell({ file, name, model, verdict, coverage, text, written, data }: CheckedTest): void {
    this.#counts[verdict] += 1;
    if (verdict === 'failed') this.#exitCode = Math.max(this.#exitCode, 1);
    if (this.#isJson) {
      const test = { file: shownPath(file), name, model, verdict, written: written.map(shownPath) };
      console.log(toJson({ ...test, ...(data as object) }));
      return;
    }
    if (file !== this.#file) {
      console.log(`${this.#file === '' ? '' : '\n'}${shownPath(file)}`);
      this.#file = file;
    }
    console.log(`  ${verdict === 'failed' ? 'FAILED' : 'ok'}  ${name} (${model}): ${coverage}`);
    if (text !== undefined) console.log(`\n${text}\n`);
    for (const path of written) console.log(`  wrote ${shownPath(path)}`);
  }

  #sum(left: number): void {
    const { passed, bounded, failed } = this.#counts;
    const count = passed + bounded + failed;
    if (count + left === 0) return;
    const parts = [
      `${passed} complete`,
      ...(bounded > 0 ? [`${bounded} BOUNDED`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(left > 0 ? [`${left} not begun`] : []),
    ];
    console.log(`\n${count + left} test${count + left === 1 ? '' : 's'}: ${parts.join(', ')}`);
  }
}
