/** Directories for a while. */
import path from 'node:path';
import { Errno, rejectUnknown, SystemError } from '../base/index.ts';
import { currentReactor } from '../runtime/index.ts';
import type { BaseFuture } from '../task/index.ts';
import { pathSystemOf } from './directories.ts';
import type { FileError } from './errors.ts';
import { PathFuture, systemError } from './path-future.ts';
import type { PathSystem } from './path-system.ts';
import { pathText, type Path } from './paths.ts';

/** A directory that is removed with everything in it when it is not needed any more. */
export class TemporaryDirectory implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  readonly #system: PathSystem;

  /** Use `temporaryDirectory`. @internal */
  constructor(where: string, system: PathSystem) {
    this.path = where;
    this.#system = system;
  }

  /** Removes it; nothing there is no error. */
  remove(): BaseFuture<void, FileError> {
    return new PathFuture('remove', this.path, { run: () => this.#remove() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  #remove(): Promise<void> {
    return this.#system.remove(this.path, { recursive: true, force: true });
  }
}

/** Names are tried so often: eight random bytes are taken by chance once in 2^32 directories. */
const TRIES = 3;

/**
 * Makes a directory that nobody else has, for this user alone. Given up, it is removed again.
 *
 * @example
 * await using directory = await temporaryDirectory();
 */
export function temporaryDirectory(
  options: { readonly parent?: Path; readonly prefix?: string } = {},
): BaseFuture<TemporaryDirectory, FileError> {
  rejectUnknown('temporaryDirectory', options, ['parent', 'prefix']);
  const { prefix = 'rondo-' } = options;
  const system = pathSystemOf(currentReactor());
  const parent = options.parent === undefined ? system.temporary() : pathText(options.parent);
  const make = async (): Promise<TemporaryDirectory> => {
    for (let left = TRIES; ; left--) {
      const name = `${prefix}${system.uniqueName()}`;
      const where = path.join(parent, pathText(name));
      try {
        await system.makeDirectory(where, { mode: 0o700 });
        return new TemporaryDirectory(where, system);
      } catch (error) {
        if (left === 1 || !isExisting(error)) throw error;
      }
    }
  };
  const undo = async (directory: TemporaryDirectory): Promise<void> => {
    await system.remove(directory.path, { recursive: true, force: true });
  };
  return new PathFuture('make directory', parent, { run: make, undo });
}

function isExisting(error: unknown): boolean {
  const known = systemError('make directory', '', error);
  return known instanceof SystemError && known.errno === Errno.EEXIST;
}
