/**
 * One workload, written in one way.
 *
 *     workloads WAY WORKLOAD [--milliseconds N]
 *
 * Prints one line of JSON; see `sample.ts`.
 */
import { parseArgs } from 'node:util';
import { report } from '../../../servers/ring/program.ts';
import { OPERATIONS, type Way, type Workload } from './plan.ts';
import { sample } from './sample.ts';

const WAYS: Readonly<Record<string, () => Promise<Way>>> = {
  futures: async () => (await import('./ways/futures.ts')).way,
  coroutines: async () => (await import('./ways/coroutines.ts')).way,
  async: async () => (await import('./ways/async.ts')).way,
  native: async () => (await import('./ways/native.ts')).way,
  immediate: async () => (await import('./ways/native.ts')).immediateWay,
  effect: async () => (await import('./ways/effect.ts')).way,
  'p-queue': async () => (await import('./ways/p-queue.ts')).way,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { milliseconds: { type: 'string', default: '500' } },
});
const [name = '', workload = ''] = positionals;
const way = await WAYS[name]?.();
const iterate = way?.[workload as Workload];
if (iterate === undefined) throw new RangeError(`Cannot run ${workload}: ${name} does not have it`);
report(await sample(iterate, OPERATIONS[workload as Workload], Number(values.milliseconds)));
