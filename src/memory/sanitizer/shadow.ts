/**
 * What this thread knows of a memory: who holds which bytes, and what the kernel works on.
 *
 * Every eight bytes have the piece that they belong to: what an allocator handed out last, kept
 * after it came back, so that a use of it finds both sites. Pages that one piece fills have it
 * once. Threads do not share this: what another thread takes or gives back is not seen, which costs
 * findings and makes no wrong ones, because allocators that threads share are asked again
 * (`isFree`) before a report.
 */
import { fill, isUnwrittenWord, UNWRITTEN, type Bytes } from './patterns.ts';
import type { Site } from './sites.ts';

const PAGE_BYTES = 4096;
const GRANULE_BYTES = 8;
/** What loans and exclusive borrows are found by. */
const BUCKET_BYTES = 65_536;

/** Memory that was handed out in one piece. */
export interface Piece {
  /** For messages: `block of 512 bytes`. */
  readonly what: string;
  readonly offset: number;
  readonly length: number;
  readonly taken: Site;
  /** Whether an allocator that other threads use too has it free now. */
  readonly isFree: (() => boolean) | undefined;
  /** Where the bytes begin that were not asked for; the end when all were. */
  slackFrom: number;
  /** Where it was given back; undefined while it is held. */
  back: Site | undefined;
  /** It went back to the kernel, which writes into it. */
  isKernels: boolean;
  /** It has the pattern in it since it was given back. */
  isFilled: boolean;
}

/** A range of which something is known as long as it lasts. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Ranges, found by what they overlap. */
export class Ranges<R extends Range> {
  readonly #buckets = new Map<number, Set<R>>();
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(range: R): void {
    this.#size += 1;
    for (const bucket of bucketsOf(range.offset, range.length)) {
      const found = this.#buckets.get(bucket);
      if (found) found.add(range);
      else this.#buckets.set(bucket, new Set([range]));
    }
  }

  delete(range: R): void {
    let wasThere = false;
    for (const bucket of bucketsOf(range.offset, range.length)) {
      const found = this.#buckets.get(bucket);
      if (!found?.delete(range)) continue;
      wasThere = true;
      if (found.size === 0) this.#buckets.delete(bucket);
    }
    if (wasThere) this.#size -= 1;
  }

  /** One that overlaps and pleases. */
  find(offset: number, length: number, pleases: (range: R) => boolean): R | undefined {
    if (this.#size === 0) return undefined;
    for (const bucket of bucketsOf(offset, length)) {
      for (const range of this.#buckets.get(bucket) ?? []) {
        const overlaps = range.offset < offset + length && offset < range.offset + range.length;
        if (overlaps && pleases(range)) return range;
      }
    }
    return undefined;
  }
}

function* bucketsOf(offset: number, length: number): Generator<number, void, undefined> {
  const last = Math.floor((offset + Math.max(length, 1) - 1) / BUCKET_BYTES);
  for (let bucket = Math.floor(offset / BUCKET_BYTES); bucket <= last; bucket++) yield bucket;
}

/** Memory in the kernel's hands until an operation completes. */
export interface Loan extends Range {
  /** For messages: `send`. */
  readonly what: string;
  /** Whether the kernel writes there; otherwise it reads. */
  readonly writes: boolean;
  readonly site: Site;
  /** Of the bytes, when the kernel reads them. */
  readonly fingerprint: number;
}

/** Somebody's right to use bytes. */
export interface Borrow extends Range {
  /** For messages: `message of md.Trade`. */
  readonly what: string;
  readonly created: Site;
  /** What it is a part of. */
  readonly piece: Piece | undefined;
  /** Its bytes were not written when it was made: they must be before they are read. */
  isFresh: boolean;
  /** Why it is over, and where that was. */
  ended:
    | { readonly code: 'ERR_VIEW_RELEASED' | 'ERR_VIEW_EXPIRED'; readonly why: string; site: Site }
    | undefined;
}

type Page = Piece | (Piece | undefined)[];

/** See the head of this file. */
export class Shadow implements Bytes {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly loans: Ranges<Loan> = new Ranges();
  /** Leases: nobody else may have one on the same bytes. */
  readonly exclusive: Ranges<Borrow> = new Ranges();
  readonly #pages = new Map<number, Page>();
  /** Words that look as if nobody had written them, and were. */
  readonly #coincidences = new Set<number>();

  constructor(buffer: ArrayBufferLike) {
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  }

  /** The piece has its bytes from now on, whoever had them before. */
  take(piece: Piece): void {
    const end = piece.offset + piece.length;
    for (let from = piece.offset; from < end;) {
      const page = Math.floor(from / PAGE_BYTES);
      const to = Math.min(end, (page + 1) * PAGE_BYTES);
      if (to - from === PAGE_BYTES) this.#pages.set(page, piece);
      else this.#granules(page).fill(piece, granule(from), granule(to - 1) + 1);
      from = to;
    }
  }

  /** The piece that a byte belongs to, or belonged to last. */
  at(offset: number): Piece | undefined {
    const page = this.#pages.get(Math.floor(offset / PAGE_BYTES));
    return Array.isArray(page) ? page[granule(offset)] : page;
  }

  /** The first piece in a range that was given back. */
  firstBack(offset: number, length: number): Piece | undefined {
    for (const [piece] of this.runs(offset, Math.max(length, 1))) {
      if (piece.back !== undefined && piece.isFree?.() !== false) return piece;
    }
    return undefined;
  }

  /** The pieces of a range, with the part of it that each has. */
  *runs(offset: number, length: number): Generator<[Piece, from: number, to: number], void, void> {
    const end = offset + length;
    let current: Piece | undefined;
    let start = offset;
    for (let at = offset; at < end;) {
      const found = this.#pages.get(Math.floor(at / PAGE_BYTES));
      const isArray = Array.isArray(found);
      const piece = isArray ? found[granule(at)] : found;
      if (piece !== current) {
        if (current) yield [current, start, at];
        current = piece;
        start = at;
      }
      const unit = isArray ? GRANULE_BYTES : PAGE_BYTES;
      at = at - (at % unit) + unit;
    }
    if (current) yield [current, start, end];
  }

  /** Marks a range as never written. */
  clear(offset: number, length: number): void {
    fill(this, offset, length, UNWRITTEN);
    if (this.#coincidences.size === 0) return;
    for (const word of this.#coincidences) {
      if (word * 4 + 4 > offset && word * 4 < offset + length) this.#coincidences.delete(word);
    }
  }

  /** Somebody was seen to write a range. */
  written(offset: number, length: number): void {
    for (let at = offset - (offset % 4); at < offset + length; at += 4) {
      if (isUnwrittenWord(this, at)) this.#coincidences.add(at / 4);
    }
  }

  /** Whether all bytes of the aligned word around one were never written. */
  isUnwritten(offset: number): boolean {
    return isUnwrittenWord(this, offset) && !this.#coincidences.has(offset >>> 2);
  }

  #granules(page: number): (Piece | undefined)[] {
    const found = this.#pages.get(page);
    if (Array.isArray(found)) return found;
    const granules = new Array<Piece | undefined>(PAGE_BYTES / GRANULE_BYTES).fill(found);
    this.#pages.set(page, granules);
    return granules;
  }
}

function granule(offset: number): number {
  return Math.floor((offset % PAGE_BYTES) / GRANULE_BYTES);
}

const shadows = new WeakMap<ArrayBufferLike, Shadow>();

/** The shadow of an arena's memory, made at first use. */
export function shadowOf(buffer: ArrayBufferLike): Shadow {
  let shadow = shadows.get(buffer);
  if (!shadow) shadows.set(buffer, (shadow = new Shadow(buffer)));
  return shadow;
}

/** The same, unless nothing is known of the memory. */
export function knownShadow(buffer: ArrayBufferLike): Shadow | undefined {
  return shadows.get(buffer);
}
