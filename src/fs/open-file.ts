/** Opening. */
import type { Driver, OpenFlags } from '../driver/index.ts';
import { Operation, type Reactor } from '../runtime/index.ts';
import { failure, type FileError } from './errors.ts';
import { File } from './file.ts';
import type { BaseFuture } from '../task/index.ts';

/** Opens; what was opened when nobody wanted it any more is closed. */
export class OpenFile extends Operation<File, FileError> {
  readonly #path: string;
  readonly #flags: OpenFlags;

  constructor(reactor: Reactor, path: string, flags: OpenFlags) {
    super(reactor);
    this.#path = path;
    this.#flags = flags;
  }

  protected submit(driver: Driver, token: number): number {
    return driver.openFile(this.#path, this.#flags, token);
  }

  protected finish(result: number): File {
    if (result < 0) throw failure('open', result, this.#path);
    return new File(this.reactor, result, this.#path, this.#flags);
  }

  protected override discard(result: number): void {
    this.reactor.closeLater(result);
  }

  takeBack(file: File): BaseFuture<void, FileError> {
    return file.close();
  }
}
