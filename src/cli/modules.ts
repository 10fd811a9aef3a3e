/** Modules that a person wrote: a config file, handlers, or schemas. */
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RondoError } from '../base/index.ts';
import type { Gateway, HandlersModule } from '../gateway/index.ts';
import { describeFault, describeImportFault, shownPath } from './faults.ts';
import { UsageError } from './flags.ts';

const TYPESCRIPT = /\.[cm]?ts$/;

/**
 * The default export of a module, or what a JSON file says. `path` is absolute. Node keeps modules:
 * one that has changed is loaded again under another `age`.
 * @throws {UsageError} when there is no such file
 * @throws {RondoError} ERR_MODULE_LOAD, ERR_MODULE_EXPORT, ERR_MODULE_TYPESCRIPT
 */
export async function loadDefault(path: string, age: number = 0): Promise<unknown> {
  if (extname(path) === '.json') {
    checkExists(path);
    return parseJson(path);
  }
  const module = await loadModule(path, age);
  if (module.default !== undefined) return module.default;
  throw new RondoError(
    'ERR_MODULE_EXPORT',
    `Cannot use ${shownPath(path)}: it has no default export`,
  );
}

/**
 * Everything that a module exports; otherwise as `loadDefault`.
 * @throws {UsageError} when there is no such file
 * @throws {RondoError} ERR_MODULE_LOAD, ERR_MODULE_TYPESCRIPT
 */
export async function loadModule(
  path: string,
  age: number = 0,
): Promise<Readonly<Record<string, unknown>>> {
  checkExists(path);
  checkTypeScript(path);
  const url = `${pathToFileURL(path).href}${age === 0 ? '' : `?${age}`}`;
  try {
    return (await import(url)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const message = `Cannot load ${shownPath(path)}: ${describeImportFault(cause, url)}`;
    throw new RondoError('ERR_MODULE_LOAD', message, { cause });
  }
}

function checkExists(path: string): void {
  if (!existsSync(path)) throw new UsageError(`there is no file ${shownPath(path)}`);
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const message = `Cannot load ${shownPath(path)}: ${(cause as Error).message}`;
    throw new RondoError('ERR_MODULE_LOAD', message, { cause });
  }
}

function checkTypeScript(path: string): void {
  // Node says 'strip' or 'transform' where it runs TypeScript; its older types do not know that.
  const features = process.features as { readonly typescript?: unknown };
  if (!TYPESCRIPT.test(path) || features.typescript) return;
  throw new RondoError(
    'ERR_MODULE_TYPESCRIPT',
    `Cannot load ${shownPath(path)}: Node ${process.versions.node} does not run TypeScript; use ` +
      'Node 22.18 or later, or compile it first (npx tsc) and use the .js file',
  );
}

/**
 * Adds what a module of handlers exports to a gateway. `what` is the module, for messages.
 * @throws {RondoError} ERR_MODULE_LOAD, ERR_MODULE_EXPORT
 */
export async function addHandlers(
  gateway: Gateway,
  handlers: unknown,
  what: string,
): Promise<void> {
  if (typeof handlers !== 'function' && !isRoutes(handlers)) {
    throw new RondoError(
      'ERR_MODULE_EXPORT',
      `Cannot use ${what}: its default export must be a function that is given the gateway, or ` +
        "an object of handlers by path, such as { '/chat': { message(connection, message) {} } }",
    );
  }
  try {
    await addTo(gateway, handlers as HandlersModule);
  } catch (cause) {
    const message = `Cannot use ${what}: ${describeFault(cause)}`;
    throw new RondoError('ERR_MODULE_LOAD', message, { cause });
  }
}

async function addTo(gateway: Gateway, handlers: HandlersModule): Promise<void> {
  if (typeof handlers === 'function') {
    await handlers(gateway);
    return;
  }
  for (const [path, each] of Object.entries(handlers)) gateway.websocket(path, each);
}

function isRoutes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.keys(value).length > 0 && Object.keys(value).every((path) => path.startsWith('/'));
}
