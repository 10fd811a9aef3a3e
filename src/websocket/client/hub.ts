/**
 * What the clients of one thread share: a driver, memory for messages, and the contexts of their
 * receivers. Made for the first client, given back a while after the last, so ten thousand clients
 * cost one ring. A hub holds the process only while operations are in flight.
 *
 *  1. A token is 3 bits of kind and the index of who waits for the completion. An index is free
 *     again when its owner leaves, which it does at the final completion of what it submitted.
 *  2. Nothing here is called from two places at once: completions, microtasks and events of Node's
 *     sockets are all beginnings of a stack. That is what makes one staging block enough.
 */
import { assert, RondoError } from '../../base/index.ts';
import { createDriver, type Driver, type RealDriverKind } from '../../driver/index.ts';
import {
  openStreams,
  sharedDeflaters,
  sharedInflaters,
  type Deflater,
  type DeflaterOptions,
  type Inflater,
  type Streams,
  type StreamSource,
} from '../../deflate/index.ts';
import { processArena, type Arena } from '../../memory/index.ts';
import {
  createKernels,
  ReceiverContext,
  type BlockSource,
  type Failure,
  type Kernels,
  type MessageSink,
} from '../codec/index.ts';
import { ClientMemory } from './memory.ts';

const CONNECTIONS = 16_384;
/** Receive, two sends, shutdown, close, and the attempts of the one that is being connected. */
const OPERATIONS_PER_CONNECTION = 7;
/** 256 of 16 KiB: a client waits its turn for one without harm. */
const BUFFERS = 256;
/** For bytes that come from elsewhere than the driver. */
const STAGING_BYTES = 64 * 1024;
/** How long a hub that nobody uses is kept for the next. */
const RETIRE_MS = 1000;
/** Contexts kept by limit: nobody uses many limits, and one costs little to make. */
const CONTEXTS_MAX = 16;
/** The largest message of any client. */
export const MESSAGE_MAX: number = 32 * 1024 * 1024;

/** What completed. */
export const Kind = { CONNECT: 0, RECEIVE: 1, SEND: 2, SHUTDOWN: 3, CLOSE: 4 } as const;

/** Waits for completions. */
export interface Completer {
  completed(kind: number, result: number, flags: number, buffer: number): void;
}

/** A client's end of the protocol, as its receiver tells it; see `MessageSink`. */
export interface Listening {
  message(opcode: number, offset: number, length: number): boolean;
  pinged(offset: number, length: number): boolean;
  ponged(offset: number, length: number): boolean;
  closeReceived(code: number, offset: number, length: number): void;
  failed(failure: Failure): void;
}

/** Has something to hand over when the program pauses, or to go on with. */
export interface Later {
  flush(): void;
}

const SINK: MessageSink<Listening> = {
  message: (client, opcode, offset, length) => client.message(opcode, offset, length),
  ping: (client, offset, length) => client.pinged(offset, length),
  pong: (client, offset, length) => client.ponged(offset, length),
  close: (client, code, offset, length) => client.closeReceived(code, offset, length),
  fail: (client, failure) => client.failed(failure),
};

let made = 0;

/** See the head of this file. */
export class Hub implements BlockSource {
  readonly kind: RealDriverKind | undefined;
  readonly driver: Driver;
  /** The arena's. */
  readonly bytes: Uint8Array;
  /** The loops over bytes of the arena. */
  readonly kernels: Kernels;
  /** A block of `stagingBytes` for whoever is being fed. */
  readonly staging: number;
  readonly stagingBytes: number = STAGING_BYTES;
  readonly #arena: Arena;
  readonly #memory: ClientMemory;
  #streams: Streams | undefined;
  #inflaters: StreamSource<Inflater> | undefined;
  readonly #deflaters: Map<string, StreamSource<Deflater>> = new Map();
  readonly #contexts: Map<number, ReceiverContext<Listening>> = new Map();
  readonly #completers: (Completer | undefined)[] = [];
  readonly #free: number[] = [];
  #users = 0;
  #retirement: NodeJS.Timeout | undefined;
  #dirty: Later[] = [];
  /** Who waits for memory, in the order of their waiting. */
  readonly #starved: Set<Later> = new Set();
  #feedingAsked = false;

  constructor(kind: RealDriverKind | undefined) {
    const arena = processArena();
    const name = `clients ${++made}`;
    this.kind = kind;
    this.#arena = arena;
    this.#memory = new ClientMemory(arena, name);
    try {
      this.driver = createDriver({
        ...(kind === undefined ? {} : { kind }),
        arena,
        name,
        connections: CONNECTIONS,
        operations: CONNECTIONS * OPERATIONS_PER_CONNECTION,
        buffers: BUFFERS,
        handler: (token, result, flags, buffer) => {
          const completer = this.#completers[token >>> 3];
          assert(completer !== undefined, 'who submits stays until the final completion');
          completer.completed(token & 7, result, flags, buffer);
        },
      });
    } catch (error) {
      this.#memory.destroy();
      throw error;
    }
    this.bytes = arena.bytes;
    this.kernels = createKernels(arena.bytes, arena.memory);
    this.staging = this.#memory.acquire(STAGING_BYTES);
  }

  // ---- users

  get hasRoom(): boolean {
    return this.#users < this.driver.limits.connections;
  }

  /** One client more. */
  join(): void {
    this.#users += 1;
    clearTimeout(this.#retirement);
  }

  /** One client less: all that it submitted has completed, all its memory is back. */
  part(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#retirement = setTimeout(() => {
      hubs.splice(hubs.indexOf(this), 1);
      void this.#destroy();
    }, RETIRE_MS).unref();
  }

  async #destroy(): Promise<void> {
    await this.driver.destroy();
    this.#streams?.close();
    this.#memory.release(this.staging);
    this.#memory.destroy();
  }

  // ---- completions

  /** An index for the tokens of a completer. */
  enroll(completer: Completer): number {
    const index = this.#free.pop() ?? this.#completers.length;
    this.#completers[index] = completer;
    return index;
  }

  leave(index: number): void {
    this.#completers[index] = undefined;
    this.#free.push(index);
  }

  tokenOf(kind: number, index: number): number {
    return index * 8 + kind;
  }

  // ---- memory

  acquire(size: number): number {
    return this.#memory.acquire(size);
  }

  /** For what can wait: 0 while memory is scarce. */
  acquireSpare(size: number): number {
    return this.#memory.acquireSpare(size);
  }

  sizeOf(offset: number): number {
    return this.#memory.sizeOf(offset);
  }

  release(offset: number): void {
    this.#memory.release(offset);
    if (this.#starved.size === 0 || this.#feedingAsked) return;
    this.#feedingAsked = true;
    queueMicrotask(() => this.#feedStarved());
  }

  /** Flushes it when memory has come back; for who holds none that will come back by itself. */
  awaitMemory(later: Later): void {
    this.#starved.add(later);
  }

  #feedStarved(): void {
    this.#feedingAsked = false;
    const starved = [...this.#starved];
    this.#starved.clear();
    for (const later of starved) later.flush();
  }

  /** Makes sure that there is who compresses. @throws {RondoError} ERR_ARENA_EXHAUSTED */
  openStreams(): void {
    this.#streams ??= openStreams(this.#arena);
  }

  /** Who compresses; after `openStreams`. */
  get streams(): Streams {
    return this.#streams!;
  }

  /** Inflaters of the connections that need none of their own. */
  get sharedInflaters(): StreamSource<Inflater> {
    return (this.#inflaters ??= sharedInflaters(this.streams, { maxMessageSize: MESSAGE_MAX }));
  }

  /** Deflaters of the connections that need none of their own, by their options. */
  sharedDeflaters(options: DeflaterOptions): StreamSource<Deflater> {
    const key = JSON.stringify(options);
    let source = this.#deflaters.get(key);
    if (source === undefined) {
      source = sharedDeflaters(this.streams, options);
      this.#deflaters.set(key, source);
    }
    return source;
  }

  /** The context of the receivers that take messages up to a size. */
  context(maxMessageSize: number): ReceiverContext<Listening> {
    const known = this.#contexts.get(maxMessageSize);
    if (known !== undefined) return known;
    const context = new ReceiverContext<Listening>({
      bytes: this.bytes,
      memory: this.#arena.memory,
      blocks: this,
      sink: SINK,
      role: 'client',
      maxMessageSize,
    });
    if (this.#contexts.size < CONTEXTS_MAX) this.#contexts.set(maxMessageSize, context);
    return context;
  }

  // ---- later

  /** Flushes it in a microtask, with all others that have asked by then. */
  flushLater(later: Later): void {
    this.#dirty.push(later);
    if (this.#dirty.length > 1) return;
    queueMicrotask(() => {
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const each of dirty) each.flush();
    });
  }
}

/** The hubs of this thread. */
const hubs: Hub[] = [];

/**
 * The hub for one client more, which parts from it at its end.
 * @throws {RondoError} ERR_WEBSOCKET_CONNECT when there is no driver or no memory for one
 */
export function joinHub(kind: RealDriverKind | undefined): Hub {
  let hub = hubs.find((each) => each.kind === kind && each.hasRoom);
  if (hub === undefined) {
    try {
      hub = new Hub(kind);
    } catch (cause) {
      const message = 'Cannot open the WebSocket: there is no driver or no memory for it';
      throw new RondoError('ERR_WEBSOCKET_CONNECT', message, { cause });
    }
    hubs.push(hub);
  }
  hub.join();
  return hub;
}
