/**
 * Payloads that compress as real ones do, and what they are when compressed: the generator, which
 * has no compressor, gets them in a file (layout: `generator/payload.h`).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, deflateRawSync } from 'node:zlib';

/** As many as the generator has. */
const VARIANTS = 16;
/** The empty block at the end of a flush, which permessage-deflate leaves away. Bytes. */
const TAIL = 4;

/** One update of a feed after another: JSON with the same names and other values. */
function feed(size: number, variant: number): Buffer {
  let state = 88_675_123 + variant * 7919;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  // The generator tells variants by the first byte.
  let text = String.fromCharCode(65 + variant);
  while (text.length < size) {
    const [id, price, volume] = [next(1_000_000), next(100_000) / 100, next(10_000)];
    const side = next(2) === 0 ? 'buy' : 'sell';
    text += `{"id":${id},"symbol":"RND${next(90) + 10}","side":"${side}","price":${price},`;
    text += `"volume":${volume},"time":${1_700_000_000_000 + next(1e9)}}`;
  }
  return Buffer.from(text.slice(0, size));
}

/** A message as permessage-deflate sends it. */
function pack(plain: Buffer): Buffer {
  const packed = deflateRawSync(plain, { finishFlush: constants.Z_SYNC_FLUSH });
  return packed.subarray(0, packed.length - TAIL);
}

function measured(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}

function write(root: string, name: string, payloads: readonly (readonly Buffer[])[]): string {
  const folder = join(root, 'build', 'payloads');
  const file = join(folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, Buffer.concat(payloads.flat().flatMap(measured)));
  return file;
}

function variants<T>(make: (variant: number) => T): T[] {
  return Array.from({ length: VARIANTS }, (_, variant) => make(variant));
}

/** Writes the payloads of a size; returns the file. */
export function payloadFile(root: string, size: number): string {
  const payloads = variants((variant) => {
    const plain = feed(size, variant);
    return [plain, pack(plain)];
  });
  return write(root, `${size}.bin`, payloads);
}

/** Writes a message that becomes `size` zeros, a thousandth as long. */
export function bombFile(root: string, size: number): string {
  const packed = pack(Buffer.alloc(size));
  return write(
    root,
    'bomb.bin',
    variants(() => [Buffer.alloc(0), packed]),
  );
}
