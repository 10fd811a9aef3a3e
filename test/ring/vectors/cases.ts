/** The cases of the vectors: structs with values, shapes of segments, operations on rings. */
import type { Plain } from './structs.ts';

/** A struct with messages. */
export interface StructCase {
  readonly text: string;
  readonly values: readonly Plain[];
}

/** Lines of a canonical text. */
function text(name: string, fields: readonly string[], end: string): string {
  const lines = [
    'rondo-struct 1',
    `name vectors.${name}`,
    ...fields.map((field) => `field ${field}`),
  ];
  return `${[...lines, end].join('\n')}\n`;
}

/** The struct of the traces and of most segments. */
export const ITEM: string = text(
  'Item',
  ['id u32 0', 'check u32 4', 'value f64 8', 'note slab:text 16', 'data slab:bytes 24'],
  'size 32 align 8',
);

/** The struct of segments without a slab. */
export const PLAIN: string = text('Plain', ['id u32 0', 'small u8 4'], 'size 8 align 4');

const SCALARS = [
  'u8 u8 0',
  'i8 i8 1',
  'u16 u16 2',
  'i16 i16 4',
  'u32 u32 8',
  'i32 i32 12',
  'u64 u64 16',
  'i64 i64 24',
  'f32 f32 32',
  'f64 f64 40',
  'bool bool 48',
  'count safe:u64 56',
  'change safe:i64 64',
];

const POINT = 'struct(vectors.Point{x f32 0;y f32 4}8/4)';
const DEEP = `struct(vectors.Deep{tag u8 0;at ${POINT} 4;names array[2](text[3]) 12}20/4)`;

/** All structs. Each value is written into a slot of zeros. */
export const STRUCTS: readonly StructCase[] = [
  {
    text: text('Scalars', SCALARS, 'size 72 align 8'),
    values: [
      {
        ...{
          u8: 255,
          i8: -128,
          u16: 65_535,
          i16: -32_768,
          u32: 4_294_967_295,
          i32: -2_147_483_648,
        },
        ...{ u64: '18446744073709551615', i64: '-9223372036854775808', f32: -1.5, f64: 0.1 },
        ...{ bool: true, count: 9_007_199_254_740_991, change: -9_007_199_254_740_991 },
      },
      {
        ...{ u8: 1, i8: 127, u16: 258, i16: -2, u32: 67_305_985, i32: 2_147_483_647 },
        ...{ u64: '72623859790382856', i64: '-1', f32: 'Infinity', f64: '-0' },
        ...{ bool: false, count: 0, change: -1 },
      },
    ],
  },
  {
    text: text(
      'Texts',
      ['symbol text[8] 0', 'raw bytes[5] 8', 'tail u16 14', 'one text[1] 16'],
      'size 18 align 2',
    ),
    values: [
      { symbol: 'ABC', raw: '0001feff7f', tail: 513, one: 'z' },
      { symbol: 'é€日', raw: '0000000000', tail: 1, one: '' },
    ],
  },
  {
    text: text(
      'Choices',
      [
        'side enum:u8(buy,sell) 0',
        'kind enum:u16(none,some,many) 2',
        'wide enum:u32(only) 4',
        'tags flags:u8(a,b,c) 8',
        'rights flags:u16(read,write) 10',
        'bits flags:u32(low,high) 12',
      ],
      'size 16 align 4',
    ),
    values: [
      {
        ...{ side: 'sell', kind: 'many', wide: 'only' },
        ...{ tags: ['a', 'c'], rights: ['write'], bits: ['low', 'high'] },
      },
      { side: 'buy', kind: 'none', wide: 'only', tags: [], rights: [], bits: [] },
    ],
  },
  {
    text: text(
      'Nested',
      [`deep ${DEEP} 0`, `points array[3](${POINT}) 20`, 'odd array[3](u16) 44'],
      'size 52 align 4',
    ),
    values: [
      {
        deep: { tag: 7, at: { x: 1.5, y: -2 }, names: ['abc', 'é'] },
        points: [
          { x: 0, y: 1 },
          { x: 2, y: 3 },
          { x: -4, y: 0.5 },
        ],
        odd: [1, 256, 65_535],
      },
    ],
  },
  {
    text: text(
      'Optionals',
      [
        'id u8 0',
        '_present presence 4',
        'price optional:0(f64) 8',
        'side optional:1(enum:u8(buy,sell)) 16',
        `at optional:2(${POINT}) 20`,
        'note optional:3(slab:text) 28',
      ],
      'size 40 align 8',
    ),
    values: [
      { id: 1 },
      { id: 2, price: 99.25, side: 'sell', at: { x: 1, y: 2 }, note: 'all of them' },
      { id: 3, side: 'buy', note: 'some' },
    ],
  },
  {
    text: ITEM,
    values: [
      { id: 1, check: 2, value: 0.25, note: 'hello, wörld', data: '00ff10' },
      { id: 4_294_967_295, check: 0, value: 'Infinity', note: 'x', data: 'a0'.repeat(20) },
    ],
  },
  { text: PLAIN, values: [{ id: 65_536, small: 3 }] },
];

/** A segment: its name, and `TOPOLOGY LOSSY LANES CONSUMERS SLOTS SLAB STRUCT` of each ring. */
export interface SegmentCase {
  readonly name: string;
  readonly rings: readonly string[];
}

/** All segments. Two rings are a channel. */
export const SEGMENTS: readonly SegmentCase[] = [
  { name: 'spsc', rings: ['spsc 0 1 1 8 256 vectors.Item'] },
  { name: 'spsc-no-slab', rings: ['spsc 0 1 1 1 0 vectors.Plain'] },
  { name: 'spsc-lossy', rings: ['spsc 1 1 1 16 64 vectors.Item'] },
  { name: 'mpsc', rings: ['mpsc 0 3 1 4 128 vectors.Item'] },
  { name: 'mpsc-lossy', rings: ['mpsc 1 2 1 32 0 vectors.Plain'] },
  { name: 'mpmc', rings: ['mpmc 0 2 5 4 1024 vectors.Item'] },
  { name: 'mpmc-lossy', rings: ['mpmc 1 64 64 1 0 vectors.Plain'] },
  { name: 'broadcast', rings: ['broadcast 0 1 3 8 256 vectors.Item'] },
  { name: 'broadcast-lossy', rings: ['broadcast 1 1 64 64 4096 vectors.Item'] },
  {
    name: 'channel',
    rings: ['spsc 0 1 1 8 256 vectors.Item', 'mpsc 0 2 1 16 0 vectors.Plain'],
  },
  {
    name: 'a.name_of-63-characters.which-is-as-long-as-a-name-can-ever-be1',
    rings: ['spsc 0 1 1 2 0 vectors.Plain', 'spsc 0 1 1 4 64 vectors.Item'],
  },
];

/** Operations on a ring of `vectors.Item`; README.md of the vectors says what they mean. */
export interface TraceCase {
  readonly name: string;
  readonly ring: string;
  /** Words of the block before anybody comes, by offset. */
  readonly words?: Readonly<Record<number, number>>;
  readonly operations: readonly string[];
}

function pushes(producer: string, from: number, to: number, note = 3, data = 5): string[] {
  return Array.from(
    { length: to - from + 1 },
    (_, i) => `push ${producer} ${from + i} ${note} ${data} pushed`,
  );
}

function pops(consumer: string, from: number, to: number, note = 3, data = 5): string[] {
  return Array.from(
    { length: to - from + 1 },
    (_, i) => `pop ${consumer} ${from + i} ${note} ${data}`,
  );
}

const HIGH = 0xffff_fffe;

/** All traces. */
export const TRACES: readonly TraceCase[] = [
  {
    name: 'push-pop',
    ring: 'spsc 0 1 1 8 256 vectors.Item',
    operations: ['producer p 1', ...pushes('p', 1, 3), 'consumer c', ...pops('c', 1, 2)],
  },
  {
    name: 'slots-wrap',
    ring: 'spsc 0 1 1 4 256 vectors.Item',
    operations: [
      ...['producer p 1', 'consumer c', 'pop c empty', ...pushes('p', 1, 4), 'push p 5 3 5 full'],
      ...[...pops('c', 1, 3), ...pushes('p', 5, 7), ...pops('c', 4, 7), 'pop c empty'],
      ...pushes('p', 8, 9, 40, 7),
    ],
  },
  {
    name: 'slab-wrap',
    ring: 'spsc 0 1 1 8 64 vectors.Item',
    operations: [
      ...['producer p 1', 'consumer c', 'push p 1 20 12 pushed', 'pop c 1 20 12'],
      // 24 + 12 = 36; 40 + 20 = 60; the next piece skips to 64.
      ...['push p 2 20 9 pushed', 'pop c 2 20 9', 'push p 3 10 11 pushed'],
    ],
  },
  {
    name: 'slab-full',
    ring: 'spsc 0 1 1 8 64 vectors.Item',
    operations: [
      ...['producer p 1', 'consumer c', 'push p 1 16 16 pushed', 'push p 2 8 8 pushed'],
      ...['push p 3 24 8 full', 'pop c 1 16 16', 'push p 3 24 8 pushed', 'pop c 2 8 8'],
    ],
  },
  {
    name: 'positions-wrap',
    ring: 'spsc 0 1 1 4 64 vectors.Item',
    // tail, slabTail, head
    words: { 1024: HIGH, 1032: 0xffff_ffc0, 1280: HIGH },
    operations: [
      'producer p 1',
      ...pushes('p', 1, 3, 8, 8),
      'consumer c',
      ...pops('c', 1, 3, 8, 8),
    ],
  },
  {
    name: 'abort',
    ring: 'spsc 0 1 1 4 128 vectors.Item',
    operations: [
      ...['producer p 1', 'push p 1 9 9 pushed', 'abort p 2 5 5', 'abort p 3 10 4'],
      ...['push p 4 12 10 pushed', 'consumer c', 'pop c 1 9 9', 'pop c 4 12 10', 'pop c empty'],
    ],
  },
  {
    name: 'batches',
    ring: 'spsc 0 1 1 16 512 vectors.Item',
    operations: [
      ...['producer p 4', 'consumer c', ...pushes('p', 1, 3), 'pop c empty', ...pushes('p', 4, 6)],
      ...[...pops('c', 1, 4), 'pop c empty', 'flush p', 'pop c 5 3 5', ...pushes('p', 7, 8)],
    ],
  },
  {
    name: 'end',
    ring: 'spsc 0 1 1 4 128 vectors.Item',
    operations: [
      ...['producer p 1', ...pushes('p', 1, 2), 'consumer c', 'pop c 1 3 5', 'close p'],
      ...['pop c 2 3 5', 'pop c ended'],
    ],
  },
  {
    name: 'successors',
    ring: 'spsc 0 1 1 4 128 vectors.Item',
    operations: [
      ...['producer p 1', ...pushes('p', 1, 2), 'detach p', 'consumer c', 'pop c 1 3 5', 'leave c'],
      ...['producer q 1', 'push q 3 3 5 pushed', 'consumer d', ...pops('d', 2, 3), 'pop d empty'],
    ],
  },
  {
    name: 'mpsc',
    ring: 'mpsc 0 3 1 4 128 vectors.Item',
    operations: [
      ...['producer p 1', 'producer q 1', 'consumer c', ...pushes('p', 1, 3), ...pops('c', 1, 3)],
      ...[...pushes('q', 11, 12), ...pops('c', 11, 12), ...pushes('p', 4, 5), 'close q'],
      ...[...pops('c', 4, 5), 'pop c empty', 'push p 6 3 5 pushed', 'close p', 'pop c 6 3 5'],
      'pop c ended',
    ],
  },
  {
    name: 'mpmc',
    ring: 'mpmc 0 2 2 4 128 vectors.Item',
    operations: [
      ...['producer p 1', 'producer q 1', 'consumer c', 'consumer d', ...pushes('p', 1, 4)],
      ...['push p 5 3 5 full', 'pop c 1 3 5', 'pop d 2 3 5', 'pop c 3 3 5', 'push p 5 3 5 pushed'],
      ...[...pops('d', 4, 5), 'push q 11 3 5 pushed', 'pop d 11 3 5', 'pop c empty'],
    ],
  },
  {
    name: 'broadcast',
    ring: 'broadcast 0 1 3 4 128 vectors.Item',
    operations: [
      ...['producer p 1', 'consumer c', 'consumer d', ...pushes('p', 1, 2), ...pops('c', 1, 2)],
      ...['pop d 1 3 5', 'consumer e', 'pop e empty', ...pushes('p', 3, 4), ...pops('e', 3, 4)],
      ...[...pushes('p', 5, 5), 'push p 6 3 5 full', 'pop d 2 3 5', 'push p 6 3 5 pushed'],
    ],
  },
  {
    name: 'lossy',
    ring: 'spsc 1 1 1 4 1024 vectors.Item',
    operations: [
      ...['producer p 1', ...pushes('p', 1, 10), 'consumer c', ...pops('c', 7, 8), 'lost c 6'],
      ...[...pushes('p', 11, 12), ...pops('c', 9, 12), 'pop c empty', 'lost c 6'],
    ],
  },
  {
    name: 'lossy-mpmc',
    ring: 'mpmc 1 2 2 4 1024 vectors.Item',
    operations: [
      ...['producer p 1', 'consumer c', 'consumer d', ...pushes('p', 1, 6), 'pop c 3 3 5'],
      ...[...pops('d', 4, 6), 'pop c empty', 'lost c 2'],
    ],
  },
  {
    name: 'lossy-broadcast',
    ring: 'broadcast 1 1 2 4 1024 vectors.Item',
    operations: [
      ...[
        'producer p 1',
        ...pushes('p', 1, 2),
        'consumer c',
        ...pushes('p', 3, 4),
        ...pops('c', 3, 3),
      ],
      ...[
        'consumer d',
        ...pushes('p', 5, 10),
        'pop d 7 3 5',
        'pop c 7 3 5',
        'lost c 3',
        'lost d 2',
      ],
    ],
  },
];
