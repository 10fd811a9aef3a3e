/** A directory as a stream of what is in it. */
import {
  BaseStream,
  END,
  PENDING,
  type Context,
  type Poll,
  type StreamPoll,
} from '../task/index.ts';
import type { FileError } from './errors.ts';
import { PathFuture } from './path-future.ts';
import type { DirectoryEntry, DirectoryReader, PathSystem } from './path-system.ts';

/** Entries as the system gives them; giving it up closes the directory. */
export class DirectoryStream extends BaseStream<DirectoryEntry, FileError> {
  readonly #path: string;
  readonly #system: PathSystem;
  #reader: DirectoryReader | undefined;
  #opening: PathFuture<DirectoryReader> | undefined;
  #reading: PathFuture<readonly DirectoryEntry[]> | undefined;
  #closing: PathFuture<void> | undefined;
  #entries: readonly DirectoryEntry[] = [];
  #next = 0;
  #isOver = false;
  #error: { readonly error: unknown } | undefined;

  constructor(where: string, system: PathSystem) {
    super();
    this.#path = where;
    this.#system = system;
  }

  pollNext(context: Context): StreamPoll<DirectoryEntry> {
    if (!this.#isOver) {
      // Reading more of it asks for itself.
      if (this.#next < this.#entries.length && !context.proceed()) return PENDING;
      try {
        const entry = this.#step(context);
        if (entry !== undefined) return entry;
      } catch (error) {
        this.#error = { error };
        this.#reading = undefined;
      }
    }
    if (this.cancel(context) === PENDING) return PENDING;
    const failed = this.#error;
    if (failed === undefined) return END;
    this.#error = undefined;
    throw failed.error;
  }

  override cancel(context: Context): Poll<void> {
    this.#isOver = true;
    if (this.#opening?.cancel(context) === PENDING) return PENDING;
    this.#opening = undefined;
    if (this.#reading?.cancel(context) === PENDING) return PENDING;
    this.#reading = undefined;
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    this.#closing ??= new PathFuture('close', this.#path, { run: () => reader.close() });
    try {
      if (this.#closing.poll(context) === PENDING) return PENDING;
    } catch (error) {
      this.#error ??= { error };
    }
    this.#reader = undefined;
    return undefined;
  }

  /** The next entry, undefined at the end. */
  #step(context: Context): DirectoryEntry | typeof PENDING | undefined {
    if (this.#reader === undefined) {
      this.#opening ??= this.#open();
      const reader = this.#opening.poll(context);
      if (reader === PENDING) return PENDING;
      this.#opening = undefined;
      this.#reader = reader;
    }
    if (this.#next === this.#entries.length) {
      const reader = this.#reader;
      this.#reading ??= new PathFuture('read directory', this.#path, { run: () => reader.read() });
      const entries = this.#reading.poll(context);
      if (entries === PENDING) return PENDING;
      this.#reading = undefined;
      this.#entries = entries;
      this.#next = 0;
    }
    return this.#entries[this.#next++];
  }

  #open(): PathFuture<DirectoryReader> {
    return new PathFuture('open directory', this.#path, {
      run: () => this.#system.openDirectory(this.#path),
      undo: (reader) => reader.close(),
    });
  }
}
