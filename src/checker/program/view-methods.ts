/** Methods of typed arrays on a test's memory: each element that they read or write is an event. */
import { RondoError } from '../../base/index.ts';
import { Order } from '../explore/graph.ts';
import { Bytes, isRealView } from './real.ts';
import { readElement, type ViewInfo, viewInfo, writeElement } from './view-info.ts';

/** What a method may need of the view that it is called on. */
export interface Receiver extends ViewInfo {
  /** The view itself, as the test has it. */
  readonly view: object;
  /** A view of some of its elements. */
  part(first: number, length: number): object;
}

type Method = (receiver: Receiver, ...input: never[]) => unknown;

/** Where a relative index lies, as the specification converts it. */
function place(index: unknown, length: number): number {
  const whole = Math.trunc(Number(index)) || 0;
  return whole < 0 ? Math.max(0, length + whole) : Math.min(whole, length);
}

/** From where to where two relative indices reach. */
function span(start: unknown, end: unknown, length: number): { first: number; count: number } {
  const first = place(start, length);
  const last = end === undefined ? length : place(end, length);
  return { first, count: Math.max(0, last - first) };
}

/**
 * Copies bytes as the memory-copying of engines does: words at a time where both sides are aligned
 * alike, the rest byte by byte. The specification has only bytes, but no machine tears aligned
 * words.
 */
function copyBytes(
  from: ViewInfo,
  source: number,
  to: ViewInfo,
  target: number,
  bytes: number,
): void {
  const values: [number, number, number | bigint][] = [];
  for (let done = 0; done < bytes;) {
    const isWord = (source + done) % 4 === 0 && (target + done) % 4 === 0 && bytes - done >= 4;
    const size = isWord ? 4 : 1;
    values.push([done, size, from.memory.read(source + done, size, Order.PLAIN)]);
    done += size;
  }
  for (const [done, size, raw] of values) {
    to.memory.write(target + done, size, Order.PLAIN, raw);
  }
}

/** Writes private bytes, as memory is copied: words where the target is aligned. */
function setBytes({ memory, offset }: ViewInfo, source: Uint8Array, start: number): void {
  for (let done = 0; done < source.length;) {
    const at = offset + start + done;
    const size = at % 4 === 0 && source.length - done >= 4 ? 4 : 1;
    let raw = 0;
    for (let byte = size - 1; byte >= 0; byte--) raw = raw * 256 + source[done + byte]!;
    memory.write(at, size, Order.PLAIN, raw);
    done += size;
  }
}

/** Copies from another typed array, all of which is read before anything is written. */
function setFromView(to: ViewInfo, source: ArrayLike<unknown>, start: number): void {
  const from = viewInfo(source);
  if (to.element.name === 'Uint8Array' && source instanceof Bytes) {
    if (from === undefined) setBytes(to, source, start);
    else copyBytes(from, from.offset, to, to.offset + start, source.length);
    return;
  }
  const values = Array.from(source);
  for (const [index, value] of values.entries()) writeElement(to, start + index, value);
}

/** An element that is also in the view's private copies. */
type Elements = Record<number, number | bigint>;

/** A private typed array of the same type. */
function privateCopy({ element }: ViewInfo, length: number): Elements {
  const bytes = new ArrayBuffer(length * element.size);
  return new element.View(bytes, 0, length) as unknown as Elements;
}

/** A private copy of elements: of bytes as words, as memory is copied. */
function sliceOf(info: ViewInfo, offset: number, length: number): object {
  const { memory, element } = info;
  const copy = privateCopy(info, length);
  if (element.size > 1) {
    for (let index = 0; index < length; index++) {
      const at = offset + index * element.size;
      copy[index] = element.decode(memory.read(at, element.size, Order.PLAIN, element.mayTear));
    }
    return copy;
  }
  const bytes = new Bytes((copy as unknown as Uint8Array).buffer);
  for (let done = 0; done < length;) {
    const size = (offset + done) % 4 === 0 && length - done >= 4 ? 4 : 1;
    const raw = memory.read(offset + done, size, Order.PLAIN) as number;
    for (let byte = 0; byte < size; byte++) bytes[done + byte] = raw >>> (8 * byte);
    done += size;
  }
  return copy;
}

type Callback = (value: unknown, index: number, view: object) => unknown;

/** Methods that write, that give a view, or private copies. */
const OWN: ReadonlyMap<string | symbol, Method> = new Map<string | symbol, Method>(
  Object.entries({
    set(to: Receiver, source: unknown, offset?: unknown): void {
      const start = Math.trunc(Number(offset)) || 0;
      const list = Object(source) as ArrayLike<unknown>;
      const length = Math.trunc(list.length) || 0;
      if (start < 0 || start + length > to.length) throw new RangeError('offset is out of bounds');
      if (viewInfo(list) !== undefined || isRealView(list)) setFromView(to, list, start);
      else
        for (let index = 0; index < length; index++) writeElement(to, start + index, list[index]);
    },
    fill(to: Receiver, value: unknown, start?: unknown, end?: unknown): object {
      // Converted once, before the indices are.
      const converted = to.element.decode(to.element.encode(value));
      const { first, count } = span(start, end, to.length);
      for (let index = first; index < first + count; index++) writeElement(to, index, converted);
      return to.view;
    },
    copyWithin(info: Receiver, to: unknown, start: unknown, end?: unknown): object {
      const { element, offset, length, view } = info;
      const target = place(to, length);
      const { first, count } = span(start, end, length);
      const at = (index: number): number => offset + index * element.size;
      const bytes = Math.min(count, length - target) * element.size;
      copyBytes(info, at(first), info, at(target), bytes);
      return view;
    },
    slice(info: Receiver, start?: unknown, end?: unknown): object {
      const { first, count } = span(start, end, info.length);
      return sliceOf(info, info.offset + first * info.element.size, count);
    },
    subarray(info: Receiver, start?: unknown, end?: unknown): object {
      const { first, count } = span(start, end, info.length);
      return info.part(first, count);
    },
    map(info: Receiver, body: Callback, self?: unknown): object {
      const copy = privateCopy(info, info.length);
      for (let index = 0; index < info.length; index++) {
        const value = body.call(self, readElement(info, index), index, info.view);
        copy[index] = info.element.decode(info.element.encode(value));
      }
      return copy;
    },
    filter(info: Receiver, body: Callback, self?: unknown): object {
      const kept: (number | bigint)[] = [];
      for (let index = 0; index < info.length; index++) {
        const value = readElement(info, index);
        const isKept = body.call(self, value, index, info.view);
        if (isKept) kept.push(value);
      }
      return Object.assign(privateCopy(info, kept.length), kept);
    },
  }),
);

/**
 * Methods that only read: those of arrays do the same, one element after the other and no more than
 * they need.
 */
const READING: ReadonlySet<string | symbol> = new Set<string | symbol>([
  Symbol.iterator,
  ...['at', 'entries', 'every', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach'],
  ...['includes', 'indexOf', 'join', 'keys', 'lastIndexOf', 'reduce', 'reduceRight', 'some'],
  ...['toLocaleString', 'toString', 'values'],
]);

/** Methods that change the view in place, and that no lock-free code uses. */
const REFUSED: ReadonlySet<string | symbol> = new Set<string | symbol>(['reverse', 'sort']);

const ofArrays = Array.prototype as unknown as Record<
  string | symbol,
  (...input: unknown[]) => unknown
>;

/** Calls a method on a private copy of all elements: it does not matter when it reads them. */
function callOnCopy(info: ViewInfo, key: string | symbol, input: unknown[]): unknown {
  const copy = sliceOf(info, info.offset, info.length);
  return (copy as Record<string | symbol, (...input: unknown[]) => unknown>)[key]!(...input);
}

/** A method of typed arrays, as it is on a test's memory. */
export function methodOf(
  receiver: Receiver,
  key: string | symbol,
): (...input: unknown[]) => unknown {
  if (REFUSED.has(key)) {
    const name = `${receiver.element.name}.${String(key)}`;
    throw new RondoError('ERR_CHECKER_UNSUPPORTED', `Cannot check ${name} on shared memory`);
  }
  const own = OWN.get(key);
  if (own !== undefined) return (...input) => own(receiver, ...(input as never[]));
  if (READING.has(key)) return (...input) => ofArrays[key]!.apply(receiver.view, input);
  return (...input) => callOnCopy(receiver, key, input);
}
