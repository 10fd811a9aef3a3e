/**
 * Random reads of 4 KiB from a file, a number of them under way at once.
 *
 *     files rondo|node FILE [--depth N] [--seconds N] [--direct] [--driver uring|epoll|portable]
 *
 * Prints reads (`count`), and `cpu`: CPU time of the process for one, in ns.
 */
import { constants } from 'node:fs';
import { type FileHandle, open as openNode } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { RealDriverKind } from '../../../../src/driver/index.ts';
import { type Chunk, type File, open } from '../../../../src/fs/index.ts';
import { configureRuntime, currentReactor } from '../../../../src/runtime/index.ts';
import { now, type Report, report } from '../../../servers/ring/program.ts';
import { type Coroutine, spawn, TaskSet } from './rondo.ts';
import { cpuTime } from './sample.ts';

const BLOCK = 4096;
/** Seconds before the window. */
const WARMUP = 1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    depth: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '2' },
    direct: { type: 'boolean', default: false },
    driver: { type: 'string' },
  },
});
const depth = Number(values.depth);

/** Where the next read goes, and whether there is one: xorshift, the same for everybody. */
class Plan {
  readonly #blocks: number;
  readonly #begin: number;
  readonly #end: number;
  #state = 0x2545f491;
  #reads = 0;
  #first: { readonly reads: number; readonly time: number; readonly cpu: number } | undefined;

  constructor(size: number, seconds: number) {
    this.#blocks = Math.floor(size / BLOCK);
    this.#begin = now() + WARMUP * 1e9;
    this.#end = this.#begin + seconds * 1e9;
  }

  /** Offset of the next read, -1 at the end. The clock is looked at every 64 reads. */
  next(): number {
    this.#reads += 1;
    if (this.#reads % 64 === 0 && this.#isOver()) return -1;
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return ((state >>> 0) % this.#blocks) * BLOCK;
  }

  #isOver(): boolean {
    const time = now();
    if (this.#first === undefined && time >= this.#begin) {
      this.#first = { reads: this.#reads, time, cpu: cpuTime() };
    }
    return time >= this.#end;
  }

  /** Of the window. */
  get report(): Report {
    const { reads, time, cpu } = this.#first!;
    const count = this.#reads - reads;
    return { count, nanoseconds: now() - time, cpu: (cpuTime() - cpu) / count };
  }
}

/**
 * A buffer for direct reads, which must lie at a multiple of 512: JavaScript does not say where its
 * memory is, so it is tried out.
 */
async function aligned(file: FileHandle): Promise<Buffer> {
  const memory = Buffer.alloc(2 * BLOCK);
  for (let start = 0; start < BLOCK; start += 8) {
    const buffer = memory.subarray(start, start + BLOCK);
    const found = await file.read(buffer, 0, BLOCK, 0).catch(() => undefined);
    if (found !== undefined) return buffer;
  }
  throw new Error('Cannot read directly: no place was accepted');
}

async function node(path: string): Promise<Report> {
  const flags = constants.O_RDONLY | (values.direct ? constants.O_DIRECT : 0);
  const file = await openNode(path, flags);
  const plan = new Plan((await file.stat()).size, Number(values.seconds));
  const buffers: Buffer[] = [];
  for (let left = depth; left > 0; left--) buffers.push(await aligned(file));
  let isOver = false;
  const reader = async (buffer: Buffer): Promise<void> => {
    while (!isOver) {
      const position = plan.next();
      if (position < 0) isOver = true;
      else await file.read(buffer, 0, BLOCK, position);
    }
  };
  await Promise.all(buffers.map(reader));
  const found = plan.report;
  await file.close();
  return found;
}

function* read(file: File, plan: Plan, chunk: Chunk): Coroutine<void> {
  for (let position = plan.next(); position >= 0; position = plan.next()) {
    yield* file.readIntoAt(chunk, position);
  }
  chunk.release();
}

function* readAll(path: string): Coroutine<Report> {
  const file = yield* open(path, { access: 'read', direct: values.direct });
  const plan = new Plan((yield* file.stat()).size, Number(values.seconds));
  const set = new TaskSet<void>();
  for (let left = depth; left > 0; left--) {
    set.spawn(read(file, plan, yield* currentReactor().buffers.wait(BLOCK)));
  }
  yield* set.joinAll();
  const found = plan.report;
  yield* file.close();
  return found;
}

async function rondo(path: string): Promise<Report> {
  if (values.driver !== undefined) {
    configureRuntime({ driver: { kind: values.driver as RealDriverKind } });
  }
  return spawn(readAll(path));
}

const [kind, path = ''] = positionals;
report(await (kind === 'node' ? node(path) : rondo(path)));
