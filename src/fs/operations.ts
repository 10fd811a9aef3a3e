/** Operations on files that carry no bytes of theirs. */
import { Errno } from '../base/index.ts';
import { STAT_BYTES, type Driver, type Handle } from '../driver/index.ts';
import { Operation, type Reactor } from '../runtime/index.ts';
import { failure, type FileError } from './errors.ts';
import type { File } from './file.ts';
import { MemoryOperation } from './memory-operation.ts';
import { readStat, type FileStat } from './stats.ts';

/** Closes. Giving it up does not keep it from being closed. */
export class CloseFile extends Operation<void, FileError> {
  readonly isClose = true;
  readonly #file: File;
  #isTaken = false;

  constructor(reactor: Reactor, file: File) {
    super(reactor);
    this.#file = file;
  }

  protected submit(driver: Driver, token: number): number {
    const id = driver.close(this.#file.handle, token);
    if (id > 0) this.#isTaken = true;
    return id;
  }

  protected finish(result: number): void {
    // The driver was destroyed: the file went with it.
    if (result < 0 && result !== -Errno.EBADF) throw failure('close', result, this.#file.path);
  }

  protected override released(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.reactor.closeLater(this.#file.handle);
  }
}

/** Pushes to the device. */
export class SyncFile extends Operation<void, FileError> {
  readonly #file: File;
  readonly #dataOnly: boolean;

  constructor(reactor: Reactor, file: File, dataOnly: boolean) {
    super(reactor);
    this.#file = file;
    this.#dataOnly = dataOnly;
  }

  protected submit(driver: Driver, token: number): number {
    return driver.syncFile(this.#file.handle, token, this.#dataOnly);
  }

  protected finish(result: number): void {
    if (result < 0) throw this.#file.failure('sync', result);
  }
}

/** Cuts or lengthens. */
export class ResizeFile extends Operation<void, FileError> {
  readonly #file: File;
  readonly #bytes: number;

  constructor(reactor: Reactor, file: File, bytes: number) {
    super(reactor);
    this.#file = file;
    this.#bytes = bytes;
  }

  protected submit(driver: Driver, token: number): number {
    return driver.resizeFile(this.#file.handle, token, this.#bytes);
  }

  protected finish(result: number): void {
    if (result < 0) throw this.#file.failure('truncate', result);
  }
}

/** Asks what is known about it. */
export class StatFile extends MemoryOperation<FileStat> {
  readonly #handle: Handle;
  readonly #file: File;

  constructor(reactor: Reactor, file: File) {
    super(reactor, STAT_BYTES);
    this.#file = file;
    this.#handle = file.handle;
  }

  protected submit(driver: Driver, token: number): number {
    this.isSubmitted = true;
    return driver.statFile(this.#handle, token, this.block);
  }

  protected finish(result: number): FileStat {
    const stat = result < 0 ? undefined : readStat(this.reactor.arena, this.block);
    this.giveBack();
    if (stat === undefined) throw this.#file.failure('stat', result);
    return stat;
  }
}
