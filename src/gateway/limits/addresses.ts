/**
 * IP addresses as numbers: eight groups of 16 bits, IPv4 as its mapping into IPv6 (RFC 4291
 * §2.5.5.2), so that there is one kind and `::ffff:192.0.2.1` is `192.0.2.1`.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** The groups of an address. */
export type AddressGroups = Uint16Array;

const GROUPS = 8;
const GROUP_BITS = 16;
const ADDRESS_BITS = 128;
/** Bits before the IPv4 address in its mapping. */
const MAPPED_BITS = 96;
const MAPPED_GROUP = 0xffff;

/** Reads an address; undefined for anything else, and for one with a zone (`fe80::1%eth0`). */
export function parseAddress(text: string): AddressGroups | undefined {
  const groups = new Uint16Array(GROUPS);
  if (isIPv4(text)) {
    groups[5] = MAPPED_GROUP;
    writeIPv4(groups, text);
    return groups;
  }
  if (!isIPv6(text) || text.includes('%')) return undefined;
  let rest = text;
  let length = GROUPS;
  const dotted = text.lastIndexOf('.') !== -1;
  if (dotted) {
    const colon = text.lastIndexOf(':');
    writeIPv4(groups, text.slice(colon + 1));
    // The colon stays when it is half of a `::`.
    rest = text.slice(0, text[colon - 1] === ':' ? colon + 1 : colon);
    length = GROUPS - 2;
  }
  const [before = '', after] = rest.split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  for (const [index, group] of left.entries()) groups[index] = parseInt(group, 16);
  const start = length - right.length;
  for (const [index, group] of right.entries()) groups[start + index] = parseInt(group, 16);
  return groups;
}

/** Reads the address of a connection's peer: a zone says nothing about who it is. */
export function parsePeer(text: string): AddressGroups | undefined {
  const zone = text.indexOf('%');
  return parseAddress(zone === -1 ? text : text.slice(0, zone));
}

function writeIPv4(groups: AddressGroups, text: string): void {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
  groups[6] = (a << 8) | b;
  groups[7] = (c << 8) | d;
}

/** Whether it is an IPv4 address. */
export function isMapped(groups: AddressGroups): boolean {
  for (let index = 0; index < 5; index++) if (groups[index] !== 0) return false;
  return groups[5] === MAPPED_GROUP;
}

/** The text of an address, with the longest run of zeros as `::` (RFC 5952 §4). */
export function formatAddress(groups: AddressGroups): string {
  if (isMapped(groups)) {
    const [high, low] = [groups[6]!, groups[7]!];
    return [high >>> 8, high & 0xff, low >>> 8, low & 0xff].join('.');
  }
  let best = { start: -1, length: 1 };
  for (let start = 0; start < GROUPS; start++) {
    let length = 0;
    while (start + length < GROUPS && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = Array.from(groups, (group) => group.toString(16));
  if (best.start === -1) return text.join(':');
  const before = text.slice(0, best.start).join(':');
  return `${before}::${text.slice(best.start + best.length).join(':')}`;
}

/** All addresses that begin with the same bits. */
export interface AddressRange {
  readonly groups: AddressGroups;
  /** Of 128. */
  readonly bits: number;
}

/** Why a text is no range. */
export interface RangeProblem {
  /** What it must be instead. */
  readonly rule: string;
}

/**
 * Reads a range such as `10.0.0.0/8` or `2001:db8::/32`, or one address. Bits after the prefix must
 * be zero: a range that says more than it uses is mostly a slip.
 */
export function parseRange(text: string): AddressRange | RangeProblem {
  const match = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  const groups = match === null ? undefined : parseAddress(match[1]!);
  if (match === null || groups === undefined) {
    return { rule: 'it must be an address or a range such as 10.0.0.0/8 or 2001:db8::/32' };
  }
  const isDotted = !match[1]!.includes(':');
  const before = isDotted ? MAPPED_BITS : 0;
  const bits = match[2] === undefined ? ADDRESS_BITS : before + Number(match[2]);
  if (bits > ADDRESS_BITS) {
    return { rule: `its prefix must have 0 to ${ADDRESS_BITS - before} bits` };
  }
  const start = groups.map((group, index) => group & maskOf(bits, index));
  if (start.some((group, index) => group !== groups[index])) {
    return { rule: `with this prefix it must be ${formatAddress(start)}/${bits - before}` };
  }
  return { groups, bits };
}

/** Whether a range has an address. A range of IPv6 has no address of IPv4, not even `::/0`. */
export function isInRange({ groups, bits }: AddressRange, address: AddressGroups): boolean {
  if (bits < MAPPED_BITS && isMapped(address)) return false;
  for (let index = 0; index < GROUPS; index++) {
    if (((groups[index]! ^ address[index]!) & maskOf(bits, index)) !== 0) return false;
  }
  return true;
}

/** The bits of group `index` that a prefix of `bits` bits covers. */
function maskOf(bits: number, index: number): number {
  const covered = Math.min(GROUP_BITS, Math.max(0, bits - index * GROUP_BITS));
  return (0xffff << (GROUP_BITS - covered)) & 0xffff;
}
