/**
 * Names of rings: a directory of the user's, in which each name is a directory with an empty file
 * for each process that holds the segment (`spec/ring.md`, §12). Nothing here is locked:
 *
 *  1. A name comes into being by renaming a directory that has its first holder in it already, onto
 *     nothing or an empty directory: one of several creators wins.
 *  2. A directory with a file in it can be neither removed nor renamed onto: who has its file there
 *     keeps the name, and looks once afterwards whether it is the name's segment that it has.
 *  3. Files are removed by who made them, or when their process is dead or has the segment no more;
 *     no two processes ever have the same file name, so removing it takes nothing from others.
 */
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { waitBlocking } from '#atomics';
import { RondoError, secureBytes, stringOption } from '../../base/index.ts';
import { isDead, ownIdentity, systemProc, type Identity, type Proc } from '../segment/identity.ts';
import {
  errnoOf,
  HolderInspector,
  type DirectoryFiles,
  type OpenSegment,
  type Standing,
} from './holders.ts';
import {
  checkRingName,
  formatHolder,
  formatUnfinished,
  isRingName,
  parseHolder,
  parseUnfinished,
  type HolderName,
} from './names.ts';

/** A name, or a part of one, as long as it is held. */
export interface Holder {
  /** Lets the name go. Idempotent; before the descriptor is closed. */
  release(): void;
}

/** A segment that was found by its name. */
export interface Attachment extends OpenSegment {
  /** Open for reading and writing; the caller's to close, after `holder.release()`. */
  readonly fd: number;
  readonly holder: Holder;
}

/** A process that holds a name, or once did. */
export interface HolderInfo {
  readonly pid: number;
  readonly descriptor: number;
  readonly id: string;
  readonly standing: Standing;
  /** Why it is not alive: for people. */
  readonly why: string;
}

/** A name of a directory. */
export interface NameInfo {
  readonly name: string;
  readonly holders: readonly HolderInfo[];
}

/** What a directory holds. */
export interface DirectoryListing {
  readonly names: readonly NameInfo[];
  /** What is not as it must be and is left alone, as paths inside the directory. */
  readonly strays: readonly string[];
}

/** Something that was removed, or would be. */
export interface Removal {
  /** Inside the directory. */
  readonly path: string;
  readonly why: string;
}

/** How often a race that somebody else won is run again, and the pause between. */
const ATTEMPTS = 200;
const PAUSE_MS = 1;
const PAUSE_WORD = new Int32Array(new SharedArrayBuffer(4));

/** Names that this thread holds: let go at its end, if it has time to. */
const held = new Set<Holder>();
let releasesAtExit = false;

/** What the system says when somebody else was faster. */
const GONE = ['ENOENT', 'ENOTEMPTY', 'EEXIST'];

function directoryError(path: string, why: string, cause?: unknown): RondoError {
  return new RondoError(
    'ERR_RING_DIRECTORY',
    `Cannot use ${JSON.stringify(path)} as a directory of rings: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

/** See the head of this file. */
export class RingDirectory {
  readonly path: string;
  readonly #files: DirectoryFiles;
  readonly #proc: Proc;
  readonly #holders: HolderInspector;

  private constructor(path: string, files: DirectoryFiles, proc: Proc) {
    this.path = path;
    this.#files = files;
    this.#proc = proc;
    this.#holders = new HolderInspector(files, proc);
  }

  /**
   * The directory at `path`, which is made when the first name is; `files` and `proc` are for tests.
   * @default path /dev/shm/rondo-<uid>
   * @throws {RondoError} ERR_RING_DIRECTORY when it is no directory of the user's with mode 0700,
   * or where processes cannot be told apart
   */
  static open(path?: string, files: DirectoryFiles = fs, proc: Proc = systemProc): RingDirectory {
    const uid = process.getuid?.();
    const shown = stringOption('directory', path, `/dev/shm/rondo-${uid}`);
    if (uid === undefined || proc.machine() === undefined) {
      throw directoryError(shown, 'rings have names only on Linux, with its /proc');
    }
    const directory = new RingDirectory(resolve(shown), files, proc);
    directory.#exists();
    return directory;
  }

  /**
   * Gives a segment its name, after tidying the whole directory. `descriptor` is its memfd, complete
   * and sealed, and stays the caller's.
   * @throws {TypeError} ERR_RING_NAME
   * @throws {RondoError} ERR_RING_EXISTS when another that lives has the name; ERR_RING_DIRECTORY
   */
  create(name: string, descriptor: number, id: string): Holder {
    checkRingName(name);
    this.#make();
    this.clean();
    const identity = this.#own();
    const file = formatHolder({ id, identity, descriptor });
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#tryCreate(name, file, identity)) return this.#hold(name, file);
      const { holders, strays } = this.#nameInfo(name);
      const [stray] = strays;
      if (stray !== undefined) throw directoryError(this.path, `${stray} is no file of a holder`);
      const holder = holders.find(({ standing }) => standing !== 'dead' && standing !== 'stale');
      if (holder) throw this.#exist(name, holder);
      this.clean(name);
      this.#pause(attempt);
    }
    throw directoryError(this.path, `the name ${name} is neither free nor taken for long`);
  }

  /**
   * Opens the segment that has a name, and holds the name too.
   * @throws {TypeError} ERR_RING_NAME
   * @throws {RondoError} ERR_RING_NOT_FOUND when nobody who lives has it; ERR_RING_DIRECTORY
   */
  attach(name: string): Attachment {
    const identity = this.#own();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const segment = this.#find(name, true);
      try {
        const file = formatHolder({ id: segment.id, identity, descriptor: segment.fd });
        if (this.#tryJoin(name, file, segment.id)) {
          return { ...segment, holder: this.#hold(name, file) };
        }
      } catch (error) {
        this.#files.closeSync(segment.fd);
        throw error;
      }
      this.#files.closeSync(segment.fd);
      this.#pause(attempt);
    }
    throw new RondoError(
      'ERR_RING_NOT_FOUND',
      `Cannot attach to ring ${JSON.stringify(name)}: different segments keep claiming its name`,
    );
  }

  /**
   * Opens the segment that has a name for reading, without holding the name. The caller closes the
   * descriptor.
   * @throws {TypeError} ERR_RING_NAME
   * @throws {RondoError} ERR_RING_NOT_FOUND, ERR_RING_DIRECTORY
   */
  observe(name: string): OpenSegment {
    return this.#find(name, false);
  }

  /** What there is. @throws {RondoError} ERR_RING_DIRECTORY */
  list(): DirectoryListing {
    const names: NameInfo[] = [];
    const strays: string[] = [];
    for (const { entry, isDirectory } of this.#entries('')) {
      if (isDirectory && isRingName(entry)) {
        const { holders, strays: inside } = this.#nameInfo(entry);
        names.push({ name: entry, holders });
        strays.push(...inside);
      } else if (!isDirectory || parseUnfinished(entry) === undefined) {
        strays.push(entry);
      }
    }
    names.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { names, strays };
  }

  /**
   * Removes what the dead left behind: of one name, or of the whole directory. With `dryRun` it
   * only says what it would remove.
   * @throws {TypeError} ERR_RING_NAME
   * @throws {RondoError} ERR_RING_DIRECTORY
   */
  clean(name?: string, dryRun: boolean = false): Removal[] {
    if (name !== undefined) {
      checkRingName(name);
      return this.#exists() ? this.#cleanName(name, dryRun) : [];
    }
    const removals: Removal[] = [];
    for (const { entry, isDirectory } of this.#entries('')) {
      if (!isDirectory) continue;
      if (isRingName(entry)) removals.push(...this.#cleanName(entry, dryRun));
      else removals.push(...this.#cleanUnfinished(entry, dryRun));
    }
    return removals;
  }

  /** Whether it is there. @throws {RondoError} ERR_RING_DIRECTORY when it must not be used */
  #exists(): boolean {
    let status: fs.Stats;
    try {
      status = this.#files.lstatSync(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw directoryError(this.path, errnoOf(error), error);
    }
    if (!status.isDirectory()) throw directoryError(this.path, 'it is no directory');
    if (status.uid !== process.getuid?.()) {
      throw directoryError(this.path, `it belongs to the user with id ${status.uid}`);
    }
    const mode = status.mode & 0o777;
    if (mode !== 0o700) {
      const shown = mode.toString(8).padStart(4, '0');
      throw directoryError(this.path, `its mode must be 0700, got ${shown}`);
    }
    return true;
  }

  #make(): void {
    if (this.#exists()) return;
    try {
      this.#files.mkdirSync(this.path, 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw directoryError(this.path, errnoOf(error), error);
    }
    if (!this.#exists()) throw directoryError(this.path, 'it was removed');
  }

  #own(): Identity {
    return ownIdentity(false, this.#proc);
  }

  /** Entries of a directory inside, or of itself; none when it is not there, or no directory. */
  #entries(inside: string): { entry: string; isDirectory: boolean }[] {
    if (inside === '' && !this.#exists()) return [];
    const path = join(this.path, inside);
    try {
      // Never through a link: a name is a directory, or a stray.
      if (!this.#files.lstatSync(path).isDirectory()) return [];
      return this.#files
        .readdirSync(path, { withFileTypes: true })
        .map((each) => ({ entry: each.name, isDirectory: each.isDirectory() }));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || (errno === 'EACCES' && inside !== '')) return [];
      throw directoryError(path, errno, error);
    }
  }

  #nameInfo(name: string): { holders: HolderInfo[]; strays: string[] } {
    const holders: HolderInfo[] = [];
    const strays: string[] = [];
    for (const { entry, isDirectory } of this.#entries(name)) {
      const holder = isDirectory ? undefined : parseHolder(entry);
      if (holder === undefined) {
        strays.push(join(name, entry));
        continue;
      }
      const { standing, why } = this.#holders.inspect(holder, name);
      const { id, descriptor, identity } = holder;
      holders.push({ pid: identity.pid, descriptor, id, standing, why });
    }
    return { holders, strays };
  }

  #holderNames(name: string): HolderName[] {
    return this.#entries(name).flatMap(({ entry }) => parseHolder(entry) ?? []);
  }

  /** One try at 1 of the head of this file. */
  #tryCreate(name: string, file: string, identity: Identity): boolean {
    const random = secureBytes(8).toString('hex');
    const unfinished = formatUnfinished(identity, random);
    const path = join(this.path, unfinished);
    try {
      this.#files.mkdirSync(path, 0o700);
      this.#makeFile(join(path, file));
      this.#files.renameSync(path, join(this.path, name));
      return true;
    } catch (error) {
      this.#remove(join(path, file), path);
      const errno = errnoOf(error);
      // Taken; or somebody in another pid namespace took this process for one that does not exist.
      if (GONE.includes(errno)) return false;
      const why = errno === 'ENOTDIR' ? `${name} in it is no directory` : errno;
      throw directoryError(this.path, why, error);
    }
  }

  /** One try at 2 of the head of this file. */
  #tryJoin(name: string, file: string, id: string): boolean {
    const path = join(this.path, name);
    try {
      this.#makeFile(join(path, file));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') return false;
      // There already: a thread of this process had it open there before, and could not let go.
      if (errno !== 'EEXIST') throw directoryError(this.path, errno, error);
    }
    const isOther = (holder: HolderName): boolean =>
      holder.id !== id && !['dead', 'stale'].includes(this.#holders.inspect(holder, name).standing);
    if (!this.#holderNames(name).some(isOther)) return true;
    this.#remove(join(path, file), path);
    return false;
  }

  /** @throws {RondoError} ERR_RING_NOT_FOUND */
  #find(name: string, writable: boolean): OpenSegment {
    checkRingName(name);
    const reasons: string[] = [];
    const holders = this.#exists() ? this.#holderNames(name) : [];
    for (const holder of holders) {
      const { segment, standing, why } = this.#holders.open(holder, name, writable);
      if (segment) return segment;
      if (standing !== 'dead') reasons.push(`process ${holder.identity.pid} has it, but ${why}`);
    }
    const why = reasons.length === 0 ? 'no living process has it' : reasons.join('; ');
    throw new RondoError(
      'ERR_RING_NOT_FOUND',
      `Cannot find ring ${JSON.stringify(name)} in ${this.path}: ${why}`,
    );
  }

  #makeFile(path: string): void {
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = fs.constants;
    this.#files.closeSync(
      this.#files.openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600),
    );
  }

  #hold(name: string, file: string): Holder {
    const path = join(this.path, name);
    const holder: Holder = {
      release: () => {
        if (!held.delete(holder)) return;
        this.#attempt(() => this.#files.unlinkSync(join(path, file)));
        // With what the dead have left, and with the directory if nobody is in it any more.
        this.#attempt(() => this.#cleanName(name, false));
      },
    };
    held.add(holder);
    if (!releasesAtExit) {
      releasesAtExit = true;
      process.on('exit', () => {
        for (const each of held) this.#attempt(() => each.release());
      });
    }
    return holder;
  }

  /** Removes a file, then its directory unless somebody is in it. Whatever is gone is gone. */
  #remove(file: string, directory: string): void {
    this.#attempt(() => this.#files.unlinkSync(file));
    this.#attempt(() => this.#files.rmdirSync(directory));
  }

  /** Runs a removal; false when somebody else was faster, or is there. */
  #attempt(removal: () => unknown): boolean {
    try {
      removal();
      return true;
    } catch (error) {
      // Whatever else the reason: it stays, and shows in the listing.
      if (errnoOf(error) === '') throw error;
      return false;
    }
  }

  #cleanName(name: string, dryRun: boolean): Removal[] {
    const removals: Removal[] = [];
    const entries = this.#entries(name);
    for (const { entry, isDirectory } of entries) {
      const holder = isDirectory ? undefined : parseHolder(entry);
      if (holder === undefined) continue;
      const { standing, why } = this.#holders.inspect(holder, name);
      if (standing !== 'dead' && standing !== 'stale') continue;
      const path = join(name, entry);
      if (dryRun || this.#attempt(() => this.#files.unlinkSync(join(this.path, path)))) {
        removals.push({ path, why });
      }
    }
    if (removals.length < entries.length) return removals;
    if (dryRun || this.#attempt(() => this.#files.rmdirSync(join(this.path, name)))) {
      removals.push({ path: name, why: 'nobody holds it' });
    }
    return removals;
  }

  #cleanUnfinished(entry: string, dryRun: boolean): Removal[] {
    const unfinished = parseUnfinished(entry);
    if (unfinished === undefined) return [];
    const files = this.#entries(entry).filter(({ isDirectory }) => !isDirectory);
    // The file inside says more of who it is; before it is there, the name must do.
    const holder = files.map((file) => parseHolder(file.entry)).find((each) => each !== undefined);
    const identity = holder?.identity ?? { ...this.#own(), ...unfinished };
    if (!isDead(identity, this.#proc)) return [];
    const path = join(this.path, entry);
    if (!dryRun) {
      for (const file of files) {
        this.#attempt(() => this.#files.unlinkSync(join(path, file.entry)));
      }
      if (!this.#attempt(() => this.#files.rmdirSync(path))) return [];
    }
    return [{ path: entry, why: 'its creator ended before it was finished' }];
  }

  #exist(name: string, { pid, why }: HolderInfo): RondoError {
    const more = why === '' ? '' : ` (${why})`;
    return new RondoError(
      'ERR_RING_EXISTS',
      `Cannot create ring ${JSON.stringify(name)}: process ${pid} holds one of that name${more}`,
    );
  }

  #pause(attempt: number): void {
    if (attempt > 2) waitBlocking(PAUSE_WORD, 0, 0, PAUSE_MS);
  }
}
