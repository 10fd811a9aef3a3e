/** What the programs of the ring suite share: places on cores, meters, the line that they print. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** What a program prints as one line of JSON. */
export interface Report {
  readonly count: number;
  readonly nanoseconds: number;
  readonly [more: string]: number;
}

/** Prints the line. */
export function report(values: Report): void {
  console.log(JSON.stringify(values));
}

/** Absolute and monotonic, the same in all threads and processes of the machine; nanoseconds. */
export function now(): number {
  return Number(process.hrtime.bigint());
}

/** Keeps the calling thread on a core; undefined leaves it to the scheduler. */
export function pinThread(core: number | undefined): void {
  if (core === undefined) return;
  const thread = basename(readlinkSync('/proc/thread-self'));
  spawnSync('taskset', ['-cp', String(core), thread], { stdio: 'ignore' });
}

/** Reads `0,1`; undefined means that nothing is pinned. */
export function coresOf(text: string | undefined): readonly (number | undefined)[] {
  return text === undefined || text === '' ? [] : text.split(',').map(Number);
}

/** What a thread used and was kept from, between two moments. */
export class Usage {
  readonly #start = now();
  readonly #cpu = cpuTime();
  readonly #waited = waited();

  /** CPU time of the process in ns, and the share of time that this thread waited for a core. */
  get since(): { cpu: number; waiting: number } {
    const waiting = (waited() - this.#waited) / (now() - this.#start);
    return { cpu: cpuTime() - this.#cpu, waiting };
  }
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** How long the calling thread wanted to run and could not, nanoseconds. */
function waited(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);
}

/** Percentiles of times in milliseconds, as nanoseconds. */
export function percentiles(times: Float64Array): { p50: number; p90: number; p99: number } {
  const sorted = times.slice().sort();
  const at = (part: number): number =>
    Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN) * 1e6);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** Counts what a receiver gets, without what came while it was warming up. */
export class Meter {
  readonly #warmup: number;
  #first = 0;
  #start = 0;
  #last = 0;
  #skipped = 0;
  #count = 0;

  /** `warmup` in nanoseconds, from the first message on. */
  constructor(warmup: number) {
    this.#warmup = warmup;
  }

  /** So many more were received and read. */
  took(messages: number): void {
    const time = now();
    this.#count += messages;
    this.#last = time;
    if (this.#first === 0) this.#first = time;
    if (this.#start !== 0 || time - this.#first < this.#warmup) return;
    this.#start = time;
    this.#skipped = this.#count;
  }

  get report(): Report {
    return { count: this.#count - this.#skipped, nanoseconds: this.#last - this.#start };
  }
}
