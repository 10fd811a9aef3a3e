/** Child processes of the benchmark: pinned to a core, read line by line, ended for certain. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TASKSET = 'taskset';

/** A program and its arguments. */
export interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
}

/** The cores for the server and the generator, or why nothing is pinned. */
export type Pinning =
  { readonly server: number; readonly generator: number } | { readonly reason: string };

/** The first two cores that this process may use. */
export function findCores(): Pinning {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const cores = (list?.[1] ?? '').split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const [server, generator] = cores;
  if (server === undefined || generator === undefined) return { reason: 'there is only one core' };
  if (spawnSync(TASKSET, ['--version']).error) {
    return { reason: 'the program taskset is missing' };
  }
  return { server, generator };
}

/** A running child whose output is read by lines. What it says on its standard error is kept. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: string[] = [];
  readonly #exited: Promise<number>;
  #rest = '';
  #errors = '';
  #ended = false;
  #wake: () => void = () => {};

  /** `core` undefined leaves the child to the scheduler. */
  constructor(command: Command, core: number | undefined) {
    // taskset replaces itself by the command: its process id is the command's.
    const [file, argv] =
      core === undefined
        ? [command.file, command.arguments]
        : [TASKSET, ['-c', String(core), command.file, ...command.arguments]];
    this.#process = spawn(file, [...argv], { stdio: 'pipe' });
    this.#process.stdout.on('data', (text: Buffer) => this.#read(text.toString()));
    this.#process.stderr.on('data', (text: Buffer) => {
      this.#errors = (this.#errors + text.toString()).slice(-4000);
    });
    // A child that died cannot be written to; its exit is reported by whoever waits for a line.
    this.#process.stdin.on('error', () => {});
    this.#exited = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.#errors += error.message;
        this.#finish(-1, resolve);
      });
      this.#process.on('close', (code) => this.#finish(code ?? -1, resolve));
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#lines.push(...lines);
    this.#wake();
  }

  #finish(code: number, resolve: (code: number) => void): void {
    this.#ended = true;
    this.#wake();
    resolve(code);
  }

  /** The process id, or 0 when it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The end of what it wrote on its standard error. */
  get errors(): string {
    return this.#errors.trim();
  }

  /** The next line of its output, or undefined when it has ended. */
  async line(): Promise<string | undefined> {
    while (this.#lines.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#lines.shift();
  }

  /** Writes a line to its input. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Ends its input and waits for its exit; returns the code. */
  async finish(): Promise<number> {
    this.#process.stdin.end();
    return this.#exited;
  }

  /** SIGTERM, and SIGKILL when that was not enough after five seconds. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
