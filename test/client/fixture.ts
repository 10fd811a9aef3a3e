/** What the tests of the client stand on: servers that behave, and servers that do not. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach } from 'node:test';
import { driverStatuses, type RealDriverKind } from '../../src/driver/index.ts';
import {
  createGateway,
  echoRoute,
  type Gateway,
  type GatewayOptions,
} from '../../src/gateway/index.ts';
import {
  WebSocket,
  type CloseEvent,
  type ErrorEvent,
  type Timers,
  type WebSocketOptions,
} from '../../src/websocket/index.ts';

/** No test waits longer for what must come: generous, because the machine may be busy. */
const DEADLINE_MS = 30_000;

/** Waits for a condition, never for a duration. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `this did not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** How a socket ended, with the names of its events in order. */
export interface Ending {
  readonly close: CloseEvent;
  readonly error: Error | undefined;
  readonly events: readonly string[];
}

/** Resolves at the close event. */
export function ending(socket: WebSocket): Promise<Ending> {
  return new Promise((resolve) => {
    const events: string[] = [];
    let error: Error | undefined;
    socket.addEventListener('open', () => events.push('open'));
    socket.addEventListener('error', (event: ErrorEvent) => {
      events.push('error');
      error = event.error;
    });
    socket.addEventListener('close', (close: CloseEvent) => {
      events.push('close');
      resolve({ close, error, events });
    });
  });
}

/** Asserts the code of an error. */
export function hasCode(error: unknown, code: string): void {
  assert.equal((error as { code?: unknown } | undefined)?.code, code, String(error));
}

// ---- a server that does everything by hand

const MASK_BIT = 0x80;

/** A frame from a client, unmasked. */
export interface ClientFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly masked: boolean;
  readonly key: number;
  readonly payload: Buffer;
}

/** A frame as a server sends it; `masked` and the reserved bits make it wrong. */
export function serverFrame(
  opcode: number,
  payload: string | Uint8Array = '',
  options: { fin?: boolean; masked?: boolean; reserved?: number } = {},
): Buffer {
  const { fin = true, masked = false, reserved = 0 } = options;
  const body = Buffer.from(payload);
  const { length } = body;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (length < 126 ? length : length < 65_536 ? 126 : 127) | (masked ? MASK_BIT : 0);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** A connection at the raw server. */
export class Peer {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** The client has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended) throw new Error('the client has ended');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async over(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#length >= count);
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    const all = this.#chunks[0] ?? Buffer.alloc(0);
    this.#chunks = [all.subarray(count)];
    this.#length -= count;
    return all.subarray(0, count);
  }

  /** The head of the next request. */
  async request(): Promise<{ line: string; headers: ReadonlyMap<string, string> }> {
    let end = -1;
    await this.#until(() => {
      end = Buffer.concat(this.#chunks).indexOf('\r\n\r\n');
      return end >= 0;
    });
    const text = await this.bytes(end + 4);
    const [line = '', ...lines] = text.toString('latin1').trimEnd().split('\r\n');
    const headers = new Map<string, string>();
    for (const each of lines) {
      const colon = each.indexOf(':');
      headers.set(each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim());
    }
    return { line, headers };
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Reads the handshake and answers it, with `extra` header lines. */
  async accept(extra = ''): Promise<ReadonlyMap<string, string>> {
    const { headers } = await this.request();
    this.write(acceptance(headers, extra));
    return headers;
  }

  async frame(): Promise<ClientFrame> {
    const [first, second] = await this.bytes(2);
    let length = second! & 0x7f;
    if (length === 126) length = (await this.bytes(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.bytes(8)).readBigUInt64BE());
    const masked = (second! & MASK_BIT) !== 0;
    const mask = masked ? await this.bytes(4) : Buffer.alloc(4);
    const payload = Buffer.from(await this.bytes(length));
    for (let i = 0; i < length; i++) payload[i]! ^= mask[i & 3]!;
    return {
      fin: (first! & 0x80) !== 0,
      opcode: first! & 0x0f,
      masked,
      key: mask.readUInt32LE(),
      payload,
    };
  }
}

/** The 101 that a handshake asks for. */
export function acceptance(headers: ReadonlyMap<string, string>, extra = ''): string {
  const accept = createHash('sha1')
    .update(`${headers.get('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n${extra}\r\n`
  );
}

/** Makes a server's end of each connection say something. */
export type Script = (peer: Peer) => unknown;

// ---- what a test is given

export interface Fixture {
  /** A socket on the driver, which is terminated after the test. */
  readonly connect: (
    url: string,
    protocols?: string | readonly string[],
    options?: WebSocketOptions,
    timers?: Timers,
  ) => WebSocket;
  /** A gateway with `/echo`; gives the URL without a path. */
  readonly gateway: (
    options?: GatewayOptions,
  ) => Promise<{ readonly gateway: Gateway; readonly url: string }>;
  /** A raw server; gives its URL and port, and its end of each connection. */
  readonly server: (
    script: Script,
  ) => Promise<{ readonly url: string; readonly port: number; readonly peers: Peer[] }>;
}

/** The drivers to test on; `RONDO_DRIVER` chooses one. */
export const drivers: readonly RealDriverKind[] = driversUnderTest();

function driversUnderTest(): RealDriverKind[] {
  const forced = process.env['RONDO_DRIVER'];
  const usable = driverStatuses().filter(({ available }) => available);
  const kinds = usable.map(({ kind }) => kind);
  return forced ? kinds.filter((kind) => kind === forced) : kinds;
}

/** For the tests of one `describe`. */
export function fixture(driver: RealDriverKind): Fixture {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });
  return {
    connect: (url, protocols = [], options = {}, timers) => {
      const socket = new WebSocket(url, protocols, { driver, ...options }, timers);
      // Before the servers, which would wait for it.
      cleanups.unshift(() => socket.terminate());
      return socket;
    },
    gateway: async (options = {}) => {
      const limits = { maxConnections: 2048, receiveBuffers: 64 };
      const gateway = createGateway({ port: 0, host: '127.0.0.1', driver, ...limits, ...options });
      cleanups.push(() => gateway.close({ deadlineMs: 0 }));
      gateway.websocket('/echo', echoRoute());
      const address = await gateway.listen();
      return { gateway, url: 'port' in address ? `ws://127.0.0.1:${address.port}` : '' };
    },
    server: async (script) => {
      const { server, peers } = rawServer(script);
      cleanups.push(() => stop(server, peers));
      const port = await listening(server);
      return { url: `ws://127.0.0.1:${port}`, port, peers };
    },
  };
}

function rawServer(script: Script): { server: Server; peers: Peer[] } {
  const peers: Peer[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    // That the client leaves in the middle of a script is what some tests are about.
    Promise.resolve(script(peer)).catch(() => undefined);
  });
  return { server, peers };
}

/** Listens on a free port of the loopback. */
export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function stop(server: Server, peers: readonly Peer[]): Promise<void> {
  for (const { socket } of peers) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}
