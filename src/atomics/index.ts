/**
 * The one door to `Atomics`. Product code imports `#atomics` and nothing else touches the global
 * (a rule of `scripts/check-layers.js`), so that the checker can take this module's place.
 *
 * JavaScript's Atomics are sequentially consistent; the names say which ordering the caller relies
 * on, so that a reader (and a port to Rust or C) knows what is needed and what is only given.
 * V8 on Node 20 does not inline them: load 4.7 ns, store 7.9 ns, compare-and-exchange 8.6 ns,
 * against 0.4 ns for a plain access. Count the calls per message.
 */

/** Reads a word; what the partner wrote before its release store is visible afterwards. */
export function loadAcquire(words: Int32Array, index: number): number {
  return Atomics.load(words, index);
}

/** Writes a word; everything written before is visible to whoever acquires it. */
export function storeRelease(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value);
}

/** Replaces the word by `value` if it is `expected`; returns what was there. */
export function compareExchange(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
): number {
  return Atomics.compareExchange(words, index, expected, value);
}

/** Replaces the word; returns what was there. */
export function exchange(words: Int32Array, index: number, value: number): number {
  return Atomics.exchange(words, index, value);
}

/** Adds to the word, wrapping at 32 bits; returns what was there. */
export function add(words: Int32Array, index: number, value: number): number {
  return Atomics.add(words, index, value);
}

/** Sets the bits in the word; returns what was there. */
export function or(words: Int32Array, index: number, bits: number): number {
  return Atomics.or(words, index, bits);
}

/**
 * A full fence: nothing before it is reordered with anything after it. `words[index]` must be a
 * word of this thread's own. A read-modify-write is the one that JavaScript has: `lock xadd` on
 * x64, `ldaddal` on arm64, whose model orders what stands around such an instruction (B2.3, `bob`).
 */
export function fence(words: Int32Array, index: number): void {
  Atomics.add(words, index, 0);
}

const atomics: { pause?: () => void } = Atomics as { pause?: () => void };

/** Tells the processor that this is a spin loop, where the engine knows how (Node 24 and later). */
export const pause: () => void = atomics.pause?.bind(Atomics) ?? (() => undefined);

/** Wakes up to `count` threads of this process that wait on the word; returns how many. */
export function notify(words: Int32Array, index: number, count: number): number {
  return Atomics.notify(words, index, count);
}

/** Sleeps while the word is `expected`, at most `timeoutMs`. Blocks the thread. */
export function waitBlocking(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): 'ok' | 'not-equal' | 'timed-out' {
  return Atomics.wait(words, index, expected, timeoutMs);
}

/** What `waitAsync` gives: either the answer at once or a promise of it. */
export type AsyncWait =
  | { async: false; value: 'not-equal' | 'timed-out' }
  | { async: true; value: Promise<'ok' | 'timed-out'> };

/** Waits while the word is `expected` without blocking. The promise does not keep the process alive. */
export function waitAsync(words: Int32Array, index: number, expected: number): AsyncWait {
  return Atomics.waitAsync(words, index, expected);
}
