/** Causes of misses, cost, messages and prefetching on traces that were worked out by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Access } from './access.ts';
import { messageText } from './events.ts';
import { type CacheReport, simulateCache } from './report.ts';
import type { CacheOptions } from './options.ts';
import { parseTrace } from './trace/index.ts';

function run(text: string, options: CacheOptions = {}): CacheReport {
  return simulateCache(parseTrace(text.replaceAll('; ', '\n')), options);
}

function causes(text: string, options: CacheOptions = {}): string[] {
  return run(text, options).steps.map(({ lines }) => lines[0]!.miss?.cause ?? 'hit');
}

describe('MissHistory', () => {
  it('calls it false sharing when nothing of what others wrote is used', () => {
    const trace = 'P0 W 0x0 4; P1 W 0x4 4; P0 W 0x0 4; P1 R 0x4 4';
    assert.deepEqual(causes(trace), ['cold', 'cold', 'false sharing', 'false sharing']);
  });

  it('calls it true sharing when it is used later, while the line is there', () => {
    const trace = 'P0 W 0x0 4; P1 W 0x4 4; P0 R 0x0 4; P0 R 0x4 4; P1 R 0x4 4';
    assert.deepEqual(causes(trace), ['cold', 'cold', 'true sharing', 'hit', 'hit']);
  });

  it('counts bytes, not words: a neighbour within a word is false sharing', () => {
    assert.deepEqual(causes('P0 W 0x0 1; P1 W 0x1 1; P0 R 0x0 1'), [
      'cold',
      'cold',
      'false sharing',
    ]);
  });

  it('looks back to the last essential miss: what an earlier fetch brought is no news', () => {
    // P0 fetches the line in vain once; the byte that it uses at last was written before that.
    const trace =
      'P0 R 0x0 4; P1 W 0x8 4; P0 R 0x0 4; P1 W 0x4 4; P0 R 0x8 4; P1 W 0x4 4; P0 R 0x8 4';
    assert.deepEqual(causes(trace), [
      'cold',
      'cold',
      'false sharing',
      'hit',
      'true sharing',
      'hit',
      'false sharing',
    ]);
  });

  it('tells capacity from conflict by a fully associative cache of the same size', () => {
    // Two sets of one way. Lines 0 and 2 fight for one set while the other is free.
    const conflict = 'P0 R 0x0 4; P0 R 0x80 4; P0 R 0x0 4';
    assert.deepEqual(causes(conflict, { sets: 2, ways: 1 }), ['cold', 'cold', 'conflict']);
    const capacity = 'P0 R 0x0 4; P0 R 0x40 4; P0 R 0x80 4; P0 R 0xc0 4; P0 R 0x0 4';
    assert.deepEqual(causes(capacity, { sets: 2, ways: 1 }).at(-1), 'capacity');
  });

  it('goes by others’ writes when a line that made room was written meanwhile', () => {
    const trace = 'P0 R 0x0 4; P0 X 0x0 4; P1 W 0x0 4; P0 R 0x0 4';
    assert.deepEqual(causes(trace), ['cold', 'hit', 'cold', 'true sharing']);
  });

  it('an upgrade is no miss', () => {
    const { totals } = run('P0 R 0x0 4; P1 R 0x0 4; P0 W 0x0 4');
    assert.equal(totals.BusUpgr, 1);
    assert.equal(totals.misses['true sharing'] + totals.misses['false sharing'], 0);
  });
});

/** A time in which a core has a line, from its miss on. */
interface Residency {
  readonly start: number;
  readonly bytes: Set<number>;
}

/**
 * The definition of Dubois et al., word by word, for caches that never make room: a miss is
 * essential if it is the first, or if until the line is lost the core uses a byte that another core
 * wrote after the last essential miss and before this one.
 */
function naive(trace: readonly Access[], cores: number): string[] {
  const causes = trace.map(() => 'hit');
  const residencies = Array.from({ length: cores }, () => [] as Residency[]);
  const has = Array.from({ length: cores }, () => false);
  trace.forEach(({ core, kind, address, size }, now) => {
    if (!has[core]) residencies[core]!.push({ start: now, bytes: new Set() });
    has[core] = true;
    for (let at = 0; at < size; at++) residencies[core]!.at(-1)!.bytes.add(address + at);
    if (kind !== 'read') has.forEach((_, other) => (has[other] = other === core));
  });
  residencies.forEach((all, core) => {
    let essential = -1;
    all.forEach(({ start, bytes }, index) => {
      const isUsed = trace.some(
        ({ core: writer, kind, address, size }, at) =>
          kind !== 'read' &&
          writer !== core &&
          at > essential &&
          at < start &&
          Array.from({ length: size }, (_, byte) => address + byte).some((byte) => bytes.has(byte)),
      );
      causes[start] = index === 0 ? 'cold' : isUsed ? 'true sharing' : 'false sharing';
      if (index === 0 || isUsed) essential = start;
    });
  });
  return causes;
}

describe('MissHistory, beside the definition', () => {
  it('finds the same causes', () => {
    const access = fc.record<Access>({
      core: fc.nat(2),
      kind: fc.constantFrom('read', 'write', 'update'),
      address: fc.nat(12),
      size: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 60 }), (trace) => {
        const { steps } = simulateCache(trace, { cores: 3 });
        const found = steps.map(({ lines }) => lines[0]!.miss?.cause ?? 'hit');
        assert.deepEqual(found, naive(trace, 3));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the adjacent-line prefetcher', () => {
  const prefetch = { prefetch: 'adjacent' } as const;

  it('fetches the other line of the pair with a miss, to be read', () => {
    const { steps, totals } = run('P0 R 0x40 4; P0 R 0x0 4', prefetch);
    assert.deepEqual(
      steps[0]!.lines.map(({ line, isPrefetch, states }) => [line, isPrefetch, states]),
      [
        [1, false, 'E'],
        [0, true, 'E'],
      ],
    );
    assert.equal(totals.prefetches, 1);
    assert.equal(totals.prefetchesUsed, 1);
    assert.equal(totals.hits, 1);
  });

  it('takes the neighbour line from who writes it: 64 bytes apart is not apart', () => {
    // P0 writes its own line, P1 misses only the one beside it.
    const trace = 'P0 W 0x40 4; P0 W 0x0 4; P1 R 0x0 4; P0 W 0x40 4';
    assert.equal(run(trace).totals.BusUpgr, 0);
    assert.equal(run(trace, prefetch).totals.BusUpgr, 1);
    const apart = trace.replaceAll('0x40', '0x80');
    assert.equal(run(apart, prefetch).totals.BusUpgr, 0);
  });
});

describe('the directory', () => {
  const options = { interconnect: 'directory', protocol: 'MOESI' } as const;
  const messages = (text: string, more: CacheOptions = {}): string[][] =>
    run(text, { ...options, ...more }).steps.map(({ lines }) =>
      lines[0]!.messages.map(messageText),
    );

  it('sends what a directory protocol sends', () => {
    const found = messages(
      'P0 R 0x0 4; P1 R 0x0 4; P2 W 0x0 4; P0 R 0x0 4; P0 W 0x0 4; P0 X 0x0 4',
    );
    assert.deepEqual(found, [
      ['GetS P0→H0', 'Data H0→P0'],
      ['GetS P1→H0', 'FwdGetS H0→P0', 'Data P0→P1'],
      ['GetM P2→H0', 'Inv H0→P0', 'Ack P0→P2', 'Inv H0→P1', 'Ack P1→P2', 'Data H0→P2'],
      ['GetS P0→H0', 'FwdGetS H0→P2', 'Data P2→P0'],
      ['GetM P0→H0', 'Inv H0→P2', 'Ack P2→P0', 'Ack H0→P0'],
      ['PutM P0→H0', 'Ack H0→P0'],
    ]);
  });

  it('counts hops, and how far messages go between nodes', () => {
    const numa = {
      nodes: 2,
      distances: [
        [10, 21],
        [21, 10],
      ],
      homes: 'line',
      cores: 2,
    } as const;
    const near = run('P0 R 0x0 4', { ...options, ...numa });
    assert.deepEqual([near.hops, near.crossings, near.distance], [2, 0, 20]);
    const far = run('P1 R 0x0 4', { ...options, ...numa });
    assert.deepEqual([far.hops, far.crossings, far.distance], [2, 2, 42]);
    // There and back 42 each, the directory 10, memory 200, the core's own cache 4.
    assert.equal(far.totals.cycles, 2 * 42 + 10 + 200 + 4);
    const forwarded = run('P0 W 0x0 4; P1 R 0x0 4', { ...options, ...numa });
    assert.equal(forwarded.hops, 5);
  });

  it('tells the home of what is given up, whatever its state', () => {
    const found = run('P0 R 0x0 4; P0 X 0x0 4; P0 W 0x0 4; P0 X 0x0 4', options).messages;
    assert.deepEqual(found, { GetS: 1, Data: 2, PutE: 1, Ack: 2, GetM: 1, PutM: 1 });
  });
});

describe('costs', () => {
  it('are the latencies that were given', () => {
    const latencies = { hit: 1, memory: 1000, dirtyForward: 50, upgrade: 7, atomic: 3 };
    const trace = 'P0 W 0x0 4; P1 R 0x0 4; P0 W 0x0 4; P0 R 0x0 4; P0 U 0x0 4';
    const { steps } = run(trace, { latencies });
    assert.deepEqual(
      steps.map(({ cycles }) => cycles),
      [1001, 51, 8, 1, 4],
    );
  });

  it('grow with the distance between nodes, on a bus too', () => {
    const options = {
      cores: 2,
      nodes: 2,
      distances: [
        [10, 30],
        [30, 10],
      ],
      homes: 'page',
    } as const;
    const { steps } = run('P0 W 0x0 4; P1 W 0x0 4', options);
    assert.deepEqual(
      steps.map(({ cycles }) => cycles),
      [204, 3 * 80 + 4],
    );
  });
});

describe('accesses across lines', () => {
  it('take each of them', () => {
    const { steps, totals } = run('P0 W 0x3e 4', {});
    assert.deepEqual(
      steps[0]!.lines.map(({ line }) => line),
      [0, 1],
    );
    assert.equal(totals.BusRdX, 2);
  });
});
