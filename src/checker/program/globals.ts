/**
 * Globals while a test runs: `Atomics`, the typed arrays and `DataView` know the memory that tests are
 * given, and are what they always are for everything else. So production code is checked as it is.
 */
import { RondoError } from '../../base/index.ts';
import { Order } from '../explore/graph.ts';
import { isDataView, makeDataView } from './data-views.ts';
import { type Element, ELEMENTS, numberOf } from './elements.ts';
import { memoryOf } from './known.ts';
import type { Raw } from './memory.ts';
import { isRealView, RealDataView, RealSharedArrayBuffer } from './real.ts';
import type { Session } from './session.ts';
import { sleep, wake } from './sleeping.ts';
import { type ViewInfo, viewInfo } from './view-info.ts';
import { makeView } from './views.ts';

type AnyFunction = (...input: unknown[]) => unknown;

const realAtomics = Atomics as unknown as Record<string, AnyFunction>;

/** A view and index that `Atomics` would take, as bytes. */
function target(info: ViewInfo, index: unknown): { element: Element; offset: number } {
  const { element } = info;
  if (!element.isInteger) throw new TypeError('[object Array] is not an integer typed array.');
  const at = Math.trunc(Number(index)) || 0;
  if (at < 0 || at >= info.length) throw new RangeError('Invalid atomic access index');
  return { element, offset: info.offset + at * element.size };
}

/** The same of `wait` and `notify`, which take two types only. */
function waitTarget(info: ViewInfo, index: unknown): { element: Element; offset: number } {
  const { name } = info.element;
  if (name === 'Int32Array' || name === 'BigInt64Array') return target(info, index);
  throw new TypeError('[object Array] is not an int32 or BigInt64 typed array.');
}

/** A value as `Atomics` converts it before it becomes an element. */
function wholeOf(element: Element, value: unknown): number | bigint {
  if (element.size < 8) return Math.trunc(numberOf(value)) || 0;
  // Numbers are refused, as elsewhere.
  element.encode(value);
  return BigInt(value as string);
}

const MODIFY: Readonly<Record<string, (before: bigint, operand: bigint) => bigint>> = {
  add: (before, operand) => before + operand,
  sub: (before, operand) => before - operand,
  and: (before, operand) => before & operand,
  or: (before, operand) => before | operand,
  xor: (before, operand) => before ^ operand,
  exchange: (_before, operand) => operand,
};

function modifier(name: string): (info: ViewInfo, index: unknown, value: unknown) => unknown {
  const combine = MODIFY[name]!;
  return (info, index, value) => {
    const { element, offset } = target(info, index);
    const operand = BigInt(element.encode(value));
    const bits = 8 * element.size;
    const before = info.memory.modify(offset, element.size, Order.SEQ_CST, (raw) => {
      const after = BigInt.asUintN(bits, combine(BigInt(raw), operand));
      return element.size === 8 ? after : Number(after);
    });
    return element.decode(before);
  };
}

/** Whose threads run. */
let current: Session | undefined;

/** Begins a run of a thread, or a set-up. */
export function startRun(session: Session): void {
  current = session;
}

const checked: Record<string, (info: ViewInfo, ...input: unknown[]) => unknown> = {
  load(info, index) {
    const { element, offset } = target(info, index);
    return element.decode(info.memory.read(offset, element.size, Order.SEQ_CST));
  },
  store(info, index, value) {
    const { element, offset } = target(info, index);
    const whole = wholeOf(element, value);
    info.memory.write(offset, element.size, Order.SEQ_CST, element.encode(whole));
    return whole;
  },
  compareExchange(info, index, expected, value) {
    const { element, offset } = target(info, index);
    const wanted = element.encode(expected);
    const desired = element.encode(value);
    const before = info.memory.modify(
      offset,
      element.size,
      Order.SEQ_CST,
      (raw): Raw | undefined => (raw === wanted ? desired : undefined),
    );
    return element.decode(before);
  },
  wait(info, index, expected, timeoutMs = Infinity) {
    const { element, offset } = waitTarget(info, index);
    const { memory } = info;
    if (memory.session.isDirect) {
      throw new RondoError('ERR_CHECKER_USE', 'Cannot wait outside of a thread of the test');
    }
    const location = memory.locateWord(offset, element.size);
    const limit = Number.isNaN(Number(timeoutMs)) ? Infinity : Number(timeoutMs);
    const look = (): void => memory.assertRead(offset, element.size);
    return sleep(memory.session, location, element.encode(expected), limit, look);
  },
  notify(info, index, count = Infinity) {
    const { element, offset } = waitTarget(info, index);
    const { memory } = info;
    if (memory.session.isDirect) return 0;
    return wake(memory.session, memory.locateWord(offset, element.size), Number(count));
  },
  waitAsync() {
    throw new RondoError('ERR_CHECKER_UNSUPPORTED', 'Cannot check waitAsync: use wait');
  },
};
for (const name of Object.keys(MODIFY)) {
  const change = modifier(name);
  checked[name] = (info, index, value) => change(info, index, value);
}

/** The `Atomics` of a test. */
const checkedAtomics: Record<string | symbol, unknown> = Object.create(null) as Record<
  string | symbol,
  unknown
>;
for (const name of Object.getOwnPropertyNames(Atomics)) {
  const real = realAtomics[name]!;
  const own = checked[name];
  checkedAtomics[name] = (...input: unknown[]): unknown => {
    const info = viewInfo(input[0]);
    if (info === undefined) {
      refuseForeign((input[0] as { buffer?: unknown } | undefined)?.buffer);
      return real.apply(Atomics, input);
    }
    if (own === undefined) {
      throw new RondoError('ERR_CHECKER_UNSUPPORTED', `Cannot check Atomics.${name}`);
    }
    return own(info, input[1], input[2], input[3]);
  };
}

function checkedView(element: Element): unknown {
  return new Proxy(element.View, {
    construct(real, input: unknown[], newTarget): object {
      const [source, byteOffset = 0, length] = input as [unknown, number?, number?];
      const memory = memoryOf(source);
      if (memory === undefined) {
        // Views of views copy, as they do elsewhere, and reading what is copied is an event.
        const info = viewInfo(source);
        if (info === undefined) {
          refuseForeign(source);
          return Reflect.construct(real, input, newTarget) as object;
        }
        return Reflect.construct(real, [Array.from(source as ArrayLike<unknown>)]) as object;
      }
      if (length === undefined && memory.byteLength % element.size !== 0) {
        throw new RangeError(
          `byte length of ${element.name} should be a multiple of ${element.size}`,
        );
      }
      const rest = (memory.byteLength - byteOffset) / element.size;
      const count = length ?? rest;
      if (byteOffset % element.size !== 0) {
        throw new RangeError(
          `start offset of ${element.name} should be a multiple of ${element.size}`,
        );
      }
      if (count > rest) throw new RangeError(`Invalid typed array length: ${count}`);
      return makeView(memory, element, byteOffset, count);
    },
  });
}

const replacements: Record<string, unknown> = { Atomics: checkedAtomics };
for (const element of ELEMENTS) replacements[element.name] = checkedView(element);
replacements['DataView'] = new Proxy(RealDataView, {
  construct(real, input: unknown[], newTarget): object {
    const [source, byteOffset = 0, length] = input as [unknown, number?, number?];
    const memory = memoryOf(source);
    if (memory === undefined) {
      refuseForeign(source);
      return Reflect.construct(real, input, newTarget) as object;
    }
    return makeDataView(memory, byteOffset, length ?? memory.byteLength - byteOffset);
  },
});
// In a set-up it is memory of the test; in a thread its own: code that fences makes a word for it.
replacements['SharedArrayBuffer'] = new Proxy(RealSharedArrayBuffer, {
  construct(real, input: unknown[], newTarget): object {
    const [bytes, options] = input;
    const isPlain = typeof bytes === 'number' && options === undefined;
    if (current !== undefined && isPlain) {
      if (!current.isDirect) return current.ownMemory(bytes).buffer;
      if (current.shared !== undefined) return current.shared(bytes);
    }
    return Reflect.construct(real, input, newTarget) as object;
  },
});

/** Memory that others than the test have made: nobody sees what threads do to it. */
function refuseForeign(source: unknown): void {
  const isChecked = current !== undefined && (!current.isDirect || current.shared !== undefined);
  if (!isChecked || !(source instanceof RealSharedArrayBuffer)) return;
  throw new RondoError(
    'ERR_CHECKER_USE',
    'Cannot check shared memory that was made outside of the test: make it in the function of the ' +
      'test, by shared, words or new SharedArrayBuffer',
  );
}

const holder = globalThis as unknown as Record<string, unknown>;
const isView = (value: unknown): boolean =>
  viewInfo(value) !== undefined || isDataView(value) || isRealView(value);

/** Puts the globals of tests in place while `body` runs. Nests. */
export function withGlobals<T>(body: () => T): T {
  const before = Object.keys(replacements).map((name) => [name, holder[name]] as const);
  const isViewBefore = Object.getOwnPropertyDescriptor(ArrayBuffer, 'isView')!;
  Object.assign(holder, replacements);
  Object.assign(ArrayBuffer, { isView });
  try {
    return body();
  } finally {
    Object.defineProperty(ArrayBuffer, 'isView', isViewBefore);
    for (const [name, value] of before) holder[name] = value;
  }
}
