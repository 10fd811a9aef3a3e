/**
 * Responses of HTTP/1.1 (RFC 9112) as far as a handshake needs them: one final head, strictly read,
 * and the beginning of its body. Bytes come in any pieces; every limit holds while they come.
 *
 *  1. Informational responses before the final one are skipped, but 101 is final. Their heads count
 *     towards the limit.
 *  2. Where two readers could believe different things (bare line feeds, folded lines, lengths that
 *     contradict each other) the response is refused.
 *  3. Nothing of a body is waited for once `BODY_BYTES_MAX` of it are there.
 */

/** Bytes of all heads together. */
export const HEAD_BYTES_MAX: number = 16 * 1024;
const HEADERS_MAX = 100;
/** Bytes of a body that are kept. */
export const BODY_BYTES_MAX: number = 64 * 1024;
/** Hexadecimal digits of a chunk's size, with what may follow them, and a trailer line. */
const CHUNK_LINE_MAX = 256;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2}) ?[\t -~\x80-\xff]*$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What RFC 9110 §5.5 allows in a field, as latin1. */
const VALUE = /^[\t -~\x80-\xff]*$/;
const LENGTH = /^[0-9]{1,15}$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;.*)?$/;
const SINGLE = new Set(['content-length', 'transfer-encoding', 'sec-websocket-accept']);

/** A final response. */
export interface Response {
  readonly status: number;
  /** Names in lower case; repeated headers joined with ', '. */
  readonly headers: ReadonlyMap<string, string>;
  /** The beginning of the body; empty after 101, or after a CONNECT that was accepted. */
  readonly body: Uint8Array;
  /** What came behind a response that opens something. */
  readonly rest: Uint8Array;
}

/** Where the reader is. */
export type ReaderState = 'more' | 'done' | 'failed';

interface Head {
  readonly status: number;
  readonly headers: Map<string, string>;
}

/** See the head of this file. */
export class ResponseReader {
  /** Whether a status opens a stream, so that what follows the head is not the body. */
  readonly #opens: (status: number) => boolean;
  #state: ReaderState = 'more';
  #problem = '';
  #pending: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #head: Head | undefined;
  /** Bytes of the body that are still to come: to the end of the stream when infinite. */
  #left = Infinity;
  #chunked: 'no' | 'size' | 'data' | 'end' | 'trailer' = 'no';
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(opens: (status: number) => boolean) {
    this.#opens = opens;
  }

  /** The rule that the response breaks, once it has failed. */
  get problem(): string {
    return this.#problem;
  }

  /** Takes bytes of private memory, which must not change afterwards. */
  push(bytes: Uint8Array): ReaderState {
    if (this.#state !== 'more') return this.#state;
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#head === undefined) this.#readHeads();
    if (this.#head !== undefined && this.#state === 'more') this.#readBody();
    return this.#state;
  }

  /** The stream has ended. */
  end(): ReaderState {
    if (this.#state !== 'more') return this.#state;
    if (this.#head === undefined) return this.#fail('The connection ended before the response did');
    // A body that was cut off is still the best there is to show.
    return (this.#state = 'done');
  }

  /** Nobody waits any longer: what is there of a final response is all. */
  cut(): ReaderState {
    return this.#head === undefined ? this.#state : this.end();
  }

  /** The response, once it is done. */
  response(): Response {
    const { status, headers } = this.#head!;
    const opens = this.#opens(status);
    return {
      status,
      headers,
      body: Buffer.concat(this.#body),
      rest: opens ? this.#pending : new Uint8Array(0),
    };
  }

  // ---- heads

  #readHeads(): void {
    while (this.#head === undefined) {
      const end = this.#pending.indexOf('\r\n\r\n');
      const size = end < 0 ? this.#pending.length : end + 4;
      if (this.#headBytes + size > HEAD_BYTES_MAX) {
        this.#fail(`The head of the response is above ${HEAD_BYTES_MAX} bytes`);
        return;
      }
      if (end < 0) {
        this.#checkBeginning();
        return;
      }
      this.#headBytes += size;
      const head = this.#parse(this.#pending.toString('latin1', 0, end));
      this.#pending = this.#pending.subarray(size);
      if (head === undefined) return;
      const { status } = head;
      if (status >= 200 || status === 101) this.#begin(head);
    }
  }

  /** What can be no response is not waited for. */
  #checkBeginning(): void {
    const wanted = 'HTTP/1.';
    const seen = this.#pending.toString('latin1', 0, wanted.length);
    if (!wanted.startsWith(seen)) this.#fail('The answer is not an HTTP/1.1 response');
  }

  #parse(text: string): Head | undefined {
    const [line = '', ...fields] = text.split('\r\n');
    const match = STATUS_LINE.exec(line);
    if (match === null) return this.#refuse('The status line of the response is malformed');
    if (fields.length > HEADERS_MAX) {
      return this.#refuse(`The response has more than ${HEADERS_MAX} headers`);
    }
    const headers = new Map<string, string>();
    for (const field of fields) {
      const colon = field.indexOf(':');
      const name = field.slice(0, Math.max(colon, 0));
      const value = field.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
      if (!TOKEN.test(name) || !VALUE.test(value)) {
        return this.#refuse('A header of the response is malformed');
      }
      const key = name.toLowerCase();
      const before = headers.get(key);
      if (before !== undefined && SINGLE.has(key)) {
        return this.#refuse(`The ${key} header of the response appears twice`);
      }
      headers.set(key, before === undefined ? value : `${before}, ${value}`);
    }
    const status = Number(match[2]);
    if (status === 101 && match[1] === '0') {
      return this.#refuse('An HTTP/1.0 response cannot open a WebSocket');
    }
    return { status, headers };
  }

  #begin(head: Head): void {
    this.#head = head;
    const { status, headers } = head;
    if (this.#opens(status) || status === 204 || status === 304) {
      this.#state = 'done';
      return;
    }
    const length = headers.get('content-length');
    const encoding = headers.get('transfer-encoding');
    if (encoding !== undefined) {
      if (length !== undefined || encoding.toLowerCase() !== 'chunked') {
        this.#fail('The length of the response body is not clear');
        return;
      }
      this.#chunked = 'size';
    } else if (length !== undefined) {
      if (!LENGTH.test(length)) this.#fail('The length of the response body is malformed');
      this.#left = Number(length);
    }
  }

  // ---- the body

  #readBody(): void {
    while (this.#state === 'more') {
      if (this.#chunked === 'no' || this.#chunked === 'data') {
        this.#keep();
        if (this.#left > 0) return;
        if (this.#chunked === 'no') this.#state = 'done';
        else this.#chunked = 'end';
        continue;
      }
      const end = this.#pending.indexOf('\r\n');
      if (end > CHUNK_LINE_MAX || (end < 0 && this.#pending.length > CHUNK_LINE_MAX)) {
        this.#fail('A chunk of the response body is malformed');
      }
      if (end < 0) return;
      const line = this.#pending.toString('latin1', 0, end);
      this.#pending = this.#pending.subarray(end + 2);
      this.#readChunkLine(line);
    }
  }

  #readChunkLine(line: string): void {
    if (this.#chunked === 'trailer') {
      if (line === '') this.#state = 'done';
      return;
    }
    if (this.#chunked === 'end') {
      this.#chunked = 'size';
      if (line !== '') this.#fail('A chunk of the response body is malformed');
      return;
    }
    const size = CHUNK_SIZE.exec(line)?.[1];
    if (size === undefined) {
      this.#fail('A chunk of the response body is malformed');
      return;
    }
    this.#left = parseInt(size, 16);
    this.#chunked = this.#left === 0 ? 'trailer' : 'data';
  }

  #keep(): void {
    const count = Math.min(this.#left, this.#pending.length, BODY_BYTES_MAX - this.#bodyBytes);
    if (count > 0) this.#body.push(Buffer.from(this.#pending.subarray(0, count)));
    this.#bodyBytes += count;
    this.#left -= count;
    this.#pending = this.#pending.subarray(count);
    if (this.#bodyBytes >= BODY_BYTES_MAX) this.#state = 'done';
  }

  #refuse(problem: string): undefined {
    this.#fail(problem);
    return undefined;
  }

  #fail(problem: string): ReaderState {
    this.#problem = problem;
    this.#pending = Buffer.alloc(0);
    return (this.#state = 'failed');
  }
}
