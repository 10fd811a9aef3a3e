/**
 * The I/O contract. `uring/`, `epoll/`, `portable/` and `simulated/` stand behind it, and one suite
 * (`test/conformance/`) runs on all four.
 *
 * Completion-based: an operation is submitted with a token (an integer from 0 to 2^31-1), and the
 * driver's handler is called with `(token, result, flags, buffer)` when it completes. The rules,
 * each of them a test:
 *
 *  1. The handler is never called from inside a submitting call, and never re-entered: completions
 *     are delivered from a turn of the driver, in one place.
 *  2. A submitting call returns an operation id > 0, or a negative errno when the operation was not
 *     taken: -EBADF (stale or foreign handle), -ENOBUFS (operation table full), -EINVAL. Nothing
 *     completes for an operation that was not taken.
 *  3. An operation that was taken completes exactly once without `MORE`; multishot operations
 *     (accept, receive, wakes) complete any number of times with `MORE` before that.
 *  4. Memory named in an operation belongs to the driver until its final completion, whatever the
 *     caller does. A receive buffer belongs to the caller from its completion until `release`.
 *  5. `result` is ≥ 0 on success and a negative errno on failure (Linux numbers on every driver).
 *  6. Handles carry a generation: after the final completion of `close`, an old handle is -EBADF
 *     even when its slot was given to another connection.
 *  7. `close` ends everything in flight on the handle first; those operations complete (mostly with
 *     -ECANCELED) before the close itself does. Submitting on a closing handle is -EBADF.
 *  8. What completed while it was being cancelled is delivered, never dropped: data stays data, an
 *     accepted connection or an opened file is handed over or closed, not leaked.
 *  9. Bytes of one connection leave in the order of the submitting calls and arrive in order.
 * 10. Every queue is bounded by an option.
 *
 * A driver belongs to the thread that made it. Only a `Waker` may be used from other threads.
 */
import type { Arena } from '../memory/index.ts';

/** The four implementations. */
export type DriverKind = 'uring' | 'epoll' | 'portable' | 'simulated';

/**
 * A listener, connection or file of one driver: a positive 31-bit integer, slot and generation.
 * Never a process descriptor. The generation tells 2,047 uses of a slot apart.
 */
export type Handle = number;

/**
 * A submitted operation, > 0, to cancel it by. A stale id is harmless while its slot has been used
 * less than 2,047 times since; forget it at the final completion.
 */
export type OperationId = number;

/** Bits of a completion's `flags`. */
export const CompletionFlag = {
  /** The operation goes on: more completions with this token follow. */
  MORE: 1,
  /** `buffer` is the arena offset of `result` received bytes; the caller must `release` it. */
  BUFFER: 2,
} as const;

/**
 * Receives every completion of a driver. All four are integers; `buffer` is 0 without `BUFFER`.
 * Must not throw: what it throws is reported as an uncaught exception after the turn's other
 * completions were delivered.
 */
export type CompletionHandler = (
  token: number,
  result: number,
  flags: number,
  buffer: number,
) => void;

/** Where to listen or connect: TCP (a numeric IPv4 or IPv6 address) or a Unix socket's path. */
export type SocketAddress =
  { readonly host: string; readonly port: number } | { readonly path: string };

/** Certificates or keys in PEM, as text or bytes. */
export type Pem = string | Uint8Array;

/** Who a TLS server says it is. Lists for several kinds of key (RSA and EC), in the same order. */
export interface TlsIdentity {
  /** Private keys, not encrypted. */
  readonly key: Pem | readonly Pem[];
  /** Certificates, each followed by those of its issuers but for the root. */
  readonly cert: Pem | readonly Pem[];
}

/** What TLS needs to listen. Key and certificate are for clients that name none of `names`. */
export interface TlsOptions extends TlsIdentity {
  /** Issuers' certificates, to complete the chains of `cert`. @default none */
  readonly ca?: Pem | readonly Pem[];
  /** The oldest version that is spoken. @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /**
   * Identities by the name that the client asks for (SNI): 'chat.example.com', or '*.example.com'
   * for one label more. An exact name comes before a pattern. @default none
   */
  readonly names?: Readonly<Record<string, TlsIdentity>>;
  /** Milliseconds that a connection has for its handshake, 10 to 120,000. @default 10,000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * Handshakes under way at once, 1 to 65,535; beside `limits.connections`. One more, and the
   * oldest of them is reset: an honest one is over in milliseconds. @default 1024
   */
  readonly handshakes?: number;
}

/** Options of sockets. Those of a listener hold for the connections that it accepts. */
export interface SocketOptions {
  /** Small packets leave at once (TCP_NODELAY). @default true */
  readonly noDelay?: boolean;
  /**
   * Milliseconds of silence, 1,000 to 32,767,000, rounded up to seconds, after which the system
   * asks each second whether a TCP peer is still there; it counts as gone after ten. @default never
   */
  readonly keepAlive?: number;
  /** SO_SNDBUF, bytes, 1024 to 2^30; the portable driver ignores it. @default the system's */
  readonly sendBuffer?: number;
  /** SO_RCVBUF, bytes, 1024 to 2^30; the portable driver ignores it. @default the system's */
  readonly receiveBuffer?: number;
}

/** Options of `listen`. */
export interface ListenOptions extends SocketOptions {
  /** Length of the kernel's queue of connections not yet accepted. @default 4096 */
  readonly backlog?: number;
  /** SO_REUSEPORT: several listeners, one port, the kernel spreads. @default false */
  readonly reusePort?: boolean;
  /**
   * Connections are TLS (ALPN http/1.1), and accepted when their handshake is over; bytes go in and
   * come out in the clear. Only where `Driver.tls` is true. @default none
   */
  readonly tls?: TlsOptions;
}

/** Limits of a driver; all counts. The resolved values are in `Driver.limits`. */
export interface DriverLimits {
  /**
   * Connections and files open at once, 1 to 1,040,000. The io_uring driver takes fewer where the
   * process's hard limit of descriptors is lower: see `Driver.limits`. @default 16384
   */
  readonly connections?: number;
  /** Operations in flight at once, 16 to 1,048,575. @default 4 × connections, at least 1024 */
  readonly operations?: number;
  /** Receive buffers in the shared pool, a power of two, 2 to 32768. @default 1024 */
  readonly buffers?: number;
  /** Bytes of a receive buffer, a multiple of 64, 256 to 1 MiB. @default 16448 */
  readonly bufferSize?: number;
  /** Completions delivered per turn before other work of the event loop runs. @default 1024 */
  readonly completionsPerTurn?: number;
}

/** How a driver is made. */
export interface DriverOptions extends DriverLimits {
  /** The memory that buffers live in. @default the process's arena */
  readonly arena?: Arena;
  /** Receives every completion. */
  readonly handler: CompletionHandler;
  /** A name for the console and for region owners. @default the kind */
  readonly name?: string;
}

/** How `close` ends a connection. */
export type CloseMode =
  /** What was sent completely is delivered, then FIN. Sends still in the queue are cancelled. */
  | 'finish'
  /** RST at once (SO_LINGER 0); unsent data is dropped. For abuse and for tests. */
  | 'reset';

/** Flags of `openFile`. `read` may be combined with the others by `'read-write'`. */
export interface OpenFlags {
  readonly access: 'read' | 'write' | 'read-write';
  /** Create when missing. @default false */
  readonly create?: boolean;
  /** Fail with EEXIST when it exists (with `create`). @default false */
  readonly exclusive?: boolean;
  /** Cut to length 0. @default false */
  readonly truncate?: boolean;
  /** Every write goes to the end of the file, whatever its position. @default false */
  readonly append?: boolean;
  /**
   * O_DIRECT: past the page cache. Offsets in the arena, lengths and positions must be multiples of
   * the device's block (512 or 4096 bytes mostly), otherwise reads and writes end with -EINVAL; so
   * does opening where the file system or the platform has no such thing. @default false
   */
  readonly direct?: boolean;
  /** O_DSYNC: a write completes when its data are on the device. @default false */
  readonly dataSync?: boolean;
  /** Permission bits of a created file. @default 0o644 */
  readonly mode?: number;
}

/**
 * What `stat` writes into the arena, little-endian, 32 bytes, 8-aligned:
 * size in bytes f64 at 0, modification time in milliseconds since 1970 f64 at 8,
 * mode (type and permission bits) u32 at 16, the rest zero.
 */
export const STAT_BYTES = 32;

/** One buffer of `sendVector`, in arena memory: offset u32, length u32, little-endian. */
export const VECTOR_ENTRY_BYTES = 8;

/** The most buffers of one `sendVector`. */
export const VECTOR_MAX = 64;

/**
 * How another thread wakes a driver. Plain data: it can be posted to a worker that shares the
 * arena; `wakeDriver(arena, waker)` there. It costs a system call only when nobody has woken the
 * driver since it last looked. It ends with its driver: stop using it before `destroy`.
 */
export interface Waker {
  /** Arena offset of the word: 0 idle, 1 woken. Written by wakers (1) and by the driver (0). */
  readonly word: number;
  /** The writing end of a pipe, or -1 where the word itself is waited on. */
  readonly descriptor: number;
}

/** Counters of a driver since it was made. Kept in shared memory; `counters()` is a snapshot. */
export interface DriverCounters {
  readonly submitted: number;
  readonly completed: number;
  readonly systemCalls: number;
  readonly turns: number;
  readonly accepted: number;
  readonly connected: number;
  readonly closed: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Partial sends that the driver went on with. */
  readonly partialSends: number;
  /** Times a receive had to wait for a buffer. */
  readonly bufferWaits: number;
  /** Times accepting backed off at a descriptor limit. */
  readonly acceptBackoffs: number;
  /** Completions the kernel had to keep outside the completion ring. */
  readonly overflows: number;
  /** TLS handshakes that failed, took too long or made room for newer ones. */
  readonly handshakeFailures: number;
}

/** What is held now; all zero when everything was closed and released, and after `destroy`. */
export interface DriverUsage {
  readonly connections: number;
  readonly listeners: number;
  readonly files: number;
  readonly operations: number;
  /** Receive buffers in the hands of the caller. */
  readonly buffersHeld: number;
}

/** See the head of this file for the rules that every method keeps. */
export interface Driver {
  readonly kind: DriverKind;
  readonly arena: Arena;
  readonly limits: Required<DriverLimits>;
  /** Whether `listen` takes `tls`: the portable driver alone (docs/decisions/0012-tls.md). */
  readonly tls: boolean;

  /**
   * Binds and listens at once. Port 0 chooses a free port; `address` tells which.
   * @throws {SystemError} ERR_SYSTEM when the address cannot be bound
   * @throws {TypeError} ERR_ADDRESS_INVALID
   * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
   * @throws {RondoError} ERR_TLS_CERTIFICATE when a key or certificate cannot be used
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE for `tls` on a driver that has none
   */
  listen(address: SocketAddress, options?: ListenOptions): Handle;
  /** The bound address of a listener. */
  address(listener: Handle): SocketAddress;
  /**
   * Puts other TLS options in the place of a listener's: all handshakes that begin from now on use
   * them, connections that are there go on. When it throws, nothing has changed.
   * @throws {SystemError} ERR_SYSTEM (EBADF) for a handle that is no listener, or one without TLS
   * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
   * @throws {RondoError} ERR_TLS_CERTIFICATE when a key or certificate cannot be used
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE on a driver without TLS
   */
  setCertificates(listener: Handle, tls: TlsOptions): void;
  /**
   * Who is at the other end, from the connection's first completion until `close` is called, also
   * when the peer is gone; undefined for any other handle. An IPv4 peer of an IPv6 listener is
   * given as IPv4; a Unix socket's peer is `{ path: '' }`. Makes an object: on hot paths use
   * `peerWords`.
   */
  peer(connection: Handle): SocketAddress | undefined;
  /**
   * The same without text: writes the peer's IPv6 address to `words[0]` to `words[3]`, most
   * significant first. IPv4 is ::ffff:a.b.c.d, so `words[3]` is the whole address; the /64 of an
   * IPv6 address is `words[0]` and `words[1]`. Returns 4 or 6, 0 for a Unix socket (zeros), or
   * -EBADF for any other handle (nothing is written).
   */
  peerWords(connection: Handle, words: Uint32Array): number;
  /**
   * Multishot: each completion's result is a connection handle. At the limit of connections or
   * descriptors it waits and goes on by itself when one is closed; it never spins.
   */
  accept(listener: Handle, token: number): OperationId;
  /**
   * Result: a connection handle; -EMFILE at the limit of connections.
   * @throws {TypeError} ERR_ADDRESS_INVALID
   * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
   */
  connect(address: SocketAddress, token: number, options?: SocketOptions): OperationId;
  /**
   * Multishot: each completion has `BUFFER` and result > 0; the last has result 0 (end of stream)
   * or an errno. At most one per connection, otherwise -EALREADY is returned. When the pool is
   * empty it waits its turn, first come first served.
   */
  receive(connection: Handle, token: number): OperationId;
  /** Gives a receive buffer back. Any offset inside the buffer will do. */
  release(buffer: number): void;
  /** Sends one buffer whole (at least 1 byte); result: `length`. Gathered with the turn's others. */
  send(connection: Handle, token: number, offset: number, length: number): OperationId;
  /** Sends `count` buffers; `vector` is the offset of their entries, read at once. Result: the sum. */
  sendVector(connection: Handle, token: number, vector: number, count: number): OperationId;
  /**
   * Sends one buffer to many connections, one completion for all. Result: how many got it whole.
   * The list is read at once. Stale handles count as not reached.
   */
  sendMany(
    connections: ArrayLike<Handle>,
    count: number,
    token: number,
    offset: number,
    length: number,
  ): OperationId;
  /** Ends the sending side after what was submitted before it (FIN). Receiving goes on. */
  shutdown(connection: Handle, token: number): OperationId;
  /**
   * Ends a listener, connection or file. See rule 7. Closes have 64 places of their own beside
   * `operations`: -ENOBUFS passes by itself, a full table can always be emptied.
   * @default mode 'finish'
   */
  close(handle: Handle, token: number, mode?: CloseMode): OperationId;
  /**
   * Asks for an operation's end; it completes with -ECANCELED, or with what it had achieved.
   * Returns 0, or -ENOENT when it has completed already. Sends, shutdowns and closes are not taken
   * back (-EINVAL): a connection whose bytes are in doubt is ended by `close`.
   */
  cancel(operation: OperationId): number;
  /** Completes with result 0 after `milliseconds` (0 to 2^31-1); -ECANCELED when cancelled. */
  timeout(milliseconds: number, token: number): OperationId;

  /**
   * Opens a regular file. Result: a file handle; -EMFILE at the limit of connections. The path is
   * read at once.
   */
  openFile(path: string, flags: OpenFlags, token: number): OperationId;
  /** Writes `STAT_BYTES` at `offset`. Result 0. */
  statFile(file: Handle, token: number, offset: number): OperationId;
  /** Result: bytes read, 0 at the end of the file; may be less than `length`. */
  readFile(
    file: Handle,
    token: number,
    offset: number,
    length: number,
    position: number,
  ): OperationId;
  /** Result: bytes written; may be less than `length`. */
  writeFile(
    file: Handle,
    token: number,
    offset: number,
    length: number,
    position: number,
  ): OperationId;
  /**
   * Result 0 when the file's data and metadata are on the device. With `dataOnly` only that part
   * of the metadata which reading the data needs (its length, not its times). @default false
   */
  syncFile(file: Handle, token: number, dataOnly?: boolean): OperationId;
  /** Cuts the file to `size` bytes, or makes it that long with zeros. Result 0. */
  resizeFile(file: Handle, token: number, size: number): OperationId;

  /** Multishot: result 0 and `MORE` after another thread used the waker. Coalesced. */
  wakes(token: number): OperationId;
  /** The waker of this driver. */
  waker(): Waker;

  /**
   * Runs one turn now without waiting: submits what was queued and delivers what has completed.
   * Returns how many completions it delivered. The event loop does this by itself; the simulated
   * driver moves only by it (one call may advance its virtual clock to the next event).
   */
  turn(): number;
  /**
   * Whether `wait` can block: not on the portable driver, whose I/O is done by the event loop.
   */
  readonly canWait: boolean;
  /**
   * For a thread that owns its loop: what `turn` does, but while nothing has completed the thread
   * sleeps in the kernel, until something completes, a waker is used, the event loop has something
   * to do (a message, a timer, a promise of Node's), or the time is over: 0 to 2^31-1 ms, or
   * Infinity. Returns how many completions it delivered. After a 0, let the event loop turn
   * (`setImmediate`) before the next wait: while it has something to do, waits return at once, and
   * neither it nor other drivers of the thread go on during a wait. Never inside of a handler.
   * `worker.terminate()` ends it. The simulated driver does not sleep: it turns.
   * @throws {RangeError} ERR_OPTION_RANGE for any other time
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE without `canWait`
   */
  wait(milliseconds: number): number;
  /** Now on the driver's monotonic clock, in milliseconds (virtual in the simulated driver). */
  now(): number;
  /** Lets the process exit although operations are in flight. */
  unref(): void;
  /** Keeps the process alive while operations are in flight: the default. */
  ref(): void;
  /** A snapshot of the counters. */
  counters(): DriverCounters;
  usage(): DriverUsage;
  /**
   * Ends everything: cancels, waits for the kernel to let go, closes, frees the regions. Operations
   * in flight complete with -ECANCELED before it resolves. Idempotent.
   */
  destroy(): Promise<void>;
}
