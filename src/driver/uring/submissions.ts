/**
 * One method for each submission entry that we write. User data is two words: what it belongs to,
 * and a tag that says how to read that.
 */
import type { Arena } from '../../memory/index.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  Cancel,
  FILE_INDEX_ALLOC,
  FSYNC_DATASYNC,
  MSG_NOSIGNAL,
  MSG_WAITALL,
  Multishot,
  Opcode,
  POLLIN,
  POLL_ADD_MULTI,
  SHUT_WR,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCK_STREAM,
  SqeFlag,
  STATX_BASIC_STATS,
} from './abi.ts';
import type { Ring } from './ring.ts';
import type { Scratch } from './scratch.ts';

/** How the first word of the user data is read. */
export const Tag = {
  /** An operation id. */
  OPERATION: 1,
  /** A connection's handle: its one send in the kernel. */
  SEND: 2,
  /** A connection's handle: the shutdown at the front of its queue. */
  SHUTDOWN: 3,
  /** A connection's handle: the close of its descriptor. */
  CLOSE: 4,
  /** An operation id: the socket of a connect. */
  SOCKET: 5,
  /** Nobody waits for it. */
  IGNORED: 6,
  /** Time to try accepting again. */
  BACKOFF: 7,
  /** Somebody used the waker. */
  WAKE: 8,
  /** An operation id whose result is a descriptor; native/src/uring.h knows the number. */
  DESCRIPTOR: 9,
  /** A place for the address of the peer: the accept that it belongs to. */
  ACCEPT: 10,
  /** The event loop has something to do. */
  LOOP: 11,
} as const;

const FIXED = SqeFlag.FIXED_FILE << 8;
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;
/** Positions in a file beyond 32 bits. */
const HIGH = 4294967296;

export class Submissions {
  readonly #ring: Ring;
  readonly #scratch: Scratch;
  readonly #words: Int32Array;
  readonly #unsigned: Uint32Array;

  constructor(ring: Ring, scratch: Scratch, arena: Arena) {
    this.#ring = ring;
    this.#scratch = scratch;
    this.#words = arena.words;
    this.#unsigned = arena.unsigned;
  }

  #begin(word0: number, fd: number, id: number, tag: number): number {
    const at = this.#ring.entry();
    this.#words[at] = word0;
    this.#words[at + 1] = fd;
    this.#words[at + 8] = id;
    this.#words[at + 9] = tag;
    return at;
  }

  /** `address`, `length`: arena offsets of where the peer's address and its length go. */
  accept(fd: number, place: number, address: number, length: number): void {
    const at = this.#begin(Opcode.ACCEPT, fd, place, Tag.ACCEPT);
    this.#unsigned[at + 2] = length;
    this.#unsigned[at + 4] = address;
    this.#unsigned[at + 11] = FILE_INDEX_ALLOC;
  }

  receive(slot: number, id: number, multishot: boolean): void {
    const flags = (SqeFlag.FIXED_FILE | SqeFlag.BUFFER_SELECT) << 8;
    const mode = multishot ? Multishot.RECV << 16 : 0;
    this.#begin(Opcode.RECV | flags | mode, slot, id, Tag.OPERATION);
  }

  send(slot: number, handle: number, offset: number, length: number, zeroCopy: boolean): void {
    const opcode = zeroCopy ? Opcode.SEND_ZC : Opcode.SEND;
    const at = this.#begin(opcode | FIXED, slot, handle, Tag.SEND);
    this.#unsigned[at + 4] = offset;
    this.#unsigned[at + 6] = length;
    this.#words[at + 7] = SEND_FLAGS;
  }

  /** `vector`: arena offset of `count` {offset, length} pairs. */
  sendVector(slot: number, handle: number, vector: number, count: number, zeroCopy: boolean): void {
    const opcode = zeroCopy ? Opcode.SENDMSG_ZC : Opcode.SENDMSG;
    const at = this.#begin(opcode | FIXED, slot, handle, Tag.SEND);
    this.#unsigned[at + 4] = vector;
    this.#words[at + 6] = count;
    this.#words[at + 7] = SEND_FLAGS;
  }

  shutdown(slot: number, handle: number): void {
    const at = this.#begin(Opcode.SHUTDOWN | FIXED, slot, handle, Tag.SHUTDOWN);
    this.#words[at + 6] = SHUT_WR;
  }

  closeDirect(slot: number, handle: number, tag: number): void {
    const at = this.#begin(Opcode.CLOSE, 0, handle, tag);
    this.#words[at + 11] = slot + 1;
  }

  /** Everything in flight on a direct descriptor. */
  cancelDescriptor(slot: number): void {
    const at = this.#begin(Opcode.ASYNC_CANCEL, slot, 0, Tag.IGNORED);
    this.#words[at + 7] = Cancel.ALL | Cancel.FD | Cancel.FD_FIXED;
  }

  /** Everything in flight on an ordinary descriptor. */
  cancelFile(fd: number): void {
    const at = this.#begin(Opcode.ASYNC_CANCEL, fd, 0, Tag.IGNORED);
    this.#words[at + 7] = Cancel.ALL | Cancel.FD;
  }

  /** The entry with this user data. */
  cancel(id: number, tag: number): void {
    const at = this.#begin(Opcode.ASYNC_CANCEL, 0, 0, Tag.IGNORED);
    this.#words[at + 4] = id;
    this.#words[at + 5] = tag;
  }

  timeout(milliseconds: number, id: number, tag: number): void {
    const spec = this.#scratch.take(this.#ring, 16) >>> 2;
    const seconds = Math.floor(milliseconds / 1000);
    this.#words[spec] = seconds;
    this.#words[spec + 1] = 0;
    this.#words[spec + 2] = Math.round((milliseconds - seconds * 1000) * 1e6);
    this.#words[spec + 3] = 0;
    const at = this.#begin(Opcode.TIMEOUT, 0, id, tag);
    this.#unsigned[at + 4] = spec * 4;
    this.#words[at + 6] = 1;
  }

  socket(family: number, id: number): void {
    const at = this.#begin(Opcode.SOCKET, family, id, Tag.SOCKET);
    this.#words[at + 2] = SOCK_STREAM;
    this.#unsigned[at + 11] = FILE_INDEX_ALLOC;
  }

  connect(slot: number, id: number, address: number, length: number): void {
    const at = this.#begin(Opcode.CONNECT | FIXED, slot, id, Tag.OPERATION);
    this.#words[at + 2] = length;
    this.#unsigned[at + 4] = address;
  }

  /** `value`: arena offset of the option's value, constant while the driver lives. */
  setOption(slot: number, level: number, name: number, value: number, length: number): void {
    const at = this.#begin(Opcode.URING_CMD | FIXED, slot, 0, Tag.IGNORED);
    this.#words[at + 2] = SOCKET_URING_OP_SETSOCKOPT;
    this.#words[at + 4] = level;
    this.#words[at + 5] = name;
    this.#words[at + 11] = length;
    this.#unsigned[at + 12] = value;
  }

  /** Completes each time the descriptor becomes readable. */
  poll(fd: number, tag: number): void {
    const at = this.#begin(Opcode.POLL_ADD, fd, 0, tag);
    this.#words[at + 6] = POLL_ADD_MULTI;
    this.#words[at + 7] = POLLIN;
  }

  /** Completes once, when the descriptor is readable. */
  pollOnce(fd: number, tag: number): void {
    const at = this.#begin(Opcode.POLL_ADD, fd, 0, tag);
    this.#words[at + 7] = POLLIN;
  }

  open(path: number, flags: number, mode: number, id: number): void {
    const at = this.#begin(Opcode.OPENAT, AT_FDCWD, id, Tag.DESCRIPTOR);
    this.#unsigned[at + 4] = path;
    this.#words[at + 6] = mode;
    this.#words[at + 7] = flags;
  }

  /** `empty`: arena offset of a zero byte, the empty path. `statx`: STATX_BYTES of memory. */
  stat(fd: number, empty: number, statx: number, id: number): void {
    const at = this.#begin(Opcode.STATX, fd, id, Tag.OPERATION);
    this.#unsigned[at + 2] = statx;
    this.#unsigned[at + 4] = empty;
    this.#words[at + 6] = STATX_BASIC_STATS;
    this.#words[at + 7] = AT_EMPTY_PATH;
  }

  transfer(
    opcode: number,
    fd: number,
    offset: number,
    length: number,
    position: number,
    id: number,
  ): void {
    const at = this.#begin(opcode, fd, id, Tag.OPERATION);
    this.#unsigned[at + 2] = position % HIGH;
    this.#unsigned[at + 3] = Math.floor(position / HIGH);
    this.#unsigned[at + 4] = offset;
    this.#unsigned[at + 6] = length;
  }

  sync(fd: number, dataOnly: boolean, id: number): void {
    const at = this.#begin(Opcode.FSYNC, fd, id, Tag.OPERATION);
    if (dataOnly) this.#words[at + 7] = FSYNC_DATASYNC;
  }

  resize(fd: number, size: number, id: number): void {
    const at = this.#begin(Opcode.FTRUNCATE, fd, id, Tag.OPERATION);
    this.#unsigned[at + 2] = size % HIGH;
    this.#unsigned[at + 3] = Math.floor(size / HIGH);
  }
}
