import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  processArena,
  structFromLayout,
  type StructType,
  Views,
} from '../../../src/memory/index.ts';
import { type Consumer, type Producer, Ring } from '../../../src/ring/index.ts';
import { RingPlan } from '../../../src/ring/layout.ts';
import { resolveShape } from '../../../src/ring/options.ts';
import { RingSegment, segmentBytes } from '../../../src/ring/segment/segment.ts';
import { shapeOf, textOf, vectorFiles } from './files.ts';
import { folder } from './folder.ts';
import { itemOf, maskBlock, maskSegment, type Shape, sparse } from './memory.ts';
import { allOf, bytesOf, type Line, sections, textIn } from './read.ts';
import { type Field, fingerprintText, parseText, type Plain } from './structs.ts';

type Item = Record<string, unknown>;

describe('spec/vectors', () => {
  for (const [name, content] of vectorFiles()) {
    it(`${name} is what the references say`, () => {
      assert.equal(
        readFileSync(`${folder}/${name}`, 'utf8'),
        content,
        'node dist/test/ring/vectors/write.js writes it',
      );
    });
  }
});

/** A plain value of the vectors as the library has it. */
function valueOf(type: Field['type'], plain: Plain): unknown {
  const { kind } = type;
  if (kind === 'array') return (plain as Plain[]).map((each) => valueOf(type.element!, each));
  if (kind === 'struct') return fieldsOf(type.fields, plain as Record<string, Plain>);
  if (kind === 'u64' || kind === 'i64') return BigInt(plain as string);
  if (kind === 'f32' || kind === 'f64') return Number(plain);
  if (kind === 'bytes' || kind === 'slab:bytes') {
    return new Uint8Array(Buffer.from(plain as string, 'hex'));
  }
  if (kind !== 'flags') return plain;
  return Object.fromEntries(type.names.map((name) => [name, (plain as string[]).includes(name)]));
}

function fieldsOf(fields: readonly Field[], plain: Readonly<Record<string, Plain>>): Item {
  return Object.fromEntries(
    fields
      .filter(({ type }) => type.kind !== 'presence')
      .map(({ name, type }) => {
        const given = plain[name];
        return [name, given === undefined ? undefined : valueOf(type, given)];
      }),
  );
}

/** Memory for a slot and a slab behind it. */
class Place {
  readonly #region = processArena().allocate('vectors', 8192, { owner: 'test' });
  readonly base: number = this.#region.offset + 4096;
  readonly size = 1024;
  readonly bytes: Uint8Array = processArena().bytes;
  #end = 0;

  reserve(length: number): number {
    const position = Math.ceil(this.#end / 8) * 8;
    this.#end = position + length;
    return position;
  }

  get slot(): number {
    return this.#region.offset;
  }

  clear(): void {
    this.bytes.fill(0, this.slot, this.slot + 8192);
    this.#end = 0;
  }

  slab(): Buffer {
    return Buffer.from(this.bytes.slice(this.base, this.base + this.#end));
  }

  release(): void {
    this.#region.release();
  }
}

/** What each value has in the slab, in hexadecimal digits. */
function slabsOf(section: readonly Line[]): string[] {
  const slabs: string[] = [];
  for (const { word, rest } of section) {
    if (word === 'value') slabs.push('');
    if (word === 'slab') slabs[slabs.length - 1] = rest;
  }
  return slabs;
}

function checkStruct(section: readonly Line[]): void {
  const text = textIn(section);
  const type = structFromLayout(text);
  assert.equal(type.layout, text);
  const [fingerprint] = allOf(section, 'fingerprint');
  assert.equal(type.fingerprint.toString(16).padStart(16, '0'), fingerprint);
  assert.equal(fingerprintText(text), fingerprint);
  const place = new Place();
  const cursor = type.cursor(Views.of(processArena().memory.buffer), place);
  const slabs = slabsOf(section);
  for (const [index, json] of allOf(section, 'value').entries()) {
    const value = fieldsOf(parseText(text).fields, JSON.parse(json) as Record<string, Plain>);
    const slot = allOf(section, 'slot')[index]!;
    place.clear();
    cursor.$offset = place.slot;
    cursor.$set(value);
    const written = Buffer.from(place.bytes.slice(place.slot, place.slot + type.size));
    assert.equal(written.toString('hex'), slot, json);
    assert.equal(place.slab().toString('hex'), slabs[index]);
    place.clear();
    place.bytes.set(Buffer.from(slot, 'hex'), place.slot);
    place.bytes.set(Buffer.from(slabs[index]!, 'hex'), place.base);
    assert.deepEqual({ ...cursor.$get() }, value);
  }
  place.release();
}

describe('the structs of spec/vectors', () => {
  for (const section of sections('structs.txt', 'struct')) {
    it(`${parseText(textIn(section)).name} has these bytes and values`, () => checkStruct(section));
  }
});

function optionsOf(shape: Shape): Parameters<typeof resolveShape>[0] {
  const { topology, lossy, lanes, consumers, slots, slab } = shape;
  return { topology, lossy, producers: lanes, consumers, slots, slabBytes: slab };
}

function checkSegment(section: readonly Line[]): void {
  const name = section[0]!.rest;
  const rings = allOf(section, 'ring').map((words) => {
    const type = structFromLayout(textOf(shapeOf(words).struct));
    // As between processes, whatever this machine waits with.
    const shape = { ...resolveShape(optionsOf(shapeOf(words)), type), inProcess: false };
    return { shape, schema: type };
  });
  const kind = rings.length === 1 ? 'ring' : 'channel';
  const wanted = bytesOf(section);
  const arena = processArena();
  const region = arena.allocate('vectors', wanted.length, { owner: 'test' });
  const { offset } = region;
  try {
    assert.equal(segmentBytes(rings), wanted.length);
    RingSegment.format(arena, offset, wanted.length, { name, kind }, rings);
    const formatted = Buffer.from(arena.bytes.slice(offset, offset + wanted.length));
    assert.equal(sparse(maskSegment(formatted)), sparse(wanted));
    arena.bytes.set(wanted, offset);
    const found = RingSegment.attach(arena, offset, wanted.length);
    assert.deepEqual([found.info.name, found.info.kind], [name, kind]);
    assert.deepEqual(
      found.rings.map(({ plan, schema }) => [plan.shape, schema.layout]),
      rings.map(({ shape, schema }) => [shape, schema.layout]),
    );
  } finally {
    region.release();
  }
}

describe('the segments of spec/vectors', () => {
  for (const section of sections('segments.txt', 'segment')) {
    it(`${section[0]!.rest} is made and found with these bytes`, () => checkSegment(section));
  }
});

/** A message of the traces, as the library has it. */
function itemFor(words: readonly string[]): Item {
  const [id, note, data] = words.map(Number);
  const { slot, pieces } = itemOf([id!, note!, data!]);
  return {
    id,
    check: slot.readUInt32LE(4),
    value: slot.readDoubleLE(8),
    note: pieces[0]!.toString('latin1'),
    data: new Uint8Array(pieces[1]!),
  };
}

/** Does on a ring of the library what a trace says. */
class Replay {
  readonly #ring: Ring<Item>;
  readonly #shape: Shape;
  readonly #producers = new Map<string, Producer<Item>>();
  readonly #consumers = new Map<string, Consumer<Item>>();

  constructor(words: string) {
    this.#shape = shapeOf(words);
    const type = structFromLayout(textOf(this.#shape.struct)) as StructType<Item, string>;
    this.#ring = Ring.create(type, optionsOf(this.#shape));
  }

  get #block(): number {
    const { offset } = this.#ring.share();
    return offset + processArena().unsigned[(offset + 128) >>> 2]!;
  }

  store(offset: number, value: number): void {
    processArena().unsigned[(this.#block + offset) >>> 2] = value;
  }

  block(): Buffer {
    const { bytes } = new RingPlan(this.#ring.shape);
    const at = this.#block;
    const block = Buffer.from(processArena().bytes.slice(at, at + bytes));
    // The flag that says how threads wait where there is no futex.
    block[8] = block[8]! & ~2;
    return maskBlock(block, this.#shape);
  }

  close(): void {
    this.#ring.close();
  }

  operate({ word, rest }: Line): void {
    const [name = '', ...words] = rest.split(' ');
    if (word === 'producer') {
      this.#producers.set(name, this.#ring.producer({ publishEvery: Number(words[0]) }));
    } else if (word === 'consumer') this.#consumers.set(name, this.#ring.consumer());
    else if (word === 'pop' || word === 'leave' || word === 'lost')
      this.#consume(word, name, words);
    else this.#produce(word, this.#producers.get(name)!, words);
  }

  #produce(word: string, producer: Producer<Item>, words: readonly string[]): void {
    if (word === 'push') assert.equal(producer.tryPush(itemFor(words.slice(0, 3))), words[3]);
    else if (word === 'abort') {
      producer.claim()!.$set(itemFor(words));
      producer.abort();
    } else if (word === 'flush') producer.flush();
    else if (word === 'close') producer.close();
    else if (word === 'detach') producer.detach();
    else assert.fail(`the operation ${word} is known`);
  }

  #consume(word: string, name: string, words: readonly string[]): void {
    const consumer = this.#consumers.get(name)!;
    if (word === 'leave') return consumer.detach();
    if (word === 'lost') {
      const { consumers } = this.#ring.stats;
      const cursor = this.#shape.topology === 'broadcast' ? consumer.place : 0;
      return assert.equal(consumers[cursor]!.lost, Number(words[0]));
    }
    const popped = consumer.tryPop();
    if (words[0] === 'empty') return assert.equal(popped, undefined);
    if (words[0] === 'ended') return assert.equal(popped, null);
    return assert.deepEqual({ ...popped }, itemFor(words));
  }
}

const HEAD = new Set(['trace', 'ring', 'word', 'bytes', 'at']);

function checkTrace(section: readonly Line[]): void {
  const replay = new Replay(allOf(section, 'ring')[0]!);
  try {
    for (const rest of allOf(section, 'word')) {
      const [offset, value] = rest.split(' ').map(Number);
      replay.store(offset!, value!);
    }
    for (const line of section.filter(({ word }) => !HEAD.has(word))) replay.operate(line);
    assert.equal(sparse(replay.block()), sparse(bytesOf(section)));
  } finally {
    replay.close();
  }
}

describe('the traces of spec/vectors', () => {
  for (const section of sections('traces.txt', 'trace')) {
    it(`${section[0]!.rest} leaves these bytes`, () => checkTrace(section));
  }
});
