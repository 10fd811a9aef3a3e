/**
 * What a driver consists of before anything is submitted: the tables of handles and operations,
 * the pool of receive buffers, the counters, the limit of connections. `BaseDriver` works on them.
 */
import { assert, Errno } from '../../base/index.ts';
import { processArena, type Arena } from '../../memory/index.ts';
import type {
  DriverCounters,
  DriverKind,
  DriverLimits,
  DriverOptions,
  DriverUsage,
  Handle,
  SocketAddress,
} from '../driver.ts';
import { DriverCounts } from './counts.ts';
import { DriverHooks } from './driver-hooks.ts';
import { HandleKind, HandleTable } from './handles.ts';
import { resolveDriverLimits } from './limits.ts';
import { OperationTable } from './operations.ts';
import { PeerTable } from './peers.ts';
import { ReceivePool } from './receive-pool.ts';

/** Listeners have slots of their own, after those of connections and files. */
export const LISTENERS_MAX: number = 256;

/**
 * Places that the kernel's table of descriptors has beyond the limit of connections, for accepts
 * under way: the first of each listener, and more where they are (docs/decisions/0013).
 */
export const SPARE_PLACES: number = 4 * LISTENERS_MAX;

/** For drivers whose connections have slots of the kernel's choice: listeners and files. */
const OWN_SLOTS = 4096;

export abstract class DriverTables extends DriverHooks {
  readonly arena: Arena;
  readonly limits: Required<DriverLimits>;
  readonly name: string;
  readonly handles: HandleTable;
  readonly operations: OperationTable;
  readonly peers: PeerTable;
  readonly pool: ReceivePool;
  readonly counts: DriverCounts;
  /** Connects, accepts and opens under way that the limit of connections must have room for. */
  #reserved = 0;

  /**
   * `kernelSlots`: slots of connections are chosen by the kernel, from 0 to `limits.connections` +
   * SPARE_PLACES, not by the table.
   */
  constructor(
    kind: DriverKind,
    options: DriverOptions,
    kernelSlots: boolean,
    extra?: readonly string[],
  ) {
    super();
    this.limits = resolveDriverLimits(options, extra);
    this.arena = options.arena ?? processArena();
    this.name = options.name ?? `driver ${kind}`;
    const { connections, operations, buffers, bufferSize } = this.limits;
    const kernels = kernelSlots ? connections + SPARE_PLACES : 0;
    const slots = kernelSlots ? kernels + OWN_SLOTS : connections + LISTENERS_MAX;
    this.handles = new HandleTable(slots, kernels, slots);
    this.operations = new OperationTable(operations);
    this.peers = new PeerTable(slots);
    this.counts = new DriverCounts(this.arena, this.name);
    try {
      this.pool = new ReceivePool(this.arena, this.name, buffers, bufferSize);
    } catch (error) {
      this.counts.release();
      throw error;
    }
  }

  /** The driver's own start has failed: gives back what is held here. */
  protected abandon(): void {
    this.pool.end();
    this.counts.release();
  }

  counters(): DriverCounters {
    return this.counts.snapshot();
  }

  usage(): DriverUsage {
    const { count } = this.handles;
    return {
      connections: count[HandleKind.CONNECTION]!,
      listeners: count[HandleKind.LISTENER]!,
      files: count[HandleKind.FILE]!,
      operations: this.operations.used,
      buffersHeld: this.pool.held,
    };
  }

  // ---- peers

  peer(connection: Handle): SocketAddress | undefined {
    const slot = this.handles.findOpen(connection, HandleKind.CONNECTION);
    return slot === -1 ? undefined : this.peers.address(slot);
  }

  peerWords(connection: Handle, words: Uint32Array): number {
    const slot = this.handles.findOpen(connection, HandleKind.CONNECTION);
    return slot === -1 ? -Errno.EBADF : this.peers.copy(slot, words);
  }

  // ---- the limit of connections and files

  /** How many more may be opened now. */
  get room(): number {
    const { count } = this.handles;
    const open = count[HandleKind.CONNECTION]! + count[HandleKind.FILE]!;
    return this.limits.connections - open - this.#reserved;
  }

  reserve(): boolean {
    if (this.room <= 0) return false;
    this.#reserved += 1;
    return true;
  }

  unreserve(): void {
    assert(this.#reserved > 0, 'what is given back was reserved');
    this.#reserved -= 1;
    this.roomMade();
  }

  /** A connection or file more may be opened: listeners that wait for room may go on. */
  protected roomMade(): void {}
}
