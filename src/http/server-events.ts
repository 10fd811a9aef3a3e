/** Server-sent events as bytes on the wire (HTML Living Standard §9.2). */
import { misuse } from '../base/index.ts';

/** An event to send. */
export interface ServerEvent {
  /** Lines may end in CRLF, LF or CR; the client gets LF. @default '' */
  readonly data?: string;
  /** The name of its kind, without line breaks. @default 'message', on the client's side */
  readonly event?: string;
  /** What the client says in `Last-Event-ID` when it comes again; no line breaks, no NUL. */
  readonly id?: string;
  /** Milliseconds that the client is to wait before it comes again, a whole number. */
  readonly retry?: number;
}

const KNOWN = new Set(['data', 'event', 'id', 'retry']);
const LINE_BREAK = /\r\n|\r|\n/;
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\r\n\0]/;

/**
 * The text of an event. With neither data nor kind a client dispatches nothing, but takes `id` and
 * `retry`.
 * @throws {TypeError} ERR_EVENT when a field is not as it must be
 */
export function formatEvent(event: ServerEvent): string {
  for (const key of Object.keys(event)) {
    if (!KNOWN.has(key)) throw bad(`it has no field "${key}"`);
  }
  const { data, event: name, id, retry } = event;
  let text = '';
  if (name !== undefined) text += `event: ${line('event', name)}\n`;
  if (id !== undefined) text += `id: ${line('id', id)}\n`;
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) {
      throw bad(`retry must be a whole number of milliseconds, got ${retry}`);
    }
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined || name !== undefined) {
    if (data !== undefined && typeof data !== 'string') {
      throw bad(`data must be a string, got ${typeof data}`);
    }
    for (const each of (data ?? '').split(LINE_BREAK)) text += `data: ${each}\n`;
  }
  return `${text}\n`;
}

/** A comment, which clients ignore: it keeps proxies from taking the silence for an end. */
export const HEARTBEAT = ':\n\n';

function line(field: string, value: string): string {
  if (typeof value === 'string' && !FORBIDDEN.test(value)) return value;
  throw bad(`${field} must be a string without line breaks and NUL, got ${JSON.stringify(value)}`);
}

function bad(why: string): TypeError {
  return misuse('ERR_EVENT', `Cannot send an event: ${why}`);
}
