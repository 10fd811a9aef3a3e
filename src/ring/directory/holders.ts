/**
 * What a holder file is worth: whether its process lives and still has the segment open, found out
 * through /proc/<pid>/fd. Whatever is found there is opened without side effects, and believed only
 * when it is a sealed memfd whose header has the name and the id.
 */
import * as fs from 'node:fs';
import { RondoError } from '../../base/index.ts';
import { nativeStatus } from '../../native/index.ts';
import { isDead, type Proc } from '../segment/identity.ts';
import { Header, SegmentLimit, SEGMENT_UNIT, type SegmentKind } from '../segment/layout.ts';
import { readHeader } from '../segment/segment.ts';
import type { HolderName } from './names.ts';

/** The part of `node:fs` that a directory uses; tests put something between. */
export type DirectoryFiles = Pick<
  typeof fs,
  | 'closeSync'
  | 'fstatSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readlinkSync'
  | 'readSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'unlinkSync'
>;

/**
 * How a holder stands: `dead` processes and `stale` files (whose process has not, or no more, that
 * segment open) can be removed; of another pid namespace (`foreign`) nothing can be said, and what
 * is `unusable` cannot be opened, but lives.
 */
export type Standing = 'alive' | 'dead' | 'stale' | 'foreign' | 'unusable';

/** What was found behind a holder file. */
export interface Finding {
  readonly standing: Standing;
  /** Why it is not alive: for people. */
  readonly why: string;
  /** What is open, when it was asked for and can be used; the caller closes it. */
  readonly segment?: OpenSegment;
}

/** A segment that was found by name and is open now. */
export interface OpenSegment {
  readonly fd: number;
  readonly id: string;
  readonly bytes: number;
  readonly kind: SegmentKind;
}

/** Seals of a memfd. Source: fcntl(2), linux/fcntl.h. */
const SEALS_NEEDED = 1 | 2 | 4;

/** The symbol of what a function of `node:fs` threw. */
export function errnoOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Looks behind holder files. */
export class HolderInspector {
  readonly #files: DirectoryFiles;
  readonly #proc: Proc;

  constructor(files: DirectoryFiles, proc: Proc) {
    this.#files = files;
    this.#proc = proc;
  }

  /** How a holder of the ring `name` stands. */
  inspect(holder: HolderName, name: string): Finding {
    const finding = this.open(holder, name, false);
    if (finding.segment) this.#files.closeSync(finding.segment.fd);
    return finding;
  }

  /** As `inspect`, but gives the segment open, for writing too if asked. */
  open(holder: HolderName, name: string, writable: boolean): Finding {
    const { identity, descriptor } = holder;
    if (isDead(identity, this.#proc)) return { standing: 'dead', why: 'its process has ended' };
    if (identity.namespace !== this.#proc.machine()?.namespace) {
      return { standing: 'foreign', why: 'its process is in another pid namespace' };
    }
    const path = `/proc/${identity.pid}/fd/${descriptor}`;
    let fd: number;
    try {
      if (!this.#files.readlinkSync(path).startsWith('/memfd:')) {
        return { standing: 'stale', why: 'its process has something else open there' };
      }
      const { O_RDONLY, O_RDWR, O_NONBLOCK, O_NOCTTY } = fs.constants;
      const access = writable ? O_RDWR : O_RDONLY;
      fd = this.#files.openSync(path, access | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      return this.#unopened(holder, errnoOf(error));
    }
    const finding = this.#check(fd, holder.id, name);
    if (finding.segment === undefined) this.#files.closeSync(fd);
    return finding;
  }

  #unopened({ identity }: HolderName, errno: string): Finding {
    if (errno !== 'ENOENT') return { standing: 'unusable', why: `it cannot be opened: ${errno}` };
    if (isDead(identity, this.#proc)) return { standing: 'dead', why: 'its process has ended' };
    return { standing: 'stale', why: 'its process has closed it' };
  }

  #check(fd: number, id: string, name: string): Finding {
    const status = this.#files.fstatSync(fd);
    const { size } = status;
    if (!status.isFile() || size % SEGMENT_UNIT !== 0 || size > SegmentLimit.BYTES) {
      return { standing: 'stale', why: 'its process has something else open there' };
    }
    const native = nativeStatus();
    if (!native.available) return { standing: 'unusable', why: native.reason };
    const seals = native.native.fileSeals(fd);
    if (seals < 0 || (seals & SEALS_NEEDED) !== SEALS_NEEDED) {
      return { standing: 'unusable', why: 'it is not sealed against shrinking and growing' };
    }
    const header = new Uint8Array(Header.BYTES_TOTAL);
    const length = this.#files.readSync(fd, header, 0, header.length, 0);
    try {
      if (length < header.length) throw new RondoError('ERR_RING_SEGMENT', 'it has no header');
      const info = readHeader(header, size);
      if (info.name === name && info.id === id) {
        return { standing: 'alive', why: '', segment: { fd, id, bytes: size, kind: info.kind } };
      }
      return { standing: 'stale', why: 'its process has another segment open there' };
    } catch (error) {
      if (!(error instanceof RondoError)) throw error;
      return { standing: 'stale', why: error.message };
    }
  }
}
