/**
 * Tokens: one failing execution in a short text, from which it can be built again exactly. A graph
 * goes as its events in the order of their numbers: whose it is, and for a read what it reads from,
 * for a write what it stands behind, for a choice what was chosen. All else the test itself says.
 *
 * The fingerprint at the end is taken of the token and of what the events are called, so that a
 * token of another test, or of another version of it, is found out.
 */
import { RondoError } from '../../base/index.ts';
import type { Graph } from '../explore/graph.ts';
import { Kind, Status } from '../explore/graph.ts';
import type { Layout } from '../program/run.ts';
import type { Session } from '../program/session.ts';
import { Fingerprint, Reader, Writer } from './codec.ts';
import { readLayout, writeLayout } from './state.ts';

const VERSION = 2;
const FORMS = ['graph', 'values', 'set-up'] as const;

/** What every token says. */
export interface TokenHead {
  /** Number of the model in the list of their names. */
  readonly model: number;
  readonly failsOnRaces: boolean;
  readonly inputs: readonly number[];
}

/** Its events, in the order of their numbers. */
export interface TokenGraph {
  readonly form: 'graph';
  readonly layout: Layout;
  readonly threads: number;
  /** The thread that threw, or -1. */
  readonly failing: number;
  /** How each thread stood when that one threw, and its events in the loop that it waits in. */
  readonly states: readonly { readonly status: number; readonly round: number }[];
  readonly events: readonly { readonly thread: number; readonly ref: number }[];
}

/** What each thread read, and for each location which write was the last; 0 is none. */
export interface TokenValues {
  readonly form: 'values';
  readonly layout: Layout;
  readonly reads: readonly (readonly unknown[])[];
  readonly last: readonly number[];
}

/** It went wrong before any thread. */
export interface TokenSetUp {
  readonly form: 'set-up';
}

/** What a token says. */
export type Token = TokenHead & (TokenGraph | TokenValues | TokenSetUp);

/** Writes a token; `labels` is what its events are called. */
export function writeToken(token: Token, labels: readonly string[]): string {
  const writer = new Writer();
  writer.number(VERSION);
  writer.number(FORMS.indexOf(token.form) * 2 + (token.failsOnRaces ? 1 : 0));
  writer.number(token.model);
  writer.numbers(token.inputs);
  if (token.form !== 'set-up') writeLayout(writer, token.layout);
  if (token.form === 'graph') {
    const { threads, events } = token;
    writer.number(threads);
    writer.number(token.failing + 1);
    for (const { status, round } of token.states) {
      writer.number(status);
      if (status === Status.SPINNING) writer.number(round);
    }
    writer.number(events.length);
    for (const { thread, ref } of events) writer.number(ref * threads + thread);
  } else if (token.form === 'values') {
    writer.number(token.reads.length);
    for (const reads of token.reads) {
      writer.number(reads.length);
      for (const value of reads) writer.value(value);
    }
    writer.numbers(token.last);
  }
  const { bytes } = writer;
  const all = Buffer.alloc(bytes.length + 4);
  all.set(bytes);
  all.writeUInt32LE(fingerprintOf(bytes, labels), bytes.length);
  return all.toString('base64url');
}

/** A token that was read, and whether it belongs to what a test then does. */
export interface ReadToken {
  readonly token: Token;
  readonly isOf: (labels: readonly string[]) => boolean;
}

/** @throws {RondoError} ERR_CHECKER_TOKEN */
export function readToken(text: string): ReadToken {
  const all = /^[\w-]{8,}$/.test(text)
    ? Uint8Array.from(Buffer.from(text, 'base64url'))
    : undefined;
  if (all === undefined || all[0] !== VERSION) {
    throw tokenError('it is none, or one of another version of the checker');
  }
  const bytes = all.subarray(0, -4);
  try {
    const reader = new Reader(bytes.subarray(1));
    const token = readBody(reader);
    if (!reader.isAtEnd) throw new RangeError('it goes on behind its end');
    const sum = Buffer.from(all.subarray(-4)).readUInt32LE();
    return { token, isOf: (labels) => fingerprintOf(bytes, labels) === sum };
  } catch (error) {
    throw tokenError((error as Error).message);
  }
}

/** An error that says why a token cannot be used. */
export function tokenError(why: string): RondoError {
  return new RondoError('ERR_CHECKER_TOKEN', `Cannot replay the token: ${why}`);
}

function readBody(reader: Reader): Token {
  const bits = reader.number(2 * FORMS.length - 1);
  const form = FORMS[bits >>> 1]!;
  const head: TokenHead = {
    failsOnRaces: (bits & 1) === 1,
    model: reader.number(255),
    inputs: reader.numbers(64),
  };
  if (form === 'set-up') return { ...head, form };
  const layout = readLayout(reader);
  if (form === 'values') {
    const reads = Array.from({ length: reader.number(16) }, () =>
      Array.from({ length: reader.number(1024) }, () => reader.value()),
    );
    return { ...head, form, layout, reads, last: reader.numbers(4096) };
  }
  const threads = reader.number(16);
  if (threads === 0) throw new RangeError('it has no threads');
  const failing = reader.number(threads) - 1;
  const states = Array.from({ length: failing < 0 ? 0 : threads }, () => {
    const status = reader.number(Status.UNASKED);
    return { status, round: status === Status.SPINNING ? reader.number(1024) : 0 };
  });
  const events = Array.from({ length: reader.number(1024) }, () => {
    const both = reader.number();
    return { thread: both % threads, ref: Math.floor(both / threads) };
  });
  return { ...head, form, layout, threads, failing, states, events };
}

function fingerprintOf(bytes: Uint8Array, labels: readonly string[]): number {
  const sum = new Fingerprint().add(bytes);
  for (const label of labels) sum.add(label);
  return sum.sum;
}

/** What a graph's events are called, with the names of its threads. */
export function labelsOf(session: Session, graph: Graph, names: readonly string[]): string[] {
  const labels = [...names];
  for (let event = 1; event < graph.count; event++) {
    const location = graph.location(event);
    const place = location < 0 ? undefined : session.locations.at(location);
    const where = place === undefined ? '' : `${place.label} ${place.size}`;
    labels.push(
      `${graph.thread(event)} ${graph.kind(event)} ${graph.order(event)} ${graph.flags(event)} ${where}`,
    );
  }
  return labels;
}

/** A graph as tokens have it. */
export function graphOf(session: Session, graph: Graph, failing: number): TokenGraph {
  const events: { thread: number; ref: number }[] = [];
  for (let event = 1; event < graph.count; event++) {
    events.push({ thread: graph.thread(event), ref: refOf(graph, event) });
  }
  const { threads } = graph;
  const states = Array.from({ length: failing < 0 ? 0 : threads }, (_, thread) => {
    return { status: graph.status(thread), round: graph.round(thread) };
  });
  return { form: 'graph', layout: layoutFor(session, graph), threads, failing, states, events };
}

function refOf(graph: Graph, event: number): number {
  switch (graph.kind(event)) {
    case Kind.READ:
      return graph.rf(event);
    case Kind.WRITE:
      return graph.coPrevious(event);
    case Kind.CHOICE:
      return graph.values[event] as number;
    default:
      return 0;
  }
}

/** What must be known of memory for the same accesses to be events. */
function layoutFor(session: Session, graph: Graph): Layout {
  const { cuts, changing, looping } = session.layout;
  const read = new Set<string>();
  for (let event = 1; event < graph.count; event++) {
    if (graph.kind(event) !== Kind.READ) continue;
    const { memory, offset, size } = session.locations.at(graph.location(event));
    if (memory < 0) continue;
    for (let word = offset >>> 2; word <= (offset + size - 1) >>> 2; word++) {
      read.add(`${memory} ${word}`);
    }
  }
  const needed = changing.filter(([memory, word]) => read.has(`${memory} ${word}`));
  return { cuts, changing: needed, looping };
}
