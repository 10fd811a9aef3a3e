/** What the bus and the directory have in common: who asks, who answers, what becomes of it. */
import { assert } from '../../../base/index.ts';
import type { CacheEvent, Message } from '../events.ts';
import type { Copy, CoreCache } from '../lines.ts';
import {
  isDirty,
  type Protocol,
  type SnoopCell,
  type State,
  type Transaction,
} from '../protocol.ts';

/** What happens to one line in a step; filled in as it happens. */
export interface Happening {
  readonly events: CacheEvent[];
  readonly messages: Message[];
  /** Messages one after the other until the core can go on. */
  hops: number;
  /** Cycles until then. */
  cycles: number;
}

/** What the one who asked gets. */
export interface Grant {
  /** Another cache has the line too, or had it until now. */
  readonly isShared: boolean;
  /** Writes that are in what was sent; undefined when nothing was, because the core has it. */
  readonly version: number | undefined;
}

/** A way for caches to learn of each other. */
export interface Interconnect {
  /** `core` asks for a line. The others' copies change as the protocol says. */
  request(core: number, line: number, transaction: Transaction, happening: Happening): Grant;
  /** `core` gives its copy up. */
  evicted(core: number, line: number, state: State, happening: Happening): void;
  /** Cores that have the line, as far as is known here; undefined when nobody keeps book. */
  sharers(line: number): readonly number[] | undefined;
}

/** How a copy answered. */
export interface Response {
  readonly core: number;
  readonly from: State;
  readonly cell: SnoopCell;
  readonly version: number;
}

/** All caches and the memory, without a way between them. */
export class Copies {
  readonly caches: readonly CoreCache[];
  readonly #protocol: Protocol;
  /** Writes that are in memory's copy; 0 for a line that is not there. */
  readonly #memory = new Map<number, number>();
  readonly #onInvalidated: (core: number, line: number) => void;

  constructor(
    protocol: Protocol,
    caches: readonly CoreCache[],
    onInvalidated: (core: number, line: number) => void,
  ) {
    this.#protocol = protocol;
    this.caches = caches;
    this.#onInvalidated = onInvalidated;
  }

  /** The state of a line in a cache. */
  stateOf(core: number, line: number): State {
    return this.caches[core]!.find(line)?.state ?? 'I';
  }

  /** Writes that memory has of a line. */
  inMemory(line: number): number {
    return this.#memory.get(line) ?? 0;
  }

  /** A line goes to memory. */
  writeBack(copy: Copy): void {
    assert(copy.version >= this.inMemory(copy.line), 'memory gets nothing older than it has');
    this.#memory.set(copy.line, copy.version);
  }

  /** Lets a core's copy answer, and makes of it what the protocol says; undefined without one. */
  ask(core: number, line: number, transaction: Transaction): Response | undefined {
    const cache = this.caches[core]!;
    const copy = cache.find(line);
    if (copy === undefined) return undefined;
    const { state: from, version } = copy;
    const cell = this.#protocol.rows[from]?.[transaction];
    assert(cell !== undefined, `${transaction} never meets a copy in ${from}`);
    if (cell.writesBack) this.writeBack(copy);
    if (cell.next === 'I') {
      cache.remove(copy);
      this.#onInvalidated(core, line);
    } else {
      copy.state = cell.next;
    }
    return { core, from, cell, version };
  }

  /** Says what the answers mean for the one who asked. `responses` is in the order of cores. */
  settle(
    line: number,
    transaction: Transaction,
    responses: readonly Response[],
    { events }: Happening,
  ): number | undefined {
    const suppliers = responses.filter(({ cell }) => cell.supplies !== undefined);
    assert(suppliers.length <= 1, 'one cache at most sends a line');
    const [supplier] = suppliers;
    let version: number | undefined;
    if (transaction !== 'BusUpgr') {
      version = supplier?.version ?? this.inMemory(line);
      events.push(supplier === undefined ? { kind: 'memory' } : supplyEvent(supplier));
    }
    for (const { core, from, cell } of responses) {
      if (cell.next === 'I') events.push({ kind: 'invalidate', core, from });
    }
    return version;
  }
}

function supplyEvent({ core, from, cell }: Response): CacheEvent {
  assert(isDirty(from) === (cell.supplies === 'dirty'), 'what is sent as dirty is dirty');
  return {
    kind: 'supply',
    core,
    from,
    to: cell.next,
    dirty: cell.supplies === 'dirty',
    writesBack: cell.writesBack === true,
  };
}
