/** The process's arena: one per thread's module graph, the same memory in all of them. */
import { misuse } from '../base/index.ts';
import { Arena } from './arena.ts';
import type { WasmMemory } from './wasm.ts';

let current: Arena | undefined;

/**
 * The arena that everything uses unless it is given another. Made with default options at the
 * first call; a thread that shares memory with others calls `adoptArena` before.
 */
export function processArena(): Arena {
  current ??= Arena.create();
  return current;
}

/**
 * Makes an arena, or the memory of another thread's arena, this thread's `processArena()`.
 * Adopting the same memory again changes nothing.
 * @throws {TypeError} ERR_ARENA_ADOPTED when the thread already uses another
 * @throws {TypeError} ERR_ARENA_FOREIGN when the memory is no arena
 */
export function adoptArena(source: Arena | WasmMemory): Arena {
  const memory = source instanceof Arena ? source.memory : source;
  if (current) {
    if (current.isIn(memory)) return current;
    throw misuse('ERR_ARENA_ADOPTED', 'Cannot adopt the arena: this thread already uses another');
  }
  current = source instanceof Arena ? source : Arena.attach(memory);
  return current;
}
