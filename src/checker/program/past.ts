/** What a thread did in an execution, kept for comparing when its graph is gone. */
import { type Graph, Kind } from '../explore/graph.ts';
import { type Label, labelOf } from './label.ts';
import { type Run, valueOf } from './run.ts';

/** An event as a thread had it: what it read, wrote or chose. */
export interface Step extends Label {
  readonly value: unknown;
  /** Which write of its location it read or was, in coherence order from 0, the initial one. */
  readonly place: number;
}

/** What a thread had in an execution. */
export interface Past {
  readonly steps: readonly Step[];
  /** By location: values that it had, one after the other. */
  readonly orders: ReadonlyMap<number, readonly unknown[]>;
}

/** A value as a name has it; objects have none, and may not even have a text. */
function textOf(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'string':
    case 'boolean':
    case 'symbol':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    default:
      return Array.isArray(value) ? value.map(textOf).join() : 'object';
  }
}

/** A number for what a run read and wrote; others may have the same one. */
export function hashOf(run: Run, graph: Graph): number {
  let hash = run.cursor;
  for (let index = 0; index < run.cursor; index++) {
    const event = run.log[index]!;
    const isRead = graph.kind(event) === Kind.READ;
    const value = isRead ? valueOf(run, graph, event) : graph.values[event];
    hash = Math.imul(hash ^ (16 * graph.location(event) + graph.kind(event)), 0x01000193);
    if (typeof value === 'number' && Number.isInteger(value)) {
      hash = Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 15);
      continue;
    }
    for (const letter of textOf(value)) {
      hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) ^ (hash >>> 15);
    }
  }
  return hash;
}

/** What a thread had in its first events. */
export function pastOf(run: Run, graph: Graph, length: number): Past {
  const orders = new Map<number, unknown[]>();
  const places = new Map<number, number>();
  const steps = run.log.slice(0, length).map((event): Step => {
    const label = labelOf(graph, event);
    const isRead = label.kind === Kind.READ;
    if ((isRead || label.kind === Kind.WRITE) && !orders.has(label.location)) {
      const values: unknown[] = [];
      const writes: number[] = [];
      let write = graph.lastWrite(label.location);
      for (; write > 0; write = graph.coPrevious(write)) writes.unshift(write);
      values.push(run.instance.initial(label.location));
      for (const [index, each] of writes.entries()) {
        places.set(each, index + 1);
        values.push(graph.values[each]);
      }
      orders.set(label.location, values);
    }
    const value = isRead ? valueOf(run, graph, event) : graph.values[event];
    return { ...label, value, place: places.get(isRead ? graph.rf(event) : event) ?? 0 };
  });
  return { steps, orders };
}

/** A name for steps; those of which the values have none may share one. */
export function keyOf(steps: readonly Step[]): string {
  let key = '';
  for (const { kind, location, value } of steps) {
    key += ` ${kind}:${location}:${textOf(value)}`;
  }
  return key;
}
