/**
 * A bus on which every cache hears every request, and answers before the next one: the protocols as
 * textbooks show them. Whether a line is shared is what the others say on a wire of the bus.
 */
import type { Latencies } from '../options.ts';
import type { State, Transaction } from '../protocol.ts';
import type { Topology } from '../topology.ts';
import type { Copies, Grant, Happening, Interconnect, Response } from './contract.ts';

/** See the head of this file. */
export class Bus implements Interconnect {
  readonly #copies: Copies;
  readonly #topology: Topology;
  readonly #latencies: Latencies;

  constructor(copies: Copies, topology: Topology, latencies: Latencies) {
    this.#copies = copies;
    this.#topology = topology;
    this.#latencies = latencies;
  }

  request(core: number, line: number, transaction: Transaction, happening: Happening): Grant {
    happening.events.push({ kind: 'request', transaction });
    const responses: Response[] = [];
    for (let other = 0; other < this.#copies.caches.length; other++) {
      const response = other === core ? undefined : this.#copies.ask(other, line, transaction);
      if (response !== undefined) responses.push(response);
    }
    const version = this.#copies.settle(line, transaction, responses, happening);
    happening.cycles += this.#cycles(core, line, transaction, responses);
    return { isShared: responses.length > 0, version };
  }

  evicted(_core: number, _line: number, _state: State, _happening: Happening): void {
    // Nobody has to know: who has a line says so when it is asked for.
  }

  sharers(): undefined {
    return undefined;
  }

  /** The line and the leave to write it are under way at the same time. */
  #cycles(
    core: number,
    line: number,
    transaction: Transaction,
    responses: readonly Response[],
  ): number {
    const { memory, cleanForward, dirtyForward, upgrade } = this.#latencies;
    const topology = this.#topology;
    const node = topology.nodeOf(core);
    const supplier = responses.find(({ cell }) => cell.supplies !== undefined);
    let cycles = 0;
    if (transaction === 'BusUpgr') cycles = upgrade;
    else if (supplier === undefined) {
      cycles = topology.scaled(memory, topology.homeOf(line, core), node);
    } else {
      const forward = supplier.cell.supplies === 'dirty' ? dirtyForward : cleanForward;
      cycles = topology.scaled(forward, topology.nodeOf(supplier.core), node);
    }
    if (transaction === 'BusRd') return cycles;
    for (const { core: other } of responses) {
      cycles = Math.max(cycles, topology.scaled(upgrade, topology.nodeOf(other), node));
    }
    return cycles;
  }
}
