/**
 * `wait` and `notify`. Each location has a list of waiters with a critical section, which threads
 * enter one after the other, in any order; leaving it happens before the next entering, whoever
 * that is. A thread that sleeps joins the end of the list, `notify` takes from its front, and no
 * thread wakes by itself but by its time limit.
 */
import type { Candidate, Edge } from './candidate.ts';
import type { Section } from './events.ts';

interface Placed extends Section {
  readonly thread: number;
}

/**
 * All orders of the critical sections, as the edges that they give; one without edges if there are
 * none.
 */
export function* sectionOrders(candidate: Candidate): Generator<readonly Edge[]> {
  const lists = new Map<number, Placed[][]>();
  candidate.traces.forEach(({ sections }, thread) => {
    const first = candidate.first[thread]!;
    for (const section of sections) {
      const threads = lists.get(section.list) ?? candidate.traces.map(() => []);
      lists.set(section.list, threads);
      const { enter, leave } = section;
      threads[thread]!.push({ ...section, thread, enter: enter + first, leave: leave + first });
    }
  });
  yield* ordersOf(candidate, [...lists.values()]);
}

function* ordersOf(
  candidate: Candidate,
  [list, ...others]: readonly (readonly Placed[][])[],
): Generator<readonly Edge[]> {
  if (!list) {
    yield [];
    return;
  }
  for (const order of merges(
    list.map(() => 0),
    list,
    [],
  )) {
    if (!agrees(candidate, order)) continue;
    const edges = order.slice(1).map(({ enter }, at): Edge => {
      return { from: order[at]!.leave, to: enter, why: 'critical section' };
    });
    for (const rest of ordersOf(candidate, others)) yield [...edges, ...rest];
  }
}

/** All ways to put the sections of several threads into one line. */
function* merges(
  at: number[],
  threads: readonly (readonly Placed[])[],
  line: Placed[],
): Generator<readonly Placed[]> {
  let done = true;
  for (const [thread, sections] of threads.entries()) {
    const section = sections[at[thread]!];
    if (!section) continue;
    done = false;
    at[thread]!++;
    line.push(section);
    yield* merges(at, threads, line);
    line.pop();
    at[thread]!--;
  }
  if (done) yield line;
}

/** Whether what the threads saw of waiting and waking is what this order gives. */
function agrees({ traces }: Candidate, order: readonly Placed[]): boolean {
  const waiting: number[] = [];
  const woken = new Set<number>();
  for (const { step, thread, count, most } of order) {
    switch (step) {
      case 'look':
        break;
      case 'sleep':
        waiting.push(thread);
        break;
      case 'woken':
        if (!woken.delete(thread)) return false;
        break;
      case 'timed-out':
        if (!waiting.includes(thread)) return false;
        waiting.splice(waiting.indexOf(thread), 1);
        break;
      case 'notify':
        if (Math.min(most, waiting.length) !== count) return false;
        for (const waiter of waiting.splice(0, count)) woken.add(waiter);
    }
  }
  return [...woken, ...waiting].every((thread) => {
    return traces[thread]!.asleep && waiting.includes(thread);
  });
}
