import { misuse } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import { Opcode } from '../../websocket/index.ts';
import { encode, encoded } from './encode.ts';
import { Message } from './message.ts';

/** What programs send. */
export type Sendable = Message | string | Uint8Array;

/** What is to be sent, taken apart: kept in fields, so that a message costs no object. */
export class Outgoing {
  opcode = 0;
  /** An offset in the arena, or private memory of which the beginning counts. */
  source: number | Uint8Array = 0;
  length = 0;

  /** @throws {TypeError} ERR_OPTION_TYPE, ERR_LEASE_RELEASED */
  set(data: Sendable, arena: Arena): void {
    if (data instanceof Message) {
      this.opcode = data.opcode;
      this.source = data.isIn(arena) ? data.offset : data.bytes();
      this.length = data.length;
    } else if (typeof data === 'string') {
      this.opcode = Opcode.TEXT;
      const length = encode(data);
      this.source = length < 0 ? Buffer.from(data) : encoded;
      this.length = length < 0 ? this.source.length : length;
    } else if (data instanceof Uint8Array) {
      this.opcode = Opcode.BINARY;
      this.source = data;
      this.length = data.length;
    } else {
      throw misuse(
        'ERR_OPTION_TYPE',
        `Cannot send ${data === null ? 'null' : typeof data}: it must be a string, a Uint8Array or a ` +
          'received message; objects go as JSON.stringify(object)',
      );
    }
  }
}
