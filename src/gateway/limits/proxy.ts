/**
 * Where a client really is, behind proxies that say so in headers (X-Forwarded-For, RFC 7239).
 *
 *  1. A header is believed only as far as the peers that wrote it are trusted: the walk starts at
 *     the connection's own peer and goes through the header from its right end, where the nearest
 *     proxy has written. It ends at the first address that is not trusted: that is the client.
 *  2. What stands left of that cannot change the answer, whatever a client wrote there. That is why
 *     the header is taken apart from the right: an open quote at its left end swallows nothing.
 *  3. What is malformed or `unknown` ends the walk at the proxy that wrote it.
 */
import { misuse, outOfRange } from '../../base/index.ts';
import {
  formatAddress,
  isInRange,
  parseAddress,
  parsePeer,
  parseRange,
  type AddressGroups,
  type AddressRange,
} from './addresses.ts';

/**
 * Which peers are proxies whose word is taken for the client's address:
 * - `false`: none;
 * - `'loopback'`: those on this machine (127.0.0.0/8, ::1, Unix sockets);
 * - a number, 1 to 100: the nearest so many, wherever they are. The port must then be out of reach
 *   for everybody else;
 * - a list of addresses and ranges: `['10.0.0.0/8', '2001:db8::/32']`.
 *
 * X-Forwarded-For is read; Forwarded only where that is missing. A proxy that writes Forwarded must
 * therefore remove the X-Forwarded-For of its clients.
 */
export type TrustProxy = false | 'loopback' | number | readonly string[];

/**
 * The address of a client: `peer` is that of the connection ('' for a Unix socket), `headers` have
 * names in lower case, and repeated headers joined with commas. IPv4 inside IPv6 becomes IPv4.
 */
export type ResolveAddress = (peer: string, headers: ReadonlyMap<string, string>) => string;

const MAX_HOPS = 100;
const LOOPBACK: readonly AddressRange[] = ['127.0.0.0/8', '::1'].map(rangeOf);

/** Whether the peer at `hop` (1 is the nearest) is a proxy. No address is that of a Unix socket. */
type Trust = (address: AddressGroups | undefined, hop: number) => boolean;

/**
 * Checks the option, and gives the function that applies it.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveTrustProxy(trust: TrustProxy = false): ResolveAddress {
  if (trust === false) return (peer) => normalised(peer);
  const isTrusted = trustOf(trust);
  return (peer, headers) => {
    let current = parsePeer(peer);
    const isPath = peer === '';
    if ((current === undefined && !isPath) || !isTrusted(current, 1)) return normalised(peer);
    const forwardedFor = headers.get('x-forwarded-for');
    const header = forwardedFor ?? headers.get('forwarded') ?? '';
    const nodes = forwardedFor === undefined ? forwardedNodes(header) : plainNodes(header);
    let hop = 1;
    for (const node of nodes) {
      const address = parseNode(node);
      if (address === undefined) break;
      current = address;
      hop += 1;
      if (!isTrusted(current, hop)) break;
    }
    return current === undefined ? peer : formatAddress(current);
  };
}

function trustOf(trust: Exclude<TrustProxy, false>): Trust {
  if (trust === 'loopback') {
    return (address) =>
      address === undefined || LOOPBACK.some((range) => isInRange(range, address));
  }
  if (typeof trust === 'number') {
    if (!Number.isInteger(trust) || trust < 1 || trust > MAX_HOPS) {
      const rule = `a number of proxies must be a whole one from 1 to ${MAX_HOPS}`;
      throw outOfRange('ERR_OPTION_RANGE', `Cannot use trustProxy: ${rule}, got ${trust}`);
    }
    return (_, hop) => hop <= trust;
  }
  if (!Array.isArray(trust)) {
    throw misuse(
      'ERR_OPTION_TYPE',
      "Cannot use trustProxy: it must be false, 'loopback', a number of proxies or a list of " +
        `addresses, got ${String(trust)}`,
    );
  }
  const ranges = trust.map(rangeOf);
  return (address) => address !== undefined && ranges.some((range) => isInRange(range, address));
}

/** @throws {TypeError} ERR_OPTION_TYPE */
function rangeOf(text: string): AddressRange {
  const range = typeof text === 'string' ? parseRange(text) : { rule: 'it must be a string' };
  if (!('rule' in range)) return range;
  const shown = typeof text === 'string' ? JSON.stringify(text) : String(text);
  throw misuse('ERR_OPTION_TYPE', `Cannot use ${shown} in trustProxy: ${range.rule}`);
}

function normalised(peer: string): string {
  // Most have nothing to normalise, and stay the string that they are.
  if (!peer.includes(':')) return peer;
  const groups = parseAddress(peer);
  return groups === undefined ? peer : formatAddress(groups);
}

/** The entries of X-Forwarded-For, the last first. */
function* plainNodes(header: string): Generator<string> {
  let end = header.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : header.lastIndexOf(',', end - 1);
    yield header.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** token "=" ( token / quoted-string ). A node needs no backslash, so that one is malformed. */
const PAIR = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"([^"\\]*)")$/;

/** The nodes in the elements of Forwarded, the last first; what has none gives ''. */
function* forwardedNodes(header: string): Generator<string> {
  let end = header.length;
  while (end >= 0) {
    const comma = separatorBefore(header, end, ',');
    yield nodeOf(header.slice(comma + 1, end));
    end = comma;
  }
}

function nodeOf(element: string): string {
  let node = '';
  let end = element.length;
  while (end >= 0) {
    const semicolon = separatorBefore(element, end, ';');
    const match = PAIR.exec(element.slice(semicolon + 1, end).trim());
    end = semicolon;
    if (match === null) return '';
    if (match[1]!.toLowerCase() !== 'for') continue;
    if (node !== '') return '';
    node = match[2] ?? match[3]!;
  }
  return node;
}

/** The last separator before `end` that is not in quotes, or -1. */
function separatorBefore(text: string, end: number, separator: string): number {
  let quoted = false;
  for (let index = end - 1; index >= 0; index--) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) return index;
  }
  return -1;
}

const PORT = /^:(?:\d{1,5}|_[A-Za-z0-9._-]+)$/;

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`. */
function parseNode(node: string): AddressGroups | undefined {
  if (node.startsWith('[')) {
    const end = node.indexOf(']');
    const port = node.slice(end + 1);
    const host = node.slice(1, end);
    const valid = end !== -1 && host.includes(':') && (port === '' || PORT.test(port));
    return valid ? parseAddress(host) : undefined;
  }
  const colon = node.indexOf(':');
  if (colon === -1 || node.includes(':', colon + 1)) return parseAddress(node);
  return PORT.test(node.slice(colon)) ? parseAddress(node.slice(0, colon)) : undefined;
}
