/** A task that works on a file of its own, beside an array of bytes that is the same file. */
import assert from 'node:assert/strict';
import type { SeededRandom } from '../../src/base/index.ts';
import { open, readFile, type File } from '../../src/fs/index.ts';
import { END, select, sleep, use, yieldNow, type Coroutine } from '../../src/task/index.ts';
import { pattern } from '../net/harness.ts';

const POSITION_MAX = 6000;
const LENGTH_MAX = 5000;

/** See the head of this file. */
export class FileWorker {
  /** Operations that were done, and those that were given up. */
  done = 0;
  givenUp = 0;
  readonly #random: SeededRandom;
  readonly #path: string;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(random: SeededRandom, path: string) {
    this.#random = random;
    this.#path = path;
  }

  /** Random operations, each checked against the array. */
  *run(operations: number): Coroutine<void> {
    yield* use(open(this.#path, 'w+'), (file) => this.#work(file, operations));
    const whole = yield* readFile(this.#path);
    assert.ok(whole.equals(this.#bytes), `${this.#path} is as it was written`);
  }

  *#work(file: File, operations: number): Coroutine<void> {
    for (let i = 0; i < operations; i++) {
      if (this.#random.chance(1, 10)) yield* sleep(this.#random.below(3));
      yield* this.#operation(file);
    }
  }

  #operation(file: File): Coroutine<void> {
    const position = this.#random.below(POSITION_MAX);
    const length = 1 + this.#random.below(LENGTH_MAX);
    switch (this.#random.below(8)) {
      case 0:
        return this.#resize(file, position);
      case 1:
      case 2:
        return this.#read(file, position, length);
      case 3:
        return this.#stream(file, position, length);
      case 4:
        return this.#gather(file, position, length);
      default:
        return this.#write(file, position, length);
    }
  }

  *#resize(file: File, size: number): Coroutine<void> {
    yield* file.truncate(size);
    const bytes = Buffer.alloc(size);
    this.#bytes.copy(bytes);
    this.#bytes = bytes;
    this.done += 1;
  }

  *#read(file: File, position: number, length: number): Coroutine<void> {
    if (this.#random.chance(1, 3)) {
      const target = Buffer.alloc(length);
      const count = yield* file.readIntoAt(target, position);
      this.#compare(target.subarray(0, count), position, length);
      return;
    }
    const read = file.readAt(length, position);
    const first = this.#random.chance(1, 3) ? { read, other: this.#interruption() } : { read };
    const won = yield* select(first);
    if (won.key !== 'read') {
      this.givenUp += 1;
      return;
    }
    using chunk = won.value;
    this.#compare(chunk?.bytes() ?? Buffer.alloc(0), position, length);
  }

  #interruption(): ReturnType<typeof yieldNow> {
    return this.#random.chance(1, 2) ? yieldNow() : sleep(this.#random.below(2));
  }

  #compare(bytes: Uint8Array, position: number, asked: number): void {
    const there = this.#bytes.subarray(position, position + asked);
    assert.ok(there.subarray(0, bytes.length).equals(bytes), 'a read gives what was written');
    assert.equal(bytes.length === 0, there.length === 0, 'only the end gives nothing');
    this.done += 1;
  }

  *#stream(file: File, start: number, length: number): Coroutine<void> {
    const chunkBytes = 512 + this.#random.below(2000);
    const readAhead = 1 + this.#random.below(4);
    const stream = file.stream({ start, end: start + length, chunkBytes, readAhead });
    const parts: Buffer[] = [];
    const most = this.#random.chance(1, 3) ? this.#random.below(3) : Number.POSITIVE_INFINITY;
    try {
      while (parts.length < most) {
        const item = yield* stream.next();
        if (item === END) break;
        using chunk = item;
        parts.push(Buffer.from(chunk.bytes()));
      }
    } finally {
      yield* stream.giveUp();
    }
    const whole = Buffer.concat(parts);
    const there = this.#bytes.subarray(start, start + length);
    assert.ok(there.subarray(0, whole.length).equals(whole), 'a stream gives what was written');
    if (parts.length < most) assert.equal(whole.length, there.length, 'and all of it');
    this.done += 1;
  }

  /** By a writer that gathers and writes behind. */
  *#gather(file: File, start: number, length: number): Coroutine<void> {
    const data = pattern(length, this.#random.below(255));
    const chunkBytes = 512 + this.#random.below(2000);
    const writeBehind = 1 + this.#random.below(3);
    const writer = file.writer({ start, chunkBytes, writeBehind });
    try {
      for (let at = 0; at < length;) {
        const part = data.subarray(at, at + 1 + this.#random.below(900));
        yield* writer.send(part);
        at += part.length;
      }
      yield* writer.close();
    } finally {
      yield* writer.abort();
    }
    this.#apply(data, start);
    this.done += 1;
  }

  *#write(file: File, position: number, length: number): Coroutine<void> {
    const data = pattern(length, this.#random.below(255));
    if (this.#random.chance(1, 4)) {
      const count = yield* file.writeAt(data, position);
      this.#apply(data.subarray(0, count), position);
      this.done += 1;
      return;
    }
    const write = file.writeAllAt(data, position);
    const first = this.#random.chance(1, 3) ? { write, other: this.#interruption() } : { write };
    const won = yield* select(first);
    if (won.key === 'write') {
      this.#apply(data, position);
      this.done += 1;
    } else {
      this.givenUp += 1;
      yield* this.#resolve(data, position);
    }
  }

  #apply(data: Buffer, position: number): void {
    if (data.length === 0) return;
    const bytes = Buffer.alloc(Math.max(this.#bytes.length, position + data.length));
    this.#bytes.copy(bytes);
    data.copy(bytes, position);
    this.#bytes = bytes;
  }

  /** A write was given up: some beginning of it was written, possibly none, and nothing else. */
  *#resolve(data: Buffer, position: number): Coroutine<void> {
    const found = yield* readFile(this.#path);
    for (let count = data.length; count >= 0; count--) {
      const isThere = found.subarray(position, position + count).equals(data.subarray(0, count));
      if (!isThere) continue;
      this.#apply(data.subarray(0, count), position);
      break;
    }
    assert.ok(found.equals(this.#bytes), 'a write that is given up writes a beginning');
  }
}
