/** What is done with paths, as futures: see `path-system.ts` for who does it. */
import { rejectUnknown } from '../base/index.ts';
import type { SimulatedDriver } from '../driver/index.ts';
import { currentReactor, type Reactor } from '../runtime/index.ts';
import type { BaseFuture, BaseStream } from '../task/index.ts';
import { DirectoryStream } from './directory-stream.ts';
import type { FileError } from './errors.ts';
import { PathFuture } from './path-future.ts';
import {
  nodePaths,
  type CopyFileOptions,
  type DirectoryEntry,
  type MakeDirectoryOptions,
  type PathSystem,
  type RemoveOptions,
} from './path-system.ts';
import { pathText, type Path } from './paths.ts';
import { simulatedPathSystem } from './simulated-paths.ts';
import type { FileStat } from './stats.ts';

const simulated = new WeakMap<Reactor, PathSystem>();

/** Who knows the paths of a reactor's files. */
export function pathSystemOf(reactor: Reactor): PathSystem {
  if (reactor.driver.kind !== 'simulated') return nodePaths;
  let system = simulated.get(reactor);
  if (system === undefined) {
    system = simulatedPathSystem((reactor.driver as SimulatedDriver).paths);
    simulated.set(reactor, system);
  }
  return system;
}

function work<T>(
  action: string,
  where: string,
  run: (system: PathSystem) => Promise<T>,
): BaseFuture<T, FileError> {
  const system = pathSystemOf(currentReactor());
  return new PathFuture<T>(action, where, { run: () => run(system) });
}

/**
 * What is known about what a path stands for; of a link, what it leads to unless `followLinks` is
 * false.
 * @throws {TypeError} ERR_FILE_PATH
 * @throws {SystemError} ERR_SYSTEM (ENOENT …)
 */
export function stat(
  what: Path,
  options: { readonly followLinks?: boolean } = {},
): BaseFuture<FileStat, FileError> {
  rejectUnknown('stat', options, ['followLinks']);
  const where = pathText(what);
  return work('stat', where, (system) => system.stat(where, options.followLinks !== false));
}

/** Whether there is something (that can be looked at). @throws {TypeError} ERR_FILE_PATH */
export function exists(what: Path): BaseFuture<boolean, FileError> {
  const where = pathText(what);
  return work('stat', where, (system) =>
    system.stat(where, true).then(
      () => true,
      () => false,
    ),
  );
}

/**
 * Makes a directory.
 * @throws {TypeError} ERR_FILE_PATH
 * @throws {SystemError} ERR_SYSTEM (EEXIST, ENOENT …)
 */
export function makeDirectory(
  what: Path,
  options: MakeDirectoryOptions = {},
): BaseFuture<void, FileError> {
  rejectUnknown('makeDirectory', options, ['recursive', 'mode']);
  const where = pathText(what);
  return work('make directory', where, (system) => system.makeDirectory(where, options));
}

/**
 * Gives something another name, on the same file system; a file of that name is replaced.
 * @throws {TypeError} ERR_FILE_PATH
 * @throws {SystemError} ERR_SYSTEM (ENOENT, EXDEV …)
 */
export function rename(from: Path, to: Path): BaseFuture<void, FileError> {
  const [source, target] = [pathText(from), pathText(to)];
  return work('rename', source, (system) => system.rename(source, target));
}

/**
 * Removes a file, a link or a directory.
 * @throws {TypeError} ERR_FILE_PATH
 * @throws {SystemError} ERR_SYSTEM (ENOENT unless `force`, ENOTEMPTY unless `recursive` …)
 */
export function remove(what: Path, options: RemoveOptions = {}): BaseFuture<void, FileError> {
  rejectUnknown('remove', options, ['recursive', 'force']);
  const where = pathText(what);
  return work('remove', where, (system) => system.remove(where, options));
}

/**
 * Copies a file, inside of the kernel where that can be. It cannot be given up half-way.
 * @throws {TypeError} ERR_FILE_PATH
 * @throws {SystemError} ERR_SYSTEM (ENOENT, EEXIST with `exclusive` …)
 */
export function copyFile(
  from: Path,
  to: Path,
  options: CopyFileOptions = {},
): BaseFuture<void, FileError> {
  rejectUnknown('copyFile', options, ['exclusive']);
  const [source, target] = [pathText(from), pathText(to)];
  return work('copy', source, (system) => system.copy(source, target, options));
}

/** Makes a symbolic link at `what` that leads to `target`, which need not be there. */
export function symlink(target: string, what: Path): BaseFuture<void, FileError> {
  const [leadsTo, where] = [pathText(target), pathText(what)];
  return work('symlink', where, (system) => system.symlink(leadsTo, where));
}

/** The absolute path without links of something that is there. */
export function realPath(what: Path): BaseFuture<string, FileError> {
  const where = pathText(what);
  return work('resolve', where, (system) => system.realPath(where));
}

/**
 * What is in a directory, in no order. Giving the stream up closes it.
 *
 * @example
 * for await (const { name, kind } of readDirectory('.')) console.log(kind, name);
 */
export function readDirectory(what: Path): BaseStream<DirectoryEntry, FileError> {
  return new DirectoryStream(pathText(what), pathSystemOf(currentReactor()));
}

/** All of it at once, sorted by name. */
export function listDirectory(what: Path): BaseFuture<DirectoryEntry[], FileError> {
  const where = pathText(what);
  return work('read directory', where, async (system) => {
    const reader = await system.openDirectory(where);
    try {
      const all: DirectoryEntry[] = [];
      for (;;) {
        const entries = await reader.read();
        if (entries.length === 0) return all.sort((a, b) => (a.name < b.name ? -1 : 1));
        all.push(...entries);
      }
    } finally {
      await reader.close();
    }
  });
}
