// The other process of a segment, which it has as descriptor 3: answers `rounds` changes of the
// first word by a change of the one at byte 128. node segment.child.js <blocking|backend> <rounds>,
// or `none` to wait for one change only.
import { storeRelease } from '#atomics';
import { Arena, Window } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { Watcher } from './watcher.ts';

const [mode, rounds = '0'] = process.argv.slice(2);
const arena = Arena.create({ size: 1 << 20 });
const native = loadNative();
const { offset } = Window.open(arena, 3, { name: 'shared', writable: true });
const [theirs, ours] = [offset >>> 2, (offset + 128) >>> 2];

function answer(round: number): void {
  storeRelease(arena.words, ours, round);
  native.futexWake(ours * 4, 1);
}

function blocking(): void {
  for (let round = 1; round <= Number(rounds); round++) {
    while (arena.words[theirs] !== round) native.futexWaitBlocking(offset, round - 1, 1000);
    answer(round);
  }
}

async function watching(): Promise<void> {
  const watcher = new Watcher(arena, Number(mode));
  for (let round = 1; round <= Number(rounds); round++) {
    while (arena.words[theirs] !== round) {
      watcher.arm(200, offset, round - 1);
      await watcher.next();
    }
    answer(round);
  }
}

if (mode === 'none') while (arena.words[theirs] === 0) native.futexWaitBlocking(offset, 0, 1000);
else if (mode === 'blocking') blocking();
else await watching();
