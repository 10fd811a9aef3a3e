/** All candidates of a test: each way to take one run of each thread. */
import { Candidate } from './candidate.ts';
import type { Trace } from './events.ts';
import type { Budget } from './executions.ts';
import type { Runs } from './values.ts';

/** A byte with its value, as one number. */
function keyOf(address: number, byte: number): number {
  return address * 256 + byte;
}

/**
 * Takes runs thread by thread, and leaves a choice as soon as a read has a byte that no run taken,
 * and no run of a thread still to come, writes.
 */
export function* candidatesOf(runs: Runs, budget: Budget): Generator<Candidate> {
  const { threads } = runs;
  const writable = threads.map((traces) => new Set(traces.flatMap(writtenBy)));
  // What threads from a number on may write.
  const later = threads.map((_, at) => new Set(writable.slice(at).flatMap((set) => [...set])));
  const taken: Trace[] = [];
  const written: number[][] = [];

  const readable = (trace: Trace, at: number, have: ReadonlySet<number>): boolean =>
    trace.events.every((event) => {
      if (event.kind !== 'memory' || !event.reads) return true;
      const { address, reads } = event;
      return reads.every((byte, offset) => {
        if (runs.memory.initial(address + offset) === byte) return true;
        const key = keyOf(address + offset, byte);
        return have.has(key) || later[at + 1]?.has(key) === true;
      });
    });

  function* take(at: number): Generator<Candidate> {
    if (at === threads.length) {
      yield new Candidate(runs.memory, [...taken]);
      return;
    }
    for (const trace of threads[at]!) {
      budget.take();
      taken[at] = trace;
      written[at] = writtenBy(trace);
      taken.length = at + 1;
      written.length = at + 1;
      const have = new Set(written.flat());
      if (taken.every((one) => readable(one, at, have))) yield* take(at + 1);
    }
  }
  yield* take(0);
}

function writtenBy({ events }: Trace): number[] {
  return events.flatMap((event) => {
    if (event.kind !== 'memory' || !event.writes) return [];
    return event.writes.map((byte, at) => keyOf(event.address + at, byte));
  });
}
