/** Responses (RFC 9112 §4, RFC 9110 §6.6.1, §8.6): whole ones in one buffer, or heads alone. */
import { STATUS_CODES } from 'node:http';
import { formatHttpDate, misuse, outOfRange, wallClock, type Clock } from '../base/index.ts';

/** A response to format. */
export interface HttpResponse {
  /** 100 to 599. */
  readonly status: number;
  /**
   * Headers as given; a list makes one line for each value. Date, Content-Length and
   * Transfer-Encoding are the formatter's own. @default none
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is sent as UTF-8. @default empty */
  readonly body?: string | Uint8Array;
  /** False announces that the connection ends after this response. @default true */
  readonly keepAlive?: boolean;
  /** Leaves the body out and keeps its length, as a response to HEAD must. @default false */
  readonly headOnly?: boolean;
}

/** A head to format, whose body follows on its own. */
export interface ResponseHead {
  /** 100 to 599. */
  readonly status: number;
  /** As in `HttpResponse`. @default none */
  readonly headers?: HttpResponse['headers'];
  /**
   * How the body is delimited: by its bytes, in chunks (HTTP/1.1 only), or by the end of the
   * connection. Nothing announces it when the status allows no body.
   */
  readonly length: number | 'chunked' | 'close';
  /** As in `HttpResponse`; false with a length of 'close'. @default true */
  readonly keepAlive?: boolean;
}

/** What says that the client may send the body that it has held back (RFC 9110 §10.1.1). */
export const CONTINUE: Buffer = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters of latin1, spaces and tabs: nothing that could begin another line. */
const HEADER_VALUE = /^[\t -~\x80-\xff]*$/;
const OWN_HEADERS = new Set(['date', 'content-length', 'transfer-encoding']);

const EMPTY = Buffer.alloc(0);

/** The Date of one second, made once. */
let dateSecond = NaN;
let dateText = '';

/**
 * The bytes of a response.
 * @throws {RangeError} ERR_HTTP_STATUS when the status is no status or allows no body
 * @throws {TypeError} ERR_HTTP_HEADER when a name or value is not valid or not the caller's
 */
export function formatResponse(response: HttpResponse, clock: Clock = wallClock): Buffer {
  const { status, headers, keepAlive = true, headOnly = false } = response;
  const body = toBytes(response.body);
  const bodiless = checkStatus(status, body.length);
  const bytes = formatHeadText(
    status,
    headers,
    keepAlive,
    bodiless ? '' : lengthLine(body.length),
    clock,
  );
  return headOnly || body.length === 0 ? bytes : Buffer.concat([bytes, body]);
}

/**
 * The bytes of a response's head.
 * @throws {RangeError} ERR_HTTP_STATUS when the status is no status, or allows no body and has a
 * length above 0
 * @throws {TypeError} ERR_HTTP_HEADER when a name or value is not valid or not the caller's
 */
export function formatHead(head: ResponseHead, clock: Clock = wallClock): Buffer {
  const { status, headers, keepAlive = true, length } = head;
  const bodiless = checkStatus(status, typeof length === 'number' ? length : 0);
  const stays = keepAlive && length !== 'close';
  return formatHeadText(status, headers, stays, bodiless ? '' : lengthLine(length), clock);
}

function lengthLine(length: ResponseHead['length']): string {
  if (length === 'close') return '';
  return length === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length}\r\n`;
}

function formatHeadText(
  status: number,
  headers: HttpResponse['headers'],
  keepAlive: boolean,
  length: string,
  clock: Clock,
): Buffer {
  const connection: string[] = [];
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${formatDate(clock)}\r\n`;
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of typeof values === 'object' ? values : [values]) {
      checkHeader(name, value);
      if (name.toLowerCase() === 'connection') connection.push(value);
      else head += `${name}: ${value}\r\n`;
    }
  }
  if (!keepAlive) connection.push('close');
  if (connection.length > 0) head += `Connection: ${connection.join(', ')}\r\n`;
  return Buffer.from(`${head}${length}\r\n`, 'latin1');
}

/** Whether the status allows no body, and so no Content-Length. */
function checkStatus(status: number, length: number): boolean {
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw outOfRange(
      'ERR_HTTP_STATUS',
      `Cannot respond with status ${status}: it must be an integer from 100 to 599`,
    );
  }
  const bodiless = status < 200 || status === 204 || status === 304;
  if (bodiless && length > 0) {
    throw outOfRange(
      'ERR_HTTP_STATUS',
      `Cannot respond with status ${status} and a body of ${length} bytes: it must have none`,
    );
  }
  return bodiless;
}

function checkHeader(name: string, value: string): void {
  if (!HEADER_NAME.test(name) || OWN_HEADERS.has(name.toLowerCase())) {
    throw misuse(
      'ERR_HTTP_HEADER',
      `Cannot send header ${JSON.stringify(name)}: it must be a token, and not one that is ` +
        'computed (Date, Content-Length, Transfer-Encoding)',
    );
  }
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) {
    throw misuse(
      'ERR_HTTP_HEADER',
      `Cannot send header ${name}: its value must be latin1 text without line breaks or control ` +
        `characters, got ${JSON.stringify(value)}`,
    );
  }
}

function toBytes(body: string | Uint8Array | undefined): Uint8Array {
  if (body === undefined) return EMPTY;
  return typeof body === 'string' ? Buffer.from(body) : body;
}

function formatDate(clock: Clock): string {
  const second = Math.floor(clock.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = formatHttpDate(second * 1000);
  }
  return dateText;
}
