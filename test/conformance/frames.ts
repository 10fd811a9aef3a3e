/**
 * WebSocket frame cases, written from RFC 6455 and RFC 3629: what a client sends and which events a
 * server must see. Grouped as conformance suites for WebSockets group theirs: 1 sizes, 2 pings and
 * pongs, 3 reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 close, 9 limits, 10 lengths and
 * masks. A case may end in the middle of a frame: what is expected must be known by then.
 */
import type { Event } from '../fuzz/reference-decoder.ts';

/** One case. `send` is the client's bytes, frame by frame. */
export interface FrameCase {
  readonly name: string;
  readonly send: readonly (readonly number[])[];
  readonly expect: readonly Event[];
}

/** The limits that the cases assume. */
export const CASE_RULES = {
  role: 'server',
  maxMessageSize: 100_000,
  maxFrameSize: 80_000,
} as const;

/** Text as UTF-8, or bytes. */
export type Data = string | readonly number[];

const KEY = [0x37, 0xfa, 0x21, 0x3d];

function bytesOf(data: Data): number[] {
  return typeof data === 'string' ? [...Buffer.from(data)] : [...data];
}

/** A masked frame: first byte as given, the payload's length in its shortest form. */
export function frame(first: number, data: Data = '', key: readonly number[] = KEY): number[] {
  const payload = bytesOf(data);
  const size = payload.length;
  const length =
    size < 126
      ? [128 + size]
      : size < 65_536
        ? [254, size >> 8, size & 255]
        : [255, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255];
  return [first, ...length, ...key, ...payload.map((byte, index) => byte ^ key[index % 4]!)];
}

const send = {
  text: (data: Data = '') => frame(0x81, data),
  binary: (data: Data = '') => frame(0x82, data),
  textStart: (data: Data = '') => frame(0x01, data),
  binaryStart: (data: Data = '') => frame(0x02, data),
  more: (data: Data = '') => frame(0x00, data),
  last: (data: Data = '') => frame(0x80, data),
  ping: (data: Data = '') => frame(0x89, data),
  pong: (data: Data = '') => frame(0x8a, data),
  close: (code?: number, reason: Data = '') =>
    frame(0x88, code === undefined ? '' : [code >> 8, code & 255, ...bytesOf(reason)]),
};

const event = (kind: Event['kind'], code: number, data: Data = ''): Event => ({
  kind,
  code,
  payload: bytesOf(data),
});

/** Events by what they are. */
export const got = {
  text: (data: Data = ''): Event => event('message', 1, data),
  binary: (data: Data = ''): Event => event('message', 2, data),
  ping: (data: Data = ''): Event => event('ping', 0, data),
  pong: (data: Data = ''): Event => event('pong', 0, data),
  close: (code: number, reason: Data = ''): Event => event('close', code, reason),
  fail: (code: number): Event => event('fail', code),
};

/** A case. */
export function make(
  name: string,
  frames: readonly (readonly number[])[],
  ...expect: readonly Event[]
): FrameCase {
  return { name, send: frames, expect };
}

/** Bytes from hexadecimal digits. */
export const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(' ', ''), 'hex')];
const times = (count: number, byte = 0x2a): number[] => new Array<number>(count).fill(byte);
const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

const sizes: FrameCase[] = [0, 1, 2, 3, 4, 5, 125, 126, 127, 128, 65_535, 65_536].flatMap(
  (size, index) => [
    make(`1.1.${index + 1} text of ${size} bytes`, [send.text(times(size))], got.text(times(size))),
    make(
      `1.2.${index + 1} binary of ${size} bytes`,
      [send.binary(times(size, 0xfe))],
      got.binary(times(size, 0xfe)),
    ),
  ],
);

const pings: FrameCase[] = [
  make('2.1 ping without payload', [send.ping()], got.ping()),
  make('2.2 ping with text', [send.ping('hello')], got.ping('hello')),
  make(
    '2.3 ping with bytes',
    [send.ping(hex('00fffefdfcfb00ff'))],
    got.ping(hex('00fffefdfcfb00ff')),
  ),
  make('2.4 ping of 125 bytes', [send.ping(times(125, 0xfe))], got.ping(times(125, 0xfe))),
  make('2.5 ping of 126 bytes', [send.ping(times(126))], got.fail(1002)),
  make('2.6 ping announced with 127', [[0x89, 255]], got.fail(1002)),
  make('2.7 unsolicited pong', [send.pong()], got.pong()),
  make('2.8 unsolicited pong with payload', [send.pong('x')], got.pong('x')),
  make('2.9 pong, then ping', [send.pong('x'), send.ping('y')], got.pong('x'), got.ping('y')),
  make(
    '2.10 ten pings in order',
    [...'0123456789'].map((digit) => send.ping(digit)),
    ...[...'0123456789'].map((digit) => got.ping(digit)),
  ),
  make('2.11 pong of 126 bytes', [send.pong(times(126))], got.fail(1002)),
];

const reservedBits: FrameCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((bits) =>
    make(
      `3.${bits} text with reserved bits ${bits} after a good one`,
      [send.text('a'), frame(0x81 + bits * 16, 'b')],
      got.text('a'),
      got.fail(1002),
    ),
  ),
  make('3.8 reserved bit on a ping', [frame(0xc9)], got.fail(1002)),
  make('3.9 reserved bit on a close', [frame(0x98)], got.fail(1002)),
  make('3.10 reserved bit on a continuation', [send.textStart('a'), frame(0xc0)], got.fail(1002)),
  make('3.11 the first byte is enough', [[0xc1]], got.fail(1002)),
];

const opcodes: FrameCase[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
  make(`4.1.${opcode} opcode ${opcode}`, [frame(0x80 + opcode)], got.fail(1002)),
  make(
    `4.2.${opcode} opcode ${opcode} with payload after a text`,
    [send.text('a'), frame(0x80 + opcode, 'b'), send.ping()],
    got.text('a'),
    got.fail(1002),
  ),
  make(`4.3.${opcode} opcode ${opcode}, first byte only`, [[opcode]], got.fail(1002)),
]);

const fragments: FrameCase[] = [
  make('5.1 fragmented ping', [frame(0x09, 'a'), send.last('b')], got.fail(1002)),
  make('5.2 fragmented pong', [frame(0x0a, 'a'), send.last('b')], got.fail(1002)),
  make('5.3 fragmented close', [frame(0x08), send.last()], got.fail(1002)),
  make('5.4 text in two fragments', [send.textStart('ab'), send.last('cd')], got.text('abcd')),
  make(
    '5.5 binary in two fragments',
    [send.binaryStart([0xff]), send.last([0xfe])],
    got.binary([0xff, 0xfe]),
  ),
  make(
    '5.6 ping between fragments',
    [send.textStart('ab'), send.ping('p'), send.last('cd')],
    got.ping('p'),
    got.text('abcd'),
  ),
  make(
    '5.7 pong between fragments',
    [send.textStart('ab'), send.pong('p'), send.last('cd')],
    got.pong('p'),
    got.text('abcd'),
  ),
  make('5.8 close between fragments', [send.textStart('ab'), send.close(1000)], got.close(1000)),
  make('5.9 continuation without a message', [send.last('a'), send.text('b')], got.fail(1002)),
  make('5.10 open continuation without a message', [send.more('a')], got.fail(1002)),
  make(
    '5.11 continuation after a finished message',
    [send.textStart('a'), send.last('b'), send.last('c')],
    got.text('ab'),
    got.fail(1002),
  ),
  make('5.12 text inside a message', [send.textStart('a'), send.text('b')], got.fail(1002)),
  make('5.13 binary inside a message', [send.textStart('a'), send.binary('b')], got.fail(1002)),
  make('5.14 fragment inside a message', [send.textStart('a'), send.textStart()], got.fail(1002)),
  make('5.15 empty fragments only', [send.textStart(), send.more(), send.last()], got.text()),
  make(
    '5.16 empty fragments around one',
    [send.textStart(), send.more('x'), send.last()],
    got.text('x'),
  ),
  make('5.17 empty binary fragments', [send.binaryStart(), send.last()], got.binary()),
  make(
    '5.18 five fragments with pings between',
    [
      send.textStart('a'),
      send.more('b'),
      send.ping('1'),
      send.more('c'),
      send.more('d'),
      send.ping('2'),
      send.last('e'),
    ],
    got.ping('1'),
    got.ping('2'),
    got.text('abcde'),
  ),
  make(
    '5.19 a hundred fragments of one byte',
    [send.binaryStart('x'), ...times(98).map(() => send.more('x')), send.last('x')],
    got.binary('x'.repeat(100)),
  ),
  make(
    '5.20 two fragmented messages',
    [send.textStart('a'), send.last('b'), send.binaryStart('c'), send.last('d')],
    got.text('ab'),
    got.binary('cd'),
  ),
];

const VALID_UTF8: readonly (readonly [name: string, hex: string])[] = [
  ['two bytes', 'ce ba'],
  ['Greek word', 'ce ba e1 bd b9 cf 83 ce bc ce b5'],
  ['U+0000', '00'],
  ['U+007F', '7f'],
  ['U+0080, first of two bytes', 'c2 80'],
  ['U+07FF, last of two bytes', 'df bf'],
  ['U+0800, first of three bytes', 'e0 a0 80'],
  ['U+0FFF', 'e0 bf bf'],
  ['U+1000', 'e1 80 80'],
  ['U+D7FF, before the surrogates', 'ed 9f bf'],
  ['U+E000, after the surrogates', 'ee 80 80'],
  ['U+FFFD', 'ef bf bd'],
  ['U+FFFE, a noncharacter', 'ef bf be'],
  ['U+FFFF, last of three bytes', 'ef bf bf'],
  ['U+FEFF, a byte order mark', 'ef bb bf'],
  ['U+10000, first of four bytes', 'f0 90 80 80'],
  ['U+1F600', 'f0 9f 98 80'],
  ['U+3FFFF', 'f0 bf bf bf'],
  ['U+40000', 'f1 80 80 80'],
  ['U+10FFFF, the last', 'f4 8f bf bf'],
];

/** The last byte given is the one that makes it invalid. */
const INVALID_UTF8: readonly (readonly [name: string, hex: string])[] = [
  ['lone continuation 80', '80'],
  ['lone continuation BF', 'bf'],
  ['continuation after a character', 'c3 a9 80'],
  ['overlong two bytes C0', 'c0'],
  ['overlong two bytes C1', 'c1'],
  ['overlong three bytes', 'e0 80'],
  ['overlong three bytes, highest', 'e0 9f'],
  ['overlong four bytes', 'f0 80'],
  ['overlong four bytes, highest', 'f0 8f'],
  ['surrogate D800', 'ed a0'],
  ['surrogate DFFF', 'ed bf'],
  ['surrogate inside text', 'ce ba ed a0'],
  ['above U+10FFFF', 'f4 90'],
  ['lead F5', 'f5'],
  ['five byte lead', 'f8'],
  ['six byte lead', 'fc'],
  ['FE', 'fe'],
  ['FF', 'ff'],
  ['lead after lead', 'c3 c3'],
  ['ASCII in two bytes', 'c3 28'],
  ['ASCII as third of three', 'e2 82 28'],
  ['ASCII as second of four', 'f0 28'],
  ['ASCII as fourth of four', 'f0 9f 98 28'],
  ['lead as fourth of four', 'f0 9f 98 c3'],
];

const UNFINISHED_UTF8: readonly string[] = ['c3', 'e2', 'e2 82', 'f0', 'f0 9f', 'f0 9f 98', 'ed'];

const PREFIX = 'fifteen letters';

const utf8: FrameCase[] = [
  ...VALID_UTF8.flatMap(([name, text], index) => [
    make(`6.1.${index + 1} ${name}`, [send.text(hex(text))], got.text(hex(text))),
    make(
      `6.2.${index + 1} ${name}, one byte a fragment`,
      [send.textStart(), ...hex(text).map((byte) => send.more([byte])), send.last()],
      got.text(hex(text)),
    ),
  ]),
  ...INVALID_UTF8.flatMap(([name, text], index) => {
    const bad = [...bytesOf(PREFIX), ...hex(text)];
    return [
      make(`6.3.${index + 1} ${name}`, [send.text([...bad, 0x21])], got.fail(1007)),
      make(
        `6.4.${index + 1} ${name}, known inside a message`,
        [send.textStart(PREFIX), send.more(hex(text))],
        got.fail(1007),
      ),
      make(
        `6.5.${index + 1} ${name}, known inside a frame`,
        [send.text([...bad, ...times(200)]).slice(0, 8 + bad.length)],
        got.fail(1007),
      ),
    ];
  }),
  ...UNFINISHED_UTF8.flatMap((text, index) => [
    make(`6.6.${index + 1} text ends within ${text}`, [send.text(hex(text))], got.fail(1007)),
    make(
      `6.7.${index + 1} fragmented text ends within ${text}`,
      [send.textStart(hex(text)), send.last()],
      got.fail(1007),
    ),
    make(`6.8.${index + 1} open text may go on after ${text}`, [send.textStart(hex(text))]),
  ]),
  make(
    '6.9.1 binary is not checked',
    [send.binary(hex('ed a0 80 ff'))],
    got.binary(hex('eda080ff')),
  ),
  make(
    '6.9.2 ping inside a character',
    [send.textStart([0xce]), send.ping([0xff]), send.last([0xba])],
    got.ping([0xff]),
    got.text([0xce, 0xba]),
  ),
  make(
    '6.9.3 a text after a fragmented one starts anew',
    [send.textStart([0xce]), send.last([0xba]), send.text([0xba])],
    got.text([0xce, 0xba]),
    got.fail(1007),
  ),
];

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
const LIBRARY_CODES = [3000, 3999, 4000, 4999];
const INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

const closes: FrameCase[] = [
  make(
    '7.1.1 what follows a close is ignored',
    [send.close(1000), send.text('a')],
    got.close(1000),
  ),
  make('7.1.2 two closes', [send.close(1000), send.close(1001)], got.close(1000)),
  make('7.1.3 ping after a close', [send.close(1000), send.ping()], got.close(1000)),
  make('7.1.4 rubbish after a close', [send.close(1000), times(40, 0xff)], got.close(1000)),
  make(
    '7.1.5 text, then close',
    [send.text('a'), send.close(1001)],
    got.text('a'),
    got.close(1001),
  ),
  make('7.3.1 close without payload', [send.close()], got.close(1005)),
  make('7.3.2 close with one byte', [frame(0x88, 'a')], got.fail(1002)),
  make('7.3.3 close with one byte, known by the head', [[0x88, 0x81]], got.fail(1002)),
  make('7.3.4 close with a code', [send.close(1000)], got.close(1000)),
  make('7.3.5 close with a reason', [send.close(1000, 'bye')], got.close(1000, 'bye')),
  make(
    '7.3.6 close with the longest reason',
    [send.close(1000, times(123))],
    got.close(1000, times(123)),
  ),
  make('7.3.7 close with 126 bytes', [send.close(1000, times(124))], got.fail(1002)),
  make('7.5.1 reason is not UTF-8', [send.close(1000, hex('ce ba ed a0 80'))], got.fail(1007)),
  make('7.5.2 reason ends in a character', [send.close(1000, hex('e2 82'))], got.fail(1007)),
  make('7.5.3 reason in UTF-8', [send.close(1000, 'κόσμε')], got.close(1000, 'κόσμε')),
  ...[...VALID_CODES, ...LIBRARY_CODES].map((code) =>
    make(`7.7 close code ${code}`, [send.close(code, 'r')], got.close(code, 'r')),
  ),
  ...INVALID_CODES.flatMap((code) => [
    make(`7.9 close code ${code}`, [send.close(code)], got.fail(1002)),
    make(`7.10 close code ${code} with a reason`, [send.close(code, 'r')], got.fail(1002)),
  ]),
];

const limits: FrameCase[] = [
  make('9.1 the largest frame', [send.binary(times(80_000))], got.binary(times(80_000))),
  make('9.2 a frame above the limit', [send.binary(times(80_001)).slice(0, 14)], got.fail(1009)),
  make(
    '9.3 a message of the largest size',
    [send.binaryStart(times(80_000)), send.last(times(20_000))],
    got.binary(times(100_000)),
  ),
  make(
    '9.4 a message above the limit, known by the head',
    [send.binaryStart(times(80_000)), send.last(times(20_001)).slice(0, 8)],
    got.fail(1009),
  ),
  make(
    '9.5 a full message may end with an empty fragment',
    [send.binaryStart(times(60_000)), send.more(times(40_000)), send.last()],
    got.binary(times(100_000)),
  ),
  make(
    '9.6 a control frame in a full message',
    [send.binaryStart(times(60_000)), send.more(times(40_000)), send.ping('p')],
    got.ping('p'),
  ),
  make('9.7 the highest length there is', [[0x82, 255, 127, ...times(7, 255)]], got.fail(1009)),
];

const masked = (...length: number[]): number[] => [0x82, ...length, ...KEY];

const lengths: FrameCase[] = [
  make('10.1 length 125 in 16 bits', [masked(254, 0, 125)], got.fail(1002)),
  make('10.2 length 0 in 16 bits', [masked(254, 0, 0)], got.fail(1002)),
  make('10.3 length 65535 in 64 bits', [masked(255, 0, 0, 0, 0, 0, 0, 255, 255)], got.fail(1002)),
  make('10.4 length 5 in 64 bits', [masked(255, 0, 0, 0, 0, 0, 0, 0, 5)], got.fail(1002)),
  make('10.5 highest bit of a length', [masked(255, 128, 0, 0, 0, 0, 0, 0, 5)], got.fail(1002)),
  make('10.6 length of 64 ones', [masked(255, ...times(8, 255))], got.fail(1002)),
  make('10.7 text without a mask', [[0x81, 1, 0x61]], got.fail(1002)),
  make('10.8 ping without a mask', [[0x89, 0]], got.fail(1002)),
  make('10.9 close without a mask', [[0x88, 0]], got.fail(1002)),
  make('10.10 key of zeros', [frame(0x81, 'plain', [0, 0, 0, 0])], got.text('plain')),
  make(
    '10.11 key of zeros does not spare text',
    [frame(0x81, [0xff], [0, 0, 0, 0])],
    got.fail(1007),
  ),
  ...[0x80, 0xff, 0x01, 0x7f].map((byte) =>
    make(
      `10.12 key of ${hexByte(byte)}`,
      [frame(0x81, 'a longer text', times(4, byte)), frame(0x82, times(9), times(4, byte))],
      got.text('a longer text'),
      got.binary(times(9)),
    ),
  ),
];

/** All cases, by family. */
export const FRAME_CASES: readonly FrameCase[] = [
  ...sizes,
  ...pings,
  ...reservedBits,
  ...opcodes,
  ...fragments,
  ...utf8,
  ...closes,
  ...limits,
  ...lengths,
];
