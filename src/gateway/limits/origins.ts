/**
 * Which pages may connect. A browser sends the origin of the page with a handshake (RFC 6455
 * §10.2), and does not keep a page of another site from connecting: the server has to. Programs
 * that are no browsers send none, or what they like: this is no authentication.
 */
import { domainToASCII } from 'node:url';
import { misuse } from '../../base/index.ts';

/** Whether a handshake with this Origin header may go on; undefined is one without the header. */
export type AllowOrigin = (origin: string | undefined) => boolean;

const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443',
};

/** scheme "://" host [ ":" port ]: no path, no user, and nothing that could hide them. */
const ORIGIN = /^([a-z][a-z0-9+.-]*:)\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]\\,%]+)(?::(\d{1,5}))?$/i;
const ANY_LABELS = '*.';

interface Origin {
  /** With its colon. */
  readonly scheme: string;
  readonly host: string;
  /** '' where it is the scheme's own. */
  readonly port: string;
}

/**
 * Checks a list of origins, and gives the function that applies it. An entry is an origin as
 * browsers send it (`https://example.com`, `http://localhost:8080`), or with `*.` for one label or
 * more before the rest (`https://*.example.com`, which is not `https://example.com`), or `null`,
 * which sandboxed pages and local files send. Case, default ports and non-ASCII names make no
 * difference. Without a list every origin is allowed.
 *
 * A handshake without the header is no browser's, and allowed unless `required`.
 *
 * @throws {TypeError} ERR_OPTION_TYPE for what is no origin
 */
export function resolveOrigins(
  origins: readonly string[] | undefined,
  required: boolean = false,
): AllowOrigin {
  if (origins === undefined) return (origin) => origin !== undefined || !required;
  if (!Array.isArray(origins)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use origins: it must be a list of origins');
  }
  const exact = new Set<string>();
  const suffixes: Origin[] = [];
  for (const entry of origins) {
    const origin = entry === 'null' ? 'null' : readEntry(entry);
    if (typeof origin === 'string') exact.add(origin);
    else if (origin.host.startsWith(ANY_LABELS)) suffixes.push(origin);
    else exact.add(serialise(origin));
  }
  return (header) => {
    if (header === undefined) return !required;
    if (exact.has(header)) return true;
    const origin = parse(header);
    if (origin === undefined) return false;
    return exact.has(serialise(origin)) || suffixes.some((suffix) => isUnder(suffix, origin));
  };
}

function isUnder(suffix: Origin, { scheme, host, port }: Origin): boolean {
  const rest = suffix.host.slice(ANY_LABELS.length - 1);
  const isLonger = host.length > rest.length && host.endsWith(rest);
  return isLonger && !host.startsWith('.') && scheme === suffix.scheme && port === suffix.port;
}

/** @throws {TypeError} ERR_OPTION_TYPE */
function readEntry(entry: unknown): Origin {
  const origin = typeof entry === 'string' ? parse(entry) : undefined;
  const host = origin?.host.startsWith(ANY_LABELS)
    ? origin.host.slice(ANY_LABELS.length)
    : origin?.host;
  const ascii = host === undefined || host.startsWith('[') ? host : domainToASCII(host);
  if (origin === undefined || !ascii || ascii.includes('*')) {
    const shown = typeof entry === 'string' ? JSON.stringify(entry) : String(entry);
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot use ${shown} in origins: it must be an origin without a path, such as ` +
        "https://example.com, https://*.example.com or http://localhost:8080, or 'null'; to allow " +
        'all, leave origins out',
    );
  }
  return { ...origin, host: `${host === origin.host ? '' : ANY_LABELS}${ascii}` };
}

function parse(text: string): Origin | undefined {
  const match = ORIGIN.exec(text);
  if (match === null) return undefined;
  const scheme = match[1]!.toLowerCase();
  const port = match[3] === undefined ? '' : String(Number(match[3]));
  if (Number(port) > 65_535) return undefined;
  const host = match[2]!.toLowerCase();
  return { scheme, host, port: port === DEFAULT_PORTS[scheme] ? '' : port };
}

function serialise({ scheme, host, port }: Origin): string {
  return `${scheme}//${host}${port === '' ? '' : `:${port}`}`;
}
