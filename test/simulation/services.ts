/**
 * Random programs of sockets and files: servers that echo, or keep what they get in a file and give
 * it back; proxies before them; clients that send in random ways and compare what comes back; tasks
 * that work on files; and one that cancels any of them.
 */
import assert from 'node:assert/strict';
import type { SeededRandom } from '../../src/base/index.ts';
import { open } from '../../src/fs/index.ts';
import {
  connect,
  copy,
  copyBidirectional,
  listen,
  type Connection,
  type ConnectionOptions,
  type Listener,
} from '../../src/net/index.ts';
import {
  attempt,
  join,
  scope,
  select,
  sleep,
  TaskSet,
  timeout,
  use,
  yieldNow,
  type Coroutine,
  type JoinHandle,
  type Task,
} from '../../src/task/index.ts';
import { LOOPBACK, pattern, portOf } from '../net/harness.ts';
import type { Ledger } from '../task/simulation/ledger.ts';
import { FileWorker } from './files.ts';

type Serve = (connection: Connection) => Coroutine<void>;

/** What of a program is drawn before it begins. */
export interface Plan {
  readonly random: SeededRandom;
  readonly ledger: Ledger;
  /** Nothing is reset or cancelled: everything must arrive. */
  readonly isPeaceful: boolean;
}

/** See the head of this file. */
export class Services {
  readonly workers: FileWorker[] = [];
  received = 0;
  completed = 0;
  failed = 0;
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  /** Tasks that come to their end by themselves. */
  readonly #handles: JoinHandle<unknown>[] = [];
  /** Tasks that may be cancelled. */
  readonly #targets: JoinHandle<unknown>[] = [];
  #paths = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = plan.random;
  }

  *main(): Coroutine<void> {
    const random = this.#random;
    const echo = this.#listen();
    const keeper = this.#listen();
    const proxy = this.#listen();
    const back = portOf(random.chance(1, 2) ? echo : keeper);
    const servers = new TaskSet<void>();
    const serving = [
      servers.spawn(this.#serve(echo, (connection) => this.#echo(connection))),
      servers.spawn(this.#serve(keeper, (connection) => this.#keep(connection))),
      servers.spawn(this.#serve(proxy, (connection) => this.#forward(connection, back))),
    ];
    if (random.chance(1, 3)) this.#targets.push(serving[random.below(3)]!);
    const ports = [echo, keeper, proxy].map(portOf);
    yield* scope(
      function* (this: Services): Coroutine<void> {
        const clients = 1 + random.below(5);
        for (let i = 0; i < clients; i++) this.#start(this.#client(ports[random.below(3)]!));
        for (let i = random.below(3); i > 0; i--) {
          const worker = new FileWorker(random, `/files/worker-${i}`);
          this.workers.push(worker);
          this.#start(worker.run(1 + random.below(12)));
        }
        if (!this.#plan.isPeaceful) yield* this.#disturb();
        // Those that the disturber has not cancelled go on to their end.
        for (const handle of this.#handles) this.#check(yield* attempt(handle));
      }.bind(this),
    );
    servers.abortAll('done');
    while (servers.size > 0) this.#check(yield* attempt(servers.joinNext()));
  }

  /** A failure of the program is one of the test; what the network does is not. */
  #check(outcome: { readonly ok: boolean; readonly error?: unknown }): void {
    if (!outcome.ok && !this.#isExpected(outcome.error)) throw outcome.error;
  }

  #isExpected(error: unknown): boolean {
    if (error instanceof AggregateError) return error.errors.every((one) => this.#isExpected(one));
    const { code } = error as { code?: string };
    const isOfNetwork = code === 'ERR_SYSTEM' || code === 'ERR_STREAM_CLOSED';
    return code === 'ERR_TASK_CANCELLED' || (isOfNetwork && !this.#plan.isPeaceful);
  }

  #start(body: Coroutine<void>): void {
    const set = new TaskSet<void>();
    const handle = set.spawn(body);
    this.#handles.push(handle);
    this.#targets.push(handle);
  }

  *#disturb(): Coroutine<void> {
    yield* sleep(1); // A server that has not begun would leave those who have connected waiting.
    for (let i = this.#random.below(8); i > 0; i--) {
      yield* sleep(this.#random.below(4));
      const handle = this.#targets[this.#random.below(this.#targets.length)]!;
      this.#plan.ledger.note(`aborts ${handle.id}`);
      handle.abort('disturbed');
    }
  }

  // ---- servers

  #listen(): Listener {
    return listen(LOOPBACK, {
      acceptAhead: 1 + this.#random.below(4),
      ...this.#options(),
    });
  }

  /** Closing takes less time than a cancelled task has for its cleaning up. */
  #options(): ConnectionOptions {
    return {
      readAhead: 1 + this.#random.below(20_000),
      writeBuffer: 1024 + this.#random.below(20_000),
      closeTimeout: this.#random.below(200),
    };
  }

  *#serve(listener: Listener, serve: Serve): Coroutine<void> {
    const serving = new TaskSet<void>();
    try {
      for (;;) {
        const accepted = yield* attempt(listener.accept());
        if (!accepted.ok) {
          this.#check(accepted);
          continue;
        }
        const connection = accepted.value;
        const handle = serving.spawn(this.#served(connection, serve));
        // One that is cancelled before it begins has nobody who closes its connection.
        (handle as unknown as Task).onEnd(() => connection.isOpen && connection.reset());
        this.#targets.push(handle);
      }
    } finally {
      yield* listener.close();
      while (serving.size > 0) this.#check(yield* attempt(serving.joinNext()));
    }
  }

  *#served(connection: Connection, serve: Serve): Coroutine<void> {
    const outcome = yield* attempt(use(connection, serve));
    this.#plan.ledger.note(`served: ${outcome.ok}`);
    if (!outcome.ok && this.#plan.isPeaceful) throw outcome.error;
    this.#check(outcome);
  }

  *#echo(connection: Connection): Coroutine<void> {
    yield* copy(connection, connection);
    yield* connection.shutdown();
  }

  /** Everything goes to a file and then, from there, back. */
  *#keep(connection: Connection): Coroutine<void> {
    const path = `/files/kept-${this.#paths++}`;
    const { ledger } = this.#plan;
    yield* use(open(path, 'w+'), function* (file): Coroutine<void> {
      let size = 0;
      for (;;) {
        using chunk = yield* connection.read();
        if (chunk === undefined) break;
        yield* file.writeAllAt(chunk, size);
        size += chunk.length;
      }
      ledger.note(`kept ${size}`);
      for (let at = 0; at < size;) {
        using chunk = yield* file.readAt(4096, at);
        assert.ok(chunk !== undefined, 'the file has all that was written');
        yield* connection.writeAll(chunk);
        at += chunk.length;
      }
      yield* connection.shutdown();
    });
  }

  *#forward(connection: Connection, port: number): Coroutine<void> {
    yield* use(connect({ port }, this.#options()), function* (upstream): Coroutine<void> {
      yield* copyBidirectional(connection, upstream);
    });
  }

  // ---- clients

  *#client(port: number): Coroutine<void> {
    const data = pattern(this.#random.below(30_000), this.#random.below(255));
    const outcome = yield* attempt(
      use(connect({ port }, this.#options()), (connection) => this.#talk(connection, data)),
    );
    if (outcome.ok) this.completed += 1;
    else this.failed += 1;
    this.#plan.ledger.note(`client: ${outcome.ok}`);
    this.#check(outcome);
  }

  *#talk(connection: Connection, data: Buffer): Coroutine<void> {
    yield* join([this.#send(connection, data), this.#receive(connection, data)]);
    if (this.#random.chance(1, 8)) connection.reset();
  }

  *#send(connection: Connection, data: Buffer): Coroutine<void> {
    const random = this.#random;
    for (let at = 0; at < data.length;) {
      const part = data.subarray(at, at + 1 + random.below(5000));
      switch (random.below(5)) {
        case 0:
          at += yield* connection.write(part);
          continue;
        case 1: {
          // Given up while it waits: nothing was accepted.
          const won = yield* select({ wrote: connection.write(part), other: yieldNow() });
          if (won.key === 'wrote') at += won.value;
          continue;
        }
        case 2: {
          using chunk = yield* connection.allocate(part.length);
          chunk.view().set(part);
          yield* connection.writeVector([chunk]);
          break;
        }
        case 3:
          yield* connection.writeVector([part.subarray(0, 5), part.subarray(5)]);
          break;
        default:
          yield* connection.writeAll(part);
          if (random.chance(1, 4)) yield* connection.flush();
      }
      at += part.length;
      if (random.chance(1, 10)) yield* sleep(random.below(3));
    }
    yield* connection.shutdown();
  }

  /** What comes back is what was sent, from its beginning on; in peace it is all of it. */
  *#receive(connection: Connection, data: Buffer): Coroutine<void> {
    let at = 0;
    for (;;) {
      const bytes = yield* this.#some(connection);
      if (bytes === undefined) break;
      const expected = data.subarray(at, at + bytes.length);
      assert.ok(expected.equals(bytes), `bytes from ${at} on are those that were sent`);
      at += bytes.length;
      this.received += bytes.length;
      this.#plan.ledger.note(`received ${bytes.length}`);
    }
    if (this.#plan.isPeaceful) assert.equal(at, data.length, 'all of it came back');
  }

  /** Some bytes, undefined at the end. */
  *#some(connection: Connection): Coroutine<Uint8Array | undefined> {
    const random = this.#random;
    for (;;) {
      if (random.chance(1, 3)) {
        const target = Buffer.alloc(1 + random.below(3000));
        const count = yield* connection.readInto(target);
        return count === 0 ? undefined : target.subarray(0, count);
      }
      if (random.chance(1, 3)) {
        const late = yield* attempt(timeout(random.below(3), connection.read()));
        if (!late.ok && (late.error as { code?: string }).code === 'ERR_TASK_TIMEOUT') continue;
        if (!late.ok) throw late.error;
        using chunk = late.value;
        return chunk?.bytes();
      }
      using chunk = yield* connection.read();
      return chunk?.bytes();
    }
  }
}
