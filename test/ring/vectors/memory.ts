/**
 * Segments and rings as a stranger makes them from spec/ring.md, §2, §4, §7, §9 and §10: one
 * process, one thread, a Buffer. Nothing of the library is used.
 */

/** `ring TOPOLOGY LOSSY LANES CONSUMERS SLOTS SLAB STRUCT` of the vectors. */
export interface Shape {
  readonly topology: 'spsc' | 'mpsc' | 'mpmc' | 'broadcast';
  readonly lossy: boolean;
  readonly lanes: number;
  readonly consumers: number;
  readonly slots: number;
  readonly slab: number;
  readonly struct: string;
}

/** Size of `vectors.Item`. */
const ITEM_BYTES = 32;
const TOPOLOGIES = ['', 'spsc', 'mpsc', 'mpmc', 'broadcast'];

function up(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** A ring block. */
export class Block {
  readonly shape: Shape;
  readonly stride: number;
  readonly cursors: number;
  readonly bytes: Buffer;
  readonly #areas: number;
  readonly #slotBytes: number;
  readonly #startBytes: number;

  constructor(shape: Shape, size: number) {
    const { topology, lossy, lanes, consumers, slots, slab } = shape;
    this.shape = shape;
    this.stride = up(size, 8);
    this.cursors = topology === 'broadcast' ? consumers : 1;
    this.#areas = 1024 + lanes * 128 * (2 + this.cursors);
    this.#slotBytes = up(slots * this.stride, 128);
    this.#startBytes = slab > 0 ? up(4 * slots, 128) : 0;
    this.bytes = Buffer.alloc(this.#area(lanes));
    const geometry = [0x474e4952, TOPOLOGIES.indexOf(topology), Number(lossy), lanes];
    geometry.push(this.cursors, consumers, slots, this.stride, slab);
    for (const [index, word] of geometry.entries()) this.bytes.writeUInt32LE(word, 4 * index);
  }

  #area(lane: number): number {
    return this.#areas + lane * (this.#slotBytes + this.#startBytes + up(this.shape.slab, 128));
  }

  control(lane: number): number {
    return 1024 + lane * 128 * (2 + this.cursors);
  }

  head(lane: number, cursor: number): number {
    return this.control(lane) + 256 + 128 * cursor;
  }

  slot(lane: number, position: number): number {
    return this.#area(lane) + (position % this.shape.slots) * this.stride;
  }

  start(lane: number, position: number): number {
    return this.#area(lane) + this.#slotBytes + 4 * (position % this.shape.slots);
  }

  slab(lane: number, position: number): number {
    return this.#area(lane) + this.#slotBytes + this.#startBytes + (position % this.shape.slab);
  }

  word(offset: number): number {
    return this.bytes.readUInt32LE(offset);
  }

  store(offset: number, value: number): void {
    this.bytes.writeUInt32LE(value >>> 0, offset);
  }
}

/** What goes into a segment beside its blocks. */
export interface SegmentParts {
  readonly kind: 1 | 2;
  readonly name: string;
  readonly rings: readonly {
    readonly text: string;
    readonly fingerprint: string;
    readonly block: Block;
  }[];
}

/** A segment without id, time and participants. */
export function segmentOf({ kind, name, rings }: SegmentParts): Buffer {
  const parts: { offset: number; text: number }[] = [];
  let end = 12_288;
  for (const { text } of rings) {
    parts.push({ offset: 0, text: up(end, 8) });
    end = up(end, 8) + text.length;
  }
  for (const [index, { block }] of rings.entries()) {
    parts[index]!.offset = up(end, 4096);
    end = up(end, 4096) + block.bytes.length;
  }
  const segment = Buffer.alloc(up(end, 4096));
  segment.write('RONDORNG', 0, 'latin1');
  for (const [at, word] of [
    [8, 1],
    [12, segment.length],
    [32, rings.length],
    [36, kind],
    [40, 64],
  ] as const) {
    segment.writeUInt32LE(word, at);
  }
  segment.write(name, 64, 'utf8');
  for (const [index, { text, fingerprint, block }] of rings.entries()) {
    const { offset, text: textOffset } = parts[index]!;
    const entry = [offset, block.bytes.length, textOffset, text.length];
    for (const [word, value] of entry.entries()) {
      segment.writeUInt32LE(value, 128 + 64 * index + 4 * word);
    }
    segment.writeBigUInt64LE(BigInt(`0x${fingerprint}`), 128 + 64 * index + 16);
    segment.write(text, textOffset, 'latin1');
    block.bytes.copy(segment, offset);
  }
  return segment;
}

interface Producer {
  readonly lane: number;
  readonly every: number;
  tail: number;
  slab: number;
}

interface Consumer {
  readonly cursor: number;
  joined: boolean;
}

/** A message as the traces name it: its id, and how long its pieces are. */
export type Named = readonly [id: number, note: number, data: number];

/** The bytes of a message of `vectors.Item` with its pieces. */
export function itemOf([id, note, data]: Named): { slot: Buffer; pieces: readonly Buffer[] } {
  const slot = Buffer.alloc(ITEM_BYTES);
  slot.writeUInt32LE(id, 0);
  slot.writeUInt32LE(Math.imul(id, 0x9e3779b1) >>> 0, 4);
  slot.writeDoubleLE(id / 4, 8);
  const pieces = [
    Buffer.from(Array.from({ length: note }, (_, i) => 97 + ((id + i) % 26))),
    Buffer.from(Array.from({ length: data }, (_, i) => (id + 3 * i) & 255)),
  ];
  return { slot, pieces };
}

/** A ring as the operations of a trace leave it. */
export class Model {
  readonly block: Block;
  readonly #producers = new Map<string, Producer>();
  readonly #consumers = new Map<string, Consumer>();

  constructor(block: Block) {
    this.block = block;
  }

  produce(name: string, every: number): void {
    const { block } = this;
    const taken = [...this.#producers.values()].map(({ lane }) => lane);
    const lane = Array.from({ length: block.shape.lanes }, (_, index) => index).find(
      (index) => !taken.includes(index),
    )!;
    const control = block.control(lane);
    const [tail, slab] = [block.word(control), block.word(control + 8)];
    this.#producers.set(name, { lane, every, tail, slab });
    block.store(control + 16, 1);
    this.#admit();
  }

  consume(name: string): void {
    const { topology, lossy } = this.block.shape;
    const cursor = topology === 'broadcast' ? this.#consumers.size : 0;
    const joined = topology !== 'broadcast' || lossy;
    if (topology === 'broadcast' && lossy) {
      this.block.store(this.block.head(0, cursor), this.block.word(this.block.control(0)));
    }
    this.#consumers.set(name, { cursor, joined });
  }

  push(name: string, message: Named): 'pushed' | 'full' {
    const producer = this.#producers.get(name)!;
    if (!this.#write(producer, message)) return 'full';
    producer.tail = (producer.tail + 1) >>> 0;
    const published = this.block.word(this.block.control(producer.lane));
    if ((producer.tail - published) >>> 0 >= producer.every) this.flush(name);
    return 'pushed';
  }

  abort(name: string, message: Named): void {
    const producer = this.#producers.get(name)!;
    const { slab } = producer;
    this.#write(producer, message);
    producer.slab = slab;
  }

  flush(name: string): void {
    const { lane, tail, slab } = this.#producers.get(name)!;
    this.#admit();
    this.block.store(this.block.control(lane) + 8, slab);
    this.block.store(this.block.control(lane), tail);
  }

  close(name: string): void {
    this.flush(name);
    this.block.store(this.block.control(this.#producers.get(name)!.lane) + 16, 2);
    this.#producers.delete(name);
  }

  detach(name: string): void {
    this.flush(name);
    this.#producers.delete(name);
  }

  /** The next message of the lane that has one, or how there is none. */
  pop(name: string): Buffer | 'empty' | 'ended' {
    const { block } = this;
    const consumer = this.#consumers.get(name)!;
    const lanes = Array.from({ length: block.shape.lanes }, (_, lane) => lane);
    for (const lane of consumer.joined ? lanes : []) {
      const at = block.head(lane, consumer.cursor);
      const tail = block.word(block.control(lane));
      let head = block.word(at);
      const lost = block.shape.lossy ? Math.max(0, ((tail - head) >>> 0) - block.shape.slots) : 0;
      head = (head + lost) >>> 0;
      block.store(at + 4, block.word(at + 4) + lost);
      if (head === tail) continue;
      block.store(at, head + 1);
      return block.bytes.subarray(block.slot(lane, head), block.slot(lane, head) + block.stride);
    }
    const states = lanes.map((lane) => block.word(block.control(lane) + 16));
    return states.includes(2) && !states.includes(1) ? 'ended' : 'empty';
  }

  /** Messages that a consumer's cursors have lost. */
  lost(name: string): number {
    const { cursor } = this.#consumers.get(name)!;
    let sum = 0;
    for (let lane = 0; lane < this.block.shape.lanes; lane++) {
      sum += this.block.word(this.block.head(lane, cursor) + 4);
    }
    return sum;
  }

  #admit(): void {
    const tail = this.block.word(this.block.control(0));
    for (const consumer of this.#consumers.values()) {
      if (!consumer.joined) this.block.store(this.block.head(0, consumer.cursor), tail);
      consumer.joined = true;
    }
  }

  /** The head furthest behind; for lossy rings as far as the slots reach. */
  #furthest({ lane, tail }: Producer): number {
    const { block } = this;
    if (block.shape.lossy) return Math.max(0, tail - block.shape.slots + 1);
    const gated = block.shape.topology === 'broadcast';
    const published = block.word(block.control(lane));
    const heads = gated
      ? [...this.#consumers.values()]
          .filter(({ joined }) => joined)
          .map(({ cursor }) => block.word(block.head(0, cursor)))
      : [block.word(block.head(lane, 0))];
    const behind = heads.map((head) => (tail - head) >>> 0);
    return (tail - Math.max((tail - published) >>> 0, ...behind)) >>> 0;
  }

  /** Writes slot, start and pieces; false when there is no room for them. */
  #write(producer: Producer, message: Named): boolean {
    const { block } = this;
    const { lane, tail } = producer;
    const { slots, slab: size, lossy } = block.shape;
    const head = this.#furthest(producer);
    if ((tail - head) >>> 0 >= slots) return false;
    const { slot, pieces } = itemOf(message);
    const free = head === tail ? producer.slab : block.word(block.start(lane, head));
    const start = producer.slab;
    let end = start;
    const positions = pieces.map((piece) => {
      let begin = up(end, 8);
      if ((begin % size) + piece.length > size) begin = up(begin, size);
      end = begin + piece.length;
      return begin;
    });
    if (!lossy && end - free > size) return false;
    block.store(block.start(lane, tail), start);
    for (const [index, piece] of pieces.entries()) {
      const position = positions[index]! % 2 ** 32;
      slot.writeUInt32LE(position, 16 + 8 * index);
      slot.writeUInt32LE(piece.length, 20 + 8 * index);
      piece.copy(block.bytes, block.slab(lane, position));
    }
    slot.copy(block.bytes, block.slot(lane, tail));
    producer.slab = end >>> 0;
    return true;
  }
}

/**
 * What the traces leave out: who is there, bells, counters, how far lossy producers reach ahead.
 * Where a message's pieces start may be said with the gap before the first one or without.
 */
export function maskBlock(block: Buffer, shape: Shape): Buffer {
  const masked = Buffer.from(block);
  const layout = new Block(shape, ITEM_BYTES);
  const { cursors } = layout;
  masked.fill(0, 256, 1024);
  for (let lane = 0; lane < shape.lanes; lane++) {
    const control = 1024 + lane * 128 * (2 + cursors);
    if (shape.lossy) {
      masked.writeUInt32LE(0, control + 4);
      masked.writeUInt32LE(0, control + 12);
    }
    masked.fill(0, control + 128, control + 256);
    for (let cursor = 0; cursor < cursors; cursor++) {
      const at = control + 256 + 128 * cursor;
      masked.fill(0, at + 8, at + 128);
    }
    for (let slot = 0; slot < (shape.slab > 0 ? shape.slots : 0); slot++) {
      const at = layout.start(lane, slot);
      masked.writeUInt32LE(up(masked.readUInt32LE(at), 8) % 2 ** 32, at);
    }
  }
  return masked;
}

/** What the segments leave out: id, time, participants. */
export function maskSegment(segment: Buffer): Buffer {
  const masked = Buffer.from(segment);
  masked.fill(0, 16, 32);
  masked.fill(0, 48, 56);
  masked.fill(0, 4096, 12_288);
  return masked;
}

/** Lines of 32 bytes, without those that are all zero. */
export function sparse(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const line = bytes.subarray(at, at + 32);
    if (line.every((byte) => byte === 0)) continue;
    lines.push(`at ${at.toString(16).padStart(6, '0')} ${line.toString('hex')}`);
  }
  return lines.join('\n');
}
