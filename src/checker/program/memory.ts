/**
 * Shared memory of a test. Its bytes are real, and hold what was there before the threads started;
 * what threads do to it goes through the session, which keeps it in the execution graph instead.
 *
 * Raw values are bits: an unsigned number for 1, 2 and 4 bytes, an unsigned bigint for 8.
 */
import { RondoError } from '../../base/index.ts';
import { Order } from '../explore/graph.ts';
import { Fault } from './faults.ts';
import { Bytes, RealDataView, RealSharedArrayBuffer } from './real.ts';
import type { Session } from './session.ts';

/** What whoever makes a view past the globals of the test asks of the buffer first. */
const ASKED = new Set<string | symbol>([Symbol.iterator, 'valueOf', 'slice', 'grow']);

/**
 * A buffer that only the globals of the test can make views of, so that no access goes unseen. For
 * others it is no buffer, but an object that they ask what it is.
 */
function guarded(real: SharedArrayBuffer, name: string): SharedArrayBuffer {
  return new Proxy(real, {
    get(target, key): unknown {
      if (ASKED.has(key)) {
        throw new RondoError(
          'ERR_CHECKER_UNSUPPORTED',
          `Cannot check ${name}: what is done with it here would go unseen; make its views in the ` +
            'test, by Int32Array and its like as they are named there: no constructor that was put ' +
            'aside before, no class that extends one, no Buffer, no copy of the whole',
        );
      }
      return Reflect.get(target, key, target);
    },
  });
}

/** Bits of 1, 2, 4 or 8 bytes. */
export type Raw = number | bigint;

/** See the head of this file. Each run of the test takes the same ones again, in the same order. */
export class Memory {
  readonly session: Session;
  /** How many memories the test had made before. */
  readonly index: number;
  /** What the test is given: `real` behind a guard. */
  readonly buffer: SharedArrayBuffer;
  readonly real: SharedArrayBuffer;
  readonly byteLength: number;
  /** What reports call it. */
  readonly name: string;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Views by type, offset and length: making one costs more than using it. */
  readonly views: Map<string, object> = new Map();

  /** By byte: 1 where nobody has written; undefined when all bytes are 0 at first. */
  #unwritten: Uint8Array | undefined;

  constructor(session: Session, index: number, bytes: number, name: string) {
    this.session = session;
    this.index = index;
    this.real = new RealSharedArrayBuffer(bytes);
    this.buffer = guarded(this.real, name);
    this.byteLength = bytes;
    this.name = name;
    this.#view = new RealDataView(this.real);
    this.#bytes = new Bytes(this.real);
  }

  /** Makes all bytes 0 again. */
  clear(): void {
    this.#bytes.fill(0);
    this.#unwritten = undefined;
  }

  /** Says that what the bytes hold is nothing that a program may read. */
  forget(): void {
    this.#unwritten = new Bytes(this.byteLength).fill(1);
  }

  #assertWritten(offset: number, size: number): void {
    if (this.#unwritten?.subarray(offset, offset + size).includes(1) !== true) return;
    const what = `${size} bytes of ${this.name} at ${offset} are read, which nobody has written`;
    this.session.fault(new Fault('uninitialised', what));
  }

  /** Reads a location as the thread that runs. */
  #readLocation(location: number, order: number, offset: number, size: number): Raw {
    const raw = this.session.read(location, order) as Raw;
    this.assertRead(offset, size);
    return raw;
  }

  /** What the bytes hold: before the threads started, or after they ended. */
  stored(offset: number, size: number): Raw {
    switch (size) {
      case 1:
        return this.#view.getUint8(offset);
      case 2:
        return this.#view.getUint16(offset, true);
      case 4:
        return this.#view.getUint32(offset, true);
      case 8:
        return this.#view.getBigUint64(offset, true);
      default: {
        let bits = 0;
        for (let index = size - 1; index >= 0; index--) {
          bits = bits * 256 + this.#view.getUint8(offset + index);
        }
        return bits;
      }
    }
  }

  /** Stores into the bytes, past the session. */
  store(offset: number, size: number, raw: Raw): void {
    this.#unwritten?.fill(0, offset, offset + size);
    switch (size) {
      case 1:
        this.#view.setUint8(offset, raw as number);
        break;
      case 2:
        this.#view.setUint16(offset, raw as number, true);
        break;
      case 4:
        this.#view.setUint32(offset, raw as number, true);
        break;
      case 8:
        this.#view.setBigUint64(offset, raw as bigint, true);
        break;
      default: {
        let bits = Number(raw);
        for (let index = 0; index < size; index++) {
          this.#view.setUint8(offset + index, bits % 256);
          bits = Math.floor(bits / 256);
        }
      }
    }
  }

  /** Reads, as the thread that runs. `mayTear`: the specification lets it be torn. */
  read(offset: number, size: number, order: number, mayTear: boolean = false): Raw {
    if (this.session.isDirect) return this.stored(offset, size);
    if (this.session.isConstant(this.index, offset, size, order)) {
      this.#assertWritten(offset, size);
      return this.stored(offset, size);
    }
    const location = this.locate(offset, size);
    this.#markTearing(location, order, mayTear);
    if (location >= 0) return this.#readLocation(location, order, offset, size);
    this.#assertPlain(offset, size, order);
    let bits = 0n;
    for (const [start, length] of this.session.locations.pieces(this.index, offset, size)) {
      const piece = this.#readLocation(this.locate(start, length), order, start, length);
      bits |= BigInt(piece) << BigInt(8 * (start - offset));
    }
    return size === 8 ? bits : Number(bits);
  }

  /** Writes, as the thread that runs. `mayTear`: the specification lets it be torn. */
  write(offset: number, size: number, order: number, raw: Raw, mayTear: boolean = false): void {
    if (this.session.isDirect) {
      this.store(offset, size, raw);
      return;
    }
    this.session.assertChanging(this.index, offset, size);
    const location = this.locate(offset, size);
    this.#markTearing(location, order, mayTear);
    if (location >= 0) {
      this.session.write(location, order, raw);
      return;
    }
    this.#assertPlain(offset, size, order);
    const bits = BigInt(raw);
    for (const [start, length] of this.session.locations.pieces(this.index, offset, size)) {
      const piece = BigInt.asUintN(8 * length, bits >> BigInt(8 * (start - offset)));
      this.session.write(this.locate(start, length), order, length === 8 ? piece : Number(piece));
    }
  }

  /** Reads and writes in one step; undefined writes nothing. Gives what was there. */
  modify(offset: number, size: number, order: number, change: (raw: Raw) => Raw | undefined): Raw {
    if (this.session.isDirect) {
      const before = this.stored(offset, size);
      const after = change(before);
      if (after !== undefined) this.store(offset, size, after);
      return before;
    }
    this.session.assertChanging(this.index, offset, size);
    const location = this.locate(offset, size);
    if (location < 0) throw this.#mixed(offset, size);
    this.session.locations.markWhole(location);
    return this.session.modify(location, order, (raw) => {
      this.assertRead(offset, size);
      return change(raw as Raw);
    }) as Raw;
  }

  /** The number of a range of bytes; -1 when it is one of several. */
  locate(offset: number, size: number): number {
    if (offset % size !== 0 && this.session.limits.splitsUnaligned) {
      this.session.locations.split(this.index, offset, size);
    }
    return this.session.locations.of(this.index, offset, size, `${this.name}+${offset}`);
  }

  /** The number of a range of bytes that threads sleep at, or are woken at. */
  locateWord(offset: number, size: number): number {
    const location = this.locate(offset, size);
    if (location < 0) throw this.#mixed(offset, size);
    return location;
  }

  /** Makes sure that what the thread that runs has read last was written by somebody. */
  assertRead(offset: number, size: number): void {
    if (this.#unwritten !== undefined && this.session.hasReadInitial) {
      this.#assertWritten(offset, size);
    }
  }

  #markTearing(location: number, order: number, mayTear: boolean): void {
    if (location < 0) return;
    if (order !== Order.PLAIN) this.session.locations.markWhole(location);
    else if (mayTear) this.session.locations.markTearable(location);
  }

  #assertPlain(offset: number, size: number, order: number): void {
    if (order !== Order.PLAIN) throw this.#mixed(offset, size);
  }

  #mixed(offset: number, size: number): RondoError {
    return new RondoError(
      'ERR_CHECKER_UNSUPPORTED',
      `Cannot check an atomic access of ${size} bytes at ${this.name}+${offset}: ` +
        'others access parts of them',
    );
  }
}
