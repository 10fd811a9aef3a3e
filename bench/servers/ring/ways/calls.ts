/** Calling native code for every message: an addon that reads or makes an object, and koffi. */
import { createRequire } from 'node:module';
import { now, pinThread, type Report } from '../program.ts';
import { makeTick, sum, type TickFields } from '../tick.ts';
import { built, peer, type Plan, type Way } from './plan.ts';

/** Calls between two looks at the clock. */
const STRETCH = 1000;

/** What `addon.c` exports. */
export interface Addon {
  readonly nothing: () => void;
  readonly take: (tick: TickFields) => void;
  readonly give: () => TickFields;
  readonly total: () => number;
}

/** The addon, as built by scripts/bench.js. */
export function addon(): Addon {
  return createRequire(import.meta.url)(built('bench-addon.node')) as Addon;
}

/** What koffi makes of `calls.c`. */
export interface Library {
  readonly nothing: () => void;
  readonly take: (tick: TickFields) => void;
  readonly total: () => number;
}

interface Koffi {
  struct(name: string, fields: Record<string, string>): unknown;
  load(path: string): { func(prototype: string): (...values: unknown[]) => unknown };
}

let loaded: Library | undefined;

/** The library through koffi; the struct goes by pointer, as libraries take them. */
export function library(): Library {
  // A struct can be declared once.
  return (loaded ??= load());
}

function load(): Library {
  const koffi = peer('koffi') as Koffi;
  koffi.struct('bench_tick', {
    id: 'uint64_t',
    price: 'double',
    quantity: 'uint32_t',
    flags: 'uint32_t',
    time: 'double',
  });
  const calls = koffi.load(built('bench-calls.so'));
  return {
    nothing: calls.func('void bench_nothing()'),
    take: calls.func('void bench_take(const bench_tick *tick)'),
    total: calls.func('double bench_total()') as () => number,
  };
}

function repeat(call: (id: number) => void, plan: Plan): Report {
  let id = 0;
  const until = (milliseconds: number): number => {
    const end = now() + milliseconds * 1e6;
    const from = id;
    do {
      for (const stop = id + STRETCH; id < stop; id++) call(id);
    } while (now() < end);
    return id - from;
  };
  pinThread(plan.cores[0]);
  until(plan.warmup);
  const start = now();
  const count = until(plan.milliseconds - plan.warmup);
  return { count, nanoseconds: now() - start };
}

function mustBe(total: number): void {
  if (!(total > 0)) throw new Error('Cannot use the figures: nothing was read');
}

/** An object goes into the addon, which reads its fields. */
const takeObject: Way = (plan) => {
  const { take, total } = addon();
  const result = repeat((id) => take(makeTick(id)), plan);
  mustBe(total());
  return Promise.resolve(result);
};

/** The addon makes an object, whose fields are read. */
const giveObject: Way = (plan) => {
  const { give } = addon();
  let total = 0;
  const result = repeat(() => {
    total += sum(give());
  }, plan);
  mustBe(total);
  return Promise.resolve(result);
};

/** An object goes through koffi into a C library. */
const koffi: Way = (plan) => {
  const { take, total } = library();
  const result = repeat((id) => take(makeTick(id)), plan);
  mustBe(total());
  return Promise.resolve(result);
};

/** By name. */
export const callWays: Readonly<Record<string, Way>> = {
  'node-api-in': takeObject,
  'node-api-out': giveObject,
  koffi,
};
