/** Paths as they come from outside. */
import { fileURLToPath } from 'node:url';
import { misuse } from '../base/index.ts';

/** A path, or a `file:` URL. */
export type Path = string | URL;

/**
 * The path as text.
 * @throws {TypeError} ERR_FILE_PATH when it is no path: empty, with a NUL, or another kind of URL
 */
export function pathText(path: Path): string {
  const text = path instanceof URL ? urlText(path) : path;
  if (typeof text === 'string' && text.length > 0 && !text.includes('\0')) return text;
  const got = typeof text === 'string' ? JSON.stringify(text) : typeof text;
  throw misuse(
    'ERR_FILE_PATH',
    `Cannot use ${got} as a path: it must be text without NUL, not empty, or a file: URL`,
  );
}

function urlText(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw misuse('ERR_FILE_PATH', `Cannot use ${url.href} as a path: it must be a file: URL`);
  }
}
