/**
 * Programs that run on the simulated machine, each on a core of its own: what a core does next may
 * depend on what it has read, and the core whose clock is behind goes first. So a slow access gives
 * the others time, as it does on a real machine; between accesses nothing takes time.
 */
import type { Access, Named } from './access.ts';
import type { CacheOptions } from './options.ts';
import { type CacheReport, cacheReport } from './report.ts';
import { CacheSimulator } from './simulator.ts';
import type { Step } from './step.ts';

/** What a program gives for each of its accesses, just before it happens. */
export type CoreAccess = Omit<Access, 'core'>;

/**
 * A program: gives an access, is gone on with when it has happened, and does then what the access
 * means. Memory that programs share are plain variables.
 */
export type CoreProgram = Iterable<CoreAccess>;

/** What a simulation of programs found. */
export interface TimedReport extends CacheReport {
  /** Cycles until the last core had ended. */
  readonly elapsed: number;
}

/**
 * Runs programs, the first one on core 0.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CACHE_LIMIT when they take more than `maxAccesses`
 */
export function simulatePrograms(
  programs: readonly CoreProgram[],
  options: CacheOptions = {},
  names: { readonly threads?: readonly string[]; readonly names?: readonly Named[] } = {},
): TimedReport {
  const cores = options.cores ?? Math.max(1, programs.length);
  const simulator = new CacheSimulator({ ...options, cores });
  const steps: Step[] = [];
  const running = programs.map((program, core) => {
    const iterator = program[Symbol.iterator]();
    return { core, iterator, next: iterator.next(), clock: 0 };
  });
  for (;;) {
    let first: (typeof running)[number] | undefined;
    for (const each of running) {
      if (each.next.done !== true && (first === undefined || each.clock < first.clock)) {
        first = each;
      }
    }
    if (first === undefined || first.next.done === true) break;
    const { core } = first;
    const { kind, address, size, site } = first.next.value;
    const step = simulator.access(
      site === undefined ? { core, kind, address, size } : { core, kind, address, size, site },
    );
    if (steps.length < simulator.options.maxSteps) steps.push(step);
    // One at least: who asks again and again would never let the others go on.
    first.clock += Math.max(1, step.cycles);
    first.next = first.iterator.next();
  }
  const elapsed = Math.max(0, ...running.map(({ clock }) => clock));
  return { ...cacheReport(simulator, names, steps), elapsed };
}
