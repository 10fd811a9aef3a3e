/**
 * The smallest change that makes a failing test pass, among those that can be tried without
 * touching its source: one access stronger, a read and a write made one step, a fence; then all
 * accesses of one location, two accesses at once, or as few as it takes. A change that still allows
 * the execution that failed is no use; for the others the whole test is explored again.
 */
import { checkWith } from '../check/check.ts';
import type { CheckOptions, CheckResult } from '../check/check.ts';
import type { ModelName } from '../check/models.ts';
import type { TraceEvent } from '../check/trace.ts';
import type { TestBody } from '../program/test.ts';
import { type Changes, ORDERS, Rebuilder } from './rebuild.ts';
import { Sources } from './source.ts';
import { type Change, SiteTrial } from './trial.ts';

/** One access that is changed. */
export interface RepairedAccess {
  readonly kind: 'read' | 'write' | 'update';
  /** Everything that the execution which failed reads or writes there. */
  readonly locations: readonly string[];
  /** `file:line`. */
  readonly place: string;
  /** Orders before and after. */
  readonly from: TraceEvent['order'];
  readonly to: TraceEvent['order'];
  /** Of a variable with explicit orders, rather than of a view. */
  readonly isCell: boolean;
}

/** A change with which the test passes. */
export interface Repair {
  readonly kind: 'order' | 'update' | 'fence';
  readonly accesses: readonly RepairedAccess[];
  /** Executions of the test with the change. */
  readonly executions: number;
  /** Why that was not every one; undefined when it was. */
  readonly bounded: string | undefined;
}

/** What was tried. */
export interface Repairs {
  /** Changes with which the test passes, of the smallest sort of which there are any. */
  readonly found: readonly Repair[];
  /** Changes that were looked at. */
  readonly tried: number;
}

/** How repairs are looked for; all optional. */
export interface RepairOptions {
  /** Executions for all that is tried together, 1 to 2^31 - 1. @default 20,000 */
  readonly executions?: number;
  /** Repairs at most. @default 3 */
  readonly count?: number;
}

/** Accesses of one kind at one place. */
interface Access {
  readonly site: string;
  readonly kind: 'read' | 'write';
  readonly isUpdate: boolean;
  readonly order: TraceEvent['order'];
  readonly locations: readonly string[];
  readonly ids: readonly number[];
  readonly isCell: boolean;
  readonly place: string;
}

interface Candidate {
  readonly kind: Repair['kind'];
  readonly changes: readonly Change[];
  /** The same for the execution that failed. */
  readonly changed: Changes;
  readonly accesses: readonly RepairedAccess[];
}

/** Executions of one candidate at most. */
const EACH_MAX = 5000;
/** Candidates of one sort that are explored at most. */
const TRIED_MAX = 12;
/** Accesses of which pairs are tried. */
const PAIRED_MAX = 24;
/** Accesses that are made stronger all together. */
const MANY_MAX = 24;

/** Looks for the smallest changes with which a test that failed passes. */
export function findRepairs(
  options: CheckOptions,
  body: TestBody,
  { failure, model }: CheckResult,
  limits: RepairOptions = {},
): Repairs {
  if (failure?.trace === undefined) return { found: [], tried: 0 };
  const search = new Search(options, body, model, failure.kind === 'race', limits);
  const found = search.run(new Rebuilder(failure.trace, model));
  return { found, tried: search.tried };
}

/** See the head of this file. */
class Search {
  readonly #options: CheckOptions;
  readonly #body: TestBody;
  readonly #model: ModelName;
  readonly #isRace: boolean;
  readonly #count: number;
  #left: number;
  tried = 0;

  constructor(
    options: CheckOptions,
    body: TestBody,
    model: ModelName,
    isRace: boolean,
    { executions = 20_000, count = 3 }: RepairOptions,
  ) {
    this.#options = options;
    this.#body = body;
    this.#model = model;
    this.#isRace = isRace;
    this.#left = executions;
    this.#count = count;
  }

  run(rebuilder: Rebuilder): readonly Repair[] {
    const accesses = accessesOf(rebuilder.facts.trace.events, new Sources());
    const hasOrders = this.#model !== 'sc' || this.#isRace;
    const sorts: (() => Candidate[])[] = [
      () => (hasOrders ? accesses.flatMap((access) => orderCandidates(this.#model, access)) : []),
      () => updateCandidates(rebuilder, accesses),
      () => (this.#hasFences ? accesses.flatMap(fenceCandidate) : []),
      () => (hasOrders ? locationCandidates(this.#model, accesses) : []),
      () => (hasOrders ? pairCandidates(this.#model, accesses) : []),
    ];
    for (const sort of sorts) {
      const found = this.#tryAll(rebuilder, sort());
      if (found.length > 0) return found;
    }
    return hasOrders ? this.#tryMany(rebuilder, accesses) : [];
  }

  /** All accesses together, and then without each that is not needed. */
  #tryMany(rebuilder: Rebuilder, accesses: readonly Access[]): Repair[] {
    let needed = accesses.slice(0, MANY_MAX).flatMap((access) => strongest(this.#model, access));
    if (needed.length < 3) return [];
    const tryThese = (some: readonly Candidate[]): Repair | undefined => {
      const candidate = together(some);
      this.tried += 1;
      const isWorthIt = this.#left > 0 && this.#isUseful(rebuilder, candidate);
      return isWorthIt ? this.#try(candidate) : undefined;
    };
    let best = tryThese(needed);
    if (best === undefined) return [];
    for (const candidate of needed.toReversed()) {
      const fewer = needed.filter((each) => each !== candidate);
      const repair = tryThese(fewer);
      if (repair === undefined) continue;
      best = repair;
      needed = fewer;
    }
    return [best];
  }

  /** JavaScript has no fence, and where nothing is reordered none helps. */
  get #hasFences(): boolean {
    return ['x86-tso', 'armv8', 'riscv', 'rc11'].includes(this.#model);
  }

  #tryAll(rebuilder: Rebuilder, candidates: readonly Candidate[]): Repair[] {
    const found: Repair[] = [];
    const settled = new Set<string>();
    let explored = 0;
    for (const candidate of candidates) {
      if (found.length >= this.#count || this.#left <= 0 || explored >= TRIED_MAX) break;
      this.tried += 1;
      const key = candidate.changes.map(({ kind, site }) => `${kind} ${site}`).join();
      if (settled.has(key) || !this.#isUseful(rebuilder, candidate)) continue;
      explored += 1;
      const repair = this.#try(candidate);
      if (repair === undefined) continue;
      settled.add(key);
      found.push(repair);
    }
    return found;
  }

  /** Whether the execution that failed would not be there, or would be all right. */
  #isUseful(rebuilder: Rebuilder, { changed }: Candidate): boolean {
    if (rebuilder.allows(changed) !== true) return true;
    return this.#isRace && rebuilder.race(changed) === undefined;
  }

  #try({ kind, changes, accesses }: Candidate): Repair | undefined {
    const executions = Math.min(EACH_MAX, this.#left, this.#options.executions ?? EACH_MAX);
    const { events, races } = this.#options;
    const limits = { ...(events === undefined ? {} : { events }), ...(races && { races }) };
    const options = { ...limits, model: this.#model, executions };
    let result: CheckResult;
    try {
      result = checkWith(options, this.#body, { trial: new SiteTrial(changes) });
    } catch {
      // What cannot be checked any more with the change is no repair.
      return undefined;
    }
    this.#left -= result.executions + result.blocked;
    if (result.failure !== undefined || result.executions === 0) return undefined;
    return { kind, accesses, executions: result.executions, bounded: result.bounded };
  }
}

function accessesOf(events: readonly TraceEvent[], sources: Sources): Access[] {
  const groups = new Map<string, TraceEvent[]>();
  for (const event of events) {
    if (event.isHidden || event.site === '') continue;
    if (event.kind !== 'read' && event.kind !== 'write') continue;
    const key = `${event.kind} ${event.site}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  return [...groups.values()].map((group) => {
    const [{ site, kind, order, isRmw }] = group as [TraceEvent];
    const { name, call } = sources.at(site);
    return {
      site,
      kind: kind as 'read' | 'write',
      isUpdate: isRmw,
      order,
      locations: [...new Set(group.map(({ location }) => location))],
      ids: group.map(({ id }) => id),
      isCell: /\.plain(Load|Store)$/.test(call) || (order !== 'plain' && order !== 'seq_cst'),
      place: name,
    };
  });
}

/** Stronger orders for an access, the next one first. */
function ladder(
  model: ModelName,
  { kind, isUpdate, isCell, order }: Access,
): TraceEvent['order'][] {
  const isTyped = isCell && ['rc11', 'armv8', 'riscv', 'x86-tso', 'sc'].includes(model);
  const middle = isUpdate ? 'acq_rel' : kind === 'read' ? 'acquire' : 'release';
  const all: TraceEvent['order'][] = isTyped ? ['relaxed', middle, 'seq_cst'] : ['seq_cst'];
  return all.filter((each) => ORDERS[each] > ORDERS[order]);
}

function strengthened(access: Access, order: TraceEvent['order']): Candidate {
  const { site, kind, ids } = access;
  const kinds: ('read' | 'write')[] = access.isUpdate ? ['read', 'write'] : [kind];
  return {
    kind: 'order',
    changes: kinds.map((each) => ({ site, kind: each, order })),
    changed: { orders: new Map(ids.map((id) => [id, order])) },
    accesses: [repaired(access, order)],
  };
}

function repaired(access: Access, to: TraceEvent['order']): RepairedAccess {
  const { isUpdate, kind, locations, place, order, isCell } = access;
  return { kind: isUpdate ? 'update' : kind, locations, place, from: order, to, isCell };
}

function orderCandidates(model: ModelName, access: Access): Candidate[] {
  return ladder(model, access).map((order) => strengthened(access, order));
}

/** Reads that are followed by a write of the same location, on the same line. */
function updateCandidates({ facts }: Rebuilder, accesses: readonly Access[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const read of accesses) {
    if (read.kind !== 'read' || read.isUpdate) continue;
    const { events } = facts.trace;
    const first = events.findIndex(({ id }) => id === read.ids[0]);
    const next = events[first + 1];
    const write = accesses.find(
      ({ kind, ids }) => kind === 'write' && ids.includes(next?.id ?? -1),
    );
    if (write === undefined || next?.thread !== events[first]?.thread) continue;
    if (next?.location !== events[first]?.location || write.isUpdate) continue;
    candidates.push({
      kind: 'update',
      changes: [read, write].map(({ site, kind }) => ({
        site,
        kind,
        order: 'seq_cst',
        isFused: true,
      })),
      changed: {
        orders: new Map([...read.ids, ...write.ids].map((id) => [id, 'seq_cst'])),
        fused: pairsOf(facts.trace.events, read, write),
      },
      accesses: [repaired(read, 'seq_cst'), repaired(write, 'seq_cst')],
    });
  }
  return candidates;
}

/** Events of both that stand right behind each other: the others stay what they are. */
function pairsOf(events: readonly TraceEvent[], read: Access, write: Access): Set<number> {
  const fused = new Set<number>();
  for (const [index, { id }] of events.entries()) {
    const next = events[index + 1];
    if (!read.ids.includes(id) || next === undefined || !write.ids.includes(next.id)) continue;
    fused.add(id).add(next.id);
  }
  return fused;
}

function fenceCandidate(access: Access): Candidate[] {
  const { site, kind, ids, isUpdate } = access;
  if (isUpdate && kind === 'write') return [];
  return [
    {
      kind: 'fence',
      changes: [{ site, kind, isFenced: true }],
      changed: { fenced: new Set(ids) },
      accesses: [repaired(access, access.order)],
    },
  ];
}

/** As strong as there is. */
function strongest(model: ModelName, access: Access): Candidate[] {
  const order = ladder(model, access).at(-1);
  return order === undefined ? [] : [strengthened(access, order)];
}

function together(candidates: readonly Candidate[]): Candidate {
  return {
    kind: 'order',
    changes: candidates.flatMap(({ changes }) => changes),
    changed: { orders: new Map(candidates.flatMap(({ changed }) => [...changed.orders!])) },
    accesses: candidates.flatMap(({ accesses }) => accesses),
  };
}

/** All accesses of one location. */
function locationCandidates(model: ModelName, accesses: readonly Access[]): Candidate[] {
  return [...new Set(accesses.flatMap(({ locations }) => locations))].flatMap((location) => {
    const all = accesses
      .filter(({ locations }) => locations.includes(location))
      .flatMap((access) => strongest(model, access));
    return all.length < 2 ? [] : [together(all)];
  });
}

function pairCandidates(model: ModelName, accesses: readonly Access[]): Candidate[] {
  const all = accesses.slice(0, PAIRED_MAX).flatMap((access) => strongest(model, access));
  return all.flatMap((one, index) => all.slice(index + 1).map((other) => together([one, other])));
}

/** What a repair is, in a sentence. */
export function repairText({ kind, accesses, executions, bounded }: Repair): string {
  const counts = `${executions} execution${executions === 1 ? '' : 's'}`;
  const how = bounded === undefined ? `complete: ${counts}` : `BOUNDED (${bounded}): ${counts}`;
  return `It would pass if ${changeText(kind, accesses)} (${how})`;
}

function changeText(kind: Repair['kind'], accesses: readonly RepairedAccess[]): string {
  const [first] = accesses as readonly [RepairedAccess];
  if (kind === 'fence') return `a full fence stood right before ${accessText(first)}`;
  if (kind === 'update') {
    return (
      `the read and the write of ${locationsText(first.locations)} at ${first.place} were one step, such as ` +
      'Atomics.add, or a loop with Atomics.compareExchange'
    );
  }
  if (accesses.length > 1 && accesses.every(({ isCell }) => !isCell)) {
    return `${list(accesses.map(accessText))} went through Atomics`;
  }
  return list(accesses.map((access) => `${accessText(access)} were ${targetText(access)}`));
}

function list(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

/** More locations of one access than that are counted. */
const LOCATIONS_MAX = 4;

function locationsText(locations: readonly string[]): string {
  const left = locations.length - LOCATIONS_MAX + 1;
  return list(left <= 1 ? locations : [...locations.slice(0, -left), `${left} others`]);
}

function accessText({ kind, locations, place }: RepairedAccess): string {
  const what = kind === 'update' ? 'read-modify-write' : kind;
  return `the ${what} of ${locationsText(locations)} at ${place}`;
}

function targetText({ kind, from, to, isCell }: RepairedAccess): string {
  if (isCell) return `${to} instead of ${from}`;
  return kind === 'read' ? 'an Atomics.load' : 'an Atomics.store';
}
