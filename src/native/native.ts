/**
 * What the C addon offers: system calls, no policy. Contract of every function:
 *
 *  - no address ever crosses: a pointer is an arena offset and a length, checked in C against the
 *    arena's bounds; outside them it throws {RangeError} ERR_NATIVE_BOUNDS;
 *  - a wrong argument type throws {TypeError} ERR_NATIVE_ARGUMENT;
 *  - a failed system call is a negative errno, never an exception;
 *  - nothing blocks the thread unless its name says `Blocking`;
 *  - descriptors that it makes are close-on-exec, sockets are non-blocking.
 *
 * `native/src/` holds the C side, one file for each group below, with the same order.
 */

/** Called from the event loop with the number of entries that wait. */
export type LoopCallback = (count: number) => void;

/** The addon's functions. */
export interface Native {
  // ---- arena.c

  /** Makes the memory known to this thread; again with the same memory is a no-op. */
  attachArena(bytes: Uint8Array): void;
  /** Fresh zero pages over the range (page-aligned); shared by all threads. */
  mapAnonymous(offset: number, length: number): number;
  /** Maps a file over the range (page-aligned). */
  mapFile(
    offset: number,
    length: number,
    fd: number,
    fileOffset: number,
    writable: boolean,
  ): number;
  /** Gives the physical pages back; the range reads zero afterwards (anonymous ranges only). */
  releasePages(offset: number, length: number): number;
  /** An anonymous file that can be sealed. Returns its descriptor. */
  memfdCreate(name: string): number;
  fileTruncate(fd: number, size: number): number;
  /**
   * Makes the file at least `size` bytes long (at most 4 GiB), all of them there, so that touching
   * them cannot fail later. -ENOSPC when the file system is full. A memfd knows no such limit: look
   * at the available memory first, or the kernel may end some process for it.
   */
  fileAllocate(fd: number, size: number): number;
  /** Size in bytes. */
  fileSize(fd: number): number;
  /** The F_SEAL_… bits in force. */
  fileSeals(fd: number): number;
  addSeals(fd: number, seals: number): number;
  closeDescriptor(fd: number): number;
  /** The descriptor is closed at the end of this thread, as those that the addon makes are. */
  ownDescriptor(fd: number): number;
  /** `which` 0: the soft limit of descriptors; 1: the hard one. */
  descriptorLimit(which: number): number;
  /** Lowers or raises the soft limit of descriptors of the process. */
  setDescriptorLimit(soft: number): number;

  // ---- futex.c

  /**
   * Sleeps while the word is `expected` (as Int32Array or as Uint32Array has it); in ms, -1 for
   * ever. Gives 0 when it was woken, -EAGAIN when the word differs, or -ETIMEDOUT. Signals do not
   * end it, and worker.terminate() waits for it: a thread that can be ended sleeps in pieces.
   */
  futexWaitBlocking(offset: number, expected: number, timeoutMs: number): number;
  /** Wakes up to `count` waiters, in this process and others that share the page. */
  futexWake(offset: number, count: number): number;
  /** A non-blocking pipe: two words at `ends` are its reading and its writing end. */
  wakePipe(ends: number): number;
  /**
   * Sets the word to 1 and, when it was not 1 before, writes a byte to the pipe. One call, because
   * `terminate` ends a thread between two, but not inside of one.
   */
  wakeSignal(word: number, writingEnd: number): number;
  /** Writes a byte to the pipe; one that is full is as good. */
  wakePipeWrite(writingEnd: number): number;
  /** Takes up to 64 bytes out of the pipe: how many, or -EAGAIN. */
  wakeTake(readingEnd: number): number;

  // ---- watch.c (a futex wait that ends in the event loop)

  /**
   * Gives this thread a watch, of which it can have one: 256 slots, each for one word. `backend` 1
   * is io_uring (Linux 6.7, where it is allowed), 2 is a thread for each 127 slots from 0 on that
   * were ever used (Linux 5.16). When slots have fired, their numbers are written as words at
   * `fired` (room for 256) and `callback` gets how many. `dirty` as in `epollAttach`. Returns a
   * loop handle, whose detaching ends the watch; -EALREADY; or why the backend cannot be used, such
   * as -ENOSYS or -EPERM.
   */
  futexWatchAttach(backend: number, fired: number, dirty: number, callback: LoopCallback): number;
  /**
   * Lets the slot fire, once, when the word is not `expected` or somebody wakes its sleepers; it
   * waits from the moment on at which the event loop would sleep. It may fire without cause (look
   * at the word), and fires without a wake when the word differs at that moment. The word must stay
   * mapped while it is armed. Gives 0; -EBUSY when it is armed already; -EBADF without a watch; or
   * -EAGAIN or -ENOMEM when a thread cannot be started.
   */
  futexWatchArm(slot: number, offset: number, expected: number): number;
  /**
   * Afterwards the slot does not fire, and a wake that it gets all the same is passed on to another
   * sleeper on the word. Gives -ENOENT when it is not armed: never was, or has fired.
   */
  futexWatchDisarm(slot: number): number;

  // ---- process.c

  /** The kernel's id of this thread; of the main thread it is the process id. */
  threadId(): number;
  /**
   * A pidfd: it stays with the process that has this id now, whoever gets the id later. Readable
   * for epoll when the process has ended. -ESRCH when there is none.
   */
  processOpen(pid: number): number;
  /** 1 when the process of a pidfd has ended, waited for by its parent or not; 0 while it lives. */
  processEnded(pidfd: number): number;

  // ---- socket.c (addresses are struct sockaddr_* in arena memory)

  /** A non-blocking stream socket of the family (1 unix, 2 IPv4, 10 IPv6). */
  socketCreate(family: number): number;
  socketBind(fd: number, address: number, length: number): number;
  socketListen(fd: number, backlog: number): number;
  /** 0, or -EINPROGRESS. */
  socketConnect(fd: number, address: number, length: number): number;
  /** Writes at most `capacity` bytes of address; returns its length. */
  socketAddress(fd: number, address: number, capacity: number): number;
  socketPeer(fd: number, address: number, capacity: number): number;
  socketShutdown(fd: number, how: number): number;
  socketSetOption(fd: number, level: number, name: number, value: number): number;
  socketGetOption(fd: number, level: number, name: number): number;
  /** SO_LINGER with the time in seconds; 0 makes close send RST. */
  socketSetLinger(fd: number, seconds: number): number;
  /**
   * Runs `count` non-blocking socket calls, each a record of 32 bytes at `records`, in order:
   * words 0 op (1 receive, 2 send, 3 send vector, 4 accept), 1 fd, 2 offset, 3 length (of a
   * vector: its number of {offset, length} pairs; of an accept: room for the peer's address, or 0),
   * 4 result (written), 5 to 7 the caller's own.
   * The rest of the batch runs whatever one of them returns.
   */
  socketBatch(records: number, count: number): void;

  // ---- epoll.c

  epollCreate(): number;
  /** `op` 1 add, 2 delete, 3 modify; `data` comes back with the events. */
  epollControl(epfd: number, op: number, fd: number, events: number, data: number): number;
  /** Writes up to `capacity` pairs {data u32, events u32} at `events`, without waiting. */
  epollPoll(epfd: number, events: number, capacity: number): number;
  /**
   * Sleeps until the instance or the event loop has something, or for that many microseconds (-1:
   * no limit). Signals end it.
   */
  epollSleepBlocking(epfd: number, microseconds: number): number;
  /**
   * Lets the event loop watch an epoll instance. When it is readable, up to `capacity` events are
   * written at `events` and `callback` gets their number. When the word at `dirty` is not 0 as the
   * loop is about to sleep, `callback(0)` is called (the word is the caller's to clear).
   * Returns a loop handle for `loopReference` and `loopDetach`.
   */
  epollAttach(
    epfd: number,
    events: number,
    capacity: number,
    dirty: number,
    callback: LoopCallback,
  ): number;

  // ---- uring.c (see native/src/uring.c for what is translated on the way to the kernel)

  /**
   * io_uring_setup with IORING_SETUP_NO_MMAP where asked. `params` is the offset of a 120-byte
   * struct io_uring_params with entries and flags filled in; user_addr fields are set from
   * `ring` and `sqes` (page-aligned). Returns a ring id of this thread, or -errno.
   */
  uringSetup(
    entries: number,
    params: number,
    ring: number,
    ringLength: number,
    sqes: number,
    sqesLength: number,
  ): number;
  /** io_uring_register without pointers: files table (sparse), ring fd, enable. */
  uringRegisterFiles(ring: number, count: number): number;
  /** Fills `ops` (256 bytes) with 1 for every opcode the kernel knows. Returns the last opcode. */
  uringProbe(ring: number, ops: number): number;
  /**
   * Registers a provided-buffer ring: `entries` (power of two) buffers of `bufferSize` bytes at
   * `buffers`; the kernel's ring of 16-byte entries lies at `bufferRing` (page-aligned). All
   * buffers are provided at once.
   */
  uringRegisterBuffers(
    ring: number,
    group: number,
    bufferRing: number,
    entries: number,
    buffers: number,
    bufferSize: number,
  ): number;
  /**
   * Names the control block, 16 + entries words. Word 0: how many buffer ids stand from word 16 on,
   * to go back to provided ring 0 at the next flush (written here, set to 0 by the addon). Word 1:
   * how often the kernel was entered, word 8: how often completions waited outside the ring (both
   * written by the addon). The others are free.
   */
  uringControl(ring: number, control: number): number;
  /**
   * Gives returned buffers back, translates the new submission entries (offsets become addresses,
   * checked) and enters the kernel; runs deferred completions too. Never waits.
   */
  uringFlush(ring: number): number;
  /**
   * Like flush, then sleeps until `minimum` completions wait, or for that many microseconds
   * (-1: no limit). Signals end it.
   */
  uringFlushBlocking(ring: number, minimum: number, microseconds: number): number;
  /**
   * Lets the event loop drive the ring: flushes before the loop sleeps, wakes it through a
   * registered eventfd, calls back when completions wait. `dirty` as in `epollAttach`. Returns a
   * loop handle.
   */
  uringAttach(ring: number, dirty: number, callback: LoopCallback): number;
  /** Cancels everything, waits for the kernel to let go of the memory, closes the ring. */
  uringClose(ring: number): number;

  // ---- loop.c

  /** Whether the handle keeps the event loop alive. A new one does not. */
  loopReference(loop: number, alive: boolean): void;
  /** Readable when libuv has something to do. Belongs to libuv. */
  loopDescriptor(): number;
  /**
   * How long the event loop would sleep now by itself, in ms: 0 when something but the loop handle
   * has work for it, -1 for ever (also when nothing keeps it alive).
   */
  loopTimeout(loop: number): number;
  /** Stops watching; no callback comes afterwards. */
  loopDetach(loop: number): void;

  // ---- deflate.c (streams of raw deflate, for RFC 7692; src/deflate/ knows how to use them)

  /** The version of the zlib that the node executable exports, or '' when none can be used. */
  zlibVersion(): string;
  /**
   * A stream that compresses: level 1 to 9, window 9 to 15 bits, memory level 1 to 9. Returns its
   * id, -ENOMEM when the streams of this thread would hold more than `limit` bytes, or -ENOSYS
   * without zlib.
   */
  zlibOpenDeflate(level: number, windowBits: number, memoryLevel: number, limit: number): number;
  /** A stream that decompresses, window 8 to 15 bits; otherwise as `zlibOpenDeflate`. */
  zlibOpenInflate(windowBits: number, limit: number): number;
  /**
   * Compresses a part of a message. `record` is the offset of 8 words: 0 stream, 1 flags (1 begin
   * with an empty window, 2 the message ends with these bytes), 2 source, 3 length, 4 target,
   * 5 capacity; written are 6 bytes consumed, 7 bytes produced. Returns 0 the message is complete,
   * 1 more input is wanted, 2 more room is wanted (at least 16 bytes), 3 zlib failed, 4 no memory.
   * The output leaves out the 00 00 FF FF at its end.
   */
  zlibDeflate(record: number): number;
  /**
   * Decompresses a part of a message; record and results as above, 3 is bad data. The 00 00 FF FF
   * at the end is supplied here.
   */
  zlibInflate(record: number): number;
  /** Frees a stream. Gives -EBADF when there is no such stream. */
  zlibClose(stream: number): number;
  /** Bytes in use by the streams of this thread. */
  zlibBytes(): number;
}
