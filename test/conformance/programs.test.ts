/**
 * Random programs of contract calls on the simulated driver under faults, against a naive model:
 * every operation completes once, bytes arrive in order and whole unless the connection failed,
 * held buffers keep their bytes, nothing is left. A failure names its seed: give it to `run`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno, errnoName, SeededRandom } from '../../src/base/index.ts';
import {
  CompletionFlag,
  simulate,
  type Handle,
  type SimulatedDriver,
} from '../../src/driver/index.ts';
import { processArena, type Region } from '../../src/memory/index.ts';

const SEEDS = 400;
const STEPS = 250;
const MEMORY_BYTES = 1 << 18;
const HELD_MAX = 6;
/** Refused: the listener ends before the connects when a driver is destroyed. */
const CONNECT_FAILURES: readonly number[] = [Errno.EMFILE, Errno.ECANCELED, Errno.ECONNREFUSED];
const SUBMIT_FAILURES: readonly number[] = [Errno.ENOBUFS, Errno.EBADF, Errno.EALREADY];
const SEND_FAILURES: readonly number[] = [Errno.ECANCELED, Errno.ECONNRESET, Errno.EPIPE];

/** One direction of a connection: what was submitted, what was confirmed, what came. */
interface Stream {
  readonly submitted: number[];
  confirmed: number;
  readonly received: number[];
  /** The receiver has read the end. */
  ended: boolean;
}

/** One end of a connection. */
interface End {
  peer: End | undefined;
  handle: Handle;
  open: boolean;
  readonly out: Stream;
  readonly in: Stream;
  receiving: boolean;
  /** Submitted sends that have not completed, oldest first. */
  readonly sending: number[];
}

interface Held {
  readonly buffer: number;
  readonly bytes: Uint8Array;
}

type Done = (result: number) => void;
type Progress = (result: number, buffer: number) => void;

class Program {
  readonly #random: SeededRandom;
  readonly #driver: SimulatedDriver;
  readonly #memory: Region;
  readonly #flying = new Map<number, { id: number; done: Done; progress: Progress | undefined }>();
  readonly #ends: End[] = [];
  /** The far ends of connects that have completed, in the order in which they will be accepted. */
  readonly #unaccepted: End[] = [];
  readonly #held: Held[] = [];
  readonly #files: Handle[] = [];
  readonly #listener: Handle;
  readonly #violations: unknown[] = [];
  #token = 1;
  #bump = 0;
  received = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const rate = (): number => this.#random.below(4) / 10;
    this.#driver = simulate({
      seed,
      connections: 1 + this.#random.below(40),
      operations: 16 + this.#random.below(300),
      buffers: 2 << this.#random.below(4),
      bufferSize: 256,
      completionsPerTurn: 1 + this.#random.below(64),
      socketBuffer: 1 + this.#random.below(4000),
      faults: {
        shortReads: rate(),
        shortWrites: rate(),
        resets: this.#random.chance(1, 3) ? 0.02 : 0,
        acceptFailures: rate(),
        emptyPool: rate(),
        reordering: rate(),
        delayedCancels: rate(),
        cancelRaces: rate(),
      },
      handler: (token, result, flags, buffer) => this.#handle(token, result, flags, buffer),
    });
    this.#memory = this.#driver.arena.allocate('program', MEMORY_BYTES);
    this.#listener = this.#driver.listen({ host: '127.0.0.1', port: 0 });
    this.#accept();
  }

  /** The handler must not throw: what is wrong is kept for the end of the step. */
  #handle(token: number, result: number, flags: number, buffer: number): void {
    try {
      this.#completed(token, result, flags, buffer);
    } catch (error) {
      this.#violations.push(error);
    }
  }

  #check(): void {
    if (this.#violations.length > 0) throw this.#violations[0];
  }

  #completed(token: number, result: number, flags: number, buffer: number): void {
    const flying = this.#flying.get(token);
    assert.ok(flying, `token ${token} completes while it is in flight`);
    if ((flags & CompletionFlag.MORE) !== 0) {
      assert.ok(flying.progress, 'only multishot operations go on');
      flying.progress(result, buffer);
      return;
    }
    assert.equal(buffer, 0);
    this.#flying.delete(token);
    flying.done(result);
  }

  /** Submits; what is refused must be refused for a reason that the contract names. */
  #submit(call: (token: number) => number, done: Done, progress?: Progress): boolean {
    const token = this.#token++;
    const flying = { id: 0, done, progress };
    this.#flying.set(token, flying);
    flying.id = call(token);
    if (flying.id > 0) return true;
    this.#flying.delete(token);
    assert.ok(SUBMIT_FAILURES.includes(-flying.id), errnoName(flying.id));
    return false;
  }

  // ---- what a program can do

  #accept(): void {
    const again: Done = (result) => {
      assert.equal(errnoName(result), 'ECANCELED');
      this.#accept();
    };
    const taken = this.#submit(
      (token) => this.#driver.accept(this.#listener, token),
      again,
      (handle) => {
        const end = this.#unaccepted.shift();
        assert.ok(end, 'a connection is accepted after its connect');
        end.handle = handle;
        end.open = true;
        this.#ends.push(end);
      },
    );
    // The table may be full, or the listener on its way out.
    if (!taken) this.#acceptLater = true;
  }

  #acceptLater = false;

  #connect(): void {
    const address = this.#driver.address(this.#listener);
    this.#submit(
      (token) => this.#driver.connect(address, token),
      (result) => {
        if (result < 0) {
          assert.ok(CONNECT_FAILURES.includes(-result), errnoName(result));
          return;
        }
        const [there, back] = [newStream(), newStream()];
        const near = newEnd(result, there, back);
        const far = newEnd(0, back, there);
        near.peer = far;
        far.peer = near;
        this.#ends.push(near);
        this.#unaccepted.push(far);
      },
    );
  }

  #receive(end: End): void {
    const receiving = this.#submit(
      (token) => this.#driver.receive(end.handle, token),
      (result) => {
        end.receiving = false;
        if (result === 0) end.in.ended = true;
        else assert.ok(isFailure(result), errnoName(result));
      },
      (length, buffer) => {
        assert.equal(end.in.ended, false, 'nothing follows the end');
        const bytes = this.#driver.arena.bytes.slice(buffer, buffer + length);
        for (const byte of bytes) end.in.received.push(byte);
        this.received += length;
        this.#held.push({ buffer, bytes });
        if (this.#held.length > HELD_MAX) this.#release();
      },
    );
    if (receiving) end.receiving = true;
  }

  #release(): void {
    const index = this.#random.below(this.#held.length);
    const [held] = this.#held.splice(index, 1);
    const { buffer, bytes } = held!;
    const now = this.#driver.arena.bytes.slice(buffer, buffer + bytes.length);
    assert.deepEqual(now, bytes, 'a held buffer keeps its bytes');
    this.#driver.release(buffer);
  }

  /** Fresh bytes in the program's memory. Nothing in flight is overwritten: it is large enough. */
  #bytes(length: number): number {
    if (this.#bump + length > MEMORY_BYTES) return 0;
    const offset = this.#memory.offset + this.#bump;
    this.#bump += length;
    for (let i = 0; i < length; i++) {
      this.#driver.arena.bytes[offset + i] = this.#random.below(256);
    }
    return offset;
  }

  /** The model of a send that was taken: its bytes follow those before. */
  #sent(end: End, offset: number, length: number): void {
    for (let i = 0; i < length; i++) {
      end.out.submitted.push(this.#driver.arena.bytes[offset + i]!);
    }
  }

  #send(end: End): void {
    const length = 1 + this.#random.below(this.#random.chance(1, 5) ? 3000 : 100);
    const offset = this.#bytes(length);
    if (offset === 0) return;
    const token = this.#token;
    const taken = this.#submit(
      (id) => this.#driver.send(end.handle, id, offset, length),
      (result) => {
        assert.equal(end.sending.shift(), token, 'sends complete in order');
        if (result < 0) assert.ok(isFailure(result), errnoName(result));
        else {
          assert.equal(result, length);
          end.out.confirmed += length;
        }
      },
    );
    if (!taken) return;
    end.sending.push(token);
    this.#sent(end, offset, length);
  }

  #sendMany(): void {
    const ends = this.#ends.filter(() => this.#random.chance(1, 2));
    const offset = this.#bytes(20);
    if (offset === 0) return;
    const handles = ends.map((end) => end.handle);
    const taken = this.#submit(
      (token) => this.#driver.sendMany(handles, handles.length, token, offset, 20),
      (result) => assert.ok(result >= 0 && result <= handles.length),
    );
    if (taken) for (const end of ends) if (end.open) this.#sent(end, offset, 20);
  }

  #close(end: End): void {
    const mode = this.#random.chance(1, 2) ? 'finish' : 'reset';
    const taken = this.#submit(
      (token) => this.#driver.close(end.handle, token, mode),
      (result) => {
        assert.equal(result, 0);
        assert.equal(end.sending.length, 0, 'sends end before the close');
        assert.equal(end.receiving, false, 'the receive ends before the close');
        this.#ends.splice(this.#ends.indexOf(end), 1);
        assert.equal(this.#driver.receive(end.handle, 1), -Errno.EBADF);
      },
    );
    if (taken) end.open = false;
  }

  #file(): void {
    const path = `/file${this.#random.below(3)}`;
    this.#submit(
      (token) => this.#driver.openFile(path, { access: 'read-write', create: true }, token),
      (result) => {
        if (result > 0) this.#files.push(result);
        else assert.ok(result === -Errno.EMFILE || result === -Errno.ECANCELED);
      },
    );
    const file = this.#files[0];
    if (file === undefined) return;
    const offset = this.#memory.offset;
    this.#submit(
      (token) => this.#driver.writeFile(file, token, offset, 100, this.#random.below(500)),
      (result) => assert.ok((result > 0 && result <= 100) || result === -Errno.ECANCELED),
    );
    if (!this.#random.chance(1, 3)) return;
    const closing = this.#submit(
      (token) => this.#driver.close(file, token),
      (result) => assert.equal(result, 0),
    );
    if (closing) this.#files.shift();
  }

  #cancel(): void {
    const ids = [...this.#flying.values()].map(({ id }) => id);
    const result = this.#driver.cancel(ids[this.#random.below(ids.length)]!);
    const answers = [0, -Errno.ENOENT, -Errno.EINVAL];
    assert.ok(answers.includes(result), errnoName(result));
  }

  step(): void {
    const open = this.#ends.filter((end) => end.open);
    const end = open[this.#random.below(Math.max(1, open.length))];
    const action = this.#random.below(20);
    if (this.#acceptLater) {
      this.#acceptLater = false;
      this.#accept();
    }
    if (action < 2) this.#connect();
    else if (action < 7) this.#driver.turn();
    else if (action === 7 && this.#flying.size > 0) this.#cancel();
    else if (action === 8 && this.#held.length > 0) this.#release();
    else if (action === 9) this.#sendMany();
    else if (action === 10) this.#file();
    else if (action === 11) this.#timeout();
    else if (end) this.#stepOfConnection(end, action);
    this.#check();
  }

  #stepOfConnection(end: End, action: number): void {
    if (action < 15) this.#receive(end);
    else if (action < 18) this.#send(end);
    else if (!this.#random.chance(1, 3)) return;
    else if (action === 18) this.#close(end);
    else this.#shutdown(end);
  }

  #timeout(): void {
    this.#submit(
      (token) => this.#driver.timeout(this.#random.below(10), token),
      (result) => assert.ok(result === 0 || result === -Errno.ECANCELED),
    );
  }

  #shutdown(end: End): void {
    this.#submit(
      (token) => this.#driver.shutdown(end.handle, token),
      (result) => assert.ok(result === 0 || isFailure(result)),
    );
  }

  /** Ends the program one way or the other, and asserts that nothing is left. */
  async end(): Promise<void> {
    const streams = new Set([...this.#ends, ...this.#unaccepted].map((end) => end.in));
    if (this.#random.chance(1, 2)) this.#drain();
    while (this.#held.length > 0) this.#release();
    await this.#driver.destroy();
    this.#check();
    assert.equal(this.#flying.size, 0, 'everything has completed');
    for (const stream of streams) checkStream(stream);
    const usage = { connections: 0, listeners: 0, files: 0, operations: 0, buffersHeld: 0 };
    assert.deepEqual(this.#driver.usage(), usage);
    this.#memory.release();
  }

  /** Reads everything that is under way. */
  #drain(): void {
    for (const end of this.#ends) if (end.open && !end.receiving) this.#receive(end);
    while (!this.#driver.idle || this.#held.length > 0) {
      while (this.#held.length > 0) this.#release();
      this.#driver.turn();
    }
    this.#check();
    for (const end of this.#ends) {
      const whole = end.open && end.receiving && end.peer!.open;
      if (whole) assert.equal(end.in.received.length, end.in.submitted.length, 'all bytes came');
    }
  }
}

function newEnd(handle: Handle, out: Stream, incoming: Stream): End {
  const open = handle !== 0;
  return { peer: undefined, handle, open, out, in: incoming, receiving: false, sending: [] };
}

function newStream(): Stream {
  return { submitted: [], confirmed: 0, received: [], ended: false };
}

function checkStream({ submitted, confirmed, received, ended }: Stream): void {
  assert.deepEqual(received, submitted.slice(0, received.length), 'bytes arrive in order');
  if (ended) assert.ok(received.length >= confirmed, 'what completed arrives before the end');
}

function isFailure(result: number): boolean {
  return SEND_FAILURES.includes(-result);
}

/** Returns how many bytes arrived. */
async function run(seed: number): Promise<number> {
  const program = new Program(seed);
  for (let step = 0; step < STEPS; step++) program.step();
  await program.end();
  return program.received;
}

test(`programs: ${SEEDS} random programs under faults keep the contract`, async () => {
  const regions = processArena().regions();
  let received = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      received += await run(seed);
    } catch (error) {
      throw new Error(`seed ${seed} breaks the contract`, { cause: error });
    }
  }
  assert.deepEqual(processArena().regions(), regions);
  assert.ok(received > SEEDS * 1000, `the programs move bytes: ${received}`);
});
