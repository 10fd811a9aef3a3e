/**
 * The valid executions of a candidate. Reads get their sources one piece at a time; with each,
 * synchronizes-with and so happens-before may grow, and what has become incoherent is left at once.
 * The memory order is looked for when all reads have their sources.
 */
import { RondoError } from '../../base/index.ts';
import type { Candidate, Edge } from './candidate.ts';
import { sectionOrders } from './critical-sections.ts';
import { memoryOrder, type ReadsFrom } from './memory-order.ts';
import type { ResolvedEcmaOptions } from './options.ts';
import { Order } from './order.ts';
import { tearsWith } from './races.ts';
import { coherent, slotsOf, type Slot } from './sources.ts';

/** An execution that satisfies all conditions. */
export interface Execution {
  readonly candidate: Candidate;
  /** Edges that do not depend on what is read. */
  readonly edges: readonly Edge[];
  readonly slots: readonly Slot[];
  /** Sources of each slot. */
  readonly chosen: readonly (readonly number[])[];
  readonly pairs: readonly ReadsFrom[];
  readonly happensBefore: Order;
  /** Every line of it is a memory order. */
  readonly memoryOrder: Order;
}

/** Counts steps and ends what takes too many. */
export class Budget {
  #left: number;
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** Steps taken so far. */
  get taken(): number {
    return this.#limit - this.#left;
  }

  /** @throws {RondoError} ERR_LITMUS_SIZE when all are taken */
  take(): void {
    if (this.#left-- > 0) return;
    const message = `Cannot evaluate the test: the search takes over ${this.#limit} steps`;
    throw new RondoError('ERR_LITMUS_SIZE', message);
  }
}

/** All valid executions of a candidate that differ in who reads from whom. */
export function* executionsOf(
  candidate: Candidate,
  options: ResolvedEcmaOptions,
  budget: Budget,
): Generator<Execution> {
  if (!candidate.messagesAgree()) return;
  for (const sections of sectionOrders(candidate)) {
    const edges = [...candidate.fixedEdges(), ...sections];
    const before = new Order(candidate.events.length);
    if (!edges.every(({ from, to }) => before.add(from, to))) continue;
    const slots = slotsOf(candidate, before);
    if (!slots) continue;
    yield* new Search(candidate, edges, slots, options, budget).from(0, before);
  }
}

/** The reads-from pairs of a choice, each once. */
export function pairsOf(
  slots: readonly Slot[],
  chosen: readonly (readonly number[])[],
): ReadsFrom[] {
  const found = new Map<string, ReadsFrom>();
  slots.forEach(({ read }, at) => {
    for (const write of chosen[at]!) found.set(`${read},${write}`, { read, write });
  });
  return [...found.values()];
}

class Search {
  readonly #candidate: Candidate;
  readonly #edges: readonly Edge[];
  readonly #slots: readonly Slot[];
  readonly #options: ResolvedEcmaOptions;
  readonly #budget: Budget;
  readonly #chosen: (readonly number[])[] = [];

  constructor(
    candidate: Candidate,
    edges: readonly Edge[],
    slots: readonly Slot[],
    options: ResolvedEcmaOptions,
    budget: Budget,
  ) {
    this.#candidate = candidate;
    this.#edges = edges;
    this.#slots = slots;
    this.#options = options;
    this.#budget = budget;
  }

  *from(at: number, before: Order): Generator<Execution> {
    const slot = this.#slots[at];
    if (!slot) {
      yield* this.#complete(before);
      return;
    }
    for (const sources of slot.options) {
      this.#budget.take();
      this.#chosen[at] = sources;
      this.#chosen.length = at + 1;
      if (this.#tears(at, slot)) continue;
      const grown = this.#synchronize(before, slot, sources);
      if (!grown) continue;
      // What was coherent stays so unless happens-before has grown.
      const first = grown === before ? at : 0;
      if (this.#coherent(grown, first, at)) yield* this.from(at + 1, grown);
    }
  }

  *#complete(before: Order): Generator<Execution> {
    const { model } = this.#options;
    const pairs = pairsOf(this.#slots, this.#chosen);
    const order = memoryOrder(this.#candidate, before, pairs, model);
    if (!order) return;
    yield {
      candidate: this.#candidate,
      edges: this.#edges,
      slots: this.#slots,
      chosen: [...this.#chosen],
      pairs,
      happensBefore: before,
      memoryOrder: order,
    };
  }

  #tears(at: number, { read }: Slot): boolean {
    const { initTearing } = this.#options;
    const sources = this.#slots
      .slice(0, at + 1)
      .flatMap((slot, index) => (slot.read === read ? this.#chosen[index]! : []));
    return sources.some((one, index) =>
      sources
        .slice(index + 1)
        .some((other) => tearsWith(this.#candidate, read, one, other, initTearing)),
    );
  }

  /** Happens-before with what these sources add; undefined when it would have a circle. */
  #synchronize(before: Order, { read }: Slot, sources: readonly number[]): Order | undefined {
    let grown = before;
    for (const source of sources) {
      if (!this.#candidate.synchronizes(source, read) || grown.has(source, read)) continue;
      if (grown === before) {
        grown = new Order(before.size);
        grown.copy(before);
      }
      if (!grown.add(source, read)) return undefined;
    }
    return grown;
  }

  #coherent(before: Order, first: number, last: number): boolean {
    for (let at = first; at <= last; at++) {
      const slot = this.#slots[at]!;
      if (!this.#chosen[at]!.every((source) => coherent(before, slot, source))) return false;
    }
    return true;
  }
}
