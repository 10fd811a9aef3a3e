/**
 * A million timers, as the wheel itself has them or as Node does.
 *
 *     timers wheel|node [--count N]
 *
 * Deadlines are spread over a minute; stopping goes in another order than setting. Prints CPU time
 * for one timer: `insert`, `cancel`, `fire` (every millisecond is looked at, as an executor does that
 * is never idle); medians over the repetitions.
 */
import { parseArgs } from 'node:util';
import { median } from '../../../harness/statistics.ts';
import { report } from '../../../servers/ring/program.ts';
import { type TimerEntry, Timers } from '../../../../src/task/time/index.ts';
import { cpuTime } from './sample.ts';

const MINUTE = 60_000;
const REPETITIONS = 5;
/** Repetitions in which the code is compiled. */
const WARMUP = 2;

class Entry implements TimerEntry {
  static fired = 0;

  fire(): void {
    Entry.fired += 1;
  }
}

/** Where a timer goes, the same in each run: multiplicative hashing spreads neighbours. */
function spread(index: number, over: number): number {
  return (Math.imul(index, 0x9e3779b1) >>> 0) % over;
}

/** Nanoseconds for one of `count`. */
function each(count: number, work: () => void): number {
  const start = cpuTime();
  work();
  return (cpuTime() - start) / count;
}

interface Costs {
  insert: number;
  cancel: number;
  fire: number;
}

function wheel(count: number): Costs {
  const timers = new Timers(() => {});
  timers.expire(1);
  const entries = Array.from({ length: count }, () => new Entry());
  const handles = new Int32Array(count);
  const insertAll = (): void => {
    for (let index = 0; index < count; index++) {
      handles[index] = timers.insert(2 + spread(index, MINUTE), entries[index]!, true);
    }
  };
  const insert = each(count, insertAll);
  let stopped = 0;
  const cancel = each(count, () => {
    // Any odd number but a divisor goes through all of them in an order of its own.
    for (let index = 0, at = 0; index < count; index++, at = (at + 611_953) % count) {
      if (timers.cancel(handles[at]!)) stopped += 1;
    }
  });
  if (stopped !== count) throw new Error('Cannot use the figures: a timer was not there');
  insertAll();
  Entry.fired = 0;
  const fire = each(count, () => {
    for (let now = 1; now <= MINUTE + 2; now++) {
      while (timers.expire(now) > 0 && timers.nextDeadline() <= now);
    }
  });
  if (Entry.fired !== count) throw new Error('Cannot use the figures: a timer did not fire');
  return { insert, cancel, fire };
}

/** Node's own: a list for each duration, so there are few here. They are not waited for. */
function node(count: number): Costs {
  const timers: NodeJS.Timeout[] = [];
  const nothing = (): void => {};
  const insert = each(count, () => {
    for (let index = 0; index < count; index++) {
      timers.push(setTimeout(nothing, MINUTE + spread(index, MINUTE)));
    }
  });
  const cancel = each(count, () => {
    for (let index = 0, at = 0; index < count; index++, at = (at + 611_953) % count) {
      clearTimeout(timers[at]);
    }
  });
  return { insert, cancel, fire: Number.NaN };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '1000000' } },
});
const count = Number(values.count);
const repeat = positionals[0] === 'node' ? node : wheel;
const found: Costs[] = [];
for (let left = REPETITIONS; left > 0; left--) found.push(repeat(count));
const settled = found.slice(WARMUP);
report({
  count,
  nanoseconds: 0,
  insert: median(settled.map(({ insert }) => insert)),
  cancel: median(settled.map(({ cancel }) => cancel)),
  ...(positionals[0] === 'node' ? {} : { fire: median(settled.map(({ fire }) => fire)) }),
});
