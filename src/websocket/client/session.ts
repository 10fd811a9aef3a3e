/**
 * One client's life: CONNECTING → OPEN → CLOSING → CLOSED, as the WebSockets standard names it,
 * over the closing of RFC 6455 §7 in the client's role.
 *
 *  1. The owner is told of things from the beginning of a stack only. `closed` is the last, once.
 *  2. The server ends the TCP connection first; the client waits for it, with a deadline.
 *  3. Failing is told at once. The transport may outlive it for as long as closing may take, so
 *     that the server can read the close frame that tells it why.
 *  4. While something pauses, whatever has arrived is kept in order, the end of the stream too.
 */
import { RondoError } from '../../base/index.ts';
import { CloseCode, MessageReceiver, Opcode, type Failure } from '../codec/index.ts';
import type { Target } from './address.ts';
import { Compression } from './compression.ts';
import { CloseError } from './errors.ts';
import type { Agreement } from './handshake.ts';
import { joinHub, type Hub, type Listening } from './hub.ts';
import { Opening, type OpeningOwner } from './opening.ts';
import type { ResolvedWebSocketOptions } from './options.ts';
import { Outbox, type OutboxOwner, type Sendable } from './outbox.ts';
import type { Timers } from './timers.ts';
import { feed, type Piece, type Transport, type TransportOwner } from './transport.ts';

/** The values of `readyState`. */
export const ReadyState = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** Who makes reading pause; bits. */
export const Pause = { PROGRAM: 1, ITERATION: 2, OPENING: 4, INFLATING: 8 } as const;

/** Parts of the idle timeout: a ping goes out at the third quiet one, the fifth is the end. */
const IDLE_PARTS = 4;
const PING_AT = 3;
const GIVE_UP_AT = 5;

/** How it ended. */
export interface SessionEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** Why it failed, if it did. */
  readonly error: Error | undefined;
  /** Messages of which nothing was handed to the system. */
  readonly unsent: readonly Sendable[];
}

/** Told of what a session comes to know. */
export interface SessionOwner {
  opened(): void;
  /** A message in the arena, valid during the call. */
  message(isText: boolean, offset: number, length: number): void;
  pong(payload: Uint8Array): void;
  /** `bufferedAmount` has fallen. */
  progressed(): void;
  closed(end: SessionEnd): void;
}

/** What a session is made of. */
export interface SessionSettings {
  readonly target: Target;
  readonly protocols: readonly string[];
  readonly options: ResolvedWebSocketOptions;
  readonly timers: Timers;
}

/** See the head of this file. */
export class Session implements OpeningOwner, TransportOwner, OutboxOwner, Listening {
  readyState: number = ReadyState.CONNECTING;
  agreement: Agreement = { protocol: '', extensions: '', deflate: undefined };
  readonly #settings: SessionSettings;
  readonly #owner: SessionOwner;
  #hub: Hub | undefined;
  #opening: Opening | undefined;
  #transport: Transport | undefined;
  #receiver: MessageReceiver<Listening> | undefined;
  #outbox: Outbox | undefined;
  #compression: Compression | undefined;
  #timer: unknown;
  /** Parts of the idle timeout without a byte. */
  #quiet = 0;
  /** Bits of `Pause`. */
  #paused = 0;
  #kept: Uint8Array[] = [];
  #goOnAsked = false;
  /** The peer has ended its side, or all is gone, behind what is kept. */
  #keptEnd: { gone: boolean; error: Error | undefined } | undefined;
  readonly #unsent: Sendable[] = [];
  #closeSent = false;
  /** This side ends as soon as everything is handed over. */
  #endAsked = false;
  #closeReceived: { code: number; reason: string } | undefined;
  #reported = false;
  /** Bytes handed to `send` when it was too late: `bufferedAmount` counts them all the same. */
  #late = 0;

  constructor(settings: SessionSettings, owner: SessionOwner) {
    this.#settings = settings;
    this.#owner = owner;
    const { target, protocols, options, timers } = settings;
    try {
      this.#hub = joinHub(options.driver);
      if (options.deflate !== undefined) this.#hub.openStreams();
    } catch (error) {
      setImmediate(() => this.refused(error as Error));
      return;
    }
    this.#opening = new Opening(this.#hub, target, protocols, options, timers, this);
  }

  get hub(): Hub {
    return this.#hub!;
  }

  get bufferedAmount(): number {
    return (this.#outbox?.buffered ?? 0) + this.#late;
  }

  // ---- what the program says

  /**
   * A message of `size` bytes; what is not OPEN any more only counts it.
   * @throws {RondoError} ERR_SEND_QUEUE
   */
  send(data: Sendable, size: number): void {
    if (this.readyState !== ReadyState.OPEN) {
      this.#late += size;
      return;
    }
    const { maxSendQueueBytes } = this.#settings.options;
    const outbox = this.#outbox!;
    if (outbox.buffered > 0 && outbox.buffered + size > maxSendQueueBytes) {
      throw new RondoError(
        'ERR_SEND_QUEUE',
        `Cannot send ${size} bytes: ${outbox.buffered} wait already, of ${maxSendQueueBytes}`,
      );
    }
    outbox.push(typeof data === 'string' ? Opcode.TEXT : Opcode.BINARY, data, size, true);
  }

  ping(payload: Uint8Array): void {
    if (this.readyState === ReadyState.OPEN) this.#outbox!.control(Opcode.PING, payload);
  }

  /** Begins the closing; `payload` is that of the close frame. */
  close(payload: Uint8Array): void {
    if (this.readyState >= ReadyState.CLOSING) return;
    const wasOpen = this.readyState === ReadyState.OPEN;
    this.readyState = ReadyState.CLOSING;
    if (!wasOpen) {
      const message = 'Cannot open the WebSocket: it was closed before it was open';
      this.#opening?.abort(new RondoError('ERR_WEBSOCKET_CLOSED', message));
      return;
    }
    this.#sendClose(payload);
    this.#awaitEnd();
    // Messages are dropped from here on, and the peer's close frame must be found behind them.
    if (this.#paused !== 0) {
      this.#paused &= Pause.INFLATING;
      this.#goOnLater();
    }
  }

  /** Ends it without ceremony. */
  terminate(): void {
    if (this.readyState === ReadyState.CONNECTING) this.close(new Uint8Array(0));
    else if (this.readyState !== ReadyState.CLOSED) {
      this.readyState = ReadyState.CLOSING;
      this.#dropInput();
      this.#transport?.destroy('reset');
    }
  }

  get isPaused(): boolean {
    return (this.#paused & Pause.PROGRAM) !== 0;
  }

  pause(who: number): void {
    if (this.readyState >= ReadyState.CLOSING) return;
    this.#paused |= who;
    this.#transport?.pause();
  }

  resume(who: number): void {
    if ((this.#paused & who) === 0) return;
    this.#paused &= ~who;
    if (this.#paused === 0) this.#goOnLater();
  }

  // ---- opening

  opened(transport: Transport, agreement: Agreement, rest: Uint8Array): void {
    const { options } = this.#settings;
    this.#opening = undefined;
    this.#transport = transport;
    transport.owner = this;
    this.agreement = agreement;
    const { maxMessageSize, deflate } = options;
    if (agreement.deflate !== undefined && deflate !== undefined) {
      this.#compression = new Compression(this.hub, deflate, agreement.deflate, maxMessageSize);
    }
    this.#outbox = new Outbox(this.hub, transport, this, this.#compression);
    const inflaters = this.#compression?.inflaters;
    this.#receiver = new MessageReceiver(this.hub.context(maxMessageSize), this, inflaters);
    this.readyState = ReadyState.OPEN;
    if (this.#paused !== 0) transport.pause();
    // Who waits for the event with a promise is to see the first message: it comes a turn later.
    // The transport goes on; what it brings until then is little.
    this.#paused |= Pause.OPENING;
    setImmediate(() => {
      this.#paused &= ~Pause.OPENING;
      this.#goOn();
    });
    if (rest.length > 0) this.#kept.push(rest);
    this.#awaitBytes();
    this.#owner.opened();
  }

  refused(error: Error): void {
    this.#opening = undefined;
    this.readyState = ReadyState.CLOSING;
    this.#report(CloseCode.ABNORMAL, '', false, error);
    this.#part();
  }

  // ---- what comes

  received(offset: number, length: number): void {
    this.#quiet = 0;
    if (this.#isHeld) this.#keep(offset, length);
    else this.#take(offset, length);
  }

  ended(): void {
    if (this.#isBehind) this.#keptEnd ??= { gone: false, error: undefined };
    else this.#ended();
  }

  gone(error: Error | undefined): void {
    if (this.#isBehind) this.#keptEnd = { gone: true, error };
    else this.#gone(error);
  }

  /** In a turn of its own, so that who has just resumed can add listeners first. */
  #goOnLater(): void {
    if (this.#goOnAsked) return;
    this.#goOnAsked = true;
    setImmediate(() => {
      this.#goOnAsked = false;
      this.#goOn();
    });
  }

  /** Goes on with what was kept while something paused. */
  #goOn(): void {
    if (this.#paused !== 0 || this.#hub === undefined) return;
    const kept = this.#kept;
    this.#kept = [];
    for (let i = 0; i < kept.length; i++) {
      feed(this.hub, this, kept[i]!);
      if (!this.#isHeld) continue;
      this.#kept.push(...kept.slice(i + 1));
      break;
    }
    if (this.#isHeld) return;
    const end = this.#keptEnd;
    this.#keptEnd = undefined;
    if (end === undefined) {
      this.#transport?.resume();
    } else if (end.gone) {
      this.#gone(end.error);
    } else {
      this.#ended();
    }
  }

  #take(offset: number, length: number): void {
    const receiver = this.#receiver!;
    const taken = receiver.receive(offset, length);
    if (taken < length) this.#keep(offset + taken, length - taken);
    if (receiver.blocked && (this.#paused & Pause.INFLATING) === 0) {
      this.#paused |= Pause.INFLATING;
      this.#transport?.pause();
      setImmediate(() => this.#inflate());
    }
  }

  /** Goes on with a message that takes more than a turn to inflate. */
  #inflate(): void {
    const receiver = this.#receiver!;
    receiver.proceed();
    if (receiver.blocked) setImmediate(() => this.#inflate());
    else this.resume(Pause.INFLATING);
  }

  /** What arrives has to wait. */
  get #isHeld(): boolean {
    return this.#paused !== 0 || this.#kept.length > 0;
  }

  /** What has arrived is not all looked at. */
  get #isBehind(): boolean {
    return this.#kept.length > 0 || this.#receiver?.blocked === true;
  }

  #keep(offset: number, length: number): void {
    this.#kept.push(this.hub.bytes.slice(offset, offset + length));
  }

  message(opcode: number, offset: number, length: number): boolean {
    if (this.readyState === ReadyState.OPEN) {
      this.#owner.message(opcode === Opcode.TEXT, offset, length);
    }
    return this.#paused === 0;
  }

  pinged(offset: number, length: number): boolean {
    const payload = this.hub.bytes.slice(offset, offset + length);
    if (!this.#closeSent) this.#outbox!.control(Opcode.PONG, payload);
    return this.#paused === 0;
  }

  ponged(offset: number, length: number): boolean {
    if (this.readyState === ReadyState.OPEN) {
      this.#owner.pong(this.hub.bytes.slice(offset, offset + length));
    }
    return this.#paused === 0;
  }

  closeReceived(code: number, offset: number, length: number): void {
    const text = this.hub.bytes.slice(offset, offset + length);
    this.#closeReceived = { code, reason: Buffer.from(text.buffer).toString('utf8') };
    if (this.readyState === ReadyState.OPEN) this.readyState = ReadyState.CLOSING;
    this.#paused = 0;
    if (!this.#closeSent) {
      // The peer ignores whatever follows its close.
      this.#unsent.push(...this.#outbox!.dropWaiting());
      this.#sendClose(closePayload(code === CloseCode.NONE ? undefined : code, ''));
    }
    this.#awaitEnd();
  }

  failed({ closeCode, reason }: Failure): void {
    this.#fail(new CloseError(closeCode, reason));
  }

  // ---- what leaves

  sent(piece: Piece, left: boolean): void {
    this.#outbox!.sent(piece, left);
  }

  progressed(): void {
    // When some of what waits has left, the peer reads: it is there. A ping alone says nothing.
    if (!this.#outbox!.isHandedOver) this.#quiet = 0;
    // Nor is a peer late that reads, however slowly.
    if (this.#closeSent && this.#closeReceived === undefined && !this.#reported) this.#awaitEnd();
    if (this.readyState === ReadyState.OPEN) this.#owner.progressed();
    if (this.#endAsked && this.#outbox!.isHandedOver) this.#transport?.end();
  }

  unreadable(cause: unknown): void {
    this.#fail(new CloseError(CloseCode.INTERNAL_ERROR, 'A Blob cannot be read', { cause }));
  }

  #sendClose(payload: Uint8Array): void {
    this.#closeSent = true;
    this.#outbox!.push(Opcode.CLOSE, payload, 0, false);
  }

  #end(): void {
    this.#endAsked = true;
    this.#outbox!.flush();
    if (this.#outbox!.isHandedOver) this.#transport?.end();
  }

  // ---- ways to end

  /** Tells the peer why, and does not wait for what it says to that. */
  #fail(error: CloseError): void {
    if (this.#reported || this.readyState === ReadyState.CONNECTING) return;
    this.readyState = ReadyState.CLOSING;
    this.#dropInput();
    this.#unsent.push(...this.#outbox!.dropWaiting());
    if (!this.#closeSent) this.#sendClose(closePayload(error.closeCode, error.reason));
    this.#end();
    this.#awaitEnd();
    this.#transport?.resume();
    this.#report(CloseCode.ABNORMAL, '', false, error);
  }

  /** Nothing that has come or comes is looked at any more. */
  #dropInput(): void {
    this.#receiver?.stop();
    this.#paused = 0;
    this.#kept = [];
    if (this.#keptEnd !== undefined) this.#goOnLater();
  }

  /** The peer has ended its side. */
  #ended(): void {
    if (this.#closeReceived !== undefined || this.#reported) this.#end();
    else this.#transport?.destroy('finish');
  }

  #gone(cause: Error | undefined): void {
    this.#transport = undefined;
    this.#receiver!.stop();
    this.#unsent.push(...this.#outbox!.close());
    this.#compression?.end();
    if (this.#closeReceived !== undefined && this.#closeSent) {
      const { code, reason } = this.#closeReceived;
      this.#report(code, reason, true, undefined);
    } else {
      const message = `The WebSocket is gone: ${cause?.message ?? 'no reason was given'}`;
      const error = new RondoError('ERR_WEBSOCKET_CLOSED', message, { cause });
      this.#report(CloseCode.ABNORMAL, '', false, cause === undefined ? undefined : error);
    }
    this.#part();
  }

  #report(code: number, reason: string, wasClean: boolean, error: Error | undefined): void {
    if (this.#reported) return;
    this.#reported = true;
    this.readyState = ReadyState.CLOSED;
    this.#owner.closed({ code, reason, wasClean, error, unsent: this.#unsent });
  }

  #part(): void {
    this.#settings.timers.stop(this.#timer);
    this.#hub?.part();
    this.#hub = undefined;
  }

  // ---- time

  #arm(milliseconds: number, late: () => void): void {
    const { timers } = this.#settings;
    timers.stop(this.#timer);
    this.#timer = timers.start(late, milliseconds, false);
  }

  #awaitEnd(): void {
    this.#arm(this.#settings.options.closeTimeoutMs, () => {
      this.#transport?.destroy(this.#closeReceived === undefined ? 'reset' : 'finish');
    });
  }

  #awaitBytes(): void {
    const { idleTimeoutMs } = this.#settings.options;
    if (idleTimeoutMs > 0) this.#arm(idleTimeoutMs / IDLE_PARTS, () => this.#idle());
  }

  #idle(): void {
    // Who does not read cannot tell whether the peer is there.
    this.#quiet = (this.#paused & ~Pause.OPENING) === 0 ? this.#quiet + 1 : 0;
    if (this.#quiet === PING_AT) this.ping(new Uint8Array(0));
    if (this.#quiet < GIVE_UP_AT) {
      this.#awaitBytes();
      return;
    }
    const { idleTimeoutMs } = this.#settings.options;
    const message = `The WebSocket is given up: the server said nothing for ${idleTimeoutMs} ms`;
    this.readyState = ReadyState.CLOSING;
    this.#dropInput();
    this.#transport?.destroy('reset');
    const error = new RondoError('ERR_WEBSOCKET_TIMEOUT', message);
    this.#unsent.push(...this.#outbox!.dropWaiting());
    this.#report(CloseCode.ABNORMAL, '', false, error);
  }
}

const encoder = new TextEncoder();

/** The payload of a close frame: empty without a code. */
export function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  return Uint8Array.from([code >>> 8, code & 0xff, ...encoder.encode(reason)]);
}
