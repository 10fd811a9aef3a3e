/** Memories of tests by their buffers. */
import type { Memory } from './memory.ts';

const memories = new WeakMap<object, Memory>();

/** Makes a memory known by its buffer. */
export function register(memory: Memory): void {
  memories.set(memory.buffer, memory);
}

/** The memory that has the buffer; undefined for any other object. */
export function memoryOf(buffer: unknown): Memory | undefined {
  return typeof buffer === 'object' && buffer !== null ? memories.get(buffer) : undefined;
}
