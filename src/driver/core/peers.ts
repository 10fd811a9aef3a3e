/**
 * Who is at the other end of each connection, by slot: 18 bytes each, written when the connection
 * gets its slot. Addresses are kept as IPv6, IPv4 as ::ffff:a.b.c.d, so that one client has one
 * spelling whichever listener it came to. All zero is a peer without an IP address: a Unix socket.
 */
import { addressText, encodeAddress, ADDRESS_BYTES, Family } from './address.ts';
import type { SocketAddress } from '../driver.ts';

/** The third word of an IPv4 address in IPv6 form (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffff;

export class PeerTable {
  readonly #words: Uint32Array;
  readonly #ports: Uint16Array;
  readonly #encoded = new Uint8Array(ADDRESS_BYTES);

  constructor(slots: number) {
    this.#words = new Uint32Array(slots * 4);
    this.#ports = new Uint16Array(slots);
  }

  /** Notes the socket address that lies at `offset`. */
  note(slot: number, bytes: Uint8Array, offset: number): void {
    const words = this.#words;
    const at = slot * 4;
    // In host order, and all processors that are supported are little-endian.
    const family = bytes[offset]! | (bytes[offset + 1]! << 8);
    if (family === Family.IPV6) {
      for (let i = 0; i < 4; i++) words[at + i] = bigEndian(bytes, offset + 8 + i * 4);
    } else {
      words[at] = 0;
      words[at + 1] = 0;
      words[at + 2] = family === Family.IPV4 ? MAPPED : 0;
      words[at + 3] = family === Family.IPV4 ? bigEndian(bytes, offset + 4) : 0;
    }
    const hasPort = family === Family.IPV4 || family === Family.IPV6;
    this.#ports[slot] = hasPort ? (bytes[offset + 2]! << 8) | bytes[offset + 3]! : 0;
  }

  /** The same for an address in text; a host must be a valid one. */
  noteAddress(slot: number, address: SocketAddress): void {
    if ('path' in address) this.#encoded.fill(0);
    else encodeAddress(this.#encoded, 0, address);
    this.note(slot, this.#encoded, 0);
  }

  address(slot: number): SocketAddress {
    const at = slot * 4;
    const words = this.#words.subarray(at, at + 4);
    if (isUnknown(words)) return { path: '' };
    return { host: addressText(words), port: this.#ports[slot]! };
  }

  /** Copies the address to `target`; 4, 6, or 0 for none. */
  copy(slot: number, target: Uint32Array): number {
    const words = this.#words;
    const at = slot * 4;
    target[0] = words[at]!;
    target[1] = words[at + 1]!;
    target[2] = words[at + 2]!;
    target[3] = words[at + 3]!;
    if (target[0] !== 0 || target[1] !== 0) return 6;
    if (target[2] === MAPPED) return 4;
    return isUnknown(target) ? 0 : 6;
  }
}

function bigEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

function isUnknown(words: Uint32Array): boolean {
  return (words[0]! | words[1]! | words[2]! | words[3]!) === 0;
}
