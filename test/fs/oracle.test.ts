/**
 * Random programs of operations on a few files, and the same with Node's `fs` beside them: the
 * same results, byte for byte, and the same files at the end.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { errnoName } from '../../src/base/index.ts';
import { open, readFile, writeFile, type File, type FlagWord } from '../../src/fs/index.ts';
import { attempt, END, type Coroutine, type Future } from '../../src/task/index.ts';
import { pattern, worlds } from './world.ts';

const FILES = 3;
const POSITION_MAX = 20_000;
const LENGTH_MAX = 9_000;

type Step =
  | { readonly kind: 'open'; readonly file: number; readonly flags: FlagWord }
  | { readonly kind: 'close'; readonly file: number }
  | { readonly kind: 'read'; readonly file: number; readonly length: number; readonly at: number }
  | { readonly kind: 'write'; readonly file: number; readonly length: number; readonly at: number }
  | { readonly kind: 'resize'; readonly file: number; readonly length: number }
  | { readonly kind: 'stat'; readonly file: number }
  | { readonly kind: 'stream'; readonly file: number; readonly length: number; readonly at: number }
  | { readonly kind: 'readFile'; readonly file: number }
  | {
      readonly kind: 'writeFile';
      readonly file: number;
      readonly length: number;
      readonly atomic: boolean;
    };

const file = fc.nat(FILES - 1);
const at = fc.nat(POSITION_MAX);
const length = fc.integer({ min: 1, max: LENGTH_MAX });
const flags = fc.constantFrom<FlagWord>('r', 'r+', 'w', 'w+', 'wx', 'wx+', 'a', 'a+', 'ax');
const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ kind: fc.constant('open' as const), file, flags }),
    fc.record({ kind: fc.constant('close' as const), file }),
    fc.record({ kind: fc.constant('read' as const), file, length, at }),
    fc.record({ kind: fc.constant('write' as const), file, length, at }),
    fc.record({ kind: fc.constant('resize' as const), file, length }),
    fc.record({ kind: fc.constant('stat' as const), file }),
    fc.record({ kind: fc.constant('stream' as const), file, length, at }),
    fc.record({ kind: fc.constant('readFile' as const), file }),
    fc.record({ kind: fc.constant('writeFile' as const), file, length, atomic: fc.boolean() }),
  ),
  { minLength: 1, maxLength: 40 },
);

/** Bytes, a number, or the name of an error. */
type Outcome = Buffer | number | string | undefined;

/** What Node's `fs` says. */
class Oracle {
  readonly #paths: readonly string[];
  readonly #open = new Map<number, number>();

  constructor(directory: string) {
    this.#paths = Array.from({ length: FILES }, (_, i) => join(directory, `file-${i}`));
  }

  run(step: Step, seed: number): Outcome {
    try {
      return this.#run(step, seed);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code!;
    }
  }

  #run(step: Step, seed: number): Outcome {
    const path = this.#paths[step.file]!;
    const fd = this.#open.get(step.file);
    switch (step.kind) {
      case 'open':
        if (fd === undefined) this.#open.set(step.file, fs.openSync(path, step.flags));
        return undefined;
      case 'readFile':
        return fs.readFileSync(path);
      case 'writeFile':
        fs.writeFileSync(path, pattern(step.length, seed));
        // Node writes into the file that is open, an atomic write puts another in its place.
        return undefined;
      default:
        return fd === undefined ? undefined : this.#onOpen(step, fd, seed);
    }
  }

  #onOpen(step: Step, fd: number, seed: number): Outcome {
    switch (step.kind) {
      case 'close':
        fs.closeSync(fd);
        this.#open.delete(step.file);
        return undefined;
      case 'read':
      case 'stream': {
        const target = Buffer.alloc(step.length);
        return target.subarray(0, fs.readSync(fd, target, 0, step.length, step.at));
      }
      case 'write':
        fs.writeSync(fd, pattern(step.length, seed), 0, step.length, step.at);
        return undefined;
      case 'resize':
        fs.ftruncateSync(fd, step.length);
        return undefined;
      default:
        return fs.fstatSync(fd).size;
    }
  }

  isOpen(index: number): boolean {
    return this.#open.has(index);
  }

  end(): void {
    for (const fd of this.#open.values()) fs.closeSync(fd);
  }
}

/** The same with ours. */
class Subject {
  readonly #paths: readonly string[];
  readonly #open = new Map<number, File>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  *run(step: Step, seed: number): Coroutine<Outcome> {
    const path = this.#paths[step.file]!;
    const opened = this.#open.get(step.file);
    switch (step.kind) {
      case 'open':
        if (opened === undefined) this.#open.set(step.file, yield* open(path, step.flags));
        return undefined;
      case 'readFile':
        return yield* readFile(path);
      case 'writeFile':
        yield* writeFile(path, pattern(step.length, seed), { atomic: step.atomic, sync: false });
        return undefined;
      default:
        return opened === undefined ? undefined : yield* this.#onOpen(step, opened, seed);
    }
  }

  *#onOpen(step: Step, opened: File, seed: number): Coroutine<Outcome> {
    switch (step.kind) {
      case 'close':
        yield* opened.close();
        this.#open.delete(step.file);
        return undefined;
      case 'read':
        return yield* readWhole(opened, step.length, step.at);
      case 'stream':
        return yield* streamWhole(opened, step.at, step.at + step.length);
      case 'write':
        yield* opened.writeAllAt(pattern(step.length, seed), step.at);
        return undefined;
      case 'resize':
        yield* opened.truncate(step.length);
        return undefined;
      default:
        return (yield* opened.stat()).size;
    }
  }

  *end(): Coroutine<void> {
    for (const opened of this.#open.values()) yield* opened.close();
  }
}

function* readWhole(opened: File, bytes: number, position: number): Coroutine<Buffer> {
  const target = Buffer.alloc(bytes);
  let filled = 0;
  while (filled < bytes) {
    const count = yield* opened.readIntoAt(target.subarray(filled), position + filled);
    if (count === 0) break;
    filled += count;
  }
  return target.subarray(0, filled);
}

function* streamWhole(opened: File, start: number, end: number): Coroutine<Buffer> {
  const parts: Buffer[] = [];
  const stream = opened.stream({ start, end, chunkBytes: 1000, readAhead: 3 });
  for (let chunk; (chunk = yield* stream.next()) !== END;) {
    parts.push(Buffer.from(chunk.bytes()));
    chunk.release();
  }
  return Buffer.concat(parts);
}

function* outcome(future: Future<Outcome> | Coroutine<Outcome>): Coroutine<Outcome> {
  const result = yield* attempt(future);
  if (result.ok) return result.value;
  const { code, errno } = result.error as { code: string; errno?: number };
  return code === 'ERR_SYSTEM' ? errnoName(errno!) : code;
}

/** Atomic writes put another file in the place of one that is open: not what Node's do. */
function isComparable(step: Step, oracle: Oracle): boolean {
  return step.kind !== 'writeFile' || !step.atomic || !oracle.isOpen(step.file);
}

function* compared(program: readonly Step[], paths: readonly string[]): Coroutine<void> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-oracle-'));
  const oracle = new Oracle(directory);
  const subject = new Subject(paths);
  try {
    for (const [i, step] of program.entries()) {
      if (!isComparable(step, oracle)) continue;
      const expected = oracle.run(step, i);
      const found = yield* outcome(subject.run(step, i));
      assert.deepEqual(found, expected, `step ${i}: ${JSON.stringify(step)}`);
    }
    for (let i = 0; i < FILES; i++) {
      const read = { kind: 'readFile', file: i } as const;
      assert.deepEqual(yield* outcome(subject.run(read, 0)), oracle.run(read, 0), `file ${i}`);
    }
  } finally {
    yield* subject.end();
    oracle.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("random programs give what Node's fs gives", () => {
  for (const world of worlds()) {
    test(`on driver ${world.name}`, async () => {
      await fc.assert(
        fc.asyncProperty(steps, (program) =>
          world.run(({ path }) =>
            compared(
              program,
              Array.from({ length: FILES }, (_, i) => path(`file-${i}`)),
            ),
          ),
        ),
        { numRuns: world.real ? 60 : 200 },
      );
    });
  }
});
