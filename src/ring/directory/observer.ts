/**
 * Rings as somebody sees them who takes no part: for tools. Segments are mapped read-only, names
 * are not held, and nobody waits for an observer.
 */
import { closeSync } from 'node:fs';
import { integerOption, misuse, rejectUnknown } from '../../base/index.ts';
import { processArena, Window } from '../../memory/index.ts';
import { Participants, type ParticipantInfo } from '../segment/participants.ts';
import { RingSegment, type SegmentInfo } from '../segment/segment.ts';
import { snapshotRing, type RingSnapshot } from '../segment/snapshot.ts';
import { RingTail } from '../segment/tail.ts';
import { RingDirectory, type DirectoryListing, type Removal } from './directory.ts';

/** Which directory of names. */
export interface DirectoryOptions {
  /** @default /dev/shm/rondo-<uid> */
  readonly directory?: string;
}

function directoryOf(what: string, options: DirectoryOptions): RingDirectory {
  rejectUnknown(what, options, ['directory']);
  return RingDirectory.open(options.directory);
}

/**
 * The names of rings and channels, with who holds them, alive or dead.
 * @throws {RondoError} ERR_RING_DIRECTORY
 */
export function listRings(options: DirectoryOptions = {}): DirectoryListing {
  return directoryOf('listRings', options).list();
}

/** What is to be cleaned. */
export interface CleanOptions extends DirectoryOptions {
  /** @default all names */
  readonly name?: string;
  /** Only say what would be removed. @default false */
  readonly dryRun?: boolean;
}

/**
 * Removes what dead processes left in a directory of names. Their segments are gone already: memory
 * that nobody has open is given back by the system. Who creates a ring does the same before.
 * @throws {RondoError} ERR_RING_DIRECTORY
 * @throws {TypeError} ERR_RING_NAME
 */
export function cleanRings({ name, dryRun, ...options }: CleanOptions = {}): Removal[] {
  return directoryOf('cleanRings', options).clean(name, dryRun);
}

/** See the head of this file. */
export class RingObserver {
  /** What the segment says about itself. */
  readonly info: SegmentInfo;
  /** Of the whole segment. */
  readonly bytes: number;
  /** The schema text of each ring. */
  readonly schemas: readonly string[];
  readonly #segment: RingSegment;
  readonly #window: Window;
  readonly #tails: RingTail[] = [];
  #isOpen = true;

  private constructor(segment: RingSegment, window: Window) {
    this.#segment = segment;
    this.#window = window;
    this.info = segment.info;
    this.bytes = segment.bytes;
    this.schemas = segment.rings.map(({ schema }) => schema.layout);
  }

  /**
   * Opens a ring or channel by its name.
   * @throws {RondoError} ERR_RING_NOT_FOUND, ERR_RING_DIRECTORY, ERR_RING_SEGMENT
   * @throws {RondoError} ERR_ARENA_EXHAUSTED
   * @throws {TypeError} ERR_RING_NAME
   */
  static open(name: string, options: DirectoryOptions = {}): RingObserver {
    const { fd } = directoryOf('RingObserver.open', options).observe(name);
    let window: Window | undefined;
    try {
      const arena = processArena();
      window = Window.open(arena, fd, { name: `ring ${name}`, owner: 'ring' });
      return new RingObserver(RingSegment.attach(arena, window.offset, window.length), window);
    } catch (error) {
      window?.release();
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Its rings, as they are now. @throws {TypeError} ERR_RING_CLOSED */
  snapshot(): RingSnapshot[] {
    this.#assertOpen();
    return this.#segment.rings.map((ring) => snapshotRing(this.#segment, ring));
  }

  /** All participants, with a role or without. @throws {TypeError} ERR_RING_CLOSED */
  participants(): ParticipantInfo[] {
    this.#assertOpen();
    const participants = new Participants(this.#segment);
    return participants.live().map((entry) => participants.describe(entry));
  }

  /**
   * The messages of a ring, from those on that nobody has taken yet. Not to be used after `close`.
   * @throws {RangeError} ERR_OPTION_RANGE when there is no such ring
   * @throws {RondoError} ERR_STRUCT_LAYOUT when its schema cannot be understood
   * @throws {TypeError} ERR_RING_CLOSED
   */
  tail(ring: number = 0): RingTail {
    this.#assertOpen();
    const { rings } = this.#segment;
    const index = integerOption('ring', ring, 0, 0, rings.length - 1);
    const tail = new RingTail(this.#segment, rings[index]!);
    this.#tails.push(tail);
    return tail;
  }

  /** Gives the memory back. Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const tail of this.#tails) tail.close();
    this.#window.release();
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw misuse('ERR_RING_CLOSED', 'Cannot observe the ring: it was closed');
  }
}
