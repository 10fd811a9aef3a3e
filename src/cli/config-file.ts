/** The config file of `rondo serve`: where it is, and what it says. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { RondoError } from '../base/index.ts';
import { checkServeConfig, type ServeConfig } from '../gateway/index.ts';
import { shownPath } from './faults.ts';
import { UsageError } from './flags.ts';
import { loadDefault } from './modules.ts';

/** Looked for in the current folder. */
const NAMES = ['rondo.config.js', 'rondo.config.mjs', 'rondo.config.ts', 'rondo.config.json'];

/**
 * The path of the config file: the one that was asked for, or the one in the current folder, or
 * undefined.
 * @throws {UsageError} when there are several
 */
export function findConfig(asked: string | undefined): string | undefined {
  if (asked !== undefined) return resolve(asked);
  const found = NAMES.filter((name) => existsSync(name));
  if (found.length > 1) {
    throw new UsageError(`${found.join(' and ')} are here: choose one with --config`);
  }
  return found[0] === undefined ? undefined : resolve(found[0]);
}

/**
 * Loads a config file. A path of handlers in it is made absolute. `age` is above 0 to load it again.
 * @throws {UsageError} when there is no such file
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 * @throws {RondoError} ERR_MODULE_LOAD, ERR_MODULE_EXPORT, ERR_MODULE_TYPESCRIPT
 */
export async function loadConfig(path: string, age: number = 0): Promise<ServeConfig> {
  const config = await loadDefault(path, age);
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    const message = `Cannot use ${shownPath(path)}: a config file must export an object`;
    throw new RondoError('ERR_MODULE_EXPORT', message);
  }
  const checked = checkServeConfig(config, shownPath(path));
  const { handlers } = checked;
  if (typeof handlers !== 'string') return checked;
  return { ...checked, handlers: join(dirname(path), handlers) };
}

/**
 * `over` on top of `under`, object by object; `true` leaves an object below it as it is, since that
 * says the same in more words.
 */
export function merge<T extends object>(under: T, over: T): T {
  const merged = { ...under } as Record<string, unknown>;
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (isPlain(below) && isPlain(value)) merged[key] = merge(below, value);
    else if (!(isPlain(below) && value === true)) merged[key] = value;
  }
  return merged as T;
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
