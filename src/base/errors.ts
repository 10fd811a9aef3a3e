/**
 * The one table of error codes. Codes never change meaning; messages may.
 * Misuse is a subclass of the nearest built-in error and carries a code; operating failures are
 * `RondoError` or `SystemError`. Match on `code`, not on `instanceof`: two copies of a package may
 * be loaded. `docs/errors.md` lists the same codes; `scripts/check-errors.js` keeps them equal.
 */

/** Every error code that Rondo can give, with its meaning. */
export const ERROR_CODES = {
  ERR_ASSERTION: 'An invariant of Rondo does not hold: a defect in Rondo, please report it',
  ERR_OPTION_UNKNOWN: 'An options object has a key that does not exist',
  ERR_OPTION_TYPE: 'An option or argument has the wrong type',
  ERR_OPTION_RANGE: 'An option or argument is outside its range',
  ERR_NATIVE_UNAVAILABLE: 'The native addon is not built or cannot be loaded on this machine',
  ERR_NATIVE_ARGUMENT: 'A native function got an argument of the wrong type',
  ERR_NATIVE_BOUNDS: 'A native function got an offset and length outside the arena',
  ERR_ARENA_EXHAUSTED: 'The arena has no room for the region; the message lists who holds what',
  ERR_ARENA_REGIONS: 'The table of regions is full',
  ERR_ARENA_FOREIGN: 'The memory handed over is not a Rondo arena, or of another version',
  ERR_ARENA_ADOPTED: 'The thread already uses another arena as its process arena',
  ERR_REGION_RELEASED: 'A region was used or released after its release',
  ERR_REGION_KIND: 'A region holds something else than what it was attached as',
  ERR_SLAB_EXHAUSTED: 'A slab or block region has no free memory of that size',
  ERR_SLAB_HELD: 'A slab or block region was destroyed while parts of it are held',
  ERR_LEASE_RELEASED: 'A lease was used or released after its release',
  ERR_VIEW_RELEASED: 'The sanitizer saw memory that was used or written after it was given back',
  ERR_VIEW_EXPIRED: 'The sanitizer saw the use of a message or slot after its ring had moved on',
  ERR_VIEW_KERNEL: 'The sanitizer saw memory in use while the kernel had it in hand',
  ERR_VIEW_OVERLAP: 'The sanitizer saw a second lease on bytes that are leased already',
  ERR_VIEW_UNWRITTEN: 'The sanitizer saw bytes read, sent or published that were never written',
  ERR_VIEW_OUTSIDE: 'The sanitizer saw writes behind the bytes that were asked for',
  ERR_VIEW_DETACHED: 'The sanitizer saw a cursor used after its buffer was detached',
  ERR_WINDOW_UNSEALED: 'A shared segment can still shrink and would kill the process if it did',
  ERR_TEXT_INVALID: 'Bytes that must be text are not valid UTF-8',
  ERR_STRUCT_SCHEMA: 'A struct was declared with a name, type or size that cannot be',
  ERR_STRUCT_LAYOUT: 'A text that must be the layout of a struct is not valid',
  ERR_STRUCT_KEY: 'An object or name does not fit a struct: a field is missing or does not exist',
  ERR_STRUCT_TYPE: 'A field of a struct was written with a value of another type',
  ERR_STRUCT_RANGE: 'A field of a struct was written with a value that it cannot hold',
  ERR_STRUCT_VALUE: 'A field of a struct has in memory what is no value of its type',
  ERR_STRUCT_SLAB: 'A slab field refers to bytes outside the slab side',
  ERR_STRUCT_SLABLESS: 'A slab field was used on a cursor that has no slab side',
  ERR_DRIVER_UNAVAILABLE: 'The driver asked for cannot be used here; the message says why',
  ERR_DRIVER_CLOSED: 'The driver was used after its close',
  ERR_ADDRESS_INVALID: 'A socket address is not valid',
  ERR_TLS_CERTIFICATE: 'A TLS key or certificate cannot be used; cause says why',
  ERR_CLOSE_CODE: 'A WebSocket close code that must not travel was to be sent',
  ERR_CLOSE_REASON: 'A WebSocket close reason is above 123 bytes, or has no code',
  ERR_SUBPROTOCOL: 'A WebSocket subprotocol was chosen that the client did not offer',
  ERR_WEBSOCKET_CONNECT: 'A WebSocket client cannot reach the server or its proxy',
  ERR_WEBSOCKET_REFUSED: 'A server or proxy refused a WebSocket handshake with an HTTP status',
  ERR_WEBSOCKET_HANDSHAKE: 'The answer to a WebSocket handshake breaks the protocol',
  ERR_WEBSOCKET_TIMEOUT: 'A WebSocket peer took too long to open the connection or said nothing',
  ERR_WEBSOCKET_FAILED: 'A WebSocket connection was ended because the peer broke a rule or a limit',
  ERR_WEBSOCKET_CLOSED: 'A WebSocket connection is over, or was over before it was open',
  ERR_SEND_QUEUE: 'A message was not taken: more bytes would wait to be sent than the limit allows',
  ERR_HTTP_STATUS:
    'An HTTP response has a status outside 100 to 599, or a body that its status rules out',
  ERR_HTTP_HEADER: 'An HTTP response header has a name or value that HTTP does not allow',
  ERR_HTTP_REPLY: 'A handler of an HTTP route gave something that is no reply',
  ERR_HTTP_BODY: 'A request body cannot be read: too large, malformed, too slow, or read before',
  ERR_HTTP_ABORTED: 'The client went away before its request was answered',
  ERR_EVENT: 'A server-sent event has a field that is not as it must be',
  ERR_MESSAGE_JSON: 'A message that was to be read as JSON is none',
  ERR_ROUTE: 'A route of a gateway has a path that is not valid, or is taken',
  ERR_TOPIC: 'A topic has a name that is not valid, or a wildcard where none can be',
  ERR_TOPIC_LIMIT: 'A limit of topics is reached: subscriptions, topics, or retained bytes',
  ERR_TELEMETRY_UNAVAILABLE: 'A package that telemetry needs is not installed',
  ERR_GATEWAY_STATE: 'The gateway was asked for something that it cannot do any more, or not yet',
  ERR_MODULE_LOAD:
    'A module of handlers or schemas, or a config file, cannot be loaded; the message says why',
  ERR_MODULE_EXPORT:
    'A module of handlers or schemas, or a config file, does not export what it must',
  ERR_MODULE_TYPESCRIPT: 'A module is TypeScript, which this version of Node does not run',
  ERR_GEN_STRUCTS: 'A module of schemas has two different structs of one name',
  ERR_GEN_FILE: 'A generated file cannot be read or written, or was not generated',
  ERR_GEN_STALE: 'A generated file is not what its schema gives',
  ERR_RING_SEGMENT:
    'Memory or a descriptor holds no ring segment that can be used; the message says why',
  ERR_RING_SCHEMA: 'The struct here and the one in a ring differ; the message lists the fields',
  ERR_RING_ROLE_TAKEN: 'All places of a ring for that side are taken; the message says by whom',
  ERR_RING_PARTICIPANTS: 'A ring segment has as many participants as it can have',
  ERR_RING_POISONED: 'A ring holds values that no honest peer writes, and is used no more',
  ERR_RING_PEER_DIED: 'The other side of a ring died or went away and nobody took its place',
  ERR_RING_CLOSED: 'A ring, producer or consumer was used after it was closed or detached',
  ERR_RING_CLAIM: 'Slots of a ring were claimed, committed or read in an order that cannot be',
  ERR_RING_MESSAGE_SIZE:
    'A message has more variable-length content than the slab of its ring holds',
  ERR_RING_NAME: 'The name of a ring or channel is not valid',
  ERR_RING_EXISTS: 'A ring or channel of that name exists already and somebody holds it',
  ERR_RING_NOT_FOUND: 'No living process holds a ring or channel of that name',
  ERR_RING_DIRECTORY:
    'The directory of rings cannot be used: not a directory, not yours, or too open',
  ERR_TASK_OUTSIDE: 'Something that only a running task can do was done outside of one',
  ERR_TASK_YIELD: 'A coroutine used yield where it must use yield*',
  ERR_TASK_KIND: 'What was to be run is no future, coroutine, promise or function that gives one',
  ERR_TASK_OVER: 'A future was polled after it had ended, or awaited twice',
  ERR_TASK_CANCELLED: 'A task or operation was cancelled before it had a result',
  ERR_TASK_TIMEOUT: 'An operation took longer than it was given',
  ERR_TASK_DEADLINE: 'The deadline of a task, or of one that it belongs to, has passed',
  ERR_TASK_LIMIT: 'An executor has as many tasks as its limit allows',
  ERR_REMOTE_LIMIT: 'An executor has as many wakers for other threads as its limit allows',
  ERR_TASK_ERRORS: 'Several tasks of one scope failed; errors lists all of them',
  ERR_TIMER_LIMIT: 'As many timers are set, or items in a delay queue, as the limit allows',
  ERR_DELAY_ITEM: 'An item is not, or no longer, in the delay queue that was asked for it',
  ERR_VIRTUAL_CLOCK: 'Under a virtual clock, a task cannot end or tasks do not stop running',
  ERR_EXECUTOR_CLOSED: 'An executor was used after its close',
  ERR_RUNTIME_STATE: 'A runtime was asked for something that it cannot do any more, or not yet',
  ERR_RUNTIME_STALLED: 'Tasks of a simulated runtime wait for what can never come',
  ERR_CHANNEL_CLOSED: 'The other side of a channel is gone',
  ERR_CHANNEL_FULL: 'An unbounded channel holds as many messages as its limit allows',
  ERR_CHANNEL_LAGGED: 'A receiver was too slow and lost messages; the error says how many',
  ERR_SYNC_CLOSED: 'A semaphore or lock was closed while something waited for it',
  ERR_SYNC_RELEASED: 'A permit or guard was used or released after its release',
  ERR_STREAM_KIND: 'What was to be a stream is no stream, iterable or web stream',
  ERR_STREAM_CLOSED: 'A socket, file or stream was used after it was closed',
  ERR_FILE_PATH: 'A path of a file is not valid: empty, with a NUL, or a URL of another kind',
  ERR_FILE_ALIGNMENT: 'A direct read or write is not of whole blocks of the device',
  ERR_STREAM_LINE: 'A line of a stream of bytes is longer than allowed',
  ERR_STREAM_BUSY: 'A socket, file or stream has an operation of that kind under way already',
  ERR_LOOKUP: 'The name of a host cannot be resolved; cause says why',
  ERR_LITMUS_SYNTAX: 'The text of a litmus test cannot be understood; the message gives the place',
  ERR_LITMUS_UNSUPPORTED: 'A litmus test asks for something that is known to be missing',
  ERR_LITMUS_SIZE: 'A litmus test is too large: too many threads, accesses or executions',
  ERR_CHECKER_SIZE: 'A test of the checker is too large: threads, locations, or events of one run',
  ERR_CHECKER_NONDETERMINISTIC: 'A thread of a checked test did another thing when it ran again',
  ERR_CHECKER_UNSUPPORTED: 'A checked test did something that the checker does not know',
  ERR_CHECKER_FAILED: 'The checker has found an execution that breaks what a test asks for',
  ERR_CHECKER_USE: 'A part of the checker was used where it cannot be, such as outside of a test',
  ERR_CHECKER_MODEL: 'There is no memory model of that name, or it cannot be used here',
  ERR_CHECKER_TOKEN:
    'A token does not replay: it is of another test, model or version, or no token',
  ERR_CHECKER_RESUME: 'A file to go on from is of another test, or not one of the checker',
  ERR_CACHE_TRACE:
    'A trace or program for the cache simulator cannot be read; the message says why',
  ERR_CACHE_LIMIT: 'A trace or program for the cache simulator is larger than a limit allows',
  ERR_SYSTEM: 'A system call failed; errno and syscall say which and why',
} as const;

/** A code of the table. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An operating failure, not the caller's mistake. Has `code`, and `cause` where there is one. */
export class RondoError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RondoError';
    this.code = code;
  }
}

/** A failed system call. `errno` is positive, as in errno(3); `errnoName` is its symbol. */
export class SystemError extends RondoError {
  readonly errno: number;
  readonly errnoName: string;
  readonly syscall: string;
  constructor(syscall: string, errno: number, detail?: string) {
    const name = errnoName(errno);
    super('ERR_SYSTEM', `Cannot complete ${syscall}${detail ? ` (${detail})` : ''}: ${name}`);
    this.name = 'SystemError';
    this.errno = errno;
    this.errnoName = name;
    this.syscall = syscall;
  }
}

/** A TypeError that carries a code: the wrong kind of thing was handed over. */
export function misuse(code: ErrorCode, message: string): TypeError & { code: ErrorCode } {
  return Object.assign(new TypeError(message), { code });
}

/** A RangeError that carries a code: the right kind of thing, outside its range. */
export function outOfRange(code: ErrorCode, message: string): RangeError & { code: ErrorCode } {
  return Object.assign(new RangeError(message), { code });
}

/** Linux errno values that drivers give as negative results (asm-generic/errno{-base,}.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ETIME: 62,
  EPROTO: 71,
  EOVERFLOW: 75,
  EBADFD: 77,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ECANCELED: 125,
} as const;

const errnoNames = new Map<number, string>(
  Object.entries(Errno).map(([name, value]) => [value, name]),
);

/** The symbol of an errno value (positive or negative), or `errno N` when it is not listed. */
export function errnoName(errno: number): string {
  return errnoNames.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}
