import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OPERATIONS, type Way, type Workload } from './programs/plan.ts';
import { currentExecutor } from './programs/rondo.ts';
import { way as async } from './programs/ways/async.ts';
import { way as coroutines } from './programs/ways/coroutines.ts';
import { way as futures } from './programs/ways/futures.ts';
import { immediateWay, way as native } from './programs/ways/native.ts';

const NAMES = Object.keys(OPERATIONS) as Workload[];
const OURS: Readonly<Record<string, Way>> = { futures, coroutines, async };

describe('the workloads of the suite tasks', () => {
  for (const [name, way] of Object.entries({ ...OURS, native })) {
    it(`${name}: has all of them, and each ends and leaves no task`, async () => {
      for (const workload of NAMES) {
        const iterate = way[workload];
        assert.ok(iterate, workload);
        await iterate();
        while (currentExecutor().living > 0) await turn();
      }
    });
  }

  it('immediate: has the yields alone', () => {
    assert.deepEqual(Object.keys(immediateWay), ['yield']);
  });
});
