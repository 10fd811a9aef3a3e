/**
 * What takes the place of `src/atomics/` with `--conditions=checker`: the same functions, but on the
 * memory of a checked test each access has the order that its function names, and not more. So a
 * model that knows orders (`rc11`) shows what code relies on beyond them, which is what a port of it
 * to Rust or C must add. Everything else goes to the real `Atomics`.
 */
import { Order } from '../explore/graph.ts';
import type { Memory, Raw } from './memory.ts';
import { type ViewInfo, viewInfo } from './view-info.ts';

const WORD = 4;

function offsetOf(info: ViewInfo, index: number): number {
  if (index >= 0 && index < info.length) return info.offset + index * WORD;
  throw new RangeError('Invalid atomic access index');
}

/** An access of one word of a checked test. */
type Access = (memory: Memory, offset: number) => Raw | undefined;

/** Does it if the words are of a checked test; undefined when they are not. */
function checked(words: Int32Array, index: number, access: Access): number | undefined {
  const info = viewInfo(words);
  if (info === undefined) return undefined;
  return ((access(info.memory, offsetOf(info, index)) as number | undefined) ?? 0) | 0;
}

function modify(
  words: Int32Array,
  index: number,
  change: (before: number) => number | undefined,
): number | undefined {
  return checked(words, index, (memory, offset) =>
    memory.modify(offset, WORD, Order.SEQ_CST, (raw) => {
      const after = change((raw as number) | 0);
      return after === undefined ? undefined : after >>> 0;
    }),
  );
}

/** Reads a word with acquire. */
export function loadAcquire(words: Int32Array, index: number): number {
  const value = checked(words, index, (memory, offset) => memory.read(offset, WORD, Order.ACQUIRE));
  return value ?? Atomics.load(words, index);
}

/** Writes a word with release. */
export function storeRelease(words: Int32Array, index: number, value: number): void {
  const done = checked(words, index, (memory, offset) => {
    memory.write(offset, WORD, Order.RELEASE, value >>> 0);
    return 0;
  });
  if (done === undefined) Atomics.store(words, index, value);
}

/** As `loadAcquire`, but relaxed: for sources that are weakened, to see whether a test notices. */
export function loadRelaxed(words: Int32Array, index: number): number {
  const value = checked(words, index, (memory, offset) => memory.read(offset, WORD, Order.RELAXED));
  return value ?? Atomics.load(words, index);
}

/** As `storeRelease`, but relaxed, for the same. */
export function storeRelaxed(words: Int32Array, index: number, value: number): void {
  const done = checked(words, index, (memory, offset) => {
    memory.write(offset, WORD, Order.RELAXED, value >>> 0);
    return 0;
  });
  if (done === undefined) Atomics.store(words, index, value);
}

/** Replaces the word by `value` if it is `expected`; returns what was there. */
export function compareExchange(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
): number {
  const wanted = expected | 0;
  const before = modify(words, index, (now) => (now === wanted ? value : undefined));
  return before ?? Atomics.compareExchange(words, index, expected, value);
}

/** Replaces the word; returns what was there. */
export function exchange(words: Int32Array, index: number, value: number): number {
  return modify(words, index, () => value) ?? Atomics.exchange(words, index, value);
}

/** Adds to the word, wrapping at 32 bits; returns what was there. */
export function add(words: Int32Array, index: number, value: number): number {
  return modify(words, index, (now) => now + value) ?? Atomics.add(words, index, value);
}

/** Sets the bits in the word; returns what was there. */
export function or(words: Int32Array, index: number, bits: number): number {
  return modify(words, index, (now) => now | bits) ?? Atomics.or(words, index, bits);
}

/** A full fence: that of the model, not a read-modify-write that does as much on machines. */
export function fence(words: Int32Array, index: number): void {
  const info = viewInfo(words);
  if (info === undefined) Atomics.add(words, index, 0);
  else if (!info.memory.session.isDirect) info.memory.session.fence(Order.SEQ_CST);
}

/** Does nothing: a checked test goes on only when something has been written. */
export function pause(): void {}

/** Wakes up to `count` threads that wait on the word; returns how many. */
export function notify(words: Int32Array, index: number, count: number): number {
  return Atomics.notify(words, index, count);
}

/** Sleeps while the word is `expected`, at most `timeoutMs`. */
export function waitBlocking(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): 'ok' | 'not-equal' | 'timed-out' {
  return Atomics.wait(words, index, expected, timeoutMs);
}

/** Waits without blocking: not in a checked test. */
export function waitAsync(
  words: Int32Array,
  index: number,
  expected: number,
): ReturnType<typeof Atomics.waitAsync> {
  return Atomics.waitAsync(words, index, expected);
}
