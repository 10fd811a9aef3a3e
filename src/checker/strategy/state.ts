/**
 * What is left of an exploration, as bytes: for the file that it goes on from another day, and for
 * other threads that take a part of it.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { RondoError } from '../../base/index.ts';
import type { Consistency } from '../explore/consistency.ts';
import type { Graph } from '../explore/graph.ts';
import type { Locations } from '../program/locations.ts';
import type { Layout } from '../program/run.ts';
import type { Session } from '../program/session.ts';
import { Reader, Writer } from './codec.ts';
import { readGraphs, readPlaces, writeGraphs, writePlaces } from './graphs.ts';

/** What was found in what was explored. */
export interface Tally {
  readonly executions: number;
  readonly blocked: number;
  readonly races: readonly string[];
  /** Whether reads could see writes that come after them. */
  readonly isBuffering: boolean;
  /** Whether something was left out because of the bound of preemptions. */
  readonly isCut: boolean;
  /** Whether accesses that may be torn raced with others that see memory as a whole. */
  readonly isTorn: boolean;
  /** Whether an execution was given up: one thread had too many events, or all together had. */
  readonly cut: 'thread' | 'all' | undefined;
  /** By location: values that were written. */
  readonly domain: ReadonlyMap<number, ReadonlySet<unknown>>;
}

/** Memories, and words or places in them. */
type Pairs = Layout['changing'];

/** What was seen of loops under one combination of inputs. */
export interface LoopedPart {
  readonly inputs: readonly number[];
  readonly counts: readonly number[];
  readonly bytes: Uint8Array;
}

/** Graphs of one combination of inputs. */
export interface Work {
  readonly inputs: readonly number[];
  /** Of how many each input is one. */
  readonly counts: readonly number[];
  readonly graphs: readonly Graph[];
}

/** In the order of their weight. */
const CUTS = [undefined, 'thread', 'all'] as const;

/** Writes what was found. */
function writeTally(writer: Writer, locations: Locations, tally: Tally): void {
  writer.number(tally.executions);
  writer.number(tally.blocked);
  const { isBuffering, isCut, isTorn } = tally;
  writer.number((isBuffering ? 1 : 0) + (isCut ? 2 : 0) + (isTorn ? 4 : 0));
  writer.number(CUTS.indexOf(tally.cut));
  writer.number(tally.races.length);
  for (const race of tally.races) writer.text(race);
  writePlaces(writer, locations);
  writer.number(tally.domain.size);
  for (const [location, values] of tally.domain) {
    writer.number(location);
    writer.number(values.size);
    for (const value of values) writer.value(value);
  }
}

/** Reads what was found, into the numbers that locations have here. */
export function readTally(reader: Reader, locations: Locations): Tally {
  const executions = reader.number();
  const blocked = reader.number();
  const bits = reader.number(7);
  const cut = CUTS[reader.number(CUTS.length - 1)];
  const races = Array.from({ length: reader.number(64) }, () => reader.text());
  const places = readPlaces(reader, locations);
  const domain = new Map<number, Set<unknown>>();
  for (let left = reader.number(); left > 0; left--) {
    const location = places[reader.number()]!;
    const values = new Set<unknown>();
    for (let more = reader.number(); more > 0; more--) values.add(reader.value());
    domain.set(location, values);
  }
  const [isBuffering, isCut, isTorn] = [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0];
  return { executions, blocked, races, isBuffering, isCut, isTorn, cut, domain };
}

/** Writes graphs with the inputs that they belong to. */
function writeWork(writer: Writer, locations: Locations, work: Work): void {
  writer.numbers(work.inputs);
  writer.numbers(work.counts);
  writeGraphs(writer, locations, work.graphs);
}

/** The inputs that graphs belong to. */
export function inputsOf(work: Uint8Array): Omit<Work, 'graphs'> {
  const reader = new Reader(work);
  const inputs = reader.numbers(64);
  return { inputs, counts: reader.numbers(64) };
}

/** Reads graphs with the inputs that they belong to. */
export function readWork(
  reader: Reader,
  session: Session,
  consistency: Consistency,
  words: number,
): Work {
  const inputs = reader.numbers(64);
  const counts = reader.numbers(64);
  return { inputs, counts, graphs: readGraphs(reader, session, consistency, words) };
}

/** Writes what is known of memory. */
export function writeLayout(writer: Writer, { cuts, changing, looping }: Layout): void {
  for (const pairs of [cuts, changing, looping]) writePairs(writer, pairs);
}

function writePairs(writer: Writer, pairs: Pairs): void {
  const memories = new Map<number, number[]>();
  for (const [memory, place] of pairs) {
    const places = memories.get(memory);
    if (places === undefined) memories.set(memory, [place]);
    else places.push(place);
  }
  writer.number(memories.size);
  for (const [memory, places] of memories) {
    writer.number(memory);
    places.sort((one, other) => one - other);
    writer.numbers(places.map((place, index) => place - (places[index - 1] ?? 0)));
  }
}

/** Reads what is known of memory. */
export function readLayout(reader: Reader): Layout {
  const cuts = readPairs(reader);
  const changing = readPairs(reader);
  return { cuts, changing, looping: readPairs(reader) };
}

function readPairs(reader: Reader): [number, number][] {
  const all: [number, number][] = [];
  for (let left = reader.number(1 << 16); left > 0; left--) {
    const memory = reader.number(1 << 20);
    let place = 0;
    for (const step of reader.numbers(1 << 20)) all.push([memory, (place += step)]);
  }
  return all;
}

/** What was found, as bytes of their own. */
export function tallyBytes(locations: Locations, tally: Tally): Uint8Array {
  const writer = new Writer();
  writeTally(writer, locations, tally);
  return writer.bytes;
}

/** Graphs with their inputs, as bytes of their own. */
export function workBytes(locations: Locations, work: Work): Uint8Array {
  const writer = new Writer();
  writeWork(writer, locations, work);
  return writer.bytes;
}

const MAGIC = 'rondo checker 3';

/** Where an exploration was when it was put off. */
export interface Saved {
  /** Words of the sets of events. */
  readonly words: number;
  readonly layout: Layout;
  /** Memories and words that no graph reads as events: see `Constants`. */
  readonly constants: Pairs;
  readonly tally: Uint8Array;
  readonly works: readonly Uint8Array[];
  /** What was seen of loops under inputs that are not done with. */
  readonly looped: readonly LoopedPart[];
  /** The inputs behind which all are left. */
  readonly cursor: { readonly inputs: readonly number[]; readonly counts: readonly number[] };
}

/** Writes the file in one step: there is the old one or the new one, whatever happens. */
export function saveState(file: string, test: string, saved: Saved): void {
  const writer = new Writer();
  writer.text(MAGIC);
  writer.text(test);
  writer.number(saved.words);
  writeLayout(writer, saved.layout);
  writePairs(writer, saved.constants);
  writer.raw(saved.tally);
  writer.number(saved.works.length);
  for (const work of saved.works) writer.raw(work);
  writer.number(saved.looped.length);
  for (const { inputs, counts, bytes } of saved.looped) {
    writer.numbers(inputs);
    writer.numbers(counts);
    writer.raw(bytes);
  }
  writer.numbers(saved.cursor.inputs);
  writer.numbers(saved.cursor.counts);
  const fresh = `${file}.new`;
  const handle = openSync(fresh, 'w');
  try {
    writeSync(handle, writer.bytes);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(fresh, file);
}

/** @throws {RondoError} ERR_CHECKER_RESUME when it is of another test, or none */
export function loadState(file: string, test: string): Saved | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
  const reader = new Reader(bytes);
  try {
    if (reader.text() !== MAGIC) throw new RangeError('it is none, or of another version');
    if (reader.text() !== test) throw new RangeError('it is of another test, or of other options');
    const words = reader.number(32);
    const layout = readLayout(reader);
    const constants = readPairs(reader);
    const tally = reader.raw();
    const works = Array.from({ length: reader.number(1 << 16) }, () => reader.raw());
    const looped = Array.from({ length: reader.number(1 << 16) }, () => {
      const inputs = reader.numbers(64);
      return { inputs, counts: reader.numbers(64), bytes: reader.raw() };
    });
    const cursor = { inputs: reader.numbers(64), counts: reader.numbers(64) };
    return { words, layout, constants, tally, works, looped, cursor };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RondoError('ERR_CHECKER_RESUME', `Cannot go on from ${file}: ${error.message}`);
  }
}

/** The exploration is over: there is nothing to go on from. */
export function removeState(file: string): void {
  rmSync(file, { force: true });
}
