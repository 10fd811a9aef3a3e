/**
 * Descriptors of files that are being sent, of which there is a limit. Who waits for its client
 * lends its descriptor to whoever needs one, and opens the file again later: so clients that read
 * slowly, or not at all, keep nobody from getting files.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { RondoError } from '../../base/index.ts';
import { clientGone } from './failures.ts';

// What is opened was resolved before: the last part of it must not be a link any more, and what is
// no file must not make us wait.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What makes a file the same one when it is opened again. */
interface Identity {
  readonly ino: number;
  readonly dev: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** The descriptors. */
export class OpenFiles {
  readonly #most: number;
  #count = 0;
  /** Who waits for a descriptor, first come first served. */
  readonly #queue: (() => void)[] = [];
  /** Who has one and does not need it now. */
  readonly #idle: Set<OpenFile> = new Set();

  constructor(most: number) {
    this.#most = most;
  }

  /** Opens a file, when there is a descriptor for it. @throws what `open` of Node does */
  async open(path: string): Promise<OpenFile> {
    const file = new OpenFile(this, path);
    await file.ready();
    return file;
  }

  /** A place for one more descriptor. @internal */
  async take(): Promise<void> {
    if (this.#count < this.#most) {
      this.#count += 1;
      return;
    }
    const place = new Promise<void>((resolve) => this.#queue.push(resolve));
    const [lender] = this.#idle;
    if (lender !== undefined) {
      this.#idle.delete(lender);
      void lender.lend();
    }
    await place;
  }

  /** A descriptor was closed: the place goes to the next in the queue. @internal */
  give(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#count -= 1;
    else next();
  }

  /** Whether it may be lent now. @internal */
  setIdle(file: OpenFile, idle: boolean): void {
    if (!idle) {
      this.#idle.delete(file);
    } else if (this.#queue.length > 0) {
      void file.lend();
    } else {
      this.#idle.add(file);
    }
  }
}

/** A file that is open, or was lent. */
export class OpenFile {
  readonly #files: OpenFiles;
  readonly #path: string;
  #handle: FileHandle | undefined;
  #identity: Identity | undefined;
  #isDirectory = false;
  #closed = false;

  /** @internal */
  constructor(files: OpenFiles, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Its size and time, as they were when it was opened first; undefined when it is no file. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Whether it is a directory. */
  get isDirectory(): boolean {
    return this.#isDirectory;
  }

  /** Reads; 0 at the end. @throws {RondoError} ERR_SYSTEM when it is not the same any more */
  async read(target: Uint8Array, length: number, position: number): Promise<number> {
    this.#files.setIdle(this, false);
    await this.ready();
    const { bytesRead } = await this.#handle!.read(target, 0, length, position);
    return bytesRead;
  }

  /** It waits for something else than the file. */
  rest(): void {
    if (this.#handle !== undefined) this.#files.setIdle(this, true);
  }

  /** Gives the descriptor back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#files.setIdle(this, false);
    await this.lend();
  }

  /** @internal */
  async lend(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    // A file that was only read has nothing to lose.
    await handle.close().catch(() => undefined);
    this.#files.give();
  }

  /** Opens it, unless it is open. @internal */
  async ready(): Promise<void> {
    if (this.#handle !== undefined) return;
    await this.#files.take();
    let handle: FileHandle | undefined;
    try {
      // It was closed while it waited for its place.
      if (this.#closed) throw clientGone();
      handle = await open(this.#path, FLAGS);
      const stat = await handle.stat();
      const { ino, dev, size, mtimeMs } = stat;
      const before = this.#identity;
      this.#isDirectory = stat.isDirectory();
      if (before === undefined) {
        if (stat.isFile()) this.#identity = { ino, dev, size, mtimeMs };
      } else if (
        !(before.ino === ino && before.dev === dev) ||
        !(before.size === size && before.mtimeMs === mtimeMs)
      ) {
        throw new RondoError('ERR_SYSTEM', `Cannot go on with ${this.#path}: it was changed`);
      }
      if (this.#closed) throw clientGone();
      this.#handle = handle;
    } catch (error) {
      await handle?.close();
      this.#files.give();
      throw error;
    }
  }
}
