/**
 * A segment as this thread has it: in the arena, for the threads of the process, or a window onto a
 * sealed memfd that other processes have too.
 */
import { closeSync } from 'node:fs';
import { integerOption, misuse, RondoError } from '../base/index.ts';
import {
  adoptArena,
  type Arena,
  processArena,
  type Region,
  Segment,
  type WasmMemory,
  Window,
} from '../memory/index.ts';
import { RingDirectory } from './directory/directory.ts';
import { type RingSpec, RingSegment, segmentBytes } from './segment/segment.ts';
import { Membership } from './segment/membership.ts';
import { hasFutex } from './waiting/bell.ts';

/** What to hand to another thread of this process, which attaches to the same rings. */
export interface SharedRings {
  readonly memory: WasmMemory;
  /** Arena offset of the segment. */
  readonly offset: number;
  /** Bytes of the segment. */
  readonly bytes: number;
}

/** Where processes find each other, and what they see of this one. */
export interface PlaceOptions {
  /**
   * By which other processes find it: 1 to 63 letters, digits, `.`, `_` or `-`, not beginning with
   * a dot. Without one, the descriptor is handed to a child. @default none
   */
  readonly name?: string;
  /** The directory of the names. @default /dev/shm/rondo-<uid> */
  readonly directory?: string;
  /** What this side calls itself, for tools and messages; 63 bytes of UTF-8. @default '' */
  readonly label?: string;
}

/** See the head of this file. */
export class Mapping {
  readonly segment: RingSegment;
  readonly membership: Membership;
  /** The memfd, or -1 when there is none, or it belongs to another thread. */
  readonly descriptor: number;
  readonly #letGo: () => void;
  #isOpen = true;

  private constructor(
    segment: RingSegment,
    descriptor: number,
    label: string,
    letGo: (mapping: Mapping) => void,
  ) {
    this.segment = segment;
    this.descriptor = descriptor;
    this.membership = Membership.of(segment, label);
    this.#letGo = () => letGo(this);
    // At once: as long as a participant lives, nobody gives the memory back.
    this.membership.join();
  }

  /** For the threads of this process. @throws {RondoError} ERR_ARENA_EXHAUSTED */
  static inArena(kind: 'ring' | 'channel', rings: readonly RingSpec[], label: string): Mapping {
    const arena = processArena();
    const bytes = segmentBytes(rings);
    const region = arena.allocate(`${kind} of ${rings[0]!.schema.name}`, bytes, {
      owner: 'ring',
      kind: 'ring',
    });
    const segment = RingSegment.format(arena, region.offset, bytes, { name: '', kind }, rings);
    return new Mapping(segment, -1, label, (mapping) => releaseIfLast(mapping, region));
  }

  /**
   * For other processes too.
   * @throws {RondoError} ERR_RING_EXISTS, ERR_RING_DIRECTORY, ERR_ARENA_EXHAUSTED
   * @throws {RondoError} ERR_NATIVE_UNAVAILABLE where there is no addon
   */
  static create(
    kind: 'ring' | 'channel',
    rings: readonly RingSpec[],
    { name = '', directory, label = '' }: PlaceOptions,
  ): Mapping {
    const bytes = segmentBytes(rings);
    const names = name === '' ? undefined : RingDirectory.open(directory);
    const file = Segment.create(name === '' ? `rondo ${kind}` : `rondo ${name}`, bytes);
    let window: Window | undefined;
    try {
      const arena = processArena();
      window = openWindow(arena, file.fd, name);
      const segment = RingSegment.format(arena, window.offset, bytes, { name, kind }, rings);
      const holder = names?.create(name, file.fd, segment.info.id);
      const mapped = window;
      return new Mapping(segment, file.fd, label, (mapping) => {
        mapping.membership.leave();
        holder?.release();
        file.close();
        mapped.release();
      });
    } catch (error) {
      window?.release();
      file.close();
      throw error;
    }
  }

  /** By name. @throws {RondoError} ERR_RING_NOT_FOUND, ERR_RING_DIRECTORY, ERR_RING_SEGMENT */
  static open(name: string, { directory, label = '' }: PlaceOptions): Mapping {
    const { fd, holder } = RingDirectory.open(directory).attach(name);
    try {
      return Mapping.#map(fd, name, label, () => {
        holder.release();
        closeSync(fd);
      });
    } catch (error) {
      holder.release();
      closeSync(fd);
      throw error;
    }
  }

  /** By a descriptor that stays the caller's. @throws {RondoError} ERR_RING_SEGMENT */
  static openDescriptor(fd: number, { label = '' }: PlaceOptions): Mapping {
    integerOption('descriptor', fd, 0, 0, 2 ** 31 - 1);
    try {
      return Mapping.#map(fd, '', label, () => undefined);
    } catch (cause) {
      const { code, errnoName } = cause as { code?: unknown; errnoName?: unknown };
      const isOther = code === 'ERR_WINDOW_UNSEALED';
      if (!isOther && errnoName !== 'EBADF') throw cause;
      const why = isOther ? 'it is no sealed memfd, as the memory of rings is' : 'it is not open';
      throw new RondoError('ERR_RING_SEGMENT', `Cannot open a ring by descriptor ${fd}: ${why}`, {
        cause,
      });
    }
  }

  static #map(fd: number, name: string, label: string, letGo: () => void): Mapping {
    const arena = processArena();
    const window = openWindow(arena, fd, name);
    try {
      const segment = attachSegment(arena, window.offset, window.length);
      return new Mapping(segment, fd, label, (mapping) => {
        mapping.membership.leave();
        letGo();
        window.release();
      });
    } catch (error) {
      window.release();
      throw error;
    }
  }

  /** From another thread. @throws {TypeError} ERR_ARENA_ADOPTED when this one has another arena */
  static attach(shared: SharedRings, label: string): Mapping {
    if (typeof shared !== 'object' || shared === null || !('memory' in shared)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot attach to a ring: it must be what share() gave');
    }
    const arena = adoptArena(shared.memory);
    const segment = attachSegment(arena, shared.offset, shared.bytes);
    const region = arena.regionAt(shared.offset);
    // A window belongs to the thread that mapped it.
    if (region.kind === 'window') {
      return new Mapping(segment, -1, label, (mapping) => mapping.membership.leave());
    }
    return new Mapping(segment, -1, label, (mapping) => releaseIfLast(mapping, region));
  }

  /** What another thread attaches with. */
  share(): SharedRings {
    const { arena, offset, bytes } = this.segment;
    return { memory: arena.memory, offset, bytes };
  }

  /** Lets everything go that this thread has of the segment. Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#letGo();
  }
}

/** @throws {RondoError} ERR_RING_SEGMENT, also when its users sleep in another way */
function attachSegment(arena: Arena, offset: number, bytes: number): RingSegment {
  const segment = RingSegment.attach(arena, offset, bytes);
  // Between processes too: whoever sleeps with `Atomics.wait` is woken by no other process.
  if (segment.rings.every(({ plan }) => plan.shape.inProcess !== hasFutex())) return segment;
  throw new RondoError(
    'ERR_RING_SEGMENT',
    'Cannot use the ring segment: its users sleep ' +
      (hasFutex() ? 'within a process without the addon' : 'with the addon, which is missing here'),
  );
}

function openWindow(arena: Arena, fd: number, name: string): Window {
  const region = name === '' ? 'ring of a descriptor' : `ring ${name}`;
  return Window.open(arena, fd, { name: region, owner: 'ring', writable: true });
}

/**
 * The memory goes with the last who has it. After leaving it is only looked at: another thread may
 * be the last as well, and have released it. If it has not, what is seen is true.
 */
function releaseIfLast({ membership }: Mapping, region: Region): void {
  membership.clearUp();
  membership.leave();
  if (membership.others() > 0 || region.released) return;
  try {
    region.release();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_REGION_RELEASED') throw error;
  }
}
