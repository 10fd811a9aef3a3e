/** Which files a served module is made of, and when one changes. */
import { readdirSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

const CODE = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);
/** Editors write in several steps, and save several files at once. */
const QUIET_MS = 100;
/** More folders than a module has: somebody serves one from the root of everything. */
const FOLDERS_MAX = 1000;

/**
 * Watches the folders of the files that it is given, with the folders in them (not node_modules,
 * nor hidden ones): code in them is taken for a part of the module. Of the given files those that
 * are no code, a config in JSON, count by their names alone.
 */
export class SourceWatcher {
  readonly #changed: (file: string) => void;
  readonly #files = new Set<string>();
  readonly #folders = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;

  /** `changed` is called with one of the files when all has been quiet for a moment. */
  constructor(changed: (file: string) => void) {
    this.#changed = changed;
  }

  /** Watches these too; absolute paths. */
  add(files: readonly string[]): void {
    for (const file of files) {
      if (this.#files.has(file)) continue;
      this.#files.add(file);
      this.#addFolder(dirname(file));
    }
  }

  /** Watches nothing any more. */
  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #addFolder(folder: string): void {
    if (this.#folders.has(folder) || this.#folders.size >= FOLDERS_MAX) return;
    try {
      const watcher = watch(folder, (_, name) => this.#seen(folder, name));
      // It is gone.
      watcher.on('error', () => this.#drop(folder));
      this.#folders.set(folder, watcher);
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory() && isOfInterest(entry.name)) {
          this.#addFolder(join(folder, entry.name));
        }
      }
    } catch {
      // A folder that cannot be read has nothing in it that could be loaded.
      this.#drop(folder);
    }
  }

  #drop(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #seen(folder: string, name: string | null): void {
    if (name === null) return;
    const path = join(folder, name);
    if (extname(name) === '' && isOfInterest(name)) this.#addFolder(path);
    if (!CODE.has(extname(name)) && !this.#files.has(path)) return;
    if (basename(name).startsWith('.')) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(path), QUIET_MS);
  }
}

function isOfInterest(folder: string): boolean {
  return folder !== 'node_modules' && !folder.startsWith('.');
}
