/** tokio's own benchmarks, on its current-thread runtime and on Rondo. */
import type { Part } from '../parts.ts';
import { ratioBar } from '../ring/part.ts';
import { cpu, nanoseconds } from './runs.ts';
import {
  ASYNC,
  compareWays,
  COROUTINES,
  FUTURES,
  measureWays,
  TOKIO,
  waysTable,
  WORKLOADS,
} from './ways.ts';

const WITHIN = 1.5;
const WAYS = [TOKIO, FUTURES, COROUTINES, ASYNC];

/** See the head of this file. */
export const workloadsPart: Part = {
  name: 'workloads',
  subject: 'tokio’s workloads: ns of CPU time for an operation',
  async run(bench) {
    const found = await measureWays(bench, WAYS);
    const bars = WORKLOADS.map(([workload, title]) =>
      compareWays(found, workload, [FUTURES, TOKIO], (pair) =>
        ratioBar(
          {
            name: `${title}, hand-written futures / tokio`,
            target: workload === 'yield' ? 1 : WITHIN,
            direction: 'at most',
          },
          pair,
          cpu,
          nanoseconds,
        ),
      ),
    );
    return { bars, figures: waysTable(found, WAYS), data: Object.fromEntries(found) };
  },
};
