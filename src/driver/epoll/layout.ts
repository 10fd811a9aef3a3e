/**
 * The arena memory of one epoll driver, and the bits that it keeps with a handle.
 *
 * | what    | bytes                        | writer                        | reader        |
 * |---------|------------------------------|-------------------------------|---------------|
 * | waker   | 128, word 0 used             | any thread (1), driver (0)    | driver        |
 * | dirty   | 128, word 0 used             | driver                        | addon         |
 * | address | 128                          | driver, addon                 | both          |
 * | events  | EVENTS_MAX × 8               | addon: {data u32, events u32} | driver        |
 * | records | BATCH × 32                   | driver; addon: the results    | both          |
 * | vectors | BATCH × VECTOR_MAX × 8       | driver: {offset u32, len u32} | addon         |
 * | peers   | BATCH × 128                  | addon: of accepted sockets    | driver        |
 *
 * Everything but the waker is private to the driver's thread.
 */
import type { Arena, Region } from '../../memory/index.ts';
import { ADDRESS_BYTES } from '../core/address.ts';
import { VECTOR_ENTRY_BYTES, VECTOR_MAX } from '../driver.ts';

/** Events taken from the kernel at a time. */
export const EVENTS_MAX = 1024;
/** Socket calls made in one call of the addon: what is received lies in so many buffers at once. */
export const BATCH = 32;
/** Words of a record of `socketBatch`. */
export const RECORD_WORDS = 8;
/** Word indices inside a record. */
export const Record = { OP: 0, FD: 1, OFFSET: 2, LENGTH: 3, RESULT: 4, SLOT: 5, OWN: 6 } as const;
/** Operations of a record. */
export const BatchOp = { RECEIVE: 1, SEND: 2, SEND_VECTOR: 3, ACCEPT: 4 } as const;

/** Bits of `EPOLL_EVENTS` in epoll(7). */
export const Epoll = {
  IN: 0x1,
  OUT: 0x4,
  ERR: 0x8,
  HUP: 0x10,
  RDHUP: 0x2000,
  EDGE: 0x80000000,
} as const;
/** What a connection is watched for, once for its life. */
export const CONNECTION_EVENTS: number = (Epoll.IN | Epoll.OUT | Epoll.RDHUP | Epoll.EDGE) >>> 0;
/** Operations of epoll_ctl(2). */
export const Control = { ADD: 1, DELETE: 2, MODIFY: 3 } as const;

/** What comes back with an event: the slot of a handle, a connect's operation, or the waker. */
export const CONNECT_TAG = 0x80000000;
export const WAKER_DATA = 0xffffffff;

/** The driver's bits in `HandleTable.flags`. */
export const Flag = {
  /** A receive or accept may find something. */
  READABLE: 1,
  /** End or error was seen: a short receive is not the last. */
  HANGUP: 2,
  /** The kernel took no more; an EPOLLOUT edge will come. */
  BLOCKED: 4,
  /** A receive is in the batch being worked on. */
  RECEIVING: 8,
  /** A send is in the batch being worked on. */
  SENDING: 16,
  /** Close resets. */
  RESET: 32,
  /** Accepting waits for room or descriptors. */
  PAUSED: 64,
} as const;

const LINE_BYTES = 128;

export class EpollMemory {
  readonly region: Region;
  /** Arena offsets, bytes. */
  readonly waker: number;
  readonly dirty: number;
  readonly address: number;
  readonly events: number;
  readonly records: number;
  readonly vectors: number;
  readonly peers: number;

  constructor(arena: Arena, owner: string) {
    const sizes = [
      LINE_BYTES,
      LINE_BYTES,
      ADDRESS_BYTES,
      EVENTS_MAX * 8,
      BATCH * RECORD_WORDS * 4,
      BATCH * VECTOR_MAX * VECTOR_ENTRY_BYTES,
      BATCH * ADDRESS_BYTES,
    ];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    this.region = arena.allocate('epoll', total, { owner });
    let next = this.region.offset;
    const [waker, dirty, address, events, records, vectors, peers] = sizes.map((size) => {
      const offset = next;
      next += size;
      return offset;
    }) as [number, number, number, number, number, number, number];
    this.waker = waker;
    this.dirty = dirty;
    this.address = address;
    this.events = events;
    this.records = records;
    this.vectors = vectors;
    this.peers = peers;
    this.region.used = total;
  }
}
