/** Steps, values and events in words. */
import { inspect } from 'node:util';
import type { TraceEvent } from '../check/trace.ts';
import type { Row, Story } from './order.ts';
import type { Sources } from './source.ts';
import type { Step } from './steps.ts';

/** Longest text of a value. */
const VALUE_MAX = 60;

/** A value on one line. */
export function valueText(value: unknown): string {
  const text = inspect(value, { breakLength: Infinity, depth: 2 }).replaceAll(/\s*\n\s*/g, ' ');
  return text.length <= VALUE_MAX ? text : `${text.slice(0, VALUE_MAX - 1)}…`;
}

/** Text on one line without what a terminal would act on. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}

const VERBS: Readonly<Record<string, readonly [plain: string, ordered: string]>> = {
  read: ['read', 'load'],
  write: ['write', 'store'],
  update: ['update', 'update'],
};

/** `Atomics.load`, `exchange`, `write`: as the source says it, where it does. */
function verbOf({ kind }: Step, { order }: TraceEvent, call: string): string {
  const [plain, ordered] = VERBS[kind] ?? [kind, kind];
  if (order === 'plain') return plain;
  if (call.startsWith('Atomics.')) return call;
  return kind === 'update' ? (call.split('.').at(-1) ?? ordered) || ordered : ordered;
}

/** Where a read reads from. */
function sourceText(read: TraceEvent, { rowOf }: Story): string {
  if (read.from === undefined || read.from === 0) return ' (the initial value)';
  const row = rowOf.get(read.from);
  return row === undefined ? '' : ` (from row ${row + 1})`;
}

function orderText(order: string, verb: string): string {
  return order === 'plain' || verb.startsWith('Atomics.') ? '' : ` (${order})`;
}

function accessText(step: Step, story: Story, call: string): string {
  const { read, write, location } = step;
  const event = (write ?? read)!;
  const verb = verbOf(step, event, call);
  const start = `${verb} ${location}`;
  const order = orderText(event.order, verb);
  if (read === undefined) return `${start} = ${valueText(write!.value)}${order}`;
  const from = sourceText(read, story);
  if (step.kind !== 'update') return `${start}: ${valueText(read.value)}${order}${from}`;
  const what =
    write === undefined
      ? `${valueText(read.value)} stays`
      : `${valueText(read.value)} becomes ${valueText(write.value)}`;
  return `${start}: ${what}${order}${from}`;
}

/** What a step does, without the end of a sentence. */
function stepText(step: Step, story: Story, sources: Sources): string {
  const { trace } = story.facts;
  switch (step.kind) {
    case 'read':
    case 'write':
    case 'update':
      return accessText(step, story, sources.at(step.site).call);
    case 'fence':
      return `fence (${step.events[0]!.order})`;
    case 'choice':
      return `chooses ${valueText(step.events[0]!.value)}`;
    case 'join':
      return `joins ${trace.threads[step.events[0]!.value as number]}`;
    case 'sleep': {
      const { read } = step;
      const seen = read === undefined ? '' : `: ${valueText(read.value)}${sourceText(read, story)}`;
      return `wait on ${step.location}${seen}: goes to sleep`;
    }
    case 'wake': {
      const row = story.rowOf.get(step.events[0]!.from ?? 0);
      return `is woken${row === undefined ? '' : ` (by row ${row + 1})`}`;
    }
    case 'timeout':
      return `the time of its wait on ${step.location} is up`;
    default: {
      const names = step.woken.map((thread) => trace.threads[thread]).join(', ');
      return `notify ${step.location}: ${names === '' ? 'nobody sleeps there' : `wakes ${names}`}`;
    }
  }
}

/** What a row says. */
export function rowText(row: Row, story: Story, sources: Sources): string {
  if (row.kind === 'step') return stepText(row.step, story, sources);
  const { id, location, value } = row.write;
  const from = (story.rowOf.get(id) ?? 0) + 1;
  return `${location} = ${valueText(value)} of row ${from} leaves the store buffer`;
}

/** How a sentence calls an event: `the store of row 3 (queue.ts:12)`. */
export function namingOf(story: Story, sources: Sources): (event: TraceEvent) => string {
  return ({ id, kind, site, isHidden }) => {
    const row = story.rowOf.get(id);
    const what = isHidden ? 'the step' : kind === 'write' ? 'the store' : `the ${kind}`;
    const { short } = sources.at(site);
    const place = short === '' ? '' : ` (${short})`;
    return `${what} of row ${row === undefined ? '?' : row + 1}${place}`;
  };
}

const STATES = {
  ended: 'ends',
  stopped: '',
  spinning: 'goes round in this loop for ever',
  sleeping: 'sleeps for ever',
  joining: 'waits for a thread that does not end',
} as const;

/** How a thread stands at the end; '' when there is nothing to say. */
export function stateText(story: Story, thread: number): string {
  const { states, rounds } = story.facts.trace;
  const state = states[thread] ?? 'stopped';
  if (state !== 'spinning') return STATES[state];
  const count = rounds[thread] ?? 0;
  const what = count === 1 ? 'its last read' : `its last ${count} accesses`;
  return `goes round in a loop, with ${what} again and again`;
}
