/**
 * What was seen of loops, as bytes: for whoever compares the loops of one part of an exploration
 * with the runs of another, that other threads had, or another day.
 */
import type { Locations } from '../program/locations.ts';
import type { Past, Step } from '../program/past.ts';
import type { Execution, Loop, Seen } from '../program/rounds.ts';
import { Reader, Writer } from './codec.ts';
import { readPlaces, writePlaces } from './graphs.ts';

/** A whole execution, with what memory held at its end, by location. */
export interface Ended {
  readonly execution: Execution;
  readonly last: ReadonlyMap<number, unknown>;
}

/** What was seen of loops under one combination of inputs. */
export interface Looped {
  readonly seen: readonly Seen[];
  readonly ended: readonly Ended[];
}

/** Most items of one list. */
const ITEMS_MAX = 1 << 20;

/** What was seen, as bytes; undefined when that is nothing. */
export function loopedBytes(locations: Locations, looped: Looped): Uint8Array | undefined {
  const { seen, ended } = looped;
  if (seen.length === 0 && ended.length === 0) return undefined;
  const writer = new Writer();
  writePlaces(writer, locations);
  writeAll(writer, seen, ({ thread, runs, loops }) => {
    writer.number(thread);
    writeAll(writer, runs, (past) => writePast(writer, past));
    writeAll(writer, loops, ({ steps, period }) => {
      writeSteps(writer, steps);
      writer.number(period);
    });
  });
  writeAll(writer, ended, ({ execution, last }) => {
    writeAll(writer, execution, (past) => writePast(writer, past));
    writeAll(writer, [...last], ([location, value]) => {
      writer.number(location);
      writer.value(value);
    });
  });
  return writer.bytes;
}

/** Reads what was seen, into the numbers that locations have here. */
export function readLooped(bytes: Uint8Array, locations: Locations): Looped {
  const reader = new Reader(bytes);
  const places = readPlaces(reader, locations);
  const seen = readAll(reader, (): Seen => {
    const thread = reader.number();
    const runs = readAll(reader, () => readPast(reader, places));
    return { thread, runs, loops: readAll(reader, () => readLoop(reader, places)) };
  });
  const ended = readAll(reader, (): Ended => {
    const execution = readAll(reader, () => readPast(reader, places));
    const last = readAll(reader, (): [number, unknown] => {
      const location = places[reader.number()]!;
      return [location, reader.value()];
    });
    return { execution, last: new Map(last) };
  });
  return { seen, ended };
}

function writePast(writer: Writer, { steps, orders }: Past): void {
  writeSteps(writer, steps);
  writeAll(writer, [...orders], ([location, values]) => {
    writer.number(location);
    writeAll(writer, values, (value) => writer.value(value));
  });
}

function readPast(reader: Reader, places: readonly number[]): Past {
  const steps = readSteps(reader, places);
  const orders = readAll(reader, (): [number, unknown[]] => {
    const location = places[reader.number()]!;
    return [location, readAll(reader, () => reader.value())];
  });
  return { steps, orders: new Map(orders) };
}

function readLoop(reader: Reader, places: readonly number[]): Loop {
  const steps = readSteps(reader, places);
  return { steps, period: reader.number() };
}

function writeSteps(writer: Writer, steps: readonly Step[]): void {
  writeAll(writer, steps, ({ kind, location, order, flags, value, place }) => {
    writer.number(kind);
    writer.number(location + 1);
    writer.number(order);
    writer.number(flags);
    writer.number(place);
    writer.value(value);
  });
}

function readSteps(reader: Reader, places: readonly number[]): Step[] {
  return readAll(reader, (): Step => {
    const kind = reader.number();
    const location = reader.number();
    const order = reader.number();
    const flags = reader.number();
    const place = reader.number();
    const value = reader.value();
    return {
      kind,
      location: location === 0 ? -1 : places[location - 1]!,
      order,
      flags,
      value,
      place,
    };
  });
}

function writeAll<T>(writer: Writer, items: readonly T[], write: (item: T) => void): void {
  writer.number(items.length);
  for (const item of items) write(item);
}

function readAll<T>(reader: Reader, read: () => T): T[] {
  return Array.from({ length: reader.number(ITEMS_MAX) }, read);
}
