/** The same workloads with what JavaScript has instead of tasks. */
import type { Bar } from '../../harness/bar.ts';
import type { Part } from '../parts.ts';
import { ratioBar } from '../ring/part.ts';
import { perOperation, speed } from './runs.ts';
import {
  compareWays,
  COROUTINES,
  EFFECT,
  type Found,
  FUTURES,
  IMMEDIATE,
  measureWays,
  NATIVE,
  P_QUEUE,
  waysTable,
  type WayOf,
} from './ways.ts';

const AHEAD = 2;
const WAYS = [FUTURES, COROUTINES, NATIVE, IMMEDIATE, EFFECT, P_QUEUE];

function barOf(found: Found, workload: 'spawn' | 'yield', ours: WayOf, theirs: WayOf): Bar {
  const name = `${workload}, ${ours.title.replace('Rondo, ', '')}, times ${theirs.title}`;
  return compareWays(found, workload, [ours, theirs], (pair) =>
    ratioBar({ name, target: AHEAD, direction: 'at least' }, pair, speed, perOperation),
  );
}

/** See the head of this file. */
export const nativePart: Part = {
  name: 'native',
  subject: 'the same workloads with async functions, Effect and p-queue',
  async run(bench) {
    const found = await measureWays(bench, WAYS);
    const bars = (['spawn', 'yield'] as const).flatMap((workload) =>
      [FUTURES, COROUTINES].flatMap((ours) =>
        [NATIVE, EFFECT, P_QUEUE].map((theirs) => barOf(found, workload, ours, theirs)),
      ),
    );
    return { bars, figures: waysTable(found, WAYS), data: Object.fromEntries(found) };
  },
};
