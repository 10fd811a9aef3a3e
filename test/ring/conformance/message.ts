/** The message of spec/conformance.md, and what must be in it. */
import assert from 'node:assert/strict';
import {
  array,
  f32,
  f64,
  flags,
  i16,
  oneOf,
  slab,
  struct,
  type StructType,
  text,
  u32,
  u64,
} from '../../../src/memory/index.ts';

/** A message as a plain object. */
export interface Message {
  producer: number;
  sequence: number;
  value: number;
  big: bigint;
  side: 'buy' | 'sell';
  tags: { a: boolean; b: boolean; c: boolean };
  symbol: string;
  small: number;
  pair: number[];
  note: string;
  data: Uint8Array;
}

/** The names of its slab fields. */
export type MessageSlabs = 'note' | 'data';

/** The struct, as users declare one. */
export const Message: StructType<Message, MessageSlabs> = struct('conformance.Message', {
  producer: u32,
  sequence: u32,
  value: f64,
  big: u64,
  side: oneOf('u8', ['buy', 'sell']),
  tags: flags('u8', ['a', 'b', 'c']),
  symbol: text(8),
  small: i16,
  pair: array(f32, 2),
  note: slab(),
  data: slab('bytes'),
});

/** The text of spec/conformance.md: what the declaration above must come to. */
export const MESSAGE_LAYOUT = `rondo-struct 1
name conformance.Message
field producer u32 0
field sequence u32 4
field value f64 8
field big u64 16
field side enum:u8(buy,sell) 24
field tags flags:u8(a,b,c) 25
field symbol text[8] 26
field small i16 34
field pair array[2](f32) 36
field note slab:text 44
field data slab:bytes 52
size 64 align 8
`;

assert.equal(Message.layout, MESSAGE_LAYOUT, 'the layout of the conformance message');

/** Offset of the first reference: everything before it is the same in every ring. */
const REFERENCES = 44;

function mix(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/** Message K of producer P. */
export function messageOf(producer: number, sequence: number): Message {
  const x = mix((Math.imul(producer, 0x9e3779b1) + sequence) | 0);
  return {
    producer,
    sequence,
    value: (x >>> 8) / 256,
    big: BigInt.asUintN(64, BigInt(x) * 4294967291n + BigInt(sequence)),
    side: (x & 1) === 0 ? 'buy' : 'sell',
    tags: { a: (x & 2) !== 0, b: (x & 4) !== 0, c: (x & 8) !== 0 },
    symbol: String(x % 10 ** 7),
    small: (x << 16) >> 16,
    // Subtracted, not negated: nothing is +0.
    pair: [x & 255, 0 - ((x >>> 8) & 255) / 2],
    note: 'é'.repeat(x % 5) + String(sequence),
    data: Uint8Array.from({ length: x % 97 }, (_, i) => (x + i) & 255),
  };
}

/** The bytes in front of the references, made without the library. */
function imageOf(message: Message): Buffer {
  const image = Buffer.alloc(REFERENCES);
  const { tags } = message;
  image.writeUInt32LE(message.producer, 0);
  image.writeUInt32LE(message.sequence, 4);
  image.writeDoubleLE(message.value, 8);
  image.writeBigUInt64LE(message.big, 16);
  image[24] = message.side === 'buy' ? 0 : 1;
  image[25] = Number(tags.a) | (Number(tags.b) << 1) | (Number(tags.c) << 2);
  image.write(message.symbol, 26, 'latin1');
  image.writeInt16LE(message.small, 34);
  image.writeFloatLE(message.pair[0]!, 36);
  image.writeFloatLE(message.pair[1]!, 40);
  return image;
}

/**
 * Compares a message with what it must be: its bytes in memory, and what the library reads there.
 * @throws {Error} that says which message, and what is wrong
 */
export function checkMessage(bytes: Uint8Array, read: Message): void {
  const { producer, sequence } = read;
  const wanted = messageOf(producer, sequence);
  const who = `message ${sequence} of producer ${producer}`;
  const image = imageOf(wanted);
  const found = Buffer.from(bytes.slice(0, REFERENCES));
  if (!found.equals(image)) {
    throw new Error(`${who} is ${found.toString('hex')}, not ${image.toString('hex')}`);
  }
  const { note, data } = read;
  if (note !== wanted.note) throw new Error(`${who} has the note ${note}, not ${wanted.note}`);
  if (Buffer.compare(data, wanted.data) !== 0) {
    throw new Error(`${who} has the data ${Buffer.from(data).toString('hex')}`);
  }
  try {
    assert.deepEqual(read, wanted);
  } catch (error) {
    throw new Error(`${who} reads as something else: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
