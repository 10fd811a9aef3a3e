/** What a user would pick without rings, one way, a message of five fields each. */
import type { Bar } from '../../harness/bar.ts';
import { perSecond } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import {
  cellOf,
  figureOf,
  named,
  type Part,
  ratioBar,
  type Rounds,
  type Runner,
  speed,
  takeTurns,
} from './part.ts';
import { Programs } from './programs.ts';
import { fourDirections } from './spsc.ts';

const BATCH = 64;
const TIMES_BETTER = 20;

/** One way; see `servers/ring/ways.ts`. */
interface Way {
  readonly name: string;
  readonly way: string;
  readonly batch: number;
  /** The package that it needs. */
  readonly needs?: string;
}

const MARSHALLING: readonly Way[] = [
  { name: 'Node-API, object in', way: 'node-api-in', batch: 1 },
  { name: 'Node-API, object out', way: 'node-api-out', batch: 1 },
  { name: 'koffi, struct by pointer', way: 'koffi', batch: 1, needs: 'koffi' },
  { name: 'MessagePort', way: 'message-port', batch: 1 },
  { name: 'MessagePort, arrays of 64', way: 'message-port', batch: BATCH },
  { name: 'child_process IPC', way: 'ipc-json', batch: 1 },
  { name: 'child_process IPC, arrays of 64', way: 'ipc-json', batch: BATCH },
  { name: 'child_process IPC, advanced, arrays of 64', way: 'ipc-advanced', batch: BATCH },
  { name: 'Unix socket, JSON', way: 'socket-json', batch: 1 },
  { name: 'Unix socket, JSON, arrays of 64', way: 'socket-json', batch: BATCH },
  {
    name: 'Unix socket, msgpackr, arrays of 64',
    way: 'socket-msgpackr',
    batch: BATCH,
    needs: 'msgpackr',
  },
  {
    name: 'Unix socket, protobufjs, 64 in one',
    way: 'socket-protobufjs',
    batch: BATCH,
    needs: 'protobufjs',
  },
];

const RINGBUF = 'ringbuf.js, threads, each';
const RINGBUF_BATCH = 'ringbuf.js, threads, 64 at once';
const OTHER_RINGS: readonly Way[] = [
  { name: RINGBUF, way: 'ringbuf', batch: 1, needs: 'ringbuf.js' },
  { name: RINGBUF_BATCH, way: 'ringbuf', batch: BATCH, needs: 'ringbuf.js' },
];

/** Packages that the registry does not have, so that nobody wonders why they are missing. */
const ABSENT: readonly Runner[] = [
  {
    name: '@nxtedition/shared',
    refusal: 'the npm registry did not have it',
    run: () => Promise.reject(new Error('Cannot run what is not there')),
  },
];

function wayRunner(bench: Bench, { name, way, batch, needs }: Way): Runner {
  const programs = Programs.of(bench);
  const { quick } = bench.options;
  const time = quick ? { milliseconds: 800, warmup: 300 } : { milliseconds: 2000, warmup: 700 };
  return {
    name,
    refusal: needs === undefined ? '' : programs.packageRefusal(needs),
    run: () => programs.run(programs.script('ways', way, { ...time, batch, cores: programs.list })),
  };
}

/** Rondo's own, under names that say how they publish. */
function ours(bench: Bench, publishEvery: number): Runner[] {
  const how = publishEvery === 1 ? 'each' : `every ${publishEvery}`;
  const wanted = [
    ...(publishEvery === 1 ? [] : ['TypeScript → Rust']),
    'TypeScript → TypeScript',
    'TypeScript → TypeScript, threads',
  ];
  return fourDirections(bench, publishEvery)
    .filter(({ name }) => wanted.includes(name))
    .map((runner) => ({ ...runner, name: `Rondo, ${runner.name}, ${how}` }));
}

function fastest(rounds: readonly Rounds[]): Rounds | undefined {
  const known = rounds.filter((found) => !Number.isNaN(figureOf(found, speed)));
  return known.sort((a, b) => figureOf(b, speed) - figureOf(a, speed))[0];
}

function barsOf(data: readonly Rounds[]): Bar[] {
  const ring = named(data, `Rondo, TypeScript → Rust, every ${BATCH}`);
  const against = (name: string, target: number, pair: readonly [Rounds, Rounds]): Bar =>
    ratioBar({ name, target, direction: 'at least' }, pair, speed, perSecond);
  const againstBest = (title: string, ways: readonly Way[]): Bar[] => {
    const best = fastest(ways.map(({ name }) => named(data, name)));
    if (!best) return [];
    const name = `TypeScript → Rust, / best way that marshals, ${title} (${best.name})`;
    return [against(name, TIMES_BETTER, [ring, best])];
  };
  const singly = MARSHALLING.filter(({ batch }) => batch === 1);
  const inBatches = MARSHALLING.filter(({ batch }) => batch === BATCH);
  const threads = 'Rondo, TypeScript → TypeScript, threads';
  return [
    ...againstBest('one by one', singly),
    ...againstBest(`${BATCH} at once`, inBatches),
    against('threads, publish each, / ringbuf.js', 1, [
      named(data, `${threads}, each`),
      named(data, RINGBUF),
    ]),
    against(`threads, publish every ${BATCH}, / ringbuf.js`, 1, [
      named(data, `${threads}, every ${BATCH}`),
      named(data, RINGBUF_BATCH),
    ]),
  ];
}

/** See the head of this file. */
export const waysPart: Part = {
  name: 'ways',
  subject: 'against what a user would pick, one way, five fields written and read',
  async run(bench) {
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const runners = [
      ...ours(bench, BATCH),
      ...ours(bench, 1),
      ...[...MARSHALLING, ...OTHER_RINGS].map((way) => wayRunner(bench, way)),
      ...ABSENT,
    ];
    const data = await takeTurns(bench, 'ways', runners, rounds);
    const rows = data.map((found) => [
      found.name,
      cellOf(found, speed, perSecond),
      fixed(1e9 / figureOf(found, speed), 1),
    ]);
    return { bars: barsOf(data), figures: table(['way', 'messages', 'ns each'], rows), data };
  },
};
