/**
 * A slow decoder of WebSocket frames that is plainly right: from all bytes that have arrived so
 * far, as a plain array, to the list of events. It keeps no state between calls, works rule by rule
 * in the words of RFC 6455 and 7692, and shares no code with `src/websocket/`.
 */
import { referenceInflate } from '../../src/deflate/reference.test.helper.ts';

/** What a connection's bytes mean. `code` is an opcode for messages, a close code otherwise. */
export interface Event {
  readonly kind: 'message' | 'ping' | 'pong' | 'close' | 'fail';
  readonly code: number;
  readonly payload: readonly number[];
}

/** The rules that can be chosen. */
export interface Rules {
  readonly role: 'server' | 'client';
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  /** permessage-deflate was agreed on, with or without context takeover. */
  readonly deflate?: 'takeover' | 'no takeover';
}

/** Thrown where the peer has broken a rule. */
class Broken extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`close ${code}`);
    this.code = code;
  }
}

interface Message {
  readonly opcode: number;
  readonly compressed: boolean;
  payload: number[];
}

/** The events of `input`, which may end anywhere. A `fail` or `close` is the last event. */
export function referenceEvents(input: readonly number[], rules: Rules): Event[] {
  const events: Event[] = [];
  try {
    decode(input, rules, events);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    events.push({ kind: 'fail', code: error.code, payload: [] });
  }
  return events;
}

function decode(input: readonly number[], rules: Rules, events: Event[]): void {
  let rest = input;
  let open: Message | undefined;
  let history: readonly number[] = [];
  while (rest.length > 0) {
    const frame = readFrame(rest, rules, open);
    if (frame === undefined) return;
    const { opcode, fin, compressed, payload, complete, size } = frame;
    if (opcode < 8) {
      const message: Message = open ?? { opcode, compressed, payload: [] };
      message.payload = [...message.payload, ...payload];
      if (complete && fin && message.compressed) {
        message.payload = inflate(message, history, rules);
        if (rules.deflate === 'takeover') {
          history = [...history, ...message.payload].slice(-32_768);
        }
      }
      const readable = !message.compressed || (complete && fin);
      if (message.opcode === 1 && readable) require(isUtf8Prefix(message.payload), 1007);
      if (complete && fin && message.opcode === 1) require(isUtf8(message.payload), 1007);
      if (complete && fin) {
        events.push({ kind: 'message', code: message.opcode, payload: message.payload });
      }
      open = fin ? undefined : message;
    }
    if (!complete) return;
    if (opcode === 9) events.push({ kind: 'ping', code: 0, payload });
    if (opcode === 10) events.push({ kind: 'pong', code: 0, payload });
    if (opcode === 8) {
      events.push(closeEvent(payload));
      return;
    }
    rest = rest.slice(size);
  }
}

/** What is wrong with a text is reported before it is said to be too big or cut off. */
function inflate(message: Message, history: readonly number[], rules: Rules): number[] {
  const { output, end } = referenceInflate(message.payload, history, rules.maxMessageSize);
  if (message.opcode === 1) require(isUtf8Prefix(output), 1007);
  require(end !== 'too big', 1009);
  require(end !== 'bad', 1007);
  return output;
}

/** What a message of the largest size may have become when it was compressed badly. */
function largestCompressed(rules: Rules): number {
  return rules.maxMessageSize + Math.ceil(rules.maxMessageSize / 16) + 64;
}

interface Frame {
  readonly opcode: number;
  /** RSV1 is set. */
  readonly compressed: boolean;
  readonly fin: boolean;
  /** Unmasked; only what has arrived. */
  readonly payload: number[];
  readonly complete: boolean;
  readonly size: number;
}

/** The first frame, or undefined while its head is not complete. */
function readFrame(
  input: readonly number[],
  rules: Rules,
  open: Message | undefined,
): Frame | undefined {
  const first = input[0]!;
  const fin = first >= 128;
  const opcode = first % 16;
  const reserved = Math.floor(first / 16) % 8;
  const compressed = reserved === 4 && rules.deflate !== undefined && [1, 2].includes(opcode);
  require(reserved === 0 || compressed, 1002);
  require([0, 1, 2, 8, 9, 10].includes(opcode), 1002);
  if (opcode >= 8) require(fin, 1002);
  if (opcode === 0) require(open !== undefined, 1002);
  if (opcode === 1 || opcode === 2) require(open === undefined, 1002);
  if (input.length < 2) return undefined;

  const masked = input[1]! >= 128;
  require(masked === (rules.role === 'server'), 1002);
  let length = BigInt(input[1]! % 128);
  if (opcode >= 8) require(length <= 125n, 1002);
  if (opcode === 8) require(length !== 1n, 1002);
  let at = 2;
  if (length >= 126n) {
    const extra = length === 126n ? 2 : 8;
    if (input.length < at + extra) return undefined;
    length = 0n;
    for (const byte of input.slice(at, at + extra)) length = length * 256n + BigInt(byte);
    at += extra;
    require(length < 2n ** 63n, 1002);
    require(length >= (extra === 2 ? 126n : 65536n), 1002);
  }
  if (opcode < 8) {
    const inflates = open?.compressed ?? compressed;
    const message = inflates ? largestCompressed(rules) : rules.maxMessageSize;
    const unlimited = rules.maxFrameSize >= rules.maxMessageSize;
    require(length <= BigInt(unlimited ? message : rules.maxFrameSize), 1009);
    require(length <= BigInt(message - (open?.payload.length ?? 0)), 1009);
  }
  let key = [0, 0, 0, 0];
  if (masked) {
    if (input.length < at + 4) return undefined;
    key = input.slice(at, at + 4);
    at += 4;
  }
  const size = at + Number(length);
  const payload = input.slice(at, size).map((byte, index) => byte ^ key[index % 4]!);
  return { opcode, fin, compressed, payload, complete: input.length >= size, size };
}

function closeEvent(payload: number[]): Event {
  if (payload.length === 0) return { kind: 'close', code: 1005, payload: [] };
  const code = payload[0]! * 256 + payload[1]!;
  const registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  require(registered.includes(code) || (code >= 3000 && code <= 4999), 1002);
  const reason = payload.slice(2);
  require(isUtf8(reason), 1007);
  return { kind: 'close', code, payload: reason };
}

function require(holds: boolean, closeCode: number): asserts holds {
  if (!holds) throw new Broken(closeCode);
}

/** Whether the bytes are whole characters of UTF-8. */
export function isUtf8(bytes: readonly number[]): boolean {
  return splitUtf8(bytes) === 0;
}

/** Whether something could follow that makes the bytes UTF-8. */
export function isUtf8Prefix(bytes: readonly number[]): boolean {
  return splitUtf8(bytes) !== -1;
}

/** How many bytes after the last whole character; -1 when no bytes could follow. */
function splitUtf8(bytes: readonly number[]): number {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    // By the number of leading ones: how long the character is, and which bits the lead gives.
    const size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size === 0 || lead >= 0xf8) return -1;
    const tail = bytes.slice(at + 1, at + size);
    if (tail.some((byte) => byte < 0x80 || byte >= 0xc0)) return -1;
    // The code points that are still possible, from all missing bits 0 to all missing bits 1.
    let low = size === 1 ? lead : lead % 2 ** (7 - size);
    for (const byte of tail) low = low * 64 + (byte % 64);
    const missing = size - 1 - tail.length;
    const high = (low + 1) * 64 ** missing - 1;
    low = low * 64 ** missing;
    if (!holdsScalar(low, high, [0, 0, 0x80, 0x800, 0x10000][size]!)) return -1;
    if (missing > 0) return bytes.length - at;
    at += size;
  }
  return 0;
}

/** Whether [low, high] has a code point from `least` on that is no surrogate and exists. */
function holdsScalar(low: number, high: number, least: number): boolean {
  const from = Math.max(low, least);
  const to = Math.min(high, 0x10ffff);
  return from <= to && !(from >= 0xd800 && to <= 0xdfff);
}
