/**
 * The loops over payload bytes: in TypeScript, by SIMD in WebAssembly, and what npm and Node offer
 * for the same. No sockets. Each contender works where it would in a server: ours on the arena,
 * the others on memory of their own.
 */
import { isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { systemClock } from '../../src/base/index.ts';
import { Arena } from '../../src/memory/index.ts';
import { createKernels, type Kernels } from '../../src/websocket/index.ts';
import { fixed, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

const SIZES = [16, 32, 64, 125, 256, 1024, 4096, 16_384, 65_536, 1_048_576];
const MIB = 1024 * 1024;
/** As after the head of a masked frame at the start of a buffer: off every alignment but 2. */
const PLACE = MIB + 6;
const TARGET = 4 * MIB + 4;
const KEY = 0x1b2d3f04;
/** Nanoseconds that one round of one contender is meant to take. */
const ROUND_NS = 4e6;

/** Makes ready what `size` bytes need, outside the measurement; gives what does it `times` times. */
type Work = (size: number) => (times: number) => void;

/** One contender in one discipline. */
interface Entry {
  readonly task: string;
  readonly contender: string;
  readonly work: Work;
}

/** What a contender took for one call at each size: the fastest round. */
export interface CodecFigures {
  readonly task: string;
  readonly contender: string;
  readonly nanoseconds: readonly number[];
}

const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ['ASCII', 'The quick brown fox jumps over the lazy dog. '],
  ['Cyrillic', 'Съешь же ещё этих мягких французских булок. '],
];

/** Whole characters, filled up with spaces: an isUtf8 knows no text that is cut. */
function textOf(pattern: string, size: number): Buffer {
  const text = Buffer.alloc(size, ' ');
  text.write(pattern.repeat(Math.ceil(size / pattern.length)));
  return text;
}

/** The result of validation, so that no work is thought useless and none is wrong. */
function mustBe(valid: boolean): void {
  if (!valid) throw new Error('Cannot use the figures: a valid text was refused');
}

function ours(contender: string, bytes: Uint8Array, kernels: Kernels): Entry[] {
  const unmask: Work = (size) => (times) => {
    for (let i = 0; i < times; i++) kernels.unmask(PLACE, size, KEY, 0);
  };
  const copy: Work = (size) => (times) => {
    for (let i = 0; i < times; i++) kernels.unmaskCopy(PLACE, TARGET, size, 0, 0);
  };
  const validate = (pattern: string): Work => {
    return (size) => {
      bytes.set(textOf(pattern, size), PLACE);
      return (times) => {
        let state = 0;
        for (let i = 0; i < times; i++) state |= kernels.validateUtf8(PLACE, size, 0);
        mustBe(state === 0);
      };
    };
  };
  return [
    { task: 'unmask', contender, work: unmask },
    { task: 'copy', contender, work: copy },
    ...TEXTS.map(([name, text]) => ({ task: `UTF-8, ${name}`, contender, work: validate(text) })),
  ];
}

function validators(contender: string, isValid: (text: Buffer) => boolean): Entry[] {
  return TEXTS.map(([name, pattern]) => ({
    task: `UTF-8, ${name}`,
    contender,
    work: (size) => {
      const text = textOf(pattern, size);
      return (times) => {
        let valid = true;
        for (let i = 0; i < times; i++) valid = isValid(text) && valid;
        mustBe(valid);
      };
    },
  }));
}

/** What `ws` uses when it is installed beside it. */
function npmPeers(root: string, say: (line: string) => void): Entry[] {
  const require = createRequire(join(root, 'bench', 'peers', 'package.json'));
  const load = (name: string): unknown => require(name);
  try {
    const { unmask } = load('bufferutil') as {
      readonly unmask: (data: Buffer, mask: Buffer) => void;
    };
    const isValid = load('utf-8-validate') as (data: Buffer) => boolean;
    const mask = Buffer.from([4, 63, 45, 27]);
    const work: Work = (size) => {
      const data = Buffer.alloc(size, 1);
      return (times) => {
        for (let i = 0; i < times; i++) unmask(data, mask);
      };
    };
    const entry = { task: 'unmask', contender: 'bufferutil', work };
    return [entry, ...validators('utf-8-validate', isValid)];
  } catch (error) {
    say(`bufferutil and utf-8-validate are left out: ${String(error)}`);
    return [];
  }
}

function measure(work: Work, size: number, rounds: number): number {
  const run = work(size);
  let times = 1;
  let best = Infinity;
  // The first rounds find how many calls fill one, and let the compilers do their work.
  for (let round = -4; round < rounds; round++) {
    const started = systemClock.now();
    run(times);
    const each = ((systemClock.now() - started) * 1e6) / times;
    if (round >= 0) best = Math.min(best, each);
    times = Math.max(1, Math.min(200_000, Math.round(ROUND_NS / Math.max(each, 1))));
  }
  return best;
}

/** Nanoseconds of a call, by task, contender and size. */
export const codecSuite: Suite = {
  name: 'codec',
  question: 'What do masking, copying and validation cost, and from which size does SIMD win?',
  async run(bench) {
    const { root, say, quick } = bench.options;
    const sizes = bench.options.sizes ?? SIZES;
    const rounds = bench.options.rounds ?? (quick ? 3 : 9);
    const { bytes, memory } = Arena.create({ size: 16 * MIB });
    const copyWithin: Work = (size) => (times) => {
      for (let i = 0; i < times; i++) bytes.copyWithin(TARGET, PLACE, PLACE + size);
    };
    const entries: Entry[] = [
      ...ours('TypeScript', bytes, createKernels(bytes)),
      ...ours('SIMD', bytes, createKernels(bytes, memory)),
      ...npmPeers(root, say),
      { task: 'copy', contender: 'copyWithin', work: copyWithin },
      ...validators('buffer.isUtf8', isUtf8),
    ];
    const tasks = [...new Set(entries.map(({ task }) => task))];
    const data: CodecFigures[] = tasks.flatMap((task) =>
      entries
        .filter((entry) => entry.task === task)
        .map(({ contender, work }) => {
          const nanoseconds = sizes.map((size) => measure(work, size, rounds));
          return { task, contender, nanoseconds };
        }),
    );
    const rows = data.map(({ task, contender, nanoseconds }) => [
      task,
      contender,
      ...nanoseconds.map((value) => fixed(value, value < 100 ? 1 : 0)),
    ]);
    const head = ['ns a call', 'by', ...sizes.map((size) => `${size} B`)];
    return { markdown: table(head, rows), data };
  },
};
