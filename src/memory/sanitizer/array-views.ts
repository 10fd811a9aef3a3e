/**
 * Views of bytes that are asked about each access. A typed array has no traps, so it is a Proxy
 * around the real one: reads and writes go to the same memory, at once. `instanceof Uint8Array`
 * holds; what is written in C++ and wants a real one (`TextDecoder`, `crypto`, `Buffer.concat`)
 * refuses it. `set` of other arrays takes them at the speed of real ones.
 */
import { replace } from './builtins.ts';

/** What a view asks before bytes `from` to `to` of it are used; throws a report. */
export type Guard = (action: 'read' | 'write', from: number, to: number) => void;

type Method = (...args: unknown[]) => unknown;

/** A relative index, as the methods of typed arrays take it, between 0 and `length`. */
function clamp(index: unknown, length: number, missing: number): number {
  if (index === undefined) return missing;
  const integer = Math.trunc(Number(index)) || 0;
  return integer < 0 ? Math.max(0, length + integer) : Math.min(integer, length);
}

/** Index of an element, or -1. */
function indexOf(key: string | symbol): number {
  return typeof key === 'string' && /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1;
}

/** What a method does, from which index, up to which. */
type Use = [action: 'read' | 'write' | 'none', from: number, to: number];

function writesAll(length: number): Use {
  return ['write', 0, length];
}

function readsOne(index: number, length: number): Use {
  return ['read', index, Math.min(length, index + 1)];
}

function usesNone(): Use {
  return ['none', 0, 0];
}

function between(length: number, from: unknown, to: unknown): [number, number] {
  return [clamp(from, length, 0), clamp(to, length, length)];
}

/** The range that a method uses; all but these read everything. */
const USES: ReadonlyMap<unknown, (length: number, args: unknown[]) => Use> = new Map([
  [
    'set',
    (length: number, [source, at]: unknown[]): Use => {
      const from = clamp(at, length, 0);
      const count = (source as ArrayLike<number> | undefined)?.length ?? 0;
      return ['write', from, Math.min(length, from + count)];
    },
  ],
  ['fill', (length, [, from, to]) => ['write', ...between(length, from, to)]],
  ['copyWithin', writesAll],
  ['reverse', writesAll],
  ['sort', writesAll],
  ['slice', (length, [from, to]) => ['read', ...between(length, from, to)]],
  ['at', (length, [index]) => readsOne(clamp(index, length, 0), length)],
  // These look at each byte when it is its turn, or at none.
  ['entries', usesNone],
  ['keys', usesNone],
  ['values', usesNone],
  ['valueOf', usesNone],
  ['hasOwnProperty', usesNone],
  ['propertyIsEnumerable', usesNone],
]);

interface Watched {
  readonly bytes: Uint8Array;
  readonly guard: Guard;
}

const watched = new WeakMap<object, Watched>();

/** Teaches `set` of all typed arrays to copy from views at once instead of byte by byte. */
export function watchCopies(): void {
  const { prototype } = Object.getPrototypeOf(Uint8Array) as { prototype: object };
  replace(
    prototype,
    'set',
    (method) =>
      function (this: unknown, source: unknown, ...at: unknown[]) {
        const view = typeof source === 'object' && source ? watched.get(source) : undefined;
        if (!view) return method.call(this, source, ...at);
        if (view.bytes.length > 0) view.guard('read', 0, view.bytes.length);
        return method.call(this, view.bytes, ...at);
      },
  );
}

/** See the head of this file. */
export function arrayView(bytes: Uint8Array, guard: Guard): Uint8Array {
  const methods = new Map<string | symbol, Method>();
  const proxy: Uint8Array = new Proxy(bytes, {
    get(target, key): unknown {
      const index = indexOf(key);
      if (index >= 0) {
        if (index < target.length) guard('read', index, index + 1);
        return target[index];
      }
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function' || key === 'constructor') return value;
      let method = methods.get(key);
      if (!method) methods.set(key, (method = methodOf(key, value as Method)));
      return method;
    },
    set(target, key, value): boolean {
      const index = indexOf(key);
      if (index >= 0 && index < target.length) guard('write', index, index + 1);
      return Reflect.set(target, key, value);
    },
  });

  const methodOf = (key: string | symbol, method: Method): Method => {
    if (key === 'subarray') {
      return (from, to) => {
        const start = clamp(from, bytes.length, 0);
        const part = bytes.subarray(start, Math.max(start, clamp(to, bytes.length, bytes.length)));
        return arrayView(part, (action, at, end) => guard(action, start + at, start + end));
      };
    }
    if (key === Symbol.iterator || key === 'values') return () => elements(proxy);
    if (key === 'entries') return () => elements(proxy, (value, index) => [index, value]);
    return (...args) => {
      const use = USES.get(key);
      const [action, from, to] = use?.(bytes.length, args) ?? ['read', 0, bytes.length];
      if (action !== 'none' && to > from) guard(action, from, to);
      const result: unknown = Reflect.apply(method, bytes, args);
      return result === bytes ? proxy : result;
    };
  };
  watched.set(proxy, { bytes, guard });
  return proxy;
}

function* elements(
  view: Uint8Array,
  shown: (value: number, index: number) => unknown = (value) => value,
): Generator<unknown, void, undefined> {
  for (let index = 0; index < view.length; index++) yield shown(view[index]!, index);
}
