/**
 * Threads one step after the other, in every order: nothing of the checker is used, and nothing is
 * left out but states that were seen before.
 */

/** What a thread does. `at` is a word for `Atomics`; `offset` and `size` are of other bytes. */
export type Act =
  | { readonly act: 'load' | 'add'; readonly at: number }
  | { readonly act: 'store' | 'until'; readonly at: number; readonly value: number }
  | { readonly act: 'swap'; readonly at: number; readonly expected: number; readonly value: number }
  | { readonly act: 'wait'; readonly at: number; readonly expected: number }
  | { readonly act: 'notify'; readonly at: number; readonly count: number }
  | { readonly act: 'join'; readonly thread: number }
  | { readonly act: 'choose' }
  | { readonly act: 'get'; readonly offset: number; readonly size: number }
  | { readonly act: 'put'; readonly offset: number; readonly size: number; readonly value: number };

/** Words for `Atomics`. */
export const WORDS = 2;
/** Bytes for plain accesses. */
export const BYTES = 4;

interface State {
  readonly next: number[];
  /** Bytes of its access that a thread has done. */
  readonly done: number[];
  /** What a thread has read of its access so far. */
  readonly part: number[];
  readonly isAsleep: boolean[];
  readonly seen: (number | string)[][];
  readonly words: number[];
  readonly bytes: number[];
  readonly queues: number[][];
}

/** Everything that can come of a program. */
export interface Interleaved {
  readonly outcomes: ReadonlySet<string>;
  /** Whether some threads may come to wait for ever. */
  readonly isStuck: boolean;
}

/** A final state as text. */
export function outcomeText(
  seen: readonly (readonly (number | string)[])[],
  words: readonly number[],
  bytes: readonly number[],
): string {
  return `${seen.map((values) => values.join()).join(' | ')} : ${words.join()} ${bytes.join()}`;
}

/** See the head of this file. */
export function interleave(program: readonly (readonly Act[])[]): Interleaved {
  const ends = new Set<number>();
  for (const act of program.flat()) {
    if (act.act === 'get' || act.act === 'put') ends.add(act.offset).add(act.offset + act.size);
  }
  const outcomes = new Set<string>();
  const known = new Set<string>();
  let isStuck = false;
  const visit = (state: State): void => {
    const key = JSON.stringify(state);
    if (known.has(key)) return;
    known.add(key);
    let goesOn = false;
    program.forEach((acts, thread) => {
      const act = acts[state.next[thread]!];
      if (act === undefined || state.isAsleep[thread] === true) return;
      for (let choice = 0; choice < (act.act === 'choose' ? 2 : 1); choice++) {
        const after = structuredClone(state);
        if (!carryOut(after, thread, act, choice, ends, program)) return;
        goesOn = true;
        visit(after);
      }
    });
    if (goesOn) return;
    const isOver = program.every((acts, thread) => state.next[thread] === acts.length);
    if (isOver) outcomes.add(outcomeText(state.seen, state.words, state.bytes));
    else isStuck = true;
  };
  const each = <T>(value: () => T): T[] => program.map(value);
  visit({
    next: each(() => 0),
    done: each(() => 0),
    part: each(() => 0),
    isAsleep: each(() => false),
    seen: each(() => []),
    words: Array.from({ length: WORDS }, () => 0),
    bytes: Array.from({ length: BYTES }, () => 0),
    queues: Array.from({ length: WORDS }, () => []),
  });
  return { outcomes, isStuck };
}

/** One step of a thread; false when it has to wait. */
function carryOut(
  state: State,
  thread: number,
  act: Act,
  choice: number,
  ends: ReadonlySet<number>,
  program: readonly (readonly Act[])[],
): boolean {
  const { words, seen, next, queues, isAsleep } = state;
  const see = (value: number | string): void => void seen[thread]!.push(value);
  switch (act.act) {
    case 'load':
      see(words[act.at]!);
      break;
    case 'add':
      see(words[act.at]!);
      words[act.at] = words[act.at]! + 1;
      break;
    case 'store':
      words[act.at] = act.value;
      break;
    case 'until':
      if (words[act.at] !== act.value) return false;
      break;
    case 'swap':
      see(words[act.at]!);
      if (words[act.at] === act.expected) words[act.at] = act.value;
      break;
    case 'choose':
      see(choice);
      break;
    case 'join':
      if (next[act.thread] !== program[act.thread]!.length) return false;
      break;
    case 'notify': {
      const woken = queues[act.at]!.splice(0, act.count);
      for (const sleeper of woken) {
        isAsleep[sleeper] = false;
        seen[sleeper]!.push('ok');
        next[sleeper] = next[sleeper]! + 1;
      }
      see(woken.length);
      break;
    }
    case 'wait':
      if (words[act.at] === act.expected) {
        queues[act.at]!.push(thread);
        isAsleep[thread] = true;
        return true;
      }
      see('not-equal');
      break;
    default:
      if (!move(state, thread, act, ends)) return true;
  }
  next[thread] = next[thread]! + 1;
  return true;
}

/** Reads or writes bytes, up to where another access begins or ends; true when all are done. */
function move(
  { bytes, done, part, seen }: State,
  thread: number,
  act: Act & { readonly act: 'get' | 'put' },
  ends: ReadonlySet<number>,
): boolean {
  do {
    const index = done[thread]!;
    const at = act.offset + index;
    if (act.act === 'put') bytes[at] = (act.value >>> (8 * index)) & 0xff;
    else part[thread] = (part[thread]! | (bytes[at]! << (8 * index))) >>> 0;
    done[thread] = index + 1;
  } while (done[thread] < act.size && !ends.has(act.offset + done[thread]));
  if (done[thread] < act.size) return false;
  if (act.act === 'get') seen[thread]!.push(part[thread]!);
  done[thread] = 0;
  part[thread] = 0;
  return true;
}
