/** A connection of the hub's driver. */
import { assert, Errno, SystemError } from '../../base/index.ts';
import { CompletionFlag, type Handle, type OperationId } from '../../driver/index.ts';
import { Kind, type Completer, type Hub } from './hub.ts';
import type { Piece, Transport, TransportOwner } from './transport.ts';

export class DriverTransport implements Transport, Completer {
  owner: TransportOwner;
  readonly #hub: Hub;
  readonly #handle: Handle;
  readonly #index: number;
  /** The receive in the driver, 0 when there is none. */
  #receive: OperationId = 0;
  #reading = true;
  #ended = false;
  #shutdown: 'no' | 'asked' | 'done' = 'no';
  #closing = false;
  #error: Error | undefined;

  constructor(hub: Hub, handle: Handle, owner: TransportOwner) {
    this.#hub = hub;
    this.#handle = handle;
    this.owner = owner;
    this.#index = hub.enroll(this);
    this.#startReceive();
  }

  send(piece: Piece): void {
    const hub = this.#hub;
    const completer: Completer = {
      completed: (_kind, result) => {
        hub.leave(index);
        this.#sent(piece, result);
      },
    };
    const index = hub.enroll(completer);
    const token = hub.tokenOf(Kind.SEND, index);
    const result = hub.driver.send(this.#handle, token, piece.start, piece.end - piece.start);
    if (result > 0) return;
    hub.leave(index);
    queueMicrotask(() => this.#sent(piece, result));
  }

  pause(): void {
    this.#reading = false;
    if (this.#receive !== 0) this.#hub.driver.cancel(this.#receive);
  }

  resume(): void {
    this.#reading = true;
    if (this.#receive === 0) this.#startReceive();
  }

  end(): void {
    if (this.#shutdown !== 'no' || this.#closing) return;
    this.#shutdown = 'asked';
    const token = this.#hub.tokenOf(Kind.SHUTDOWN, this.#index);
    const result = this.#hub.driver.shutdown(this.#handle, token);
    if (result < 0) this.#fail('shutdown', result);
  }

  destroy(mode: 'finish' | 'reset'): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#close(mode);
  }

  #close(mode: 'finish' | 'reset'): void {
    const { driver } = this.#hub;
    const result = driver.close(this.#handle, this.#hub.tokenOf(Kind.CLOSE, this.#index), mode);
    // The places for closes are taken for the moment only.
    if (result === -Errno.ENOBUFS) setImmediate(() => this.#close(mode));
    else assert(result > 0, `a close is taken by the driver, got ${result}`);
  }

  completed(kind: number, result: number, flags: number, buffer: number): void {
    if (kind === Kind.RECEIVE) {
      this.#received(result, flags, buffer);
    } else if (kind === Kind.SHUTDOWN) {
      this.#shutdown = 'done';
      if (result < 0) this.#fail('shutdown', result);
      else if (this.#ended) this.destroy('finish');
    } else {
      this.#hub.leave(this.#index);
      this.owner.gone(this.#error);
    }
  }

  #startReceive(): void {
    if (this.#closing || this.#ended) return;
    const token = this.#hub.tokenOf(Kind.RECEIVE, this.#index);
    const result = this.#hub.driver.receive(this.#handle, token);
    if (result > 0) this.#receive = result;
    else this.#fail('recv', result);
  }

  #received(result: number, flags: number, buffer: number): void {
    const more = (flags & CompletionFlag.MORE) !== 0;
    if (!more) this.#receive = 0;
    if ((flags & CompletionFlag.BUFFER) !== 0) {
      try {
        if (!this.#closing) this.owner.received(buffer, result);
      } finally {
        this.#hub.driver.release(buffer);
      }
    }
    if (more || this.#closing) return;
    if (result > 0 || result === -Errno.ECANCELED) {
      // Ended by `pause`, and perhaps wanted again since.
      if (this.#reading && this.#receive === 0) this.#startReceive();
    } else if (result < 0) {
      this.#fail('recv', result);
    } else {
      this.#ended = true;
      this.owner.ended();
      if (this.#shutdown === 'done') this.destroy('finish');
    }
  }

  #sent(piece: Piece, result: number): void {
    if (result < 0) this.#fail('send', result);
    this.owner.sent(piece, result >= 0);
  }

  #fail(call: string, result: number): void {
    if (this.#closing) return;
    this.#error = new SystemError(call, -result);
    this.destroy('reset');
  }
}
