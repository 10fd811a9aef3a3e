/** Paths of the simulated driver: its files, never those of the machine. */
import { posix } from 'node:path';
import { Errno, SystemError } from '../base/index.ts';
import type { SimulatedPaths, SimulatedStat } from '../driver/index.ts';
import type { DirectoryEntry, PathSystem } from './path-system.ts';
import { statOf } from './stats.ts';

/** The value, when it is no negative errno. */
function checked<T>(action: string, path: string, result: T | number): T {
  if (typeof result === 'number' && result < 0) throw new SystemError(action, -result, path);
  return result as T;
}

function exists(paths: SimulatedPaths, path: string): boolean {
  return typeof paths.stat(path) !== 'number';
}

function isDirectory(paths: SimulatedPaths, path: string): boolean {
  const stat = paths.stat(path);
  return typeof stat !== 'number' && statOf(0, 0, stat.mode).kind === 'directory';
}

function removeTree(paths: SimulatedPaths, path: string): void {
  if (!isDirectory(paths, path)) {
    checked('remove', path, paths.removeFile(path));
    return;
  }
  for (const name of checked<readonly string[]>('remove', path, paths.list(path))) {
    removeTree(paths, posix.join(path, name));
  }
  checked('remove', path, paths.removeDirectory(path));
}

function entries(paths: SimulatedPaths, path: string): DirectoryEntry[] {
  const names = checked<readonly string[]>('read directory', path, paths.list(path));
  return names.map((name) => {
    const below = isDirectory(paths, posix.join(path, name));
    return { name, kind: below ? 'directory' : 'file' };
  });
}

/** The paths of a simulated driver as those of a system. Links are not simulated. */
export function simulatedPathSystem(paths: SimulatedPaths): PathSystem {
  let names = 0;
  return {
    // Not drawn: the same run has the same names.
    uniqueName: () => String((names += 1)),
    temporary: () => '/tmp',
    syncsDirectories: false,
    async stat(path) {
      const { size, modified, mode } = checked<SimulatedStat>('stat', path, paths.stat(path));
      return statOf(size, modified, mode);
    },
    async makeDirectory(path, { recursive = false }) {
      if (recursive && isDirectory(paths, path)) return;
      if (!recursive) {
        const parent = posix.dirname(posix.resolve('/', path));
        checked<unknown>('make directory', path, paths.stat(parent));
        if (!isDirectory(paths, parent))
          throw new SystemError('make directory', Errno.ENOTDIR, path);
      }
      checked('make directory', path, paths.makeDirectory(path));
    },
    async openDirectory(path) {
      let left = entries(paths, path);
      return {
        async read() {
          const all = left;
          left = [];
          return all;
        },
        close: async () => undefined,
      };
    },
    async rename(from, to) {
      checked('rename', from, paths.rename(from, to));
    },
    async remove(path, { recursive = false, force = false }) {
      if (force && !exists(paths, path)) return;
      if (recursive) return removeTree(paths, path);
      const directory = isDirectory(paths, path);
      checked('remove', path, directory ? paths.removeDirectory(path) : paths.removeFile(path));
    },
    async copy(from, to, { exclusive = false }) {
      if (exclusive && exists(paths, to)) throw new SystemError('copy', Errno.EEXIST, to);
      checked('copy', from, paths.copyFile(from, to));
    },
    async symlink(_target, path) {
      throw new SystemError('symlink', Errno.EOPNOTSUPP, path);
    },
    async realPath(path) {
      checked<unknown>('resolve', path, paths.stat(path));
      return posix.resolve('/', path);
    },
    async readLink(path) {
      throw new SystemError('resolve', Errno.EINVAL, path);
    },
    async setMode(path, mode) {
      checked('set mode', path, paths.setMode(path, mode));
    },
  };
}
