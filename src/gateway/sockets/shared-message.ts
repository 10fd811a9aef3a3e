/**
 * A message on its way to many connections of one engine: `send` to each, then `end`. Its frame is
 * encoded once, when the first of them is there, and compressed once for those who agreed on that.
 */
import { COMPRESSED, headSize } from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { Count } from '../metrics/counters.ts';
import type { Output } from '../output/output.ts';
import { State, type Connection } from './connection.ts';
import { takesShared } from './deflate-sessions.ts';
import type { Outgoing } from './outgoing.ts';
import type { Sending } from './sending.ts';

type Frame = NonNullable<ReturnType<Output['beginShared']>>;

/** See the head of this file. */
export class SharedMessage {
  readonly #engine: Engine;
  readonly #sending: Sending;
  readonly #except: Connection | undefined;
  readonly #opcode: number;
  readonly #source: number | Uint8Array;
  readonly #length: number;
  /** Undefined before the first connection, and without memory. */
  #frame: Frame | undefined;
  /** Compressed; null where that is no gain, or there is no memory. */
  #compressed: Frame | null | undefined;
  /** How many it was sent or queued for. */
  reached = 0;

  constructor(
    engine: Engine,
    sending: Sending,
    { opcode, source, length }: Outgoing,
    except: Connection | undefined,
  ) {
    this.#engine = engine;
    this.#sending = sending;
    this.#except = except;
    this.#opcode = opcode;
    this.#source = source;
    this.#length = length;
  }

  send(connection: Connection): void {
    if (connection.state !== State.OPEN || connection === this.#except) return;
    const { output } = this.#engine;
    // In the arena first: the source may be memory that the next message is encoded into.
    let frame = (this.#frame ??= output.beginShared(this.#opcode, this.#source, this.#length));
    while (frame === undefined) {
      const size = headSize(this.#length) + this.#length;
      if (!this.#sending.findMemoryFor(connection, size)) return;
      frame = this.#frame = output.beginShared(this.#opcode, this.#source, this.#length);
    }
    if (connection.deflate === null) {
      if (this.#give(frame, connection)) this.reached += 1;
    } else {
      this.#sendCompressed(frame, connection);
    }
  }

  end(): void {
    const { output, counts } = this.#engine;
    if (this.#frame !== undefined) output.endShared(this.#frame);
    if (this.#compressed) output.endShared(this.#compressed);
    counts.add(Count.messagesSent, this.reached);
    counts.add(Count.bytesSent, this.reached * this.#length);
    this.#engine.written();
  }

  #sendCompressed(frame: Frame, connection: Connection): void {
    const { compression } = this.#engine.sockets;
    const session = connection.deflate!;
    const payload = frame.start + headSize(this.#length);
    if (compression.isBusy(connection) || !takesShared(session)) {
      const result = compression.send(connection, this.#opcode, payload, this.#length);
      // Counted there as sent, and here as reached.
      if (result === 'closed' || result === 'dropped') return;
      this.reached += 1;
      this.#engine.counts.add(Count.messagesSent, -1);
      this.#engine.counts.add(Count.bytesSent, -this.#length);
      return;
    }
    if (this.#compressed === undefined) this.#compressed = this.#compress(payload);
    if (this.#compressed === null) {
      if (this.#give(frame, connection)) this.reached += 1;
      return;
    }
    if (!this.#give(this.#compressed, connection)) return;
    this.reached += 1;
    if (session.ownDeflater) compression.sentShared(session);
  }

  #compress(payload: number): Frame | null {
    const { output, sockets } = this.#engine;
    const result = sockets.compression.compressShared(payload, this.#length);
    if (result === undefined) return null;
    return output.beginShared(this.#opcode | COMPRESSED, result.offset, result.length) ?? null;
  }

  #give(frame: Frame, connection: Connection): boolean {
    const { output } = this.#engine;
    if (!this.#sending.hasRoomFor(connection, frame.size)) return false;
    while (!output.sendShared(frame, connection)) {
      if (!this.#sending.findMemoryFor(connection, frame.size)) return false;
    }
    return true;
  }
}
