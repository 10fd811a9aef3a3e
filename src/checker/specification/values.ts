/**
 * The values that reads may have. The axioms do not say where values come from: a value that is
 * read must have been written, but two threads may hand each other a value that nobody made (out of
 * thin air). So candidates are a fixpoint over a finite set: initial values, constants of the test
 * and of the question, and everything that some run writes when its reads have such values, up to
 * as many rounds as there are writes in a run of all threads. Every value that is made, by however
 * long a chain, is among them; of those out of thin air only such as are named.
 */
import { RondoError } from '../../base/index.ts';
import type { Trace } from './events.ts';
import { Memory } from './memory.ts';
import type { ResolvedEcmaOptions } from './options.ts';
import { decode, encode, type Access, type Element, type Scalar } from './script/index.ts';
import { asksForReads, constantsOf } from './constants.ts';
import type { EcmaTest } from './ecma-test.ts';
import { tracesOf, type Traces } from './traces.ts';

/** A read has no more values than that. */
const MOST_VALUES = 20_000;

/** Something that may be written. */
interface Write {
  readonly address: number;
  readonly bytes: readonly number[];
  readonly noTear: boolean;
}

/** All runs of all threads. */
export interface Runs {
  readonly memory: Memory;
  readonly threads: readonly (readonly Trace[])[];
  readonly bounded: boolean;
  /** Reads may also have torn values that were not looked at. */
  readonly tornOmitted: boolean;
}

/** @throws {RondoError} ERR_LITMUS_SIZE, and what running a thread throws */
export function runsOf(test: EcmaTest, options: ResolvedEcmaOptions): Runs {
  const memory = new Memory(test);
  let writes: Write[] = [];
  let values = new Values(memory, writes, test, options);
  const run = (): Traces[] =>
    test.threads.map((script, thread) =>
      tracesOf(script, thread, {
        memory,
        valuesOf: (address, access) => values.of(address, access),
        unroll: options.unroll,
        sleepers: test.threads.length - 1,
      }),
    );
  let threads = run();
  // A value that is made by a chain of n writes is there after n rounds.
  for (let round = 0; round < longestChain(threads); round++) {
    const found = writesOf(threads);
    if (found.length === writes.length) break;
    writes = found;
    values = new Values(memory, writes, test, options);
    threads = run();
  }
  return {
    memory,
    threads: threads.map(({ traces }) => traces),
    bounded: threads.some(({ bounded }) => bounded),
    tornOmitted: values.tornOmitted,
  };
}

/** Writes in the longest run of each thread together. */
function longestChain(threads: readonly Traces[]): number {
  const count = ({ events }: Trace): number =>
    events.filter((event) => event.kind === 'memory' && event.writes).length;
  // There may be more traces than a call has arguments.
  const longest = (traces: readonly Trace[]): number =>
    traces.reduce((most, trace) => Math.max(most, count(trace)), 0);
  return threads.reduce((sum, { traces }) => sum + longest(traces), 0);
}

/** Everything that some run writes, each once. */
function writesOf(threads: readonly Traces[]): Write[] {
  const found = new Map<string, Write>();
  for (const { traces } of threads) {
    for (const { events } of traces) {
      for (const event of events) {
        if (event.kind !== 'memory' || !event.writes) continue;
        const { address, writes: bytes, noTear } = event;
        found.set(`${address}:${bytes.join(',')}:${noTear}`, { address, bytes, noTear });
      }
    }
  }
  return [...found.values()];
}

/** The values of reads when these writes are all there are. */
class Values {
  tornOmitted = false;
  readonly #memory: Memory;
  readonly #writes: readonly Write[];
  readonly #options: ResolvedEcmaOptions;
  readonly #constants: readonly Scalar[];
  /** Torn values are tried byte by byte. */
  readonly #bytes: boolean;
  readonly #known = new Map<string, readonly (readonly number[])[]>();

  constructor(
    memory: Memory,
    writes: readonly Write[],
    test: EcmaTest,
    options: ResolvedEcmaOptions,
  ) {
    this.#memory = memory;
    this.#writes = writes;
    this.#options = options;
    this.#constants = constantsOf(test);
    this.#bytes = options.tearing === 'bytes' || !asksForReads(test);
  }

  /** Values as bytes, each once. */
  of(address: number, { element, littleEndian, noTear }: Access): readonly (readonly number[])[] {
    const key = `${address}:${element.name}:${littleEndian}:${noTear}`;
    let values = this.#known.get(key);
    if (!values) {
      values = this.#find(address, element, littleEndian, noTear);
      this.#known.set(key, values);
    }
    return values;
  }

  #find(
    address: number,
    element: Element,
    littleEndian: boolean,
    noTear: boolean,
  ): readonly (readonly number[])[] {
    const { size } = element;
    const found = new Map<string, readonly number[]>();
    const add = (bytes: readonly number[]): void => {
      found.set(bytes.join(','), bytes);
    };
    const pieces = this.#pieces(address, size);
    product(pieces.map(({ options }) => options)).forEach(add);
    for (const constant of this.#constants) {
      const bytes = bytesOf(element, constant, littleEndian);
      if (!bytes || found.has(bytes.join(','))) continue;
      add(bytes);
      tornAlike(pieces, bytes).forEach(add);
    }
    const torn = this.#torn(address, size, noTear);
    if (this.#bytes) torn?.forEach(add);
    this.tornOmitted ||= !torn || torn.some((bytes) => !found.has(bytes.join(',')));
    return [...found.values()];
  }

  /** The range of a read, cut where a write begins or ends, with what each piece may hold. */
  #pieces(address: number, size: number): Piece[] {
    const cuts = new Set([address, address + size]);
    for (const { address: first, bytes } of this.#writes) {
      for (const cut of [first, first + bytes.length]) {
        if (cut > address && cut < address + size) cuts.add(cut);
      }
    }
    const sorted = [...cuts].sort((one, other) => one - other);
    return sorted.slice(0, -1).map((start, at) => {
      const length = sorted[at + 1]! - start;
      const options = [this.#memory.initialBytes(start, length)];
      for (const { address: first, bytes } of this.#writes) {
        if (first > start || first + bytes.length < start + length) continue;
        options.push(bytes.slice(start - first, start - first + length));
      }
      return { at: start - address, length, options: unique(options) };
    });
  }

  /**
   * Everything that a read may have byte by byte, but for what one that never tears must not mix.
   * Undefined when that is too much and nobody has asked for it.
   */
  #torn(address: number, size: number, noTear: boolean): (readonly number[])[] | undefined {
    const whole = (write: Write): boolean =>
      noTear && write.noTear && write.address === address && write.bytes.length === size;
    const initial = this.#memory.initialBytes(address, size);
    const initWhole = noTear && !this.#options.initTearing;
    const others = this.#writes.filter((write) => !whole(write));
    const bytesAt = (from: readonly Write[], byte: number): number[] => {
      const found = from.flatMap(({ address: first, bytes }) => bytes[byte - first] ?? []);
      return initWhole ? found : [...found, initial[byte - address]!];
    };
    const only = this.#writes.filter(whole).map(({ bytes }) => bytes);
    const choices = initWhole ? [...only, initial] : [...only, undefined];
    const products = choices.map((one) =>
      Array.from({ length: size }, (_, at) => {
        const bytes = bytesAt(others, address + at);
        return unique([...bytes, ...(one ? [one[at]!] : [])].map((byte) => [byte]));
      }),
    );
    const tooMany = products.some((options) => sizeOf(options) > MOST_VALUES);
    if (tooMany && this.#options.tearing === 'asked') return undefined;
    return products.flatMap(product);
  }
}

interface Piece {
  /** First byte, counted from the read's. */
  readonly at: number;
  readonly length: number;
  readonly options: readonly (readonly number[])[];
}

/**
 * All values that are torn as these bytes are: at the same seams, out of the same writes. None when
 * the bytes cannot be had at all.
 */
function tornAlike(pieces: readonly Piece[], bytes: readonly number[]): (readonly number[])[] {
  const choices: (readonly number[])[][] = [];
  for (const { at, length, options } of pieces) {
    const seams: [start: number, end: number][] = [];
    const used = new Set<readonly number[]>();
    for (let start = 0; start < length;) {
      const reach = options.map((option) => agreeing(option, bytes, at, start, length));
      const end = Math.max(...reach);
      if (end === start) return [];
      options.filter((_, index) => reach[index] === end).forEach((option) => used.add(option));
      seams.push([start, end]);
      start = end;
    }
    for (const [start, end] of seams) {
      choices.push(unique([...used].map((option) => option.slice(start, end))));
    }
  }
  return product(choices);
}

/** Up to where an option of a piece is what the bytes are, from `start` on. */
function agreeing(
  option: readonly number[],
  bytes: readonly number[],
  at: number,
  start: number,
  length: number,
): number {
  let end = start;
  while (end < length && option[end] === bytes[at + end]) end++;
  return end;
}

/** The bytes of a constant, when the element can hold it. */
function bytesOf(
  element: Element,
  constant: Scalar,
  littleEndian: boolean,
): readonly number[] | undefined {
  if (typeof constant !== 'number' && typeof constant !== 'bigint') return undefined;
  if (element.big && !Number.isInteger(Number(constant))) return undefined;
  const value = element.big ? BigInt(constant) : Number(constant);
  const bytes = encode(element, value, littleEndian);
  // A number that loses something is no value that a read can have.
  return Object.is(decode(element, bytes, littleEndian), value) ? bytes : undefined;
}

/** All ways to take one of each and put them together. */
function product(choices: readonly (readonly (readonly number[])[])[]): (readonly number[])[] {
  const count = sizeOf(choices);
  if (count > MOST_VALUES) {
    const message = `Cannot evaluate the test: a read may have over ${MOST_VALUES} values`;
    throw new RondoError('ERR_LITMUS_SIZE', `${message} (${count})`);
  }
  return choices.reduce<(readonly number[])[]>(
    (heads, tails) => heads.flatMap((head) => tails.map((tail) => [...head, ...tail])),
    [[]],
  );
}

function sizeOf(choices: readonly (readonly unknown[])[]): number {
  return choices.reduce((number, { length }) => number * length, 1);
}

function unique(of: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(of.map((bytes) => [bytes.join(','), bytes])).values()];
}
