/**
 * The specification by brute force, for small straight programs: every chosen value, every
 * reads-bytes-from, every total order, each condition as the text has it, initial bytes as events.
 * Shares nothing with the evaluator that it judges.
 */

/** One access: of one or two bytes of a block of two. */
export interface Operation {
  readonly kind: 'load' | 'store' | 'exchange' | 'add';
  readonly atomic: boolean;
  /** Through a DataView: plain, and may tear. */
  readonly tears: boolean;
  readonly offset: 0 | 1;
  readonly size: 1 | 2;
  /** Written, or added. */
  readonly value: number;
}

export interface Judged {
  readonly outcomes: readonly string[];
  readonly racy: boolean;
}

interface Event {
  readonly number: number;
  readonly thread: number;
  readonly order: 'init' | 'seq-cst' | 'unordered';
  readonly noTear: boolean;
  readonly offset: number;
  readonly size: number;
  readonly chosen: readonly number[] | undefined;
  readonly payload: readonly number[] | undefined;
}

type Relation = boolean[][];

const INIT_EVENTS: readonly Event[] = [0, 1].map((offset) => {
  const event = { number: offset, thread: -1, noTear: true, offset, size: 1, chosen: undefined };
  return { ...event, order: 'init', payload: [0] };
});

/** Variables are `r0`, `r1` … through all threads. */
export function judge(
  threads: readonly (readonly Operation[])[],
  rule: 'es' | 'es2019',
  initTearing: boolean,
): Judged {
  const outcomes = new Set<string>();
  let racy = false;
  for (const { events, outcome } of runs(threads)) {
    for (const sources of readsBytesFrom(events)) {
      const happensBefore = valid(events, sources, rule, initTearing);
      if (!happensBefore) continue;
      outcomes.add(outcome);
      racy ||= hasDataRace(events, sources, happensBefore);
    }
  }
  return { outcomes: [...outcomes].sort(), racy };
}

function bytesOf(value: number, size: number): number[] {
  return size === 1 ? [value & 255] : [value & 255, (value >> 8) & 255];
}

/** Every run of every thread, for all values of which each byte may have been written. */
function* runs(
  threads: readonly (readonly Operation[])[],
): Generator<{ events: Event[]; outcome: string }> {
  const operations = threads.flatMap((list, thread) => list.map((one) => ({ ...one, thread })));
  const adders = operations.filter(({ kind }) => kind === 'add');
  const made = operations.filter(({ kind }) => kind !== 'load').flatMap(({ value }) => value);
  // Sums of what may be added, upon everything that may be there.
  let sums = new Set([0, ...made.flatMap((value) => bytesOf(value, 2))]);
  for (const { value } of adders) sums = new Set([...sums].flatMap((sum) => [sum, sum + value]));
  const bytes = [...sums].filter((byte) => byte < 256);
  function* next(
    at: number,
    events: Event[],
    read: string[],
  ): Generator<{ events: Event[]; outcome: string }> {
    const operation = operations[at];
    if (!operation) {
      yield { events, outcome: read.join('; ') };
      return;
    }
    const { kind, atomic, tears, offset, size, value, thread } = operation;
    const event = {
      number: events.length,
      thread,
      order: atomic ? ('seq-cst' as const) : ('unordered' as const),
      noTear: !tears,
      offset,
      size,
    };
    const choices = kind === 'store' ? [undefined] : combinations(bytes, size);
    for (const chosen of choices) {
      const old = chosen ? chosen[0]! + 256 * (chosen[1] ?? 0) : 0;
      const payload = {
        load: undefined,
        store: bytesOf(value, size),
        exchange: bytesOf(value, size),
        add: bytesOf(old + value, size),
      }[kind];
      const name = `r${read.length}=${old}`;
      yield* next(
        at + 1,
        [...events, { ...event, chosen, payload }],
        chosen ? [...read, name] : read,
      );
    }
  }
  yield* next(0, [...INIT_EVENTS], []);
}

function combinations(bytes: readonly number[], size: number): number[][] {
  const one = bytes.map((byte) => [byte]);
  return size === 1 ? one : bytes.flatMap((low) => bytes.map((high) => [low, high]));
}

/**
 * All reads-bytes-from that give the chosen values: for each event the number of a write per byte.
 */
function* readsBytesFrom(events: readonly Event[], at = 0): Generator<number[][]> {
  const event = events[at];
  if (!event) {
    yield [];
    return;
  }
  const choices = (event.chosen ?? []).map((byte, index) => {
    const address = event.offset + index;
    return events
      .filter((write) => write !== event && write.payload?.[address - write.offset] === byte)
      .map(({ number }) => number);
  });
  for (const rest of readsBytesFrom(events, at + 1)) {
    for (const sources of eachOf(choices)) yield [sources, ...rest];
  }
}

function eachOf([first, ...rest]: readonly (readonly number[])[]): number[][] {
  if (!first) return [[]];
  return first.flatMap((one) => eachOf(rest).map((others) => [one, ...others]));
}

function equal(one: Event, other: Event): boolean {
  return one.offset === other.offset && one.size === other.size;
}

function disjoint(one: Event, other: Event): boolean {
  return one.offset + one.size <= other.offset || other.offset + other.size <= one.offset;
}

/** Happens-before of a valid execution; undefined when it is none. */
function valid(
  events: readonly Event[],
  sources: readonly (readonly number[])[],
  rule: 'es' | 'es2019',
  initTearing: boolean,
): Relation | undefined {
  const synchronizes = (write: Event, read: Event): boolean =>
    sources[read.number]!.includes(write.number) &&
    read.order === 'seq-cst' &&
    write.order === 'seq-cst' &&
    equal(read, write);
  const before: Relation = events.map((one) =>
    events.map(
      (other) =>
        (one.thread >= 0 && one.thread === other.thread && one.number < other.number) ||
        synchronizes(one, other) ||
        (one.order === 'init' && other.order !== 'init' && !disjoint(one, other)),
    ),
  );
  for (const middle of events.keys()) {
    for (const from of events.keys()) {
      for (const to of events.keys()) {
        before[from]![to] ||= before[from]![middle]! && before[middle]![to]!;
      }
    }
  }
  if (events.some((_, number) => before[number]![number])) return undefined;
  if (!coherent(events, sources, before) || tears(events, sources, initTearing)) return undefined;
  const bad = forbiddenTriples(events, sources, before, synchronizes, rule);
  return hasOrder(events, before, bad) ? before : undefined;
}

function coherent(
  events: readonly Event[],
  sources: readonly (readonly number[])[],
  before: Relation,
): boolean {
  return events.every((read) =>
    sources[read.number]!.every((write, index) => {
      const address = read.offset + index;
      return (
        !before[read.number]![write] &&
        !events.some(
          ({ number, payload, offset }) =>
            payload?.[address - offset] !== undefined &&
            before[write]![number] &&
            before[number]![read.number],
        )
      );
    }),
  );
}

function tears(
  events: readonly Event[],
  sources: readonly (readonly number[])[],
  initTearing: boolean,
): boolean {
  return events.some((read) => {
    if (!read.noTear) return false;
    const whole = new Set(
      sources[read.number]!.filter((write) => {
        const { order, noTear } = events[write]!;
        return noTear && (equal(read, events[write]!) || (order === 'init' && !initTearing));
      }).map((write) => (events[write]!.order === 'init' ? -1 : write)),
    );
    return whole.size > 1;
  });
}

type Triple = readonly [write: number, between: number, read: number];

/** What must not come one after the other in the memory order. */
function forbiddenTriples(
  events: readonly Event[],
  sources: readonly (readonly number[])[],
  before: Relation,
  synchronizes: (write: Event, read: Event) => boolean,
  rule: 'es' | 'es2019',
): Triple[] {
  const found: Triple[] = [];
  for (const read of events) {
    for (const number of new Set(sources[read.number])) {
      const write = events[number]!;
      for (const between of events) {
        if (!between.payload) continue;
        const sc = between.order === 'seq-cst';
        const hb = (one: Event, other: Event): boolean => before[one.number]![other.number]!;
        const first = synchronizes(write, read) && equal(between, read);
        const second = hb(write, read) && hb(between, read) && write.order === 'seq-cst';
        const third = hb(write, read) && hb(write, between) && read.order === 'seq-cst';
        const forbidden =
          (first && (sc || rule === 'es2019')) ||
          (second && sc && equal(write, between) && rule === 'es') ||
          (third && sc && equal(between, read));
        if (forbidden) found.push([number, between.number, read.number]);
      }
    }
  }
  return found;
}

/** Whether some line of all events agrees with happens-before and has none of the triples. */
function hasOrder(events: readonly Event[], before: Relation, bad: readonly Triple[]): boolean {
  const place = (line: readonly number[], event: number): number => line.indexOf(event);
  const extend = (line: readonly number[]): boolean => {
    if (line.length === events.length) {
      return bad.every(([write, between, read]) => {
        const [from, middle, to] = [write, between, read].map((event) => place(line, event));
        return !(from! < middle! && middle! < to!);
      });
    }
    return events.some(({ number }) => {
      const next =
        !line.includes(number) &&
        events.every((other) => !before[other.number]![number] || line.includes(other.number));
      return next && extend([...line, number]);
    });
  };
  return extend([]);
}

function hasDataRace(
  events: readonly Event[],
  sources: readonly (readonly number[])[],
  before: Relation,
): boolean {
  return events.some((one) =>
    events.some((other) => {
      if (one === other || before[one.number]![other.number] || before[other.number]![one.number]) {
        return false;
      }
      const writes = one.payload && other.payload && !disjoint(one, other);
      const reads = sources[one.number]!.includes(other.number);
      if (!writes && !reads) return false;
      const atomic = one.order === 'seq-cst' && other.order === 'seq-cst';
      return !atomic || (!equal(one, other) && !disjoint(one, other));
    }),
  );
}
