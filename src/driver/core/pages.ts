import type { Arena } from '../../memory/index.ts';
import type { Native } from '../../native/index.ts';

/** From now on regions of the arena that are released give their physical pages back. */
export function plugPageReleaser(arena: Arena, native: Native): void {
  arena.setPageReleaser((offset, length) => native.releasePages(offset, length) === 0);
}
