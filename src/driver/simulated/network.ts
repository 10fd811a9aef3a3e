/** What the simulated network consists of: pipes, ends of connections, listeners. No time here. */
import { assert, Errno, SystemError } from '../../base/index.ts';
import { ADDRESS_BYTES, decodeAddress, encodeAddress } from '../core/address.ts';
import type { SocketAddress } from '../driver.ts';

/** Ports given out for port 0: the dynamic ones of RFC 6335. */
const FIRST_PORT = 49152;
const PORTS = 65536 - FIRST_PORT;

/** One direction of a connection: bytes in order, bounded, of which the first `arrived` can be read. */
export class Pipe {
  readonly capacity: number;
  /** Bytes in flight and arrived. */
  size = 0;
  arrived = 0;
  /** The end of the stream has arrived: nothing follows what is here. */
  ended = false;
  readonly #chunks: Uint8Array[] = [];
  #start = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get room(): number {
    return this.capacity - this.size;
  }

  /** Takes ownership of `chunk`. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.size += chunk.length;
    assert(this.size <= this.capacity, 'a pipe holds no more than its capacity');
  }

  /** Bytes are at the reader's side. After `drop` they may be gone. */
  arrive(count: number): void {
    this.arrived = Math.min(this.size, this.arrived + count);
  }

  take(target: Uint8Array, offset: number, count: number): void {
    assert(count <= this.arrived, 'what is read has arrived');
    let left = count;
    let at = offset;
    while (left > 0) {
      const chunk = this.#chunks[0]!;
      const part = Math.min(left, chunk.length - this.#start);
      target.set(chunk.subarray(this.#start, this.#start + part), at);
      at += part;
      left -= part;
      this.#start += part;
      if (this.#start < chunk.length) continue;
      this.#chunks.shift();
      this.#start = 0;
    }
    this.size -= count;
    this.arrived -= count;
  }

  /** Forgets everything that waits. */
  drop(): void {
    this.#chunks.length = 0;
    this.#start = 0;
    this.size = 0;
    this.arrived = 0;
  }
}

/** One end of a connection. It exists before it is accepted, without a slot. */
export class Endpoint {
  readonly incoming: Pipe;
  peer: Endpoint | undefined;
  /** Slot in the table of handles; -1 before accept and after close. */
  slot = -1;
  /** What it fails with since it was reset; 0 before. */
  error = 0;
  finSent = false;
  closed = false;
  resetOnClose = false;
  /** A step is scheduled: at most one of each kind. */
  sendScheduled = false;
  receiveScheduled = false;
  /** Its sends wait for room in the peer's pipe. */
  blocked = false;
  /** A buffer was set aside for its next receive step. */
  granted = false;
  /** Who is at the other end. */
  peerAddress: SocketAddress = { path: '' };

  constructor(socketBuffer: number) {
    this.incoming = new Pipe(socketBuffer);
  }
}

/** A bound address and the connections that wait to be accepted. */
export class Listener {
  readonly address: SocketAddress;
  readonly key: string;
  readonly slot: number;
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly pending: Endpoint[] = [];
  scheduled = false;
  /** At the limit of connections: goes on when one is closed. */
  waiting = false;

  constructor(address: SocketAddress, slot: number, backlog: number, reusePort: boolean) {
    this.address = address;
    this.key = addressKey(address);
    this.slot = slot;
    this.backlog = backlog;
    this.reusePort = reusePort;
  }
}

/** Who listens where. */
export class Network {
  readonly #bound = new Map<string, Listener[]>();
  #nextPort = 0;
  #nextClient = 0;
  #turn = 0;

  /** The address with port 0 replaced. @throws {SystemError} ERR_SYSTEM (EADDRINUSE) */
  resolve(address: SocketAddress, reusePort: boolean): SocketAddress {
    if ('path' in address || address.port !== 0) {
      const others = this.#bound.get(addressKey(address));
      if (others && !(reusePort && others.every((other) => other.reusePort))) {
        throw new SystemError('bind', Errno.EADDRINUSE, addressKey(address));
      }
      return address;
    }
    for (let tried = 0; tried < PORTS; tried++) {
      const port = FIRST_PORT + (this.#nextPort++ % PORTS);
      const chosen = { host: address.host, port };
      if (!this.#bound.has(addressKey(chosen))) return chosen;
    }
    throw new SystemError('bind', Errno.EADDRINUSE, 'no free port');
  }

  /** Where a connection to the address comes from: this machine, a port more each time. */
  clientOf(address: SocketAddress): SocketAddress {
    if ('path' in address) return { path: '' };
    const port = FIRST_PORT + (this.#nextClient++ % PORTS);
    return { host: address.host.includes(':') ? '::1' : '127.0.0.1', port };
  }

  add(listener: Listener): void {
    const others = this.#bound.get(listener.key);
    if (others) others.push(listener);
    else this.#bound.set(listener.key, [listener]);
  }

  remove(listener: Listener): void {
    const left = this.#bound.get(listener.key)!.filter((other) => other !== listener);
    if (left.length === 0) this.#bound.delete(listener.key);
    else this.#bound.set(listener.key, left);
  }

  /** The listener that a connection to the address reaches: exact, else on any address. */
  find(address: SocketAddress): Listener | undefined {
    let found = this.#bound.get(addressKey(address));
    if (!found && !('path' in address)) {
      const any = address.host.includes(':') ? '::' : '0.0.0.0';
      found = this.#bound.get(addressKey({ host: any, port: address.port }));
    }
    if (!found) return undefined;
    this.#turn += 1;
    return found[this.#turn % found.length];
  }
}

/** One text for all spellings of an address. */
function addressKey(address: SocketAddress): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const canonical = decodeAddress(bytes, 0, encodeAddress(bytes, 0, address));
  return 'path' in canonical ? canonical.path : `[${canonical.host}]:${canonical.port}`;
}
