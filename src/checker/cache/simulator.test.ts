/** Random traces: what must hold of every protocol, on a bus and with a directory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Access, AccessKind } from './access.ts';
import { missesOf } from './counters.ts';
import type { CacheOptions } from './options.ts';
import { PROTOCOL_NAMES } from './protocols/index.ts';
import { simulateCache } from './report.ts';
import { CacheSimulator } from './simulator.ts';

const CORES = 4;

const access: fc.Arbitrary<Access> = fc.record({
  core: fc.nat(CORES - 1),
  kind: fc.constantFrom<AccessKind>('read', 'read', 'write', 'write', 'update', 'evict'),
  // Few lines and fewer sets, so that lines are shared and replaced.
  address: fc.nat(16 * 12),
  size: fc.integer({ min: 1, max: 20 }),
});

const machine = fc.record({
  protocol: fc.constantFrom(...PROTOCOL_NAMES),
  sets: fc.constantFrom(1, 2, 4),
  ways: fc.integer({ min: 1, max: 3 }),
  prefetch: fc.constantFrom('none' as const, 'adjacent' as const),
  nodes: fc.integer({ min: 1, max: 3 }),
  homes: fc.constantFrom('line' as const, 'page' as const, 'first-touch' as const),
});

const traces = fc.array(access, { maxLength: 120 });

function optionsOf(drawn: CacheOptions, interconnect: 'bus' | 'directory'): CacheOptions {
  return { ...drawn, cores: CORES, lineBytes: 16, interconnect };
}

describe('CacheSimulator', () => {
  it('keeps one writer or many readers, and the last write, in every protocol', () => {
    fc.assert(
      fc.property(machine, traces, (drawn, trace) => {
        for (const interconnect of ['bus', 'directory'] as const) {
          // Its own assertions look at versions, owners and sharers with every access.
          const simulator = new CacheSimulator(optionsOf(drawn, interconnect));
          for (const each of trace) {
            for (const { line } of simulator.access(each).lines) {
              const states = simulator.statesAt(line * 16);
              const owners = [...states].filter((state) => /[MOEF]/.test(state)).length;
              const holders = [...states].filter((state) => state !== 'I').length;
              assert.ok(owners <= 1, states);
              if (/[ME]/.test(states)) assert.equal(holders, 1, states);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('reads what was written last: a model of the values agrees', () => {
    fc.assert(
      fc.property(machine, traces, (drawn, trace) => {
        const simulator = new CacheSimulator(optionsOf(drawn, 'directory'));
        const last = new Map<number, number>();
        for (const each of trace) {
          const { index, lines } = simulator.access(each);
          if (each.kind === 'evict') continue;
          for (const { line, isPrefetch, states } of lines) {
            if (isPrefetch) continue;
            // Who has used a line has it, and after a write nobody else does.
            assert.notEqual(states[each.core], 'I');
            if (each.kind === 'read') continue;
            last.set(line, index);
            assert.equal(states.replaceAll('I', ''), 'M');
          }
        }
        for (const line of last.keys()) assert.equal(simulator.statesAt(line * 16).length, CORES);
      }),
    );
  });

  it('gives the same states and totals on a bus and with a directory', () => {
    fc.assert(
      fc.property(machine, traces, (drawn, trace) => {
        const [bus, directory] = (['bus', 'directory'] as const).map((interconnect) =>
          simulateCache(trace, optionsOf(drawn, interconnect)),
        );
        const states = (report: typeof bus): unknown =>
          report!.steps.map(({ lines }) => lines.map((each) => [each.states, each.events]));
        assert.deepEqual(states(directory), states(bus));
        const counted = (report: typeof bus): unknown => ({ ...report!.totals, cycles: 0 });
        assert.deepEqual(counted(directory), counted(bus));
      }),
    );
  });

  it('knows in its directory exactly who has a line', () => {
    fc.assert(
      fc.property(machine, traces, (drawn, trace) => {
        const simulator = new CacheSimulator(optionsOf(drawn, 'directory'));
        for (const each of trace) simulator.access(each);
        for (let address = 0; address < 16 * 14; address += 16) {
          const holders = [...simulator.statesAt(address)].flatMap((state, core) =>
            state === 'I' ? [] : [core],
          );
          assert.deepEqual(simulator.sharersAt(address), holders);
        }
      }),
    );
  });

  it('answers each message of a directory, and counts everything once', () => {
    fc.assert(
      fc.property(machine, traces, (drawn, trace) => {
        const report = simulateCache(trace, optionsOf(drawn, 'directory'));
        const { totals, cores, lines, messages } = report;
        const sent = (...types: readonly string[]): number =>
          types.reduce((sum, type) => sum + (messages[type as 'GetS'] ?? 0), 0);
        assert.equal(sent('GetS'), totals.BusRd);
        assert.equal(sent('GetM'), totals.BusRdX + totals.BusUpgr);
        assert.equal(sent('PutM', 'PutO', 'PutE', 'PutF', 'PutS'), totals.evictions);
        assert.equal(sent('Inv') + sent('FwdGetM'), totals.invalidationsReceived);
        const fetched = totals.cleanForwards + totals.dirtyForwards + totals.memoryReads;
        assert.equal(fetched, totals.BusRd + totals.BusRdX);
        assert.equal(missesOf(totals) + totals.prefetches, fetched);
        assert.equal(totals.invalidationsSent, totals.invalidationsReceived);
        for (const key of ['reads', 'writes', 'hits', 'cycles', 'writeBacks'] as const) {
          const sum = (all: readonly (typeof totals)[]): number =>
            all.reduce((part, counters) => part + counters[key], 0);
          assert.equal(sum(cores), totals[key], key);
          assert.equal(sum(lines.map(({ counters }) => counters)), totals[key], key);
        }
      }),
    );
  });

  it('refuses what is no access, and more of them than it may take', () => {
    const simulator = new CacheSimulator({ cores: 2, maxAccesses: 1 });
    const good = { core: 0, kind: 'read', address: 0, size: 4 } as const;
    const bad: readonly [Partial<Record<keyof Access, unknown>>, string][] = [
      [{ core: 2 }, 'ERR_OPTION_RANGE'],
      [{ core: -1 }, 'ERR_OPTION_RANGE'],
      [{ kind: 'peek' }, 'ERR_OPTION_TYPE'],
      [{ address: 0.5 }, 'ERR_OPTION_RANGE'],
      [{ address: -4 }, 'ERR_OPTION_RANGE'],
      [{ address: Number.MAX_SAFE_INTEGER }, 'ERR_OPTION_RANGE'],
      [{ size: 0 }, 'ERR_OPTION_RANGE'],
      [{ size: 5000 }, 'ERR_OPTION_RANGE'],
      [{ site: 7 }, 'ERR_OPTION_TYPE'],
    ];
    for (const [wrong, code] of bad) {
      assert.throws(() => simulator.access({ ...good, ...wrong } as Access), { code });
    }
    simulator.access(good);
    assert.throws(() => simulator.access(good), { code: 'ERR_CACHE_LIMIT' });
  });
});

describe('resolveCacheOptions', () => {
  it('refuses options that do not exist or are outside their range', () => {
    const bad: readonly [Readonly<Record<string, unknown>>, string][] = [
      [{ protocoll: 'MESI' }, 'ERR_OPTION_UNKNOWN'],
      [{ protocol: 'MOSI' }, 'ERR_OPTION_TYPE'],
      [{ cores: 65 }, 'ERR_OPTION_RANGE'],
      [{ lineBytes: 48 }, 'ERR_OPTION_RANGE'],
      [{ sets: 3 }, 'ERR_OPTION_RANGE'],
      [{ latencies: { l2: 3 } }, 'ERR_OPTION_UNKNOWN'],
      [{ latencies: { hit: -1 } }, 'ERR_OPTION_RANGE'],
      [{ nodes: 2, distances: [[10, 20]] }, 'ERR_OPTION_RANGE'],
      [{ nodes: 1, distances: [[0]] }, 'ERR_OPTION_RANGE'],
      [{ distances: 'far' }, 'ERR_OPTION_TYPE'],
    ];
    for (const [options, code] of bad) {
      assert.throws(() => new CacheSimulator(options), { code });
    }
  });
});
