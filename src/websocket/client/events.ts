/**
 * The events of a client. Node has had a global CloseEvent and ErrorEvent only since versions that
 * Rondo does not ask for, so these are its own, with the names and attributes of the standard.
 */
import type { CloseEventFields, MessageData } from './types.ts';

/** A message has come, or the payload of a pong. */
export class MessageEvent extends Event {
  /** Text, or bytes as `binaryType` says. */
  readonly data: MessageData;
  /** The origin of the server, such as `wss://example.com`. */
  readonly origin: string;

  constructor(type: string, data: MessageData, origin: string) {
    super(type);
    this.data = data;
    this.origin = origin;
  }

  /** Always empty: the standard's MessageEvent has it for other senders. */
  get lastEventId(): string {
    return '';
  }

  /** Always null. */
  get source(): null {
    return null;
  }

  /** Always empty. */
  get ports(): readonly never[] {
    return [];
  }
}

/** The connection is over. */
export class CloseEvent extends Event implements CloseEventFields {
  /** The code that the server gave; 1005 when it gave none, 1006 without a close handshake. */
  readonly code: number;
  readonly reason: string;
  /** The close handshake was completed. */
  readonly wasClean: boolean;
  /** Why the connection failed, as the error event before has it; undefined when it did not. */
  readonly error: Error | undefined;

  constructor(type: string, fields: CloseEventFields) {
    super(type);
    this.code = fields.code;
    this.reason = fields.reason;
    this.wasClean = fields.wasClean;
    this.error = fields.error;
  }
}

/** The connection failed; a close event follows. */
export class ErrorEvent extends Event {
  readonly error: Error;

  constructor(type: string, error: Error) {
    super(type);
    this.error = error;
  }

  /** The error's. */
  get message(): string {
    return this.error.message;
  }
}

/** A `ReconnectingWebSocket` will try again. */
export class ReconnectingEvent extends Event {
  /** Which attempt in a row this will be, from 1. */
  readonly attempt: number;
  /** Milliseconds until it begins. */
  readonly delayMs: number;
  /** How the connection before ended. */
  readonly closed: CloseEvent;

  constructor(attempt: number, delayMs: number, closed: CloseEvent) {
    super('reconnecting');
    this.attempt = attempt;
    this.delayMs = delayMs;
    this.closed = closed;
  }
}
