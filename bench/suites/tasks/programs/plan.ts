/**
 * The workloads: those of tokio's own benchmarks, with its numbers. Every way of writing them, and
 * `bench/peers/rust/src/bin/tokio.rs`, does the same.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Tasks that `spawn` and `joined` start. */
export const SPAWNS = 10_000;
/** Tasks of `chained`, each of which starts the next one. */
export const CHAIN = 1000;
/** Pairs of tasks of `ping-pong`. */
export const PINGS = 1000;
/** Tasks of `yield`. */
export const TASKS = 200;
/** How often each of them lets the others go first. */
export const YIELDS = 1000;

/** Name of a workload. */
export type Workload = 'spawn' | 'joined' | 'chained' | 'ping-pong' | 'yield';

/** Operations of one iteration of each workload; what is told is the time of one of them. */
export const OPERATIONS: Readonly<Record<Workload, number>> = {
  /** Tasks that count and end; the last one ends the iteration. */
  spawn: SPAWNS,
  /** Tasks that do nothing, each of which is waited for. */
  joined: SPAWNS,
  chained: CHAIN,
  /** A oneshot to and a oneshot fro. */
  'ping-pong': PINGS,
  yield: TASKS * YIELDS,
};

/** A way of writing them: each runs one iteration. What a way does not have is absent. */
export type Way = Partial<Record<Workload, () => PromiseLike<void>>>;

/** Ends when so many parts have. */
export class Countdown {
  #left: number;
  readonly #end: () => void;

  constructor(parts: number, end: () => void) {
    this.#left = parts;
    this.#end = end;
  }

  partEnded(): void {
    if (--this.#left === 0) this.#end();
  }
}

const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const require = createRequire(join(root, 'bench', 'peers', 'package.json'));

/** A package of bench/peers; rejects when it is not installed. */
export async function peer(name: string): Promise<unknown> {
  return import(pathToFileURL(require.resolve(name)).href);
}
