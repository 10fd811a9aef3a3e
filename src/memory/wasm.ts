/**
 * The little of WebAssembly's JavaScript interface that is used here, typed by hand: its usual
 * types come with those of the browser, which do not belong in a program for Node.js.
 */

/** A `WebAssembly.Memory`. Posting it to a worker shares the memory. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

interface WasmMemoryClass {
  new (descriptor: { initial: number; maximum: number; shared: boolean }): WasmMemory;
}

/** The class `WebAssembly.Memory`. */
export const WasmMemory: WasmMemoryClass = (
  globalThis as unknown as { WebAssembly: { Memory: WasmMemoryClass } }
).WebAssembly.Memory;
