/** Arrows between the rows of an execution. */
import type { TraceEvent } from '../check/trace.ts';
import type { Story } from './order.ts';
import type { Relation } from './path.ts';
import { valueText } from './words.ts';

/** An arrow; -1 is the initial values. */
export interface Arrow {
  readonly relation: Relation;
  readonly from: number;
  readonly to: number;
  /** What it says, in a sentence without its end. */
  readonly text: string;
}

/**
 * Arrows of an execution: reads-from, coherence from each write to the next, from each read to the
 * first write that it did not see, and joins.
 */
export function arrowsOf({ facts, rowOf }: Story): readonly Arrow[] {
  const arrows: Arrow[] = [];
  const add = (relation: Relation, from: number, to: number | undefined, text: string): void => {
    if (to === undefined || from === to) return;
    const isKnown = arrows.some((arrow) => {
      return arrow.relation === relation && arrow.from === from && arrow.to === to;
    });
    if (!isKnown) arrows.push({ relation, from, to, text });
  };
  const rowAt = ({ id }: TraceEvent): number | undefined => rowOf.get(id);
  for (const event of facts.trace.events) {
    const row = rowAt(event);
    if (row === undefined) continue;
    const what = `${event.location} = ${valueText(event.value)}`;
    if (event.kind === 'read') {
      const source = rowOf.get(event.from ?? 0) ?? -1;
      // Nobody drew queues of sleepers before they were used.
      if (source >= 0 || !event.isHidden) {
        const from = source < 0 ? 'the initial value' : `row ${source + 1}`;
        add('rf', source, row, `reads from: row ${row + 1} reads ${what}, ${from}`);
      }
      const next = event.isHidden ? undefined : nextWrite(facts.missed(event));
      if (next !== undefined && next.thread !== event.thread) {
        const to = rowAt(next);
        add('fr', row, to, `from read: row ${row + 1} does not see row ${(to ?? 0) + 1}`);
      }
    } else if (event.kind === 'write' && !event.isHidden) {
      const before = facts.coPrevious(event) ?? 0;
      const from = rowOf.get(before);
      const text = `coherence: ${what} comes right after row ${(from ?? 0) + 1}`;
      if (from !== undefined) add('co', from, row, text);
    } else if (event.kind === 'join') {
      const last = facts.trace.events.findLast(({ thread }) => thread === event.value);
      const from = last === undefined ? undefined : rowOf.get(last.id);
      if (from !== undefined) add('join', from, row, `join: row ${row + 1} waits for the thread`);
    }
  }
  return arrows;
}

function nextWrite(missed: readonly TraceEvent[]): TraceEvent | undefined {
  return missed[0];
}
