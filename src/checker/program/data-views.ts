/** DataViews of a test's memory. */
import { Order } from '../explore/graph.ts';
import { ELEMENTS } from './elements.ts';
import type { Memory } from './memory.ts';
import { RealDataView } from './real.ts';

const known = new WeakSet<object>();

/** Whether it is a DataView of a test's memory. */
export function isDataView(view: unknown): boolean {
  return typeof view === 'object' && view !== null && known.has(view);
}

const METHOD = /^([gs])et(\w+)$/;

/** An offset as the specification converts it, if an element of so many bytes lies there. */
function offsetOf(at: unknown, size: number, bytes: number): number {
  const whole = Math.trunc(Number(at)) || 0;
  if (whole >= 0 && whole + size <= bytes) return whole;
  throw new RangeError(`Offset is outside the bounds of the DataView: ${whole} of ${bytes}`);
}

/** Makes a DataView of a memory. Its accesses may tear where the specification allows it. */
export function makeDataView(memory: Memory, offset: number, bytes: number): DataView {
  const real = new RealDataView(memory.real, offset, bytes);
  const proxy = new Proxy(real, {
    get(target, key): unknown {
      if (key === 'buffer') return memory.buffer;
      const parts = typeof key === 'string' ? METHOD.exec(key) : null;
      const element = parts && ELEMENTS.find(({ name }) => name === `${parts[2]}Array`);
      if (!element || element.name === 'Uint8ClampedArray') return Reflect.get(target, key, target);
      const { size } = element;
      if (parts[1] === 'g') {
        return (at?: unknown, isLittle: boolean = false): number | bigint => {
          const start = offset + offsetOf(at, size, bytes);
          const raw = memory.read(start, size, Order.PLAIN, true);
          return element.decode(isLittle ? raw : swap(raw, size));
        };
      }
      return (at: unknown, value: unknown, isLittle: boolean = false): void => {
        const raw = element.encode(value);
        const start = offset + offsetOf(at, size, bytes);
        const bits = isLittle ? raw : swap(raw, size);
        memory.write(start, size, Order.PLAIN, bits, true);
      };
    },
  });
  known.add(proxy);
  return proxy;
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
