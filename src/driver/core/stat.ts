import type { Arena } from '../../memory/index.ts';

/** Writes what `statFile` gives; the layout is at STAT_BYTES in `driver.ts`. */
export function writeStat(
  arena: Arena,
  offset: number,
  size: number,
  modifiedMs: number,
  mode: number,
): void {
  arena.doubles[offset >>> 3] = size;
  arena.doubles[(offset >>> 3) + 1] = modifiedMs;
  arena.unsigned[(offset >>> 2) + 4] = mode;
  arena.words.fill(0, (offset >>> 2) + 5, (offset >>> 2) + 8);
}
