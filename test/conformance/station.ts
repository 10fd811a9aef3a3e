/**
 * A driver with a recording handler around it, and the invariants that hold in every test: the
 * handler is never called inside a submitting call, an operation that was taken completes exactly
 * once, nothing completes that was not taken, and in the end nothing is held.
 */
import assert from 'node:assert/strict';
import { Errno, errnoName } from '../../src/base/index.ts';
import {
  CompletionFlag,
  type CloseMode,
  type Driver,
  type DriverLimits,
  type Handle,
  type ListenOptions,
  type SocketAddress,
} from '../../src/driver/index.ts';
import { processArena, type Arena, type Region } from '../../src/memory/index.ts';
import type { Harness } from './harness.ts';

/** One call of the handler. */
export interface Completion {
  readonly result: number;
  readonly flags: number;
  readonly buffer: number;
}

type OnCompletion = (completion: Completion) => void;

/** An operation that was submitted, and what became of it. */
export class Operation {
  readonly token: number;
  id = 0;
  readonly completions: Completion[] = [];
  done = false;
  /** Position of the final completion in the order of all of them; -1 before. */
  order = -1;

  constructor(token: number) {
    this.token = token;
  }

  /** Result of the final completion. */
  get result(): number {
    assert.ok(this.done, 'the operation has completed');
    return this.completions.at(-1)!.result;
  }
}

/** A listener with its accept in force. */
export interface Listening {
  readonly handle: Handle;
  readonly address: SocketAddress;
  readonly accepting: Operation;
  /** Connections accepted and not yet fetched by `pair`. */
  readonly accepted: Handle[];
}

/** How long a driver may take to end after its test has failed. */
const ABANDON_MS = 5000;

/** Bytes of scratch memory of a station. */
const MEMORY_BYTES = 4 << 20;

export class Station {
  readonly driver: Driver;
  readonly harness: Harness;
  readonly arena: Arena;
  readonly memory: Region;
  readonly violations: string[] = [];
  completions = 0;
  readonly #operations = new Map<number, { operation: Operation; on: OnCompletion | undefined }>();
  readonly #watchers = new Set<() => void>();
  #nextToken = 1;
  #submitting = 0;
  #handling = false;
  #lookScheduled = false;
  #bump = 0;

  constructor(harness: Harness, limits: DriverLimits & Record<string, unknown>) {
    this.harness = harness;
    this.arena = processArena();
    this.memory = this.arena.allocate('conformance', MEMORY_BYTES, { owner: harness.name });
    this.driver = harness.create({
      ...limits,
      arena: this.arena,
      handler: (token, result, flags, buffer) => this.#handle(token, { result, flags, buffer }),
    });
  }

  // ---- recording

  #handle(token: number, completion: Completion): void {
    if (this.#submitting > 0) this.violations.push('the handler was called by a submitting call');
    if (this.#handling) this.violations.push('the handler was re-entered');
    this.completions += 1;
    const entry = this.#operations.get(token);
    if (!entry) {
      this.violations.push(
        `token ${token} completed (${show(completion)}) without being in flight`,
      );
      return;
    }
    const { operation, on } = entry;
    operation.completions.push(completion);
    if ((completion.flags & CompletionFlag.MORE) === 0) {
      operation.done = true;
      operation.order = this.completions;
      this.#operations.delete(token);
    }
    this.#handling = true;
    try {
      on?.(completion);
    } catch (error) {
      this.violations.push(String(error));
    } finally {
      this.#handling = false;
    }
    this.#announce();
  }

  #announce(): void {
    if (!this.harness.real || this.#lookScheduled) return;
    this.#lookScheduled = true;
    setImmediate(() => {
      this.#lookScheduled = false;
      for (const look of [...this.#watchers]) look();
    });
  }

  /** Operations in flight, as the handler saw it. */
  get inFlight(): number {
    return this.#operations.size;
  }

  /** A call of the driver during which the handler must not be called. */
  call<T>(run: () => T): T {
    this.#submitting += 1;
    try {
      return run();
    } finally {
      this.#submitting -= 1;
    }
  }

  /** Submits; returns the negative errno, or the operation. */
  attempt(submit: (token: number) => number, on?: OnCompletion): Operation | number {
    const operation = new Operation(this.#nextToken++);
    this.#operations.set(operation.token, { operation, on });
    const id = this.call(() => submit(operation.token));
    if (id > 0) {
      operation.id = id;
      return operation;
    }
    this.#operations.delete(operation.token);
    if (id === 0) this.violations.push('a submitting call returned 0');
    return id;
  }

  /** Submits what must be taken. */
  submit(submit: (token: number) => number, on?: OnCompletion): Operation {
    const operation = this.attempt(submit, on);
    if (typeof operation !== 'number') return operation;
    throw new assert.AssertionError({ message: `refused: ${errnoName(operation)}` });
  }

  /** Asserts that the call is refused with this errno. */
  refused(errno: number, submit: (token: number) => number): void {
    const result = this.attempt(submit);
    const got = typeof result === 'number' ? errnoName(result) : 'taken';
    assert.equal(got, errnoName(errno));
  }

  // ---- waiting

  /** Waits until the condition holds; fails with the state of everything when it cannot. */
  until(predicate: () => boolean, what: string): Promise<void> {
    return this.harness.wait(this.driver, {
      predicate: () => {
        assert.deepEqual(this.violations, []);
        return predicate();
      },
      fail: (why) => {
        throw new assert.AssertionError({ message: `waiting for ${what}: ${why}; ${this.dump()}` });
      },
      watch: (look) => {
        this.#watchers.add(look);
        return () => this.#watchers.delete(look);
      },
    });
  }

  /** Waits for final completions. */
  async done(...operations: Operation[]): Promise<void> {
    await this.until(() => operations.every((operation) => operation.done), 'operations');
  }

  /** The result of a submission that must be taken. */
  async result(submit: (token: number) => number): Promise<number> {
    const operation = this.submit(submit);
    await this.done(operation);
    return operation.result;
  }

  /** Lets everything come that is under way: two short timers of the driver itself, in a row. */
  async settle(): Promise<void> {
    await this.result((token) => this.driver.timeout(2, token));
    await this.result((token) => this.driver.timeout(2, token));
  }

  dump(): string {
    const { driver } = this;
    const flying = [...this.#operations.values()].slice(0, 10).map(({ operation }) => {
      return `${operation.token}:${operation.completions.slice(-3).map(show).join('/')}`;
    });
    return JSON.stringify({
      usage: driver.usage(),
      counters: driver.counters(),
      inFlight: this.inFlight,
      flying,
      violations: this.violations,
    });
  }

  // ---- memory

  /** Copies bytes to memory of the station; returns their offset. Wraps around when it is full. */
  put(bytes: Uint8Array | string): number {
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const at = (this.#bump + 7) & ~7;
    const start = at + data.length > MEMORY_BYTES ? 0 : at;
    this.#bump = start + data.length;
    this.arena.bytes.set(data, this.memory.offset + start);
    return this.memory.offset + start;
  }

  // ---- connections

  listen(options?: ListenOptions, address: SocketAddress = this.harness.address()): Listening {
    const handle = this.call(() => this.driver.listen(address, options));
    const accepted: Handle[] = [];
    const accepting = this.submit(
      (token) => this.driver.accept(handle, token),
      ({ result, flags }) => {
        if ((flags & CompletionFlag.MORE) !== 0) accepted.push(result);
      },
    );
    return { handle, address: this.driver.address(handle), accepting, accepted };
  }

  async connect(address: SocketAddress): Promise<Handle> {
    const result = await this.result((token) => this.driver.connect(address, token));
    assert.ok(result > 0, `connected: ${errnoName(result)}`);
    return result;
  }

  /** Two ends of one connection: the connecting one first. One at a time. */
  async pair(listening: Listening): Promise<[client: Handle, server: Handle]> {
    const client = await this.connect(listening.address);
    await this.until(() => listening.accepted.length > 0, 'a connection to accept');
    return [client, listening.accepted.shift()!];
  }

  send(connection: Handle, bytes: Uint8Array | string, on?: OnCompletion): Operation {
    const offset = this.put(bytes);
    const length = Buffer.byteLength(bytes);
    return this.submit((token) => this.driver.send(connection, token, offset, length), on);
  }

  close(handle: Handle, mode?: CloseMode): Operation {
    return this.submit((token) => this.driver.close(handle, token, mode));
  }

  async closeAll(handles: readonly Handle[], mode?: CloseMode): Promise<void> {
    await this.done(...handles.map((handle) => this.close(handle, mode)));
  }

  /** Destroys the driver and asserts that nothing is left of it. */
  async end(): Promise<void> {
    await this.driver.destroy();
    assert.deepEqual(this.violations, []);
    assert.equal(this.inFlight, 0, `everything has completed: ${this.dump()}`);
    this.assertNothingHeld();
    this.memory.release();
  }

  /** After a failure: takes down what can be, so that the next test starts afresh. */
  async abandon(): Promise<void> {
    const patience = new Promise((resolve) => setTimeout(resolve, ABANDON_MS).unref());
    await Promise.race([this.driver.destroy(), patience]).catch(() => undefined);
    this.memory.release();
  }

  assertNothingHeld(): void {
    const usage = { connections: 0, listeners: 0, files: 0, operations: 0, buffersHeld: 0 };
    assert.deepEqual(this.driver.usage(), usage);
  }
}

/** Receives from one connection until it ends; `hold` keeps the buffers instead of giving them back. */
export class Reader {
  readonly connection: Handle;
  readonly held: { readonly offset: number; readonly length: number }[] = [];
  length = 0;
  operation: Operation;
  readonly #station: Station;
  readonly #hold: boolean;
  readonly #chunks: Buffer[] = [];
  #onBytes: ((bytes: Buffer) => void) | undefined;

  constructor(
    station: Station,
    connection: Handle,
    options: { hold?: boolean; onBytes?: (bytes: Buffer) => void } = {},
  ) {
    this.#station = station;
    this.connection = connection;
    this.#hold = options.hold ?? false;
    this.#onBytes = options.onBytes;
    this.operation = this.#start();
  }

  #start(): Operation {
    const { driver } = this.#station;
    return this.#station.submit(
      (token) => driver.receive(this.connection, token),
      (completion) => this.#take(completion),
    );
  }

  #take({ result, flags, buffer }: Completion): void {
    if ((flags & CompletionFlag.BUFFER) === 0) {
      assert.ok(result <= 0, 'bytes come in a buffer');
      return;
    }
    assert.ok(result > 0, 'a buffer has bytes');
    assert.ok((flags & CompletionFlag.MORE) !== 0, 'bytes are not the end');
    const { arena, driver } = this.#station;
    assert.ok(result <= driver.limits.bufferSize, 'bytes fit in a buffer');
    const bytes = Buffer.from(arena.bytes.slice(buffer, buffer + result));
    this.length += result;
    if (this.#onBytes) this.#onBytes(bytes);
    else this.#chunks.push(bytes);
    if (this.#hold) this.held.push({ offset: buffer, length: result });
    else this.#station.call(() => driver.release(buffer));
  }

  /** Receives again after the last receive has ended. */
  restart(): void {
    this.operation = this.#start();
  }

  releaseHeld(count: number = this.held.length): void {
    for (const { offset } of this.held.splice(0, count)) {
      this.#station.call(() => this.#station.driver.release(offset));
    }
  }

  /** What has come so far. */
  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get ended(): boolean {
    return this.operation.done;
  }

  /** Waits for the end of the stream and returns everything. */
  async all(): Promise<Buffer> {
    await this.#station.until(() => this.ended, 'the end of a stream');
    assert.equal(errnoName(this.operation.result), errnoName(0));
    return this.bytes();
  }
}

/** Bytes whose place in the stream can be told from their value. */
export function pattern(length: number, seed: number = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + seed * 101) & 0xff;
  return bytes;
}

/** Runs a test body on a fresh station and asserts at the end that nothing is left. */
export async function onStation(
  harness: Harness,
  limits: DriverLimits & Record<string, unknown>,
  body: (station: Station) => Promise<void>,
): Promise<void> {
  const regions = processArena().regions();
  const station = new Station(harness, {
    connections: 256,
    buffers: 64,
    bufferSize: 4096,
    ...limits,
  });
  try {
    await body(station);
    assert.deepEqual(station.violations, []);
  } catch (error) {
    await station.abandon();
    throw error;
  }
  await station.end();
  assert.deepEqual(processArena().regions(), regions, 'every region was given back');
}

/** Linux's answers to a send or receive on a connection that was reset. */
export function isReset(result: number): boolean {
  return result === -Errno.ECONNRESET || result === -Errno.EPIPE;
}

function show({ result, flags, buffer }: Completion): string {
  return `${result < 0 ? errnoName(result) : result},${flags},${buffer}`;
}
