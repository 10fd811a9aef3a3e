/** Why a model lets reads see what they see, and not what else was written. */
import type { ModelName } from '../check/models.ts';
import type { TraceEvent } from '../check/trace.ts';
import { happensBefore, Rc11 } from '../explore/rc11.ts';
import type { Story } from './order.ts';
import { pathBetween, type Link } from './path.ts';
import type { Rebuilder } from './rebuild.ts';

/** Why one read is legal. */
export interface Reason {
  readonly read: TraceEvent;
  /** Writes that it did not see although they stand above it. */
  readonly missed: readonly TraceEvent[];
  /** One sentence each, without the end. */
  readonly because: readonly string[];
}

/** How an event is called in a sentence, such as `the store of row 3`. */
export type Naming = (event: TraceEvent) => string;

/** The reasons of an execution; reads that see what an interleaving gives them have none. */
export function reasonsOf(
  story: Story,
  model: ModelName,
  rebuilder: Rebuilder,
  naming: Naming,
): readonly Reason[] {
  const { facts, rowOf, stale } = story;
  return facts.trace.events
    .filter(({ id, isHidden }) => stale.has(id) && !isHidden)
    .sort((a, b) => rowOf.get(a.id)! - rowOf.get(b.id)!)
    .map((read) => {
      const row = rowOf.get(read.id)!;
      const missed = facts.missed(read).filter(({ id }) => (rowOf.get(id) ?? Infinity) < row);
      return { read, missed, because: because(story, model, rebuilder, naming, read, missed) };
    });
}

function because(
  story: Story,
  model: ModelName,
  rebuilder: Rebuilder,
  naming: Naming,
  read: TraceEvent,
  missed: readonly TraceEvent[],
): string[] {
  const source = read.from === 0 ? undefined : story.facts.event(read.from ?? 0);
  if (source !== undefined && (story.rowOf.get(source.id) ?? 0) > story.rowOf.get(read.id)!) {
    return [
      `it reads ${naming(source)}, which its thread, or others, only come to later: nothing makes ` +
        'the read wait, so it may be satisfied late (load buffering)',
    ];
  }
  if (model === 'x86-tso' || model === 'v8-x64') return buffered(story, naming, read, missed);
  const texts = missed.flatMap((write) => {
    return model === 'es' || model === 'rc11'
      ? [unordered(model, rebuilder, naming, read, write)]
      : reordered(story, rebuilder, naming, read, write);
  });
  return [...new Set(texts)];
}

/** x86-TSO: all that is to be told is in the buffers. */
function buffered(
  { facts }: Story,
  naming: Naming,
  read: TraceEvent,
  missed: readonly TraceEvent[],
): string[] {
  const { threads } = facts.trace;
  const texts = missed.map((write) => {
    const name = threads[write.thread];
    return `${naming(write)} is still in the store buffer of ${name}, where ${threads[read.thread]} cannot see it (TSO)`;
  });
  const source = facts.event(read.from ?? 0);
  if (source?.thread === read.thread && missed.length === 0) {
    texts.push(`its own ${naming(source)} is still in its store buffer, which it looks into (TSO)`);
  }
  return texts;
}

/** ECMAScript and RC11: what does not happen before it may be missed. */
function unordered(
  model: ModelName,
  rebuilder: Rebuilder,
  naming: Naming,
  read: TraceEvent,
  write: TraceEvent,
): string {
  const { facts } = rebuilder;
  const start = `${naming(write)} does not happen before this read`;
  const links = pathBetween(facts, write, read, ['rf', 'join']);
  if (links === undefined)
    return `${start}: nothing that the two threads do orders one after the other`;
  const isOrdered = orderingOf(model, rebuilder);
  const broken = links.filter((link) => link.relation === 'rf' && !isOrdered(link));
  if (broken.length === 0) return start;
  const why = broken.map(({ from, to }) => {
    const weak = weakSides(model, from, to);
    return `${naming(to)} sees ${naming(from)}, but ${weak}, so that orders nothing`;
  });
  return `${start}: ${why.join('; and ')}`;
}

/** Whether reads-from synchronises, as the graph has it. */
function orderingOf(model: ModelName, rebuilder: Rebuilder): (link: Link) => boolean {
  const rebuilt = rebuilder.build();
  if (rebuilt === undefined || model === 'es') {
    return ({ from, to }) => from.order === 'seq_cst' && to.order === 'seq_cst';
  }
  const { graph, numbers } = rebuilt;
  new Rc11().restore(graph);
  return ({ from, to, entry, exit }) => {
    const first = numbers.get(entry?.id ?? from.id)!;
    const last = numbers.get(exit?.id ?? to.id)!;
    return happensBefore(graph, first, last);
  };
}

const ACQUIRING: ReadonlySet<TraceEvent['order']> = new Set(['acquire', 'acq_rel', 'seq_cst']);
const RELEASING: ReadonlySet<TraceEvent['order']> = new Set(['release', 'acq_rel', 'seq_cst']);

function weakSides(model: ModelName, from: TraceEvent, to: TraceEvent): string {
  const isStrong = (
    order: TraceEvent['order'],
    enough: ReadonlySet<TraceEvent['order']>,
  ): boolean => (model === 'es' ? order === 'seq_cst' : enough.has(order));
  const weak: string[] = [];
  if (!isStrong(from.order, RELEASING)) weak.push(`the store is ${from.order}`);
  if (!isStrong(to.order, ACQUIRING)) weak.push(`the read is ${to.order}`);
  return weak.length === 0 ? 'the two do not synchronise' : weak.join(' and ');
}

/**
 * Machines: which two accesses of one thread need not be carried out in the order of the program.
 */
function reordered(
  story: Story,
  rebuilder: Rebuilder,
  naming: Naming,
  read: TraceEvent,
  write: TraceEvent,
): string[] {
  const links = pathBetween(story.facts, write, read, ['rf', 'co', 'fr', 'join']);
  if (links === undefined) {
    return [`${naming(write)} need not be visible yet: nothing orders it before this read`];
  }
  const pairs = links.filter(({ relation }) => relation === 'po');
  if (pairs.length === 0) return [`${naming(write)} need not be visible yet`];
  const others = (kept: Link): ReadonlySet<number> =>
    new Set(pairs.filter((pair) => pair !== kept).map(({ to }) => to.id));
  // Each that is enough for this execution by itself; or else all of them together are.
  const loose = pairs.filter((pair) => rebuilder.allows({ fenced: others(pair) }) === true);
  return (loose.length > 0 ? loose : pairs).map((pair) => looseness(naming, pair));
}

function looseness(naming: Naming, { from, to }: Link): string {
  const isStore = to.kind === 'write';
  const first = naming(from);
  const what =
    from.kind === 'write'
      ? isStore
        ? `may become visible before ${first}`
        : `may be satisfied while ${first} is not visible yet`
      : isStore
        ? `may become visible before ${first} is satisfied`
        : `may be satisfied before ${first}`;
  return `${naming(to)} ${what}: no barrier stands between them`;
}
