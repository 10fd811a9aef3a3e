/** Paths of requests as names of things that lie in folders. */

/** A path taken apart. */
export interface PathSegments {
  /** Decoded, none of them empty. */
  readonly segments: readonly string[];
  /** Whether it ends in a slash, and so means a folder. */
  readonly isFolder: boolean;
}

// What no file is called that should be reached by a URL: control characters (NUL ends a name in
// C) and both kinds of slash, which would be one more segment for the file system.
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\0-\x1f\x7f/\\]/;

/**
 * The decoded segments of a path that begins with a slash, or undefined when it could mean another
 * place than it seems to: `.`, `..`, empty segments, encoded slashes, backslashes, control
 * characters, bytes that are not UTF-8. Clients resolve dots themselves; who sends them is probing.
 */
export function splitPath(path: string): PathSegments | undefined {
  if (!path.startsWith('/')) return undefined;
  const parts = path.slice(1).split('/');
  const isFolder = parts.at(-1) === '';
  if (isFolder) parts.pop();
  const segments: string[] = [];
  for (const part of parts) {
    const segment = decodeSegment(part);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  return { segments, isFolder };
}

function decodeSegment(part: string): string | undefined {
  let segment: string;
  try {
    segment = decodeURIComponent(part);
  } catch {
    return undefined;
  }
  const isPlain = segment !== '' && segment !== '.' && segment !== '..' && !FORBIDDEN.test(segment);
  return isPlain ? segment : undefined;
}
