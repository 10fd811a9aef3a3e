/** Executions of which only the values are known: as tokens have them. */
import type { Step } from '../check/enumeration.ts';
import { Kind } from '../explore/graph.ts';
import type { Session } from '../program/session.ts';

/** By thread. */
type Steps = readonly (readonly Step[])[];

/** By location, in the order in which threads come to them: values that are written. */
function writesOf(threads: Steps): Map<number, unknown[]> {
  const writes = new Map<number, unknown[]>();
  for (const { kind, location, value } of threads.flat()) {
    if (location < 0) continue;
    const values = writes.get(location) ?? [];
    writes.set(location, values);
    if (kind === Kind.WRITE) values.push(value);
  }
  return writes;
}

/** Which write of each location is the last one, from 1; 0 is none. */
export function lastOf(threads: Steps, memory: ReadonlyMap<number, unknown>): number[] {
  return [...writesOf(threads)].map(
    ([location, values]) =>
      1 +
      values.findIndex((value) => memory.has(location) && Object.is(value, memory.get(location))),
  );
}

/** What memory holds when those writes are the last ones. */
export function memoryOf(threads: Steps, last: readonly number[]): Map<number, unknown> {
  const memory = new Map<number, unknown>();
  for (const [index, [location, values]] of [...writesOf(threads)].entries()) {
    const write = last[index] ?? 0;
    if (write > 0) memory.set(location, values[write - 1]);
  }
  return memory;
}

/** What the steps are called. */
export function labelsOfSteps(
  session: Session,
  threads: Steps,
  names: readonly string[],
): string[] {
  const labels = [...names];
  threads.forEach((steps, thread) => {
    for (const { kind, location, order, flags } of steps) {
      const place = location < 0 ? '' : session.locations.at(location).label;
      labels.push(`${thread} ${kind} ${order} ${flags} ${place}`);
    }
  });
  return labels;
}
