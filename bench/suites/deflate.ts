/**
 * What compressing a message costs, by who does it: the addon in one go, the addon in steps, and
 * node:zlib on libuv's thread pool. CPU time of the whole process, the median of interleaved
 * rounds.
 */
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import {
  Deflation,
  DeflationStatus,
  openStreams,
  sharedDeflaters,
  sharedInflaters,
  type Streams,
} from '../../src/deflate/index.ts';
import { Arena, Blocks } from '../../src/memory/index.ts';
import { fixed, table } from '../harness/report.ts';
import { median } from '../harness/statistics.ts';
import type { Suite } from './suite.ts';

const SIZES = [20, 125, 1024, 16_384, 65_536, 1_048_576];
const LEVELS = [1, 3, 6];
const MIB = 1024 * 1024;
/** Calls of one round: about this many bytes go through. */
const ROUND_BYTES = 500_000;
const FRAME_HEAD_BYTES = 10;

/** Microseconds of CPU for one message. */
interface DeflateFigures {
  readonly level: number;
  readonly size: number;
  readonly compressed: number;
  readonly deflate: number;
  readonly inSteps: number;
  readonly deflateOnPool: number;
  readonly inflate: number;
  readonly inflateOnPool: number;
}

type Work = (times: number) => Promise<void> | void;

/** JSON as a service sends it. */
function textOf(size: number): Buffer {
  let all = '';
  for (let i = 0; all.length < size; i++) {
    const user = `user${(i * 7919) % 1000}`;
    const text = `the quick message number ${(i * 31) % 977} of the room`;
    const price = ((i * 7919) % 10_007) / 100;
    all += `${JSON.stringify({ id: i, user, text, at: 1.7e12 + i * 137, price })},`;
  }
  return Buffer.from(all.slice(0, size));
}

/** A turn of the event loop later. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function cpuOf(work: Work, times: number): Promise<number> {
  const before = process.cpuUsage();
  await work(times);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** The works for messages of one size at one level, and the size of one when it is compressed. */
function worksOf(
  streams: Streams,
  arena: Arena,
  blocks: Blocks,
  level: number,
  size: number,
): { works: readonly Work[]; compressed: number; free: () => void } {
  const source = blocks.acquire(size);
  const target = blocks.acquire(size * 2 + 64);
  const output = blocks.acquire(size);
  const text = textOf(size);
  arena.bytes.set(text, source);
  const deflaters = sharedDeflaters(streams, { level });
  const inflaters = sharedInflaters(streams);
  const deflater = deflaters.acquire();
  const inflater = inflaters.acquire();
  const deflation = new Deflation({ bytes: arena.bytes, blocks });
  deflater.compress(source, size, true, target, size * 2 + 64);
  const compressed = deflater.produced;
  const packed = Buffer.from(arena.bytes.slice(target, target + compressed));
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH };
  const onPool = promisify<Buffer, typeof options, Buffer>(deflateRaw);
  const backOnPool = promisify<Buffer, typeof options, Buffer>(inflateRaw);
  const works: Work[] = [
    (times) => {
      for (let i = 0; i < times; i++) deflater.compress(source, size, true, target, size * 2 + 64);
    },
    async (times) => {
      for (let i = 0; i < times; i++) {
        deflation.begin(deflaters, source, size, FRAME_HEAD_BYTES);
        while (deflation.step() === DeflationStatus.AGAIN) await nextTurn();
        blocks.release(deflation.block);
      }
    },
    async (times) => {
      for (let i = 0; i < times; i++) await onPool(text, options);
    },
    (times) => {
      for (let i = 0; i < times; i++) inflater.inflate(target, compressed, true, output, size);
    },
    async (times) => {
      for (let i = 0; i < times; i++) await backOnPool(packed, options);
    },
  ];
  const free = (): void => {
    deflater.free();
    inflater.free();
    deflaters.free();
    inflaters.free();
    for (const block of [source, target, output]) blocks.release(block);
  };
  return { works, compressed, free };
}

/** Microseconds of CPU for a message, by level and size. */
export const deflateSuite: Suite = {
  name: 'deflate',
  question: 'What does a compressed message cost in one go, in steps, and on another thread?',
  async run(bench) {
    const rounds = bench.options.rounds ?? (bench.options.quick ? 3 : 7);
    const sizes = bench.options.sizes ?? SIZES;
    const arena = Arena.create({ size: 32 * MIB });
    const blocks = Blocks.create(arena, { name: 'blocks', size: 16 * MIB, minBlock: 1024 });
    const streams = openStreams(arena);
    const data: DeflateFigures[] = [];
    for (const level of LEVELS) {
      for (const size of sizes) {
        const { works, compressed, free } = worksOf(streams, arena, blocks, level, size);
        const times = Math.max(2, Math.min(400, Math.floor(ROUND_BYTES / (size + 1000))));
        const taken: number[][] = works.map(() => []);
        for (let round = 0; round < rounds; round++) {
          for (const [i, work] of works.entries()) taken[i]!.push(await cpuOf(work, times));
        }
        const [deflate, inSteps, deflateOnPool, inflate, inflateOnPool] = taken.map(median) as [
          number,
          number,
          number,
          number,
          number,
        ];
        const costs = { deflate, inSteps, deflateOnPool, inflate, inflateOnPool };
        data.push({ level, size, compressed, ...costs });
        free();
      }
    }
    streams.close();
    const head = ['level', 'bytes', 'compressed', 'deflate', 'in steps', 'on the pool'];
    const rows = data.map((row) => [
      `${row.level}`,
      `${row.size}`,
      `${row.compressed}`,
      ...[row.deflate, row.inSteps, row.deflateOnPool, row.inflate, row.inflateOnPool].map(
        (value) => fixed(value, value < 100 ? 1 : 0),
      ),
    ]);
    return { markdown: table([...head, 'inflate', 'on the pool'], rows), data };
  },
};
