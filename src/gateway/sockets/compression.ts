/**
 * Compressed messages (RFC 7692), out and in.
 *
 *  1. What is small is compressed at once. What is above `INLINE_BYTES` would keep the loop for
 *     longer than a millisecond, so it is done in steps, a turn each; what the connection is sent
 *     meanwhile waits behind it. (Threads: decision 0011.)
 *  2. What cannot be compressed, for lack of memory or because it would become larger, is sent as
 *     it is, which the protocol allows for each message.
 *  3. A deflater that is a connection's own is set back whenever something that it made is not
 *     sent, or something that it did not make is.
 */
import type { RequestHead } from '../../http/index.ts';
import {
  compressedBound,
  Deflation,
  DeflationStatus,
  INLINE_BYTES,
  StreamStatus,
  type Deflater,
  type StreamSource,
} from '../../deflate/index.ts';
import type { Region } from '../../memory/index.ts';
import { headSize } from '../../websocket/index.ts';
import { COMPRESSED } from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { Pause } from '../engine/pause.ts';
import { Count } from '../metrics/counters.ts';
import { State, type Connection, type SendResult } from './connection.ts';
import { DeflateSessions, type DeflateSession } from './deflate-sessions.ts';
import { Turns } from './turns.ts';

/**
 * What is shorter has hardly anything to refer back to when the compressor begins anew: trying
 * takes about 2 µs and saves nothing (decision 0011).
 */
const SHARED_BYTES_MIN = 32;

/** A message that waits behind one that is being compressed, or the wish to close. */
type Waiting =
  { readonly opcode: number; readonly bytes: Uint8Array } | { readonly act: () => void };

/** A message that is being compressed, and what waits behind it. */
interface Job {
  readonly deflation: Deflation;
  readonly opcode: number;
  readonly length: number;
  /** The block of the message. */
  readonly block: number;
  readonly waiting: Waiting[];
}

/** A compressed message in memory that the next one overwrites. */
export interface Compressed {
  readonly offset: number;
  readonly length: number;
}

/** See the head of this file. */
export class Compression {
  readonly #engine: Engine;
  readonly #threshold: number;
  readonly #sessions: DeflateSessions | undefined;
  /** Where small messages are compressed: source, then result. */
  readonly #scratch: Region | undefined;
  readonly #jobs: Map<Connection, Job> = new Map();
  readonly #turns: Turns = new Turns();

  constructor(engine: Engine) {
    this.#engine = engine;
    const { deflate, maxMessageSize, sendQueuePolicy } = engine.context.options;
    this.#threshold = deflate?.threshold ?? Infinity;
    if (deflate === undefined) return;
    const { arena } = engine.driver;
    const size = INLINE_BYTES + compressedBound(INLINE_BYTES);
    this.#sessions = new DeflateSessions(arena, deflate, {
      maxMessageSize,
      // What waits may be dropped then, and what comes after it must not refer to it.
      mayTakeOver: sendQueuePolicy !== 'drop-oldest',
      counts: engine.counts,
    });
    try {
      this.#scratch = arena.allocate('deflate scratch', size, { owner: engine.context.name });
    } catch (error) {
      this.#sessions.close();
      throw error;
    }
  }

  /** Whether the header of extensions, if there is one, can be read. */
  isValid(request: RequestHead): boolean {
    const header = request.headers.get('sec-websocket-extensions');
    return header === undefined || DeflateSessions.isValid(header);
  }

  /** What is agreed on with a client; undefined for no compression. */
  negotiate(request: RequestHead): DeflateSession | undefined {
    const header = request.headers.get('sec-websocket-extensions');
    return header === undefined ? undefined : this.#sessions?.agree(header);
  }

  /** Sends a message on a connection with a session. */
  send(
    connection: Connection,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): SendResult {
    const { output, sockets } = this.#engine;
    const { sending } = sockets;
    // What never fits is refused at once: later there is nobody to tell.
    const fits = headSize(length) + length <= output.blocks.maxBlock;
    if (!fits) return sending.frame(connection, opcode, source, length, length);
    const job = this.#jobs.get(connection);
    if (job !== undefined) return this.#wait(connection, job, opcode, source, length);
    if (length < this.#threshold || length === 0) {
      return sending.frame(connection, opcode, source, length, length);
    }
    const session = connection.deflate!;
    if (length < SHARED_BYTES_MIN && !session.ownDeflater) {
      return sending.frame(connection, opcode, source, length, length);
    }
    if (length > INLINE_BYTES) {
      if (this.#begin(connection, session, opcode, source, length)) {
        sending.watch(connection);
        return 'queued';
      }
      return sending.frame(connection, opcode, source, length, length);
    }
    const result = this.#compress(session, source, length);
    if (result === undefined) return sending.frame(connection, opcode, source, length, length);
    const { offset, length: size } = result;
    const sent = sending.frame(connection, opcode | COMPRESSED, offset, size, length);
    if (sent === 'dropped' || sent === 'closed') reset(session);
    return sent;
  }

  /** Whether a message is being compressed, behind which others must wait. */
  isBusy(connection: Connection): boolean {
    return this.#jobs.size > 0 && this.#jobs.has(connection);
  }

  /** Does something when everything before it was sent. Only while it `isBusy`. */
  afterwards(connection: Connection, act: () => void): void {
    this.#jobs.get(connection)!.waiting.push({ act });
  }

  /** A message for many, by a deflater that begins anew; undefined if that is no gain. */
  compressShared(offset: number, length: number): Compressed | undefined {
    if (length < Math.max(this.#threshold, SHARED_BYTES_MIN)) return undefined;
    if (length > INLINE_BYTES) return undefined;
    return this.#run(this.#sessions!.sharedDeflaters(15), offset, length);
  }

  /** A connection was sent what another deflater made. */
  sentShared(session: DeflateSession): void {
    reset(session);
  }

  /** A received message is being inflated: goes on with it from turn to turn. */
  inflateLater(connection: Connection): void {
    this.#engine.pause(connection, Pause.INFLATE);
    this.#turns.add({
      step: () => {
        const { receiver } = connection;
        if (receiver === null || receiver.stopped) return true;
        this.#engine.proceed(connection, receiver);
        if (receiver.blocked) return false;
        this.#engine.resume(connection, Pause.INFLATE);
        return true;
      },
    });
  }

  /** The connection is over. */
  left(connection: Connection): void {
    const job = this.#jobs.get(connection);
    if (job !== undefined) {
      this.#jobs.delete(connection);
      job.deflation.cancel();
      this.#engine.output.blocks.release(job.block);
    }
    if (connection.deflate !== null) this.#sessions!.end(connection.deflate);
  }

  /** Gives everything back; no connection is left. */
  destroy(): void {
    this.#turns.clear();
    this.#sessions?.close();
    this.#scratch?.release();
  }

  #compress(
    session: DeflateSession,
    source: number | Uint8Array,
    length: number,
  ): Compressed | undefined {
    const { deflaters } = session;
    let offset = source;
    if (typeof offset !== 'number') {
      offset = this.#scratch!.offset;
      const bytes = source as Uint8Array;
      this.#engine.driver.arena.bytes.set(bytes.subarray(0, length), offset);
    }
    return this.#run(deflaters, offset, length);
  }

  #run(deflaters: StreamSource<Deflater>, offset: number, length: number): Compressed | undefined {
    const deflater = deflaters.acquire();
    const target = this.#scratch!.offset + INLINE_BYTES;
    // No more room than the message has: what would become larger is given up early.
    const status = deflater.compress(offset, length, true, target, length);
    const { produced } = deflater;
    const gains = status === StreamStatus.DONE && produced < length;
    if (!gains) deflater.reset();
    deflaters.release(deflater, true);
    const { counts } = this.#engine;
    counts.add(Count.bytesToDeflate, length);
    counts.add(Count.bytesDeflated, gains ? produced : length);
    return gains ? { offset: target, length: produced } : undefined;
  }

  /** Begins to compress a large message; false when there is no memory for that. */
  #begin(
    connection: Connection,
    session: DeflateSession,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): boolean {
    const { output, driver } = this.#engine;
    if (!output.hasRoom(connection, length)) return false;
    const block = output.blocks.acquire(length);
    if (block === 0) return false;
    const { bytes } = driver.arena;
    if (typeof source === 'number') bytes.copyWithin(block, source, source + length);
    else bytes.set(source.subarray(0, length), block);
    const deflation = new Deflation({ bytes, blocks: output.blocks });
    deflation.begin(session.deflaters, block, length, 0);
    this.#jobs.set(connection, { deflation, opcode, length, block, waiting: [] });
    connection.queued += length;
    this.#turns.add({ step: () => this.#step(connection, deflation) });
    return true;
  }

  #step(connection: Connection, deflation: Deflation): boolean {
    const job = this.#jobs.get(connection);
    if (job === undefined || job.deflation !== deflation) return true;
    const status = deflation.step();
    if (status === DeflationStatus.AGAIN) return false;
    this.#jobs.delete(connection);
    this.#finish(connection, job, status === DeflationStatus.DONE);
    return true;
  }

  #finish(connection: Connection, job: Job, done: boolean): void {
    const { opcode, length, block, deflation } = job;
    const { counts, output, sockets } = this.#engine;
    connection.queued -= length;
    const gains = done && deflation.length < length;
    counts.add(Count.bytesToDeflate, length);
    counts.add(Count.bytesDeflated, gains ? deflation.length : length);
    if (connection.state <= State.CLOSING) {
      const sent = gains
        ? sockets.sending.frame(
            connection,
            opcode | COMPRESSED,
            deflation.offset,
            deflation.length,
            length,
          )
        : sockets.sending.frame(connection, opcode, block, length, length);
      if (!gains || sent === 'dropped' || sent === 'closed') reset(connection.deflate!);
    }
    if (done) output.blocks.release(deflation.block);
    output.blocks.release(block);
    for (const waiting of job.waiting) {
      if ('act' in waiting) {
        if (this.isBusy(connection)) this.afterwards(connection, waiting.act);
        else waiting.act();
        continue;
      }
      connection.queued -= waiting.bytes.length;
      if (connection.state > State.CLOSING) continue;
      // May begin a job of its own, behind which the rest waits again.
      this.send(connection, waiting.opcode, waiting.bytes, waiting.bytes.length);
    }
    this.#engine.written();
  }

  #wait(
    connection: Connection,
    job: Job,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): SendResult {
    const { output, driver, sockets } = this.#engine;
    if (!output.hasRoom(connection, length)) {
      return sockets.sending.full(connection);
    }
    // A copy: `slice` of a Buffer would be none.
    const bytes = new Uint8Array(
      typeof source === 'number'
        ? driver.arena.bytes.subarray(source, source + length)
        : source.subarray(0, length),
    );
    job.waiting.push({ opcode, bytes });
    connection.queued += length;
    sockets.sending.watch(connection);
    return 'queued';
  }
}

/** The next message of a connection's own deflater refers back to nothing. */
function reset({ deflaters, ownDeflater }: DeflateSession): void {
  if (!ownDeflater) return;
  const deflater = deflaters.acquire();
  deflater.reset();
  deflaters.release(deflater, true);
}
