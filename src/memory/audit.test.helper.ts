/** Reads the directory as its file describes it and asserts its invariants. Tests only. */
import assert from 'node:assert/strict';
import type { Arena } from './arena.ts';
import { Directory } from './directory.ts';
import { Entry, FIRST_PAGE, Header, State, STATE_MASK } from './layout.ts';

/** What a quiet arena's pages are used for; the sum is the arena. */
export interface Audit {
  readonly live: number;
  readonly released: number;
  readonly untouched: number;
  /** Pages that only claimed entries account for: lost with a thread that was ended. */
  readonly lost: number;
}

/** Asserts that nothing overlaps and nothing is unaccounted, while no other thread allocates. */
export function auditDirectory(arena: Arena): Audit {
  const directory = new Directory(arena.words);
  const top = arena.words[Header.TOP]!;
  const user = new Uint8Array(arena.words[Header.PAGES]!);
  const counts = { [State.LIVE]: 0, [State.RELEASED]: 0 };
  const claimed: [number, number][] = [];
  directory.each((entry, word) => {
    const state = word & STATE_MASK;
    const first = arena.words[entry + Entry.FIRST]!;
    const pages = arena.words[entry + Entry.PAGES]!;
    if (state === State.CLAIMED) claimed.push([first, pages]);
    if (state !== State.LIVE && state !== State.RELEASED) return;
    assert.ok(first >= FIRST_PAGE && pages > 0 && first + pages <= top, 'extent below top');
    counts[state] += pages;
    for (let page = first; page < first + pages; page++) {
      assert.equal(user[page], 0, `page ${page} has one user`);
      user[page] = 1;
    }
  });
  let lost = 0;
  for (const [first, pages] of claimed) {
    for (let page = first; page < Math.min(top, first + pages); page++) {
      if (user[page] === 0) lost++;
      user[page] = 1;
    }
  }
  for (let page = FIRST_PAGE; page < top; page++) {
    assert.equal(user[page], 1, `page ${page} is accounted for`);
  }
  return {
    live: counts[State.LIVE],
    released: counts[State.RELEASED],
    untouched: arena.words[Header.PAGES]! - top,
    lost,
  };
}
