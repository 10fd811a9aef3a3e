/** What handlers answer with, and how it is understood. */
import { misuse, outOfRange, rejectUnknown } from '../../base/index.ts';
import type { HttpResponse } from '../../http/index.ts';
import { BodySource } from './source.ts';
import { Refusal } from '../sockets/handlers.ts';

/** Text is sent as UTF-8. A web `ReadableStream` is an `AsyncIterable` too. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** An answer to a request. */
export interface HttpReply {
  /** 200 to 599. @default 200 */
  readonly status?: number;
  /**
   * A list makes one header for each value. Date, Content-Length and Transfer-Encoding are the
   * gateway's own; a Content-Type is added when there is a body and none was given. @default none
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Bytes must stay as they are until they are sent. What is iterated is asked for the next piece
   * when there is room for it, and told to return when the client goes away. @default empty
   */
  readonly body?: HttpBody;
  /** A value to send as JSON instead of a `body`. */
  readonly json?: unknown;
}

/** A reply that was checked. */
export interface Reply {
  readonly status: number;
  readonly headers: NonNullable<HttpResponse['headers']>;
  readonly body: Uint8Array | AsyncIterable<string | Uint8Array> | BodySource;
  /** Bytes of a body that comes in pieces, if they are known. */
  readonly length: number | undefined;
}

const KNOWN = ['status', 'headers', 'body', 'json'];
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const BYTES = 'application/octet-stream';

/** Replies that were made here need no second check. */
const checked = new WeakSet<object>();

/** A checked reply. */
export function makeReply(
  status: number,
  headers: Reply['headers'],
  body: Reply['body'] | string = '',
  length?: number,
): Reply {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const reply = { status, headers, body: bytes, length };
  checked.add(reply);
  return reply;
}

/** A reply of one line of text. */
export function textReply(status: number, text: string, headers: Reply['headers'] = {}): Reply {
  return makeReply(status, { 'Content-Type': TEXT, ...headers }, `${text}\n`);
}

/**
 * Checks what a handler gave.
 * @throws {TypeError} ERR_HTTP_REPLY, ERR_OPTION_UNKNOWN
 * @throws {RangeError} ERR_HTTP_STATUS
 */
export function checkReply(value: unknown): Reply {
  if (typeof value === 'string') return makeReply(200, { 'Content-Type': TEXT }, value);
  if (typeof value !== 'object' || value === null) {
    throw misuse(
      'ERR_HTTP_REPLY',
      `Cannot answer with ${String(value)}: a reply is a string or { status, headers, body, json }`,
    );
  }
  if (checked.has(value)) return value as Reply;
  if (value instanceof Refusal) return textReply(value.status, value.reason, value.headers);
  rejectUnknown('a reply', value, KNOWN);
  const { status = 200, headers = {}, body, json } = value as HttpReply;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    const rule = 'it must be an integer from 200 to 599';
    throw outOfRange('ERR_HTTP_STATUS', `Cannot answer with status ${status}: ${rule}`);
  }
  if (json !== undefined) {
    if (body !== undefined) {
      throw misuse('ERR_HTTP_REPLY', 'Cannot answer with body and json: it must be one of them');
    }
    return makeReply(status, withType(headers, JSON_TYPE), encodeJson(json));
  }
  if (body === undefined) return makeReply(status, headers);
  if (typeof body === 'string') return makeReply(status, withType(headers, TEXT), body);
  if (!(body instanceof Uint8Array) && !isIterable(body)) {
    throw misuse(
      'ERR_HTTP_REPLY',
      'Cannot answer with this body: it must be a string, a Uint8Array or an AsyncIterable of them',
    );
  }
  return makeReply(status, withType(headers, BYTES), body);
}

/** Whether what a handler gave is meant as a reply, where none is asked for. */
export function isReplyObject(value: unknown): boolean {
  if (value instanceof Refusal) return true;
  if (typeof value !== 'object' || value === null) return false;
  const status = Object.getOwnPropertyDescriptor(value, 'status');
  return typeof status?.value === 'number';
}

/** Whether a body is produced piece by piece. */
export function isIterable(body: unknown): body is AsyncIterable<string | Uint8Array> | BodySource {
  if (body instanceof BodySource) return true;
  return (
    typeof body === 'object' &&
    body !== null &&
    typeof (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}

function encodeJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text !== undefined) return text;
  throw misuse(
    'ERR_HTTP_REPLY',
    `Cannot answer with ${typeof value} as JSON: it has no form there`,
  );
}

function withType(headers: Reply['headers'], type: string): Reply['headers'] {
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) return headers;
  return { 'Content-Type': type, ...headers };
}
