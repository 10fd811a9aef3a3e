/**
 * Traces with the state of every cache after each step: those of a folder of data when it is there
 * (`../shared/litmus`, or the one that RONDO_LITMUS names), and our own always.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type CacheAccess,
  type CacheReport,
  cacheEventText,
  type ProtocolName,
  simulateCache,
} from '../../../src/checker/cache/index.ts';
import { TABLED } from './tabled.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = process.env.RONDO_LITMUS ?? join(root, '..', 'shared', 'litmus');
const file = join(folder, 'coherence-traces.json');

const KINDS = { R: 'read', W: 'write', X: 'evict' } as const;
const CORES = 3;

/** `P0R P1W` as accesses to one word. */
function accessesOf(operations: string): CacheAccess[] {
  return operations.split(' ').map((operation) => {
    const [, core, letter] = /^P(\d)([RWX])$/.exec(operation)!;
    return { core: Number(core), kind: KINDS[letter as 'R'], address: 0x40, size: 4 };
  });
}

function run(operations: string, protocol: ProtocolName, directory: boolean): CacheReport {
  const interconnect = directory ? 'directory' : 'bus';
  return simulateCache(accessesOf(operations), { protocol, interconnect, cores: CORES });
}

function totalsOf({ totals }: CacheReport): Readonly<Record<string, number>> {
  return {
    busrd: totals.BusRd,
    busrdx: totals.BusRdX,
    busupgr: totals.BusUpgr,
    inv: totals.invalidationsReceived,
    c2c: totals.cleanForwards + totals.dirtyForwards,
    mem: totals.memoryReads,
    wb: totals.writeBacks,
  };
}

interface Recorded {
  readonly trace: string;
  readonly protocols: Readonly<
    Record<
      string,
      {
        readonly steps: readonly { op: string; states: string; events: readonly string[] }[];
        readonly totals: Readonly<Record<string, number>>;
      }
    >
  >;
}

describe('recorded traces', () => {
  const reason = existsSync(file) ? false : `there is no ${file}`;
  it('come out state by state, event by event and total by total', { skip: reason }, () => {
    const traces = JSON.parse(readFileSync(file, 'utf8')) as Recorded[];
    assert.ok(traces.length > 0);
    for (const { trace, protocols } of traces) {
      for (const [protocol, { steps, totals }] of Object.entries(protocols)) {
        const operations = steps.map(({ op }) => op).join(' ');
        for (const directory of [false, true]) {
          const report = run(operations, protocol as ProtocolName, directory);
          const found = report.steps.map(({ lines }, index) => ({
            op: steps[index]!.op,
            states: lines[0]!.states,
            events: lines[0]!.events.map(cacheEventText),
          }));
          const what = `${trace}, ${protocol}, ${directory ? 'directory' : 'bus'}`;
          assert.deepEqual(found, steps, what);
          assert.deepEqual(totalsOf(report), totals, what);
        }
      }
    }
  });
});

describe('traces of our own', () => {
  for (const { title, operations, expected } of TABLED) {
    for (const [protocol, [states, totals]] of Object.entries(expected)) {
      it(`${title}: ${protocol}`, () => {
        for (const directory of [false, true]) {
          const report = run(operations, protocol as ProtocolName, directory);
          const found = report.steps.map(({ lines }) => lines[0]!.states).join(' ');
          assert.equal(found, states);
          for (const [name, count] of Object.entries(totals)) {
            assert.equal(totalsOf(report)[name], count, name);
          }
        }
      });
    }
  }
});
