/** The message of all measurements of rings, which Rust declares by the same text. */
import {
  type Cursor,
  f64,
  safe,
  struct,
  type StructType,
  u32,
  u64,
} from '../../../src/memory/index.ts';

/** Its fields; `flags` has three bits. */
export interface TickFields {
  id: number;
  price: number;
  quantity: number;
  flags: number;
  time: number;
}

/** 32 bytes. */
export const Tick: StructType<TickFields, never> = struct('bench.Tick', {
  id: safe(u64),
  price: f64,
  quantity: u32,
  flags: u32,
  time: f64,
});

/** Writes every field. */
export function fill(message: TickFields | Cursor<TickFields, never>, id: number): void {
  message.id = id;
  message.price = id;
  message.quantity = id >>> 0;
  message.flags = id & 7;
  message.time = 0.5;
}

/** A message as an object, as the marshalling ways take it. */
export function makeTick(id: number): TickFields {
  return { id, price: id, quantity: id >>> 0, flags: id & 7, time: 0.5 };
}

/** Reads every field. */
export function sum(message: Readonly<TickFields>): number {
  return message.id + message.price + message.quantity + message.flags + message.time;
}
