/**
 * A directory: the home node of a line knows who has it and who answers for it, and talks to those
 * alone. Messages and their names are those of Nagarajan, Sorin, Hill and Wood (A Primer on Memory
 * Consistency and Cache Coherence, 2020, chapter 8), with caches that say when they give up a line,
 * whatever its state: so the book is exact, and states are those of the bus.
 *
 * Invariants: the holders in an entry are the caches that have the line; its owner is the one whose
 * copy is in M, O, E or F. A request is over, with all its answers, before the next one begins.
 */
import { assert } from '../../../base/index.ts';
import type { MessageType, Place } from '../events.ts';
import type { Latencies } from '../options.ts';
import { fillState, isOwner, type Protocol, type State, type Transaction } from '../protocol.ts';
import type { Topology } from '../topology.ts';
import type { Copies, Grant, Happening, Interconnect, Response } from './contract.ts';

/** What the home of a line knows of it. */
interface Entry {
  readonly home: number;
  holders: Set<number>;
  /** The core whose copy is sent to who asks; -1 is memory's. */
  owner: number;
}

/** Nobody but memory. */
const NOBODY = -1;

/** See the head of this file. */
export class Directory implements Interconnect {
  readonly #protocol: Protocol;
  readonly #copies: Copies;
  readonly #topology: Topology;
  readonly #latencies: Latencies;
  readonly #entries = new Map<number, Entry>();

  constructor(protocol: Protocol, copies: Copies, topology: Topology, latencies: Latencies) {
    this.#protocol = protocol;
    this.#copies = copies;
    this.#topology = topology;
    this.#latencies = latencies;
  }

  request(core: number, line: number, transaction: Transaction, happening: Happening): Grant {
    const entry = this.#entry(line, core);
    const asked = transaction === 'BusRd' ? 'GetS' : 'GetM';
    const others = [...entry.holders].filter((holder) => holder !== core).sort((a, b) => a - b);
    happening.events.push({ kind: 'request', transaction });
    this.#send(happening, asked, coreAt(core), homeAt(entry));
    // A read is answered by one; a write is heard by all.
    const heard =
      transaction === 'BusRd' ? others.filter((other) => other === entry.owner) : others;
    const responses = heard.map((other) => {
      const response = this.#copies.ask(other, line, transaction);
      assert(response !== undefined, 'the directory sends to caches that have the line');
      return response;
    });
    const version = this.#copies.settle(line, transaction, responses, happening);
    this.#answer(core, entry, transaction, responses, happening);
    this.#note(core, entry, transaction, responses, others.length > 0);
    return { isShared: others.length > 0, version };
  }

  evicted(core: number, line: number, state: State, happening: Happening): void {
    const entry = this.#entry(line, core);
    assert(entry.holders.delete(core), 'the directory knew of a copy that goes');
    if (entry.owner === core) entry.owner = NOBODY;
    this.#send(happening, `Put${state}` as MessageType, coreAt(core), homeAt(entry));
    this.#send(happening, 'Ack', homeAt(entry), coreAt(core));
  }

  sharers(line: number): readonly number[] {
    return [...(this.#entries.get(line)?.holders ?? [])].sort((a, b) => a - b);
  }

  #entry(line: number, core: number): Entry {
    let entry = this.#entries.get(line);
    if (entry === undefined) {
      entry = { home: this.#topology.homeOf(line, core), holders: new Set(), owner: NOBODY };
      this.#entries.set(line, entry);
    }
    return entry;
  }

  /** The messages that follow the request, and how long the slowest way through them takes. */
  #answer(
    core: number,
    entry: Entry,
    transaction: Transaction,
    responses: readonly Response[],
    happening: Happening,
  ): void {
    const { directory, cache, memory } = this.#latencies;
    const [requester, home] = [coreAt(core), homeAt(entry)];
    const toHome = this.#leg(requester, home) + directory;
    const supplier = responses.find(({ cell }) => cell.supplies !== undefined);
    let slowest = 0;
    for (const response of responses) {
      const other = coreAt(response.core);
      const isSupplier = response === supplier;
      const forwarded = transaction === 'BusRd' ? 'FwdGetS' : 'FwdGetM';
      this.#send(happening, isSupplier ? forwarded : 'Inv', home, other);
      this.#send(happening, isSupplier ? 'Data' : 'Ack', other, requester);
      if (response.cell.writesBack) this.#send(happening, 'Data', other, home);
      slowest = Math.max(slowest, this.#leg(home, other) + cache + this.#leg(other, requester));
    }
    if (supplier === undefined) {
      // Memory's copy, or the leave to write one's own; it says how many acks there will be.
      const isUpgrade = transaction === 'BusUpgr';
      this.#send(happening, isUpgrade ? 'Ack' : 'Data', home, requester);
      slowest = Math.max(slowest, (isUpgrade ? 0 : memory) + this.#leg(home, requester));
    }
    happening.hops += responses.length > 0 ? 3 : 2;
    happening.cycles += toHome + slowest;
  }

  /** Writes down who has the line from now on. */
  #note(
    core: number,
    entry: Entry,
    transaction: Transaction,
    responses: readonly Response[],
    isShared: boolean,
  ): void {
    if (transaction !== 'BusRd') {
      entry.holders = new Set([core]);
      entry.owner = core;
      return;
    }
    entry.holders.add(core);
    const state = fillState(this.#protocol.rows.I!.read.next, isShared);
    if (isOwner(state)) entry.owner = core;
    else if (!responses.some(({ cell }) => isOwner(cell.next))) entry.owner = NOBODY;
  }

  #send({ messages }: Happening, type: MessageType, from: Place, to: Place): void {
    const [here, there] = [this.#nodeOf(from), this.#nodeOf(to)];
    const distance = this.#topology.distance(here, there);
    messages.push({ type, from, to, distance, crosses: here !== there });
  }

  #leg(from: Place, to: Place): number {
    return this.#topology.scaled(this.#latencies.message, this.#nodeOf(from), this.#nodeOf(to));
  }

  #nodeOf({ kind, number }: Place): number {
    return kind === 'core' ? this.#topology.nodeOf(number) : number;
  }
}

function coreAt(core: number): Place {
  return { kind: 'core', number: core };
}

function homeAt({ home }: Entry): Place {
  return { kind: 'home', number: home };
}
