/**
 * Programs whose threads are interleaved in every way, or, when there are more ways than a limit,
 * in as many that chance picks.
 */
import {
  assert,
  integerOption,
  rejectUnknown,
  RondoError,
  SeededRandom,
} from '../../../base/index.ts';
import type { LitmusTest } from '../../litmus/contract.ts';
import type { Access, Named, Trace } from '../access.ts';
import { type Counters, missesOf } from '../counters.ts';
import type { CacheOptions } from '../options.ts';
import { type CacheReport, simulateCache } from '../report.ts';
import { LitmusWorld, namesOf } from './litmus.ts';
import { Straight, type World } from './world.ts';

/** Accesses of a program, which is simulated thousands of times. */
const PROGRAM_MAX = 1000;

/** Options of interleaving. */
export interface InterleaveOptions {
  /** Ways that are simulated: 1 to 1,000,000. @default 10,000 */
  readonly maxInterleavings?: number;
  /** What chance begins with when there are more: 0 to 2³² − 1. @default 1 */
  readonly seed?: number;
}

/** How much of something the ways have. */
export interface Spread {
  readonly least: number;
  readonly most: number;
  readonly mean: number;
}

/** What was found over all ways. */
export interface InterleavingsReport {
  /** Ways that were simulated. */
  readonly interleavings: number;
  /** Whether those are all; otherwise chance has picked them. */
  readonly isComplete: boolean;
  readonly spreads: Readonly<Record<SpreadName, Spread>>;
  /** The first way with the fewest cycles, and the first with the most. */
  readonly best: CacheReport;
  readonly worst: CacheReport;
}

/** What is looked at over all ways. */
export type SpreadName =
  | 'cycles'
  | 'misses'
  | 'true sharing'
  | 'false sharing'
  | 'BusRd'
  | 'BusRdX'
  | 'BusUpgr'
  | 'invalidations'
  | 'write-backs';

const MEASURES: Readonly<Record<SpreadName, (totals: Counters) => number>> = {
  cycles: ({ cycles }) => cycles,
  misses: missesOf,
  'true sharing': ({ misses }) => misses['true sharing'],
  'false sharing': ({ misses }) => misses['false sharing'],
  BusRd: ({ BusRd }) => BusRd,
  BusRdX: ({ BusRdX }) => BusRdX,
  BusUpgr: ({ BusUpgr }) => BusUpgr,
  invalidations: ({ invalidationsReceived }) => invalidationsReceived,
  'write-backs': ({ writeBacks }) => writeBacks,
};

/**
 * Simulates a program, of which only the order of each core's accesses counts, in all ways.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CACHE_LIMIT when it has more than 1000 accesses, or than `maxAccesses`
 */
export function simulateProgram(
  program: Trace,
  options: CacheOptions = {},
  interleave: InterleaveOptions = {},
): InterleavingsReport {
  const { length } = program.accesses;
  if (length > PROGRAM_MAX) {
    const limit = `it has ${length} accesses, at most ${PROGRAM_MAX}`;
    throw new RondoError('ERR_CACHE_LIMIT', `Cannot interleave the program: ${limit}`);
  }
  const naming = (): readonly Named[] => program.names ?? [];
  return simulateWorld(Straight.of(program), naming, program.threads ?? [], options, interleave);
}

/**
 * Simulates a litmus test in all ways that are sequentially consistent.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CACHE_LIMIT when a thread has more than 64 accesses
 */
export function simulateLitmus(
  test: LitmusTest,
  options: CacheOptions = {},
  interleave: InterleaveOptions = {},
): InterleavingsReport {
  const naming = (accesses: readonly Access[]): Named[] => namesOf(test, accesses);
  return simulateWorld(new LitmusWorld(test), naming, [], options, interleave);
}

function simulateWorld(
  world: World,
  naming: (accesses: readonly Access[]) => readonly Named[],
  threads: readonly (string | undefined)[],
  options: CacheOptions,
  interleave: InterleaveOptions,
): InterleavingsReport {
  rejectUnknown('interleaving', interleave, ['maxInterleavings', 'seed']);
  const { maxInterleavings, seed } = interleave;
  const limit = integerOption('maxInterleavings', maxInterleavings, 10_000, 1, 1e6);
  const random = new SeededRandom(integerOption('seed', seed, 1, 0, 2 ** 32 - 1));
  const cores = options.cores ?? Math.max(1, world.threads);
  const simulate = (accesses: readonly Access[], maxSteps?: number): CacheReport => {
    const steps = maxSteps === undefined ? {} : { maxSteps };
    return simulateCache(
      { accesses, names: naming(accesses), threads },
      { ...options, cores, ...steps },
    );
  };
  const isComplete = countUpTo(world, limit + 1) <= limit;
  const ways = isComplete ? everyWay(world) : someWays(world, limit, random);
  const spreads = new Spreads();
  let best: { readonly cycles: number; readonly way: readonly Access[] } | undefined;
  let worst = best;
  for (const way of ways) {
    const { totals } = simulate(way, 0);
    spreads.add(totals);
    const { cycles } = totals;
    if (best === undefined || cycles < best.cycles) best = { cycles, way: [...way] };
    if (worst === undefined || cycles > worst.cycles) worst = { cycles, way: [...way] };
  }
  assert(best !== undefined && worst !== undefined, 'there is one way at least');
  return {
    interleavings: spreads.count,
    isComplete,
    spreads: spreads.result(),
    best: simulate(best.way),
    worst: simulate(worst.way),
  };
}

/** How many ways there are, as far as `most`: no more of them are walked. */
function countUpTo(world: World, most: number): number {
  let count = 0;
  for (const _ of everyWay(world)) {
    count += 1;
    if (count === most) break;
  }
  return count;
}

/** All ways, depth first. A way is valid until the next one is asked for. */
function* everyWay(start: World): Generator<readonly Access[]> {
  const way: Access[] = [];
  // What was done on the way to each world, and the thread that is tried next there.
  const path = [{ world: start, thread: 0, isEnd: true }];
  for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
    const { world, thread } = at;
    if (thread === world.threads) {
      if (at.isEnd) yield way;
      path.pop();
      way.pop();
      continue;
    }
    at.thread += 1;
    const access = world.next(thread);
    if (access === undefined) continue;
    at.isEnd = false;
    const branch = world.copy();
    branch.step(thread);
    way.push(access);
    path.push({ world: branch, thread: 0, isEnd: true });
  }
}

/** Ways by chance: of threads with as many accesses as they say, each way is as likely. */
function* someWays(world: World, count: number, random: SeededRandom): Generator<Access[]> {
  for (let index = 0; index < count; index++) {
    const branch = world.copy();
    const way: Access[] = [];
    for (;;) {
      const thread = pick(branch, random);
      if (thread === undefined) break;
      way.push(branch.next(thread)!);
      branch.step(thread);
    }
    yield way;
  }
}

function pick(world: World, random: SeededRandom): number | undefined {
  let all = 0;
  for (let thread = 0; thread < world.threads; thread++) all += world.left(thread);
  if (all === 0) return undefined;
  let chosen = random.below(all);
  for (let thread = 0; ; thread++) {
    chosen -= world.left(thread);
    if (chosen < 0) return thread;
  }
}

/** The least, the most and the mean of each measure. */
class Spreads {
  count = 0;
  readonly #found = new Map<string, { least: number; most: number; sum: number }>();

  add(totals: Counters): void {
    this.count += 1;
    for (const [name, measure] of Object.entries(MEASURES)) {
      const value = measure(totals);
      const found = this.#found.get(name) ?? { least: value, most: value, sum: 0 };
      found.least = Math.min(found.least, value);
      found.most = Math.max(found.most, value);
      found.sum += value;
      this.#found.set(name, found);
    }
  }

  result(): Record<SpreadName, Spread> {
    const spreads = [...this.#found].map(([name, { least, most, sum }]) => {
      return [name, { least, most, mean: sum / this.count }];
    });
    return Object.fromEntries(spreads) as Record<SpreadName, Spread>;
  }
}
