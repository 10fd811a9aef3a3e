/**
 * Frame cases for permessage-deflate, written from RFC 7692, in the manner of frames.ts: 12 sizes
 * and fragments, 13 windows and blocks, 14 what must be refused.
 */
import { constants, deflateRawSync } from 'node:zlib';
import type { Rules } from '../fuzz/reference-decoder.ts';
import { CASE_RULES, frame, got, hex, make, type FrameCase } from './frames.ts';

/** The limits that the cases assume. */
export const DEFLATE_RULES: Rules = { ...CASE_RULES, deflate: 'takeover' };

/** Text that compresses, of `size` bytes. */
function text(size: number): string {
  let all = '';
  for (let i = 0; all.length < size; i++) all += `{"id":${i},"name":"user ${(i * 7919) % 997}"},`;
  return all.slice(0, size);
}

function pack(data: string | readonly number[], level = 6): number[] {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Uint8Array.from(data);
  const finishFlush = constants.Z_SYNC_FLUSH;
  return [...deflateRawSync(bytes, { level, finishFlush }).subarray(0, -4)];
}

const RSV1 = 0x40;
const TEXT = 0x81 + RSV1;
const BINARY = 0x82 + RSV1;
const TEXT_START = 0x01 + RSV1;
const HELLO = hex('f2 48 cd c9 c9 07 00');

/** A packed message in frames of `size` bytes, with `between` in front of each but the first. */
function fragments(
  packed: readonly number[],
  size: number,
  between: readonly (readonly number[])[] = [],
): number[][] {
  const frames: number[][] = [];
  for (let at = 0; at < packed.length; at += size) {
    const last = at + size >= packed.length ? 0x80 : 0;
    const first = (at === 0 ? TEXT_START : 0x00) + last;
    if (at > 0) frames.push(...between.map((each) => [...each]));
    frames.push(frame(first, packed.slice(at, at + size)));
  }
  return frames;
}

const sizes: FrameCase[] = [0, 1, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 100_000]
  .flatMap((size, index) =>
    [1, 6, 9].map((level) =>
      make(
        `12.1.${index + 1}.${level} text of ${size} bytes, level ${level}`,
        [frame(TEXT, pack(text(size), level))],
        got.text(text(size)),
      ),
    ),
  )
  .concat(
    make(
      '12.2.1 three messages that stand alone',
      [frame(TEXT, pack('one')), frame(BINARY, pack([1, 2, 255])), frame(TEXT, pack('three'))],
      got.text('one'),
      got.binary([1, 2, 255]),
      got.text('three'),
    ),
    make(
      '12.2.2 compressed and not, by turns',
      [frame(0x81, 'plain'), frame(TEXT, HELLO), frame(0x82, [0xff]), frame(TEXT, HELLO)],
      got.text('plain'),
      got.text('Hello'),
      got.binary([0xff]),
      got.text('Hello'),
    ),
    make('12.3.1 fragments of 3 bytes', fragments(HELLO, 3), got.text('Hello')),
    make(
      '12.3.2 fragments of 100 bytes of a large text',
      fragments(pack(text(20_000)), 100),
      got.text(text(20_000)),
    ),
    make(
      '12.3.3 a ping in front of each fragment',
      fragments(HELLO, 3, [frame(0x89, 'p')]),
      got.ping('p'),
      got.ping('p'),
      got.text('Hello'),
    ),
    make(
      '12.3.4 empty fragments around it',
      [frame(TEXT_START), frame(0x00, HELLO), frame(0x80)],
      got.text('Hello'),
    ),
    make('12.3.5 a character in two fragments', fragments(pack('κόσμε'), 5), got.text('κόσμε')),
  );

const blocks: FrameCase[] = [
  make('13.1 §7.2.3.1 one block', [frame(TEXT, HELLO)], got.text('Hello')),
  make(
    '13.2 §7.2.3.2 the second message refers back to the first',
    [frame(TEXT, HELLO), frame(TEXT, hex('f2 00 11 00 00'))],
    got.text('Hello'),
    got.text('Hello'),
  ),
  make(
    '13.3 §7.2.3.3 a block without compression',
    [frame(TEXT, hex('00 05 00 fa ff 48 65 6c 6c 6f 00'))],
    got.text('Hello'),
  ),
  make(
    '13.4 §7.2.3.4 a block with BFINAL, and a message behind it',
    [frame(TEXT, hex('f3 48 cd c9 c9 07 00 00')), frame(TEXT, hex('f2 00 11 00 00'))],
    got.text('Hello'),
    got.text('Hello'),
  ),
  make(
    '13.5 §7.2.3.5 two blocks',
    [frame(TEXT, hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'))],
    got.text('Hello'),
  ),
  make('13.6 §7.2.3.6 an empty message', [frame(TEXT, hex('00'))], got.text()),
  make(
    '13.7 an empty message of no bytes',
    [frame(TEXT), frame(TEXT, HELLO)],
    got.text(),
    got.text('Hello'),
  ),
  make(
    '13.8 §7.2.3.5 in fragments that are no blocks',
    [frame(TEXT_START, hex('f2 48 05 00 00')), frame(0x80, hex('00 ff ff ca c9 c9 07 00'))],
    got.text('Hello'),
  ),
];

const refused: FrameCase[] = [
  make('14.1 reserved bits 5', [frame(0x81 + 0x50)], got.fail(1002)),
  make('14.2 reserved bits 6', [frame(0x81 + 0x60)], got.fail(1002)),
  make('14.3 RSV1 on a ping', [frame(0x89 + RSV1)], got.fail(1002)),
  make('14.4 RSV1 on a close', [frame(0x88 + RSV1)], got.fail(1002)),
  make(
    '14.5 RSV1 on a continuation',
    [frame(TEXT_START, HELLO.slice(0, 3)), frame(0x80 + RSV1, HELLO.slice(3))],
    got.fail(1002),
  ),
  make('14.6 RSV1 on an opcode that is not assigned', [frame(0x83 + RSV1)], got.fail(1002)),
  make('14.7 rubbish', [frame(BINARY, hex('ff ff ff ff'))], got.fail(1007)),
  make('14.8 a message that is cut off', [frame(BINARY, HELLO.slice(0, 4))], got.fail(1007)),
  make(
    '14.9 rubbish behind BFINAL',
    [frame(BINARY, hex('f3 48 cd c9 c9 07 00 ff'))],
    got.fail(1007),
  ),
  make('14.10 further back than there is', [frame(BINARY, hex('f2 00 11 00 00'))], got.fail(1007)),
  make(
    '14.11 text that is not UTF-8',
    [frame(TEXT, pack([0x61, 0xed, 0xa0, 0x80]))],
    got.fail(1007),
  ),
  make('14.12 text that ends in a character', [frame(TEXT, pack([0xc3]))], got.fail(1007)),
  make('14.13 inflated above the limit', [frame(BINARY, pack(text(100_001)))], got.fail(1009)),
  make(
    '14.14 a bomb',
    [frame(BINARY, [...pack(new Array<number>(8_000_000).fill(0))])],
    got.fail(1009),
  ),
  make(
    '14.15 what follows a refused message is ignored',
    [frame(TEXT, HELLO), frame(BINARY, hex('07')), frame(TEXT, HELLO)],
    got.text('Hello'),
    got.fail(1007),
  ),
];

/** All cases, by family. */
export const DEFLATE_CASES: readonly FrameCase[] = [...sizes, ...blocks, ...refused];
