/**
 * The sanitizer as the product sees it: what memory is handed out and comes back, who may use it
 * for how long, and what the kernel has in hand.
 *
 * `#sanitizer` is `undefined` unless Node runs with `--conditions=sanitize` (`on.ts`, `off.ts`).
 * The product tells of things where objects are made and memory is taken, and lets the sanitizer
 * put its own methods on objects (`watch…`): so nothing is asked on hot paths. The rules are at the
 * head of `sanitizer.ts`; `docs/decisions/0028-view-sanitizer.md` has the reasons.
 */
import type { ErrorCode, RondoError } from '../../base/index.ts';
import type { Blocks } from '../blocks.ts';
import type { BumpRegion } from '../bump.ts';
import type { Slab } from '../slab.ts';
import type { StructDescriptor } from '../struct/types.ts';
import type { Views } from '../struct/views.ts';

/** One of the places that a report names. */
export interface ReportSite {
  /** What happened there, such as `the lease was made`. */
  readonly what: string;
  /** The callers, the innermost first; at most six. */
  readonly frames: readonly string[];
}

/** A misuse of memory that the sanitizer has found. */
export interface ViewReport extends RondoError {
  /** `ERR_VIEW_…`. */
  readonly code: ErrorCode;
  /** In the order in which things happened; the message has them too. */
  readonly sites: readonly ReportSite[];
}

/** Is told of reports. */
export type ReportListener = (report: ViewReport) => void;

/** Memory of an arena with its debug option, whose poison is not written over. */
interface ArenaMemory {
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly debug: boolean;
}

/** What is handed out. */
export interface Taken {
  readonly offset: number;
  readonly length: number;
  /** For messages: `region "name"`. */
  readonly what: string;
  /** Asked before a report, where other threads may have taken it meanwhile. @default never */
  readonly isFree?: () => boolean;
}

/** Bytes that somebody may use for a while. */
export interface Lent {
  readonly offset: number;
  readonly length: number;
  /** For messages: `lease on 12 bytes`. */
  readonly what: string;
  /** Nobody else may have the same bytes exclusively. @default false */
  readonly exclusive?: boolean;
  /** Its bytes may be unwritten, and must not be when they are read. @default false */
  readonly isFresh?: boolean;
}

/** Bytes that an operation of a driver names. @internal */
export interface Submission {
  readonly offset: number;
  readonly length: number;
  /** For messages: `send`. */
  readonly what: string;
  /** Whether the kernel writes there; otherwise it reads. */
  readonly writes: boolean;
}

/** See the head of this file. `buffer` is that of an arena throughout. @internal */
export interface Sanitizer {
  /** Tells `listener` of reports, instead of the standard error. */
  listen(listener: ReportListener | undefined): void;

  /** Memory was handed out; what is in it counts as written. */
  taken(buffer: ArrayBufferLike, taken: Taken): void;
  /** What was handed out at `offset` came back; `fills` lays the pattern of released memory in. */
  givenBack(buffer: ArrayBufferLike, offset: number, options: { fills: boolean }): void;
  /** As `givenBack`, to the kernel, which may write there at once. */
  givenToKernel(buffer: ArrayBufferLike, offset: number): void;
  /** Bytes that were the kernel's, behind those which it wrote: nobody else may have. */
  checkUntouched(buffer: ArrayBufferLike, offset: number, from: number): void;
  watchBlocks(arena: ArenaMemory, blocks: Blocks): void;
  watchSlab(arena: ArenaMemory, slab: Slab): void;
  watchBump(arena: ArenaMemory, bump: BumpRegion): void;

  /** `holder` may use bytes from now on. */
  lend(buffer: ArrayBufferLike, holder: object, lent: Lent): void;
  /** Nobody has written its bytes for it: as `isFresh`. */
  fresh(holder: object): void;
  /** It may not any more; nothing happens when it may not already. */
  end(holder: object, why: string): void;
  /** The view to hand out instead of `bytes`, whose first byte is the holder's `from`th. */
  view(holder: object, bytes: Uint8Array, from?: number): Uint8Array;
  /** `holder` is about to read all its bytes. */
  reading(holder: object): void;

  /** A class of cursors was made, or one of their parts of `size` bytes. */
  watchStruct(prototype: object, struct: StructDescriptor): void;
  watchPart(prototype: object, size: number, label: string): void;
  /** A cursor was made. */
  watchCursor(cursor: object, views: Views): void;
  /** A cursor of its own where `cursor` is now, valid until `endCursor`. */
  lendCursor<C extends object>(cursor: C, what: string): C;
  endCursor(cursor: object, why: string): void;
  /** The bytes of a lent cursor hold nothing that counts as written. */
  clearCursor(cursor: object): void;
  /** All fields of a lent cursor were written since `clearCursor`. */
  checkWritten(cursor: object, doing: string): void;

  /** Before an operation is submitted. */
  checkSubmission(buffer: ArrayBufferLike, submission: Submission): void;
  /** It was, and is known by `key`; `like` is the key of one on the same bytes just before. */
  submitted(buffer: ArrayBufferLike, key: string, submission: Submission, like?: string): void;
  /** It has completed; nothing happens for an unknown key. */
  completed(buffer: ArrayBufferLike, key: string): void;
}
