/** A client that speaks permessage-deflate, by Node's zlib. */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import assert from 'node:assert/strict';
import type { SocketAddress } from '../../src/driver/index.ts';
import { Client, frame, Opcode } from './client.ts';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const WINDOW = 32 * 1024;
const NOTHING = Buffer.alloc(0);
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH } as const;

/** See the head of this file. Both sides may refer back to earlier messages, if that was agreed. */
export class DeflateClient {
  readonly client: Client;
  /** What the server has agreed to; '' for no compression. */
  readonly agreed: string;
  /** Messages that came compressed. */
  compressed = 0;
  #received: Buffer = NOTHING;
  #sent: Buffer = NOTHING;

  private constructor(client: Client, agreed: string) {
    this.client = client;
    this.agreed = agreed;
  }

  static async open(
    address: SocketAddress,
    path: string,
    offer = 'permessage-deflate; client_max_window_bits',
  ): Promise<DeflateClient> {
    const headers = offer === '' ? {} : { 'Sec-WebSocket-Extensions': offer };
    const { client, response } = await Client.upgrade(address, path, headers);
    assert.equal(response.status, 101);
    return new DeflateClient(client, response.headers.get('sec-websocket-extensions') ?? '');
  }

  /** The next message, decompressed. */
  async message(): Promise<Buffer> {
    const { reserved, opcode, payload } = await this.client.frame();
    assert.ok(opcode === Opcode.TEXT || opcode === Opcode.BINARY, `a message, not ${opcode}`);
    if (reserved === 0) return payload;
    assert.equal(reserved, 4);
    this.compressed += 1;
    const bits = Number(/server_max_window_bits=(\d+)/.exec(this.agreed)?.[1] ?? 15);
    const takesOver = !this.agreed.includes('server_no_context_takeover');
    const dictionary = takesOver ? this.#received.subarray(-(2 ** bits)) : NOTHING;
    const bytes = inflateRawSync(Buffer.concat([payload, TAIL]), {
      ...FLUSH,
      windowBits: Math.max(bits, 8),
      ...(dictionary.length === 0 ? {} : { dictionary }),
    });
    this.#received = Buffer.concat([this.#received, bytes]).subarray(-WINDOW);
    return bytes;
  }

  async text(): Promise<string> {
    return (await this.message()).toString();
  }

  /** A compressed message, in frames of at most `most` bytes. */
  send(opcode: number, data: string | Uint8Array, most: number = Infinity): void {
    const bytes = Buffer.from(data);
    const bits = Number(/client_max_window_bits=(\d+)/.exec(this.agreed)?.[1] ?? 15);
    const takesOver = !this.agreed.includes('client_no_context_takeover');
    const dictionary = takesOver ? this.#sent.subarray(-(2 ** bits)) : NOTHING;
    const whole = deflateRawSync(bytes, {
      ...FLUSH,
      windowBits: Math.max(bits, 9),
      ...(dictionary.length === 0 ? {} : { dictionary }),
    });
    this.#sent = Buffer.concat([this.#sent, bytes]).subarray(-WINDOW);
    const payload = whole.subarray(0, -4);
    for (let at = 0; at < payload.length; at += most) {
      const fin = at + most >= payload.length;
      const head = at === 0 ? { reserved: 4, fin } : { fin };
      const part = payload.subarray(at, fin ? payload.length : at + most);
      this.client.write(frame(at === 0 ? opcode : Opcode.CONTINUATION, part, head));
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
