/**
 * How bytes come and go, whatever carries them: the driver's connections, or Node's sockets where
 * there is TLS or a proxy.
 *
 *  1. The owner is told of things from the beginning of a stack only, never from inside a call.
 *  2. Every piece comes back by `sent`, which says whether it left, before `gone`.
 *  3. `gone` is the last word, exactly once: after `destroy`, after a failure, or by itself when
 *     both sides have ended.
 */
import type { Hub } from './hub.ts';

/** Told of what happens on a transport. */
export interface TransportOwner {
  /** Bytes of the arena that are the owner's during the call, to be changed in place. */
  received(offset: number, length: number): void;
  sent(piece: Piece, left: boolean): void;
  /** The peer has ended its side. */
  ended(): void;
  gone(error: Error | undefined): void;
}

/** See the head of this file. */
export interface Transport {
  owner: TransportOwner;
  send(piece: Piece): void;
  /** Asks for silence; what is on its way still comes. */
  pause(): void;
  resume(): void;
  /** Ends this side after what was sent. */
  end(): void;
  /** Ends all of it: at once, or without the ceremony of a reset. */
  destroy(mode: 'finish' | 'reset'): void;
}

/** A range of the arena with bytes to send, in a block of its own. */
export class Piece {
  /** The block. */
  readonly start: number;
  readonly limit: number;
  /** How far it is written. */
  end: number;
  /** Bytes of messages in it, as `bufferedAmount` counts them. */
  payload = 0;

  constructor(start: number, limit: number) {
    this.start = start;
    this.end = start;
    this.limit = limit;
  }
}

/** Hands private bytes to an owner by way of the arena. */
export function feed(hub: Hub, owner: TransportOwner, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += hub.stagingBytes) {
    const part = bytes.subarray(at, at + hub.stagingBytes);
    hub.bytes.set(part, hub.staging);
    owner.received(hub.staging, part.length);
  }
}
