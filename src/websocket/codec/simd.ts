/**
 * Loads the module of simd.wat over one memory. It has to be a shared `WebAssembly.Memory` of at
 * least 1 MiB, as the arena is: a module sees no other memory. Each thread has its own instance.
 */
import { SIMD_MODULE } from './simd-module.ts';

/**
 * What the module exports; simd.wat says what each does. Offsets are bytes, unsigned; lengths are
 * bytes from SIMD_MIN on. Nothing is checked here, and what lies outside the memory throws.
 */
export interface Simd {
  /** `key` is turned to the phase of the first byte. */
  unmask(offset: number, length: number, key: number): number;
  /** `key` is turned to the phase of the first byte. */
  unmaskCopy(source: number, destination: number, length: number, key: number): number;
  /** 0 when no text in UTF-8 has these bytes in it, otherwise 1. */
  mayBeUtf8(offset: number, length: number): number;
}

/** The fewest bytes that the module's functions take; from there on they are faster, too. */
export const SIMD_MIN = 16;

/** The little that is used of WebAssembly's JavaScript interface; its types come with browsers'. */
interface WasmInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** Undefined where Node was started without it (--jitless). */
const wasm = (globalThis as unknown as { WebAssembly?: WasmInterface }).WebAssembly;

/** Compiled at the first use; undefined before that, null where that is not possible. */
let compiled: object | null | undefined;

/** The module over this memory, or null where there is no SIMD or the memory is of another kind. */
export function loadSimd(memory: object): Simd | null {
  if (wasm === undefined) return null;
  if (compiled === undefined) compiled = compile(wasm);
  if (compiled === null) return null;
  try {
    return new wasm.Instance(compiled, { env: { memory } }).exports as Simd;
  } catch {
    // Not shared, below 1 MiB, or no WebAssembly.Memory at all: it does not fit the import.
    return null;
  }
}

function compile({ Module }: WasmInterface): object | null {
  try {
    return new Module(Buffer.from(SIMD_MODULE, 'base64'));
  } catch {
    // A processor without SIMD, such as one before SSE4.1.
    return null;
  }
}
