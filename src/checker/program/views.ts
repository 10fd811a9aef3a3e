/**
 * Views of a test's memory: proxies of real typed arrays and DataViews, so that `instanceof`,
 * `length` and `byteOffset` are what they are elsewhere, and every element that is read or written
 * is an event.
 */
import { RondoError } from '../../base/index.ts';
import { Order } from '../explore/graph.ts';
import { type Element, ELEMENTS } from './elements.ts';
import { Fault } from './faults.ts';
import type { Memory } from './memory.ts';
import { Bytes, RealDataView } from './real.ts';

/** What the checker knows of a view. */
export interface ViewInfo {
  readonly memory: Memory;
  readonly element: Element;
  /** First byte in the memory. */
  readonly offset: number;
  readonly length: number;
}

const views = new WeakMap<object, ViewInfo>();

/** What is known of a view of a test's memory; undefined for any other object. */
export function viewInfo(view: unknown): ViewInfo | undefined {
  return typeof view === 'object' && view !== null ? views.get(view) : undefined;
}

/** The index that a property name is, or -1. */
function indexOf(key: string | symbol): number {
  if (typeof key !== 'string') return -1;
  const code = key.charCodeAt(0);
  if (code < 48 || code > 57) return -1;
  const index = Number(key);
  return Number.isInteger(index) && String(index) === key ? index : -1;
}

/** Whether a property name is a number that is no index, as `view[-1]` and `view[NaN]` have. */
function isNumber(key: string | symbol): boolean {
  return typeof key === 'string' && /^-?[\dIN]/.test(key) && String(Number(key)) === key;
}

/** An element beyond the view: nothing elsewhere, and a mistake in a thread. */
function beyond({ memory, element, length }: ViewInfo, key: string | symbol): void {
  if (memory.session.isDirect) return;
  const view = `${element.name} of ${length} elements of ${memory.name}`;
  memory.session.fault(new Fault('range', `element ${String(key)} is used of a ${view}`));
}

function readElement({ memory, element, offset }: ViewInfo, index: number): number | bigint {
  const at = offset + index * element.size;
  return element.decode(memory.read(at, element.size, Order.PLAIN, element.mayTear));
}

function writeElement(info: ViewInfo, index: number, value: unknown): void {
  const { memory, element, offset } = info;
  const at = offset + index * element.size;
  memory.write(at, element.size, Order.PLAIN, element.encode(value), element.mayTear);
}

type Method = (info: ViewInfo, ...input: never[]) => unknown;

/** Where a relative index of an array method lies. */
function place(index: number, length: number): number {
  const whole = Math.trunc(index) || 0;
  return whole < 0 ? Math.max(0, length + whole) : Math.min(whole, length);
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

/** Methods that write, or give a view: those that only read work on a copy. */
const METHODS: Readonly<Record<string, Method>> = {
  set(info, source: ArrayLike<unknown>, start: number = 0): void {
    if (info.element.name === 'Uint8Array' && source instanceof Bytes) {
      checkIndex(info, start + Math.max(0, source.length - 1));
      const from = viewInfo(source);
      if (from === undefined) setBytes(info, source, start);
      else copyBytes(from, from.offset, info, info.offset + start, source.length);
      return;
    }
    for (let index = 0; index < source.length; index++) {
      checkIndex(info, start + index);
      writeElement(info, start + index, source[index]);
    }
  },
  fill(info, value: unknown, start: number = 0, end: number = info.length): unknown {
    for (let index = start; index < Math.min(end, info.length); index++) {
      writeElement(info, index, value);
    }
    return undefined;
  },
  copyWithin(info, to: number, start: number, end: number = info.length): unknown {
    const { element, offset, length } = info;
    const target = place(to, length);
    const first = place(start, length);
    const count = Math.min(place(end, length) - first, length - target);
    const bytes = Math.max(0, count) * element.size;
    const at = (index: number): number => offset + index * element.size;
    copyBytes(info, at(first), info, at(target), bytes);
    return undefined;
  },
  slice(info, start: number = 0, end: number = info.length): unknown {
    const { element, offset } = info;
    const first = place(start, info.length);
    const length = Math.max(0, place(end, info.length) - first);
    return sliceOf(info, offset + first * element.size, length);
  },
  subarray(info, start: number = 0, end: number = info.length): object {
    const first = start < 0 ? Math.max(0, info.length + start) : Math.min(start, info.length);
    const last = end < 0 ? Math.max(0, info.length + end) : Math.min(end, info.length);
    const { element, offset } = info;
    const length = Math.max(0, last - first);
    return makeView(info.memory, element, offset + first * element.size, length);
  },
};

/** A private copy of elements: of bytes as words, as memory is copied. */
function sliceOf({ memory, element }: ViewInfo, offset: number, length: number): object {
  const copy = new element.View(new ArrayBuffer(length * element.size), 0, length);
  const values = copy as unknown as (number | bigint)[];
  if (element.size > 1) {
    for (let index = 0; index < length; index++) {
      values[index] = element.decode(
        memory.read(offset + index * element.size, element.size, Order.PLAIN),
      );
    }
    return copy;
  }
  const bytes = new Bytes(copy.buffer);
  for (let done = 0; done < length;) {
    const size = (offset + done) % 4 === 0 && length - done >= 4 ? 4 : 1;
    const raw = memory.read(offset + done, size, Order.PLAIN) as number;
    for (let byte = 0; byte < size; byte++) bytes[done + byte] = raw >>> (8 * byte);
    done += size;
  }
  return copy;
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

function checkIndex(info: ViewInfo, index: number): void {
  if (index < info.length) return;
  throw new RangeError(`offset is out of bounds: ${index} of ${info.length}`);
}

/** Makes a view of a memory. */
export function makeView(
  memory: Memory,
  element: Element,
  offset: number,
  length: number,
): ArrayBufferView {
  const key = `${element.name} ${offset} ${length}`;
  const known = memory.views.get(key);
  if (known !== undefined) return known as ArrayBufferView;
  const real = new element.View(memory.real, offset, length);
  const info: ViewInfo = { memory, element, offset, length };
  const proxy = new Proxy(real, {
    get(target, key): unknown {
      const index = indexOf(key);
      if (index >= 0) return index < length ? readElement(info, index) : beyond(info, key);
      const method = typeof key === 'string' ? METHODS[key] : undefined;
      if (method !== undefined) {
        return (...input: never[]): unknown => method(info, ...input) ?? proxy;
      }
      if (isNumber(key)) return beyond(info, key);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || key === 'constructor') return value;
      return (...input: unknown[]): unknown => callOnCopy(info, key, input);
    },
    set(_target, key, value: unknown): boolean {
      const index = indexOf(key);
      if (index < 0 && !isNumber(key)) return false;
      if (index >= 0 && index < length) writeElement(info, index, value);
      else beyond(info, key);
      return true;
    },
  });
  views.set(proxy, info);
  memory.views.set(key, proxy);
  return proxy;
}

/** Methods that change the view in place, and that no lock-free code uses. */
const REFUSED = new Set(['reverse', 'sort']);

function callOnCopy(info: ViewInfo, key: string | symbol, input: unknown[]): unknown {
  if (REFUSED.has(String(key))) {
    throw new RondoError(
      'ERR_CHECKER_UNSUPPORTED',
      `Cannot check ${info.element.name}.${String(key)} on shared memory`,
    );
  }
  const values = Array.from({ length: info.length }, (_, index) => readElement(info, index));
  const from = info.element.View as unknown as { from(values: unknown[]): object };
  const copy = from.from(values) as Record<string | symbol, (...input: unknown[]) => unknown>;
  return copy[key]!(...input);
}

const DATA_VIEW_METHOD =
  /^([gs])et(Int8|Uint8|Int16|Uint16|Int32|Uint32|BigInt64|BigUint64|Float32|Float64)$/;

/** Makes a DataView of a memory. Its accesses may tear where the specification allows it. */
export function makeDataView(memory: Memory, offset: number, bytes: number): DataView {
  const real = new RealDataView(memory.real, offset, bytes);
  return new Proxy(real, {
    get(target, key): unknown {
      const parts = typeof key === 'string' ? DATA_VIEW_METHOD.exec(key) : null;
      if (parts === null) return Reflect.get(target, key, target);
      const element = ELEMENTS.find(({ name }) => name === `${parts[2]}Array`)!;
      if (parts[1] === 'g') {
        return (at: number, isLittle: boolean = false): number | bigint => {
          checkBytes(at, element.size, bytes);
          const raw = memory.read(offset + at, element.size, Order.PLAIN, true);
          return element.decode(isLittle ? raw : swap(raw, element.size));
        };
      }
      return (at: number, value: unknown, isLittle: boolean = false): void => {
        checkBytes(at, element.size, bytes);
        const raw = element.encode(value);
        const bits = isLittle ? raw : swap(raw, element.size);
        memory.write(offset + at, element.size, Order.PLAIN, bits, true);
      };
    },
  });
}

function checkBytes(at: number, size: number, bytes: number): void {
  if (Number.isInteger(at) && at >= 0 && at + size <= bytes) return;
  throw new RangeError(`Offset is outside the bounds of the DataView: ${at} of ${bytes}`);
}

function swap(raw: number | bigint, size: number): number | bigint {
  if (size === 1) return raw;
  let from = BigInt(raw);
  let to = 0n;
  for (let index = 0; index < size; index++) {
    to = (to << 8n) | (from & 0xffn);
    from >>= 8n;
  }
  return size === 8 ? to : Number(to);
}
