/**
 * Socket addresses as the kernel wants them: struct sockaddr_in, sockaddr_in6, sockaddr_un
 * (ip(7), ipv6(7), unix(7)). Family in host order, port in network order.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { misuse } from '../../base/index.ts';
import type { SocketAddress } from '../driver.ts';

/** Room that any encoded address fits in, bytes. */
export const ADDRESS_BYTES = 128;

export const Family = { UNIX: 1, IPV4: 2, IPV6: 10 } as const;

/** sun_path holds 108 bytes with its final zero. */
const UNIX_PATH_MAX = 107;

/** @throws {TypeError} ERR_ADDRESS_INVALID */
export function checkAddress(address: SocketAddress): number {
  if (typeof address !== 'object' || address === null) {
    throw misuse('ERR_ADDRESS_INVALID', `Cannot use ${String(address)} as a socket address`);
  }
  if ('path' in address) {
    if (typeof address.path !== 'string') {
      throw misuse('ERR_ADDRESS_INVALID', 'Cannot use socket path: it must be text');
    }
    const length = Buffer.byteLength(address.path);
    if (length === 0 || length > UNIX_PATH_MAX || address.path.includes('\0')) {
      throw misuse(
        'ERR_ADDRESS_INVALID',
        `Cannot use socket path ${JSON.stringify(address.path)}: ` +
          `it must have 1 to ${UNIX_PATH_MAX} bytes and no zero`,
      );
    }
    return Family.UNIX;
  }
  const { host, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw misuse('ERR_ADDRESS_INVALID', `Cannot use port ${port}: it must be from 0 to 65535`);
  }
  if (isIPv4(host)) return Family.IPV4;
  if (isIPv6(host) && !host.includes('%')) return Family.IPV6;
  throw misuse(
    'ERR_ADDRESS_INVALID',
    `Cannot use host ${JSON.stringify(host)}: it must be a numeric IPv4 or IPv6 address`,
  );
}

/** Writes the address into `bytes` at `offset` (ADDRESS_BYTES of room). Returns its length. */
export function encodeAddress(bytes: Uint8Array, offset: number, address: SocketAddress): number {
  const family = checkAddress(address);
  bytes.fill(0, offset, offset + ADDRESS_BYTES);
  bytes[offset] = family;
  if ('path' in address) {
    const path = Buffer.from(address.path);
    bytes.set(path, offset + 2);
    return 2 + path.length + 1;
  }
  bytes[offset + 2] = address.port >>> 8;
  bytes[offset + 3] = address.port & 0xff;
  if (family === Family.IPV4) {
    bytes.set(address.host.split('.').map(Number), offset + 4);
    return 16;
  }
  bytes.set(ipv6Bytes(address.host), offset + 8);
  return 28;
}

/** Reads an address of `length` bytes. An unnamed Unix address has the path ''. */
export function decodeAddress(shared: Uint8Array, offset: number, length: number): SocketAddress {
  // Copied first: text is decoded from private memory only.
  const bytes = Buffer.from(shared.slice(offset, offset + length));
  const family = length >= 2 ? bytes.readUInt16LE(0) : Family.UNIX;
  if (family === Family.IPV4) {
    return { host: [...bytes.subarray(4, 8)].join('.'), port: bytes.readUInt16BE(2) };
  }
  if (family === Family.IPV6) {
    const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(8 + i * 2).toString(16));
    return { host: compressZeros(groups), port: bytes.readUInt16BE(2) };
  }
  const path = bytes.subarray(2);
  const end = path.indexOf(0);
  return { path: path.toString('utf8', 0, end === -1 ? path.length : end) };
}

/** An IPv6 address of four words, most significant first, as text; IPv4 in IPv6 form as IPv4. */
export function addressText(words: Uint32Array): string {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  if (a === 0 && b === 0 && c === 0xffff) {
    return `${d >>> 24}.${(d >>> 16) & 0xff}.${(d >>> 8) & 0xff}.${d & 0xff}`;
  }
  const groups = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]);
  return compressZeros(groups.map((group) => group.toString(16)));
}

function ipv6Bytes(host: string): Uint8Array {
  let text = host;
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  if (tail.includes('.')) {
    const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
    const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    text = text.slice(0, lastColon + 1) + groups;
  }
  const [head = '', rest] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const zeros = rest === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  const bytes = new Uint8Array(16);
  groups.forEach((group, index) => {
    const value = parseInt(group, 16);
    bytes[index * 2] = value >>> 8;
    bytes[index * 2 + 1] = value & 0xff;
  });
  return bytes;
}

/** The longest run of zero groups becomes `::` (RFC 5952 section 4.2). */
function compressZeros(groups: string[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.start === -1) return groups.join(':');
  const before = groups.slice(0, best.start).join(':');
  const after = groups.slice(best.start + best.length).join(':');
  return `${before}::${after}`;
}
