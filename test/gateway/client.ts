/** A client that can do everything wrong: raw bytes over Node's sockets, and WebSocket frames. */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { SocketAddress } from '../../src/driver/index.ts';

/** A frame from the server. */
export interface Frame {
  readonly fin: boolean;
  /** The reserved bits: 4 for a compressed message. */
  readonly reserved: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A response from the server. */
export interface Response {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What a frame may have that is not usual. */
export interface FrameOptions {
  readonly fin?: boolean;
  readonly masked?: boolean;
  readonly reserved?: number;
  /** Bytes of the length: 0, 2 or 8; the shortest when not given. */
  readonly lengthBytes?: number;
}

export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A frame as a client sends it. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = '',
  options: FrameOptions = {},
): Buffer {
  const { fin = true, masked = true, reserved = 0 } = options;
  const body = Buffer.from(payload);
  const { length } = body;
  const lengthBytes = options.lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  head[1] |= 0x80;
  for (let i = 0; i < length; i++) body[i]! ^= MASK[i & 3]!;
  return Buffer.concat([head, MASK, body]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** A handshake that is right, but for the headers that are replaced, or left out with undefined. */
export function handshake(
  path: string,
  replaced: Readonly<Record<string, string | undefined>> = {},
  method = 'GET',
): string {
  const headers: Record<string, string | undefined> = {
    Host: 'test',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...replaced,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\n${text}\r\n`;
}

/** See the head of this file. */
export class Client {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #over: 'open' | 'end' | 'reset' = 'open';
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    socket.on('end', () => this.#finished('end'));
    socket.on('error', () => this.#finished('reset'));
    socket.on('close', () => this.#finished('reset'));
  }

  /** A connection on which nothing was said. */
  static connect(address: SocketAddress): Promise<Client> {
    return new Promise((resolve, reject) => {
      const to = 'path' in address ? address : { host: '127.0.0.1', port: address.port };
      const socket = connect({ ...to, noDelay: true, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new Client(socket));
      });
    });
  }

  /** An open WebSocket. */
  static async open(address: SocketAddress, path = '/echo'): Promise<Client> {
    const client = await Client.connect(address);
    client.write(handshake(path));
    const response = await client.response();
    if (response.status !== 101) throw new Error(`${path} answers ${response.status}`);
    const accept = createHash('sha1')
      .update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    if (response.headers.get('sec-websocket-accept') !== accept) throw new Error('wrong accept');
    return client;
  }

  /** A connection that has asked for a WebSocket, and the answer. */
  static async upgrade(
    address: SocketAddress,
    path: string,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<{ readonly client: Client; readonly response: Response }> {
    const client = await Client.connect(address);
    client.write(handshake(path, headers));
    return { client, response: await client.response() };
  }

  #finished(how: 'end' | 'reset'): void {
    if (this.#over === 'open') this.#over = how;
    this.#wake();
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  send(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): void {
    this.write(frame(opcode, payload, options));
  }

  /** Ends this side with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#over !== 'open') {
        const rest = this.#received.toString('latin1').slice(0, 200);
        throw new Error(`the connection is over (${this.#over}), received ${rest}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The next bytes. */
  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** The next frame, which must be one from a server. */
  async frame(): Promise<Frame> {
    const [first, second] = await this.bytes(2);
    if ((second! & 0x80) !== 0) throw new Error('a frame from a server is masked');
    let length = second! & 0x7f;
    if (length === 126) length = (await this.bytes(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.bytes(8)).readBigUInt64BE());
    const payload = await this.bytes(length);
    const reserved = (first! >> 4) & 7;
    return { fin: (first! & 0x80) !== 0, reserved, opcode: first! & 0x0f, payload };
  }

  /** The next message as text. */
  async text(): Promise<string> {
    const { opcode, payload } = await this.frame();
    if (opcode !== Opcode.TEXT) throw new Error(`expected a text, got opcode ${opcode}`);
    return payload.toString();
  }

  /** The code of the next frame, which must be a close frame; 1005 without one. */
  async closeCode(): Promise<number> {
    const { opcode, payload } = await this.frame();
    if (opcode !== Opcode.CLOSE) throw new Error(`expected a close frame, got opcode ${opcode}`);
    return payload.length === 0 ? 1005 : payload.readUInt16BE();
  }

  /** The next response, its body by Content-Length; a 101 has none. */
  async response(headOnly = false): Promise<Response> {
    await this.#until(() => this.#received.includes('\r\n\r\n'));
    const text = await this.bytes(this.#received.indexOf('\r\n\r\n') + 4);
    const [line, ...lines] = text.toString('latin1').trimEnd().split('\r\n');
    const headers = new Map<string, string>();
    for (const each of lines) {
      const colon = each.indexOf(':');
      headers.set(each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim());
    }
    const length = headOnly ? 0 : Number(headers.get('content-length') ?? 0);
    const body = (await this.bytes(length)).toString();
    return { status: Number(line!.split(' ')[1]), headers, body };
  }

  /** Waits until the server ends its side, and ends this one. What came before is left unread. */
  async over(): Promise<'end' | 'reset'> {
    while (this.#over === 'open') await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#over === 'end') this.socket.end();
    return this.#over;
  }

  /** Whether bytes have come that nobody asked for yet. */
  get hasMore(): boolean {
    return this.#received.length > 0;
  }

  /** The close handshake from this side, to the end. */
  async close(code = 1000): Promise<void> {
    this.send(Opcode.CLOSE, closePayload(code));
    const answer = await this.closeCode();
    if (answer !== code) throw new Error(`closed with ${code}, answered ${answer}`);
    await this.over();
  }
}
