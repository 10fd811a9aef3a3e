/** Cookies of a request (RFC 6265 §5.4), whose values are opaque here. */

/** A cookie's value as it was sent, or undefined. The first counts when there are several. */
export function cookieOf(headers: ReadonlyMap<string, string>, name: string): string | undefined {
  for (const pair of headers.get('cookie')?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
