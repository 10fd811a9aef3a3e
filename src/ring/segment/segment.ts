/**
 * A segment: one piece of shared memory with a header, a table of participants, schema texts and
 * rings (`spec/ring.md`, §2). Everything in it but the rings' contents is written once by the
 * creator, and the first word of the magic last; who attaches copies it, checks the copy, and never
 * looks at the original again. Where its parts lie follows from the lengths of the schema texts and
 * the shapes of the rings, and is checked for equality: no offset of the header is believed.
 */
import { loadAcquire, storeRelease } from '#atomics';
import { assert, outOfRange, RondoError, secureBytes, wallClock } from '../../base/index.ts';
import { type Arena, fingerprintOf } from '../../memory/index.ts';
import { LINE_BYTES, RingPlan, type RingShape } from '../layout.ts';
import { readGeometry, shapeProblem, writeGeometry } from './geometry.ts';
import {
  Header,
  KINDS,
  RingEntry,
  RINGS_OF,
  roundUp,
  SCHEMAS,
  SEGMENT_MAGIC,
  SEGMENT_UNIT,
  SEGMENT_VERSION,
  SegmentLimit,
  type SegmentKind,
} from './layout.ts';

/** What a ring is made from. */
export interface RingSpec {
  readonly shape: RingShape;
  readonly schema: {
    readonly name: string;
    /** The canonical text of §3: ASCII, 1 to 65,536 bytes. */
    readonly layout: string;
    readonly fingerprint: bigint;
  };
}

/** What a segment says about itself. */
export interface SegmentInfo {
  /** Empty when it has none; written by another process, so it may hold any text. */
  readonly name: string;
  /** 32 hexadecimal digits, different for every segment. */
  readonly id: string;
  readonly kind: SegmentKind;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A ring of a segment that was checked. */
export interface RingView {
  /** Its number in the segment. */
  readonly index: number;
  /** Arena offset of its block. */
  readonly base: number;
  readonly plan: RingPlan;
  readonly schema: { readonly layout: string; readonly fingerprint: bigint };
}

/** Where one ring and its schema lie, from the beginning of the segment. */
interface Part {
  readonly schemaOffset: number;
  readonly schemaBytes: number;
  readonly offset: number;
  readonly bytes: number;
}

/** The only way in which parts of these sizes can lie in a segment. */
function arrange(schemas: readonly number[], blocks: readonly number[]): readonly Part[] {
  let schemaEnd = SCHEMAS;
  const schemaOffsets = schemas.map((bytes) => {
    const offset = roundUp(schemaEnd, 8);
    schemaEnd = offset + bytes;
    return offset;
  });
  let end = schemaEnd;
  return blocks.map((bytes, index) => {
    const offset = roundUp(end, SEGMENT_UNIT);
    end = offset + bytes;
    return {
      schemaOffset: schemaOffsets[index]!,
      schemaBytes: schemas[index]!,
      offset,
      bytes,
    };
  });
}

function totalOf(parts: readonly Part[]): number {
  const last = parts.at(-1);
  assert(last !== undefined, 'a segment has a ring');
  return roundUp(last.offset + last.bytes, SEGMENT_UNIT);
}

function partsOf(rings: readonly RingSpec[]): { parts: readonly Part[]; plans: RingPlan[] } {
  assert(rings.length >= 1 && rings.length <= SegmentLimit.RINGS, 'a segment has 1 to 8 rings');
  const plans = rings.map(({ shape }) => {
    const problem = shapeProblem(shape);
    assert(problem === undefined, `the shape of a ring is right, not ${problem}`);
    return new RingPlan(shape);
  });
  const schemas = rings.map(({ schema }) => schema.layout.length);
  return {
    parts: arrange(
      schemas,
      plans.map(({ bytes }) => bytes),
    ),
    plans,
  };
}

/**
 * Bytes of a segment with these rings, a multiple of 4096.
 * @throws {RangeError} ERR_OPTION_RANGE when they are more than a segment can have
 */
export function segmentBytes(rings: readonly RingSpec[]): number {
  const bytes = totalOf(partsOf(rings).parts);
  if (bytes > SegmentLimit.BYTES) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot make a ring of ${bytes} bytes: a segment has at most ${SegmentLimit.BYTES}; ` +
        'take fewer slots, or a smaller slab',
    );
  }
  return bytes;
}

/** The refusal of a segment; `why` goes on after "it has". */
function refused(why: string): RondoError {
  return new RondoError('ERR_RING_SEGMENT', `Cannot use the ring segment: ${why}`);
}

/** What a private copy of a header says, in the same words as the table of §2. */
class HeaderCopy {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  word(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** @throws {RondoError} ERR_RING_SEGMENT when it is no segment of this version */
  check(bytes: number): void {
    if (this.word(Header.MAGIC) !== SEGMENT_MAGIC[0] || this.word(4) !== SEGMENT_MAGIC[1]) {
      throw refused('there is none, or its creator has not finished it');
    }
    const version = this.word(Header.VERSION);
    if (version !== SEGMENT_VERSION) {
      throw refused(`its version must be ${SEGMENT_VERSION}, got ${version}`);
    }
    const said = this.word(Header.BYTES);
    if (said !== bytes) throw refused(`it says ${said} bytes, the memory has ${bytes}`);
    const participants = this.word(Header.PARTICIPANTS);
    if (participants !== SegmentLimit.PARTICIPANTS) {
      throw refused(`it has a table of ${participants} participants, which must be 64`);
    }
  }

  info(): SegmentInfo {
    const kinds = Object.keys(KINDS) as SegmentKind[];
    const kind = kinds.find((each) => KINDS[each] === this.word(Header.KIND));
    if (kind === undefined) throw refused(`it is of an unknown kind ${this.word(Header.KIND)}`);
    const rings = this.word(Header.RINGS);
    if (rings !== RINGS_OF[kind]) {
      throw refused(`it is a ${kind} with ${rings} rings, which must be ${RINGS_OF[kind]}`);
    }
    const id = this.#bytes.subarray(Header.ID, Header.ID + SegmentLimit.ID_BYTES);
    return {
      name: this.#name(),
      id: Buffer.from(id).toString('hex'),
      kind,
      createdAt: Number(this.#view.getBigUint64(Header.CREATED, true)),
    };
  }

  #name(): string {
    const field = this.#bytes.subarray(Header.NAME, Header.NAME + SegmentLimit.NAME_BYTES + 1);
    const end = field.indexOf(0);
    if (end === -1 || field.subarray(end).some((byte) => byte !== 0)) {
      throw refused('its name is not padded with zeros');
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        field.subarray(0, end),
      );
    } catch {
      throw refused('its name is not valid UTF-8');
    }
  }

  entry(index: number): Part & { readonly fingerprint: bigint } {
    const at = Header.ENTRIES + index * RingEntry.SIZE;
    return {
      offset: this.word(at + RingEntry.OFFSET),
      bytes: this.word(at + RingEntry.BYTES),
      schemaOffset: this.word(at + RingEntry.SCHEMA_OFFSET),
      schemaBytes: this.word(at + RingEntry.SCHEMA_BYTES),
      fingerprint: this.#view.getBigUint64(at + RingEntry.FINGERPRINT, true),
    };
  }
}

/** What a header says, for who looks at a file before mapping it: 4096 private bytes of it. */
export function readHeader(header: Uint8Array, bytes: number): SegmentInfo {
  const copy = new HeaderCopy(header);
  copy.check(bytes);
  return copy.info();
}

/** See the head of this file. */
export class RingSegment {
  readonly arena: Arena;
  /** Arena offset of the header. */
  readonly offset: number;
  readonly bytes: number;
  readonly info: SegmentInfo;
  readonly rings: readonly RingView[];

  private constructor(
    arena: Arena,
    offset: number,
    bytes: number,
    info: SegmentInfo,
    rings: readonly RingView[],
  ) {
    this.arena = arena;
    this.offset = offset;
    this.bytes = bytes;
    this.info = info;
    this.rings = rings;
  }

  /**
   * Makes a segment of memory that is all zero and that nobody else looks at before its magic is
   * there. `offset` is a multiple of 128, `bytes` what `segmentBytes` said.
   */
  static format(
    arena: Arena,
    offset: number,
    bytes: number,
    info: { readonly name: string; readonly kind: SegmentKind },
    rings: readonly RingSpec[],
  ): RingSegment {
    const { parts, plans } = partsOf(rings);
    assert(offset % LINE_BYTES === 0, 'a segment begins at a line');
    assert(bytes === totalOf(parts) && bytes <= SegmentLimit.BYTES, 'a segment has its bytes');
    assert(rings.length === RINGS_OF[info.kind], 'a segment has the rings of its kind');
    const { words, unsigned } = arena;
    const at = offset >>> 2;
    const id = secureBytes(SegmentLimit.ID_BYTES);
    const createdAt = Math.floor(wallClock.now());
    writeHeader(arena, offset, { bytes, id, createdAt, ...info });
    const views = parts.map((part, index): RingView => {
      const spec = rings[index]!;
      const plan = plans[index]!;
      writePart(arena, offset, index, part, spec);
      writeGeometry(unsigned, offset + part.offset, plan);
      const { layout, fingerprint } = spec.schema;
      return { index, base: offset + part.offset, plan, schema: { layout, fingerprint } };
    });
    words[at + 1] = SEGMENT_MAGIC[1];
    // Publishes all of the above to whoever loads the first word of the magic.
    storeRelease(words, at, SEGMENT_MAGIC[0]);
    const idText = id.toString('hex');
    return new RingSegment(arena, offset, bytes, { ...info, id: idText, createdAt }, views);
  }

  /**
   * A segment that another thread or process made, seen at `offset`; everything is checked here.
   * @throws {RondoError} ERR_RING_SEGMENT with what is wrong
   */
  static attach(arena: Arena, offset: number, bytes: number): RingSegment {
    assert(offset % LINE_BYTES === 0, 'a segment begins at a line');
    if (
      bytes < SCHEMAS + SEGMENT_UNIT ||
      bytes > SegmentLimit.BYTES ||
      bytes % SEGMENT_UNIT !== 0
    ) {
      throw refused(`no segment has ${bytes} bytes`);
    }
    if (loadAcquire(arena.words, offset >>> 2) !== SEGMENT_MAGIC[0]) {
      throw refused('there is none, or its creator has not finished it');
    }
    const header = new HeaderCopy(arena.bytes.slice(offset, offset + Header.BYTES_TOTAL));
    header.check(bytes);
    const info = header.info();
    const entries = Array.from({ length: RINGS_OF[info.kind] }, (_, i) => header.entry(i));
    checkParts(entries, bytes);
    const rings = entries.map((entry, index) => readRing(arena, offset, index, entry));
    return new RingSegment(arena, offset, bytes, info, rings);
  }
}

function writeHeader(
  arena: Arena,
  offset: number,
  header: SegmentInput & { readonly name: string; readonly kind: SegmentKind },
): void {
  const { bytes, unsigned } = arena;
  const word = (at: number, value: number): void => void (unsigned[(offset + at) >>> 2] = value);
  word(Header.VERSION, SEGMENT_VERSION);
  word(Header.BYTES, header.bytes);
  bytes.set(header.id, offset + Header.ID);
  word(Header.RINGS, RINGS_OF[header.kind]);
  word(Header.KIND, KINDS[header.kind]);
  word(Header.PARTICIPANTS, SegmentLimit.PARTICIPANTS);
  word(Header.CREATED, header.createdAt % 2 ** 32);
  word(Header.CREATED + 4, Math.floor(header.createdAt / 2 ** 32));
  const name = new TextEncoder().encode(header.name);
  assert(name.length <= SegmentLimit.NAME_BYTES, 'the name of a segment fits');
  bytes.set(name, offset + Header.NAME);
}

interface SegmentInput {
  readonly bytes: number;
  readonly id: Uint8Array;
  readonly createdAt: number;
}

function writePart(
  arena: Arena,
  offset: number,
  index: number,
  part: Part,
  { schema, shape }: RingSpec,
): void {
  const { bytes, unsigned } = arena;
  const text = Buffer.from(schema.layout, 'latin1');
  assert(isSchemaText(text), 'a schema text is ASCII of a length that fits');
  const size = structBytes(schema.layout);
  assert(roundUp(size, 8) === shape.stride, 'the stride is that of the struct');
  bytes.set(text, offset + part.schemaOffset);
  const at = (offset + Header.ENTRIES + index * RingEntry.SIZE) >>> 2;
  unsigned[at + RingEntry.OFFSET / 4] = part.offset;
  unsigned[at + RingEntry.BYTES / 4] = part.bytes;
  unsigned[at + RingEntry.SCHEMA_OFFSET / 4] = part.schemaOffset;
  unsigned[at + RingEntry.SCHEMA_BYTES / 4] = part.schemaBytes;
  unsigned[at + RingEntry.FINGERPRINT / 4] = Number(schema.fingerprint & 0xffff_ffffn);
  unsigned[at + RingEntry.FINGERPRINT / 4 + 1] = Number(schema.fingerprint >> 32n);
}

/** What the last line of a schema text says of the struct's size, or -1 when it says nothing. */
function structBytes(layout: string): number {
  const size = /\nsize (\d{1,5}) align [1248]\n$/.exec(layout)?.[1];
  return size === undefined ? -1 : Number(size);
}

function isSchemaText(text: Uint8Array): boolean {
  const fits = text.length >= 1 && text.length <= SegmentLimit.SCHEMA_BYTES;
  return fits && text.every((byte) => byte === 10 || (byte >= 32 && byte < 127));
}

/** Everything must lie where it can only lie. @throws {RondoError} ERR_RING_SEGMENT */
function checkParts(entries: readonly Part[], bytes: number): void {
  for (const [index, { schemaBytes }] of entries.entries()) {
    if (schemaBytes < 1 || schemaBytes > SegmentLimit.SCHEMA_BYTES) {
      throw refused(`the schema text of ring ${index} has ${schemaBytes} bytes`);
    }
  }
  const parts = arrange(
    entries.map(({ schemaBytes }) => schemaBytes),
    entries.map((entry) => entry.bytes),
  );
  for (const [index, part] of parts.entries()) {
    const { offset, schemaOffset } = entries[index]!;
    if (offset !== part.offset || schemaOffset !== part.schemaOffset) {
      throw refused(`ring ${index} or its schema text does not lie where it must`);
    }
  }
  if (totalOf(parts) !== bytes) throw refused('its rings do not end where it ends');
}

function readRing(
  arena: Arena,
  offset: number,
  index: number,
  entry: Part & { readonly fingerprint: bigint },
): RingView {
  const start = offset + entry.schemaOffset;
  const text = arena.bytes.slice(start, start + entry.schemaBytes);
  if (!isSchemaText(text)) throw refused(`the schema text of ring ${index} is not ASCII text`);
  const layout = Buffer.from(text).toString('latin1');
  if (fingerprintOf(layout) !== entry.fingerprint) {
    throw refused(`the schema text of ring ${index} has another fingerprint than its header says`);
  }
  const base = offset + entry.offset;
  const plan = readGeometry(arena.unsigned, base);
  if (typeof plan === 'string') throw refused(`ring ${index} has ${plan}`);
  if (plan.bytes !== entry.bytes) {
    throw refused(`ring ${index} has ${entry.bytes} bytes, its geometry needs ${plan.bytes}`);
  }
  const { stride } = plan.shape;
  if (roundUp(structBytes(layout), 8) !== stride) {
    // Who reads and writes structs of that size would leave the slots otherwise.
    throw refused(`ring ${index} has slots of ${stride} bytes, which are not for its struct`);
  }
  return { index, base, plan, schema: { layout, fingerprint: entry.fingerprint } };
}
