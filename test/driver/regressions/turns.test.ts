// No turn is lost when nothing else wakes the event loop: work that is given to a driver by a
// promise continuation, by another driver's handler, or to a driver that was made there, is done
// although the loop was about to sleep.
//
// What happened: each driver collected and armed its wake-up in a libuv prepare handle of its own,
// before promise continuations ran. What these (or a driver whose handle ran later) submitted lay
// there until something unrelated woke the loop; most programs have enough timers not to notice.
//
// Therefore no timers, intervals, immediates or polling here (no `Station`: it uses immediates), but
// for the watchdog of each test, which ends long after the test has: a lost turn is a failure.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  CompletionFlag,
  createDriver,
  type Driver,
  type Handle,
  type RealDriverKind,
} from '../../../src/driver/index.ts';
import { processArena } from '../../../src/memory/index.ts';
import { reasonToSkip } from '../../conformance/real.ts';

const WATCHDOG = { timeout: 20_000 };
const ROUNDS = 20;
const KINDS: readonly RealDriverKind[] = ['uring', 'epoll', 'portable'];
const HERE = { host: '127.0.0.1', port: 0 };

type OnCompletion = (result: number, flags: number, buffer: number) => void;

/** A driver whose completions are functions; nothing else happens in the event loop for it. */
class Quiet {
  readonly driver: Driver;
  readonly #on: OnCompletion[] = [];

  constructor(kind: RealDriverKind) {
    this.driver = createDriver({
      kind,
      connections: 64,
      buffers: 16,
      bufferSize: 256,
      handler: (token, result, flags, buffer) => this.#on[token]?.(result, flags, buffer),
    });
  }

  token(on: OnCompletion): number {
    return this.#on.push(on) - 1;
  }

  /** Submits; `on` is called in the handler. */
  start(submit: (token: number) => number, on: OnCompletion = () => undefined): void {
    assert.ok(submit(this.token(on)) > 0, 'the operation was taken');
  }

  /** Submits, and gives the final result by a promise. */
  result(submit: (token: number) => number): Promise<number> {
    return new Promise((resolve) => this.start(submit, resolve));
  }

  /** Listens, and calls `serve` with each connection. Returns the port. */
  serve(serve: (connection: Handle) => void): number {
    const listener = this.driver.listen(HERE);
    this.start(
      (token) => this.driver.accept(listener, token),
      (result) => {
        if (result > 0) serve(result);
      },
    );
    const address = this.driver.address(listener);
    assert.ok('port' in address);
    return address.port;
  }

  /** Calls `take` with each buffer that comes. */
  receive(connection: Handle, take: (buffer: number, length: number) => void): void {
    this.start(
      (token) => this.driver.receive(connection, token),
      (result, flags, buffer) => {
        if ((flags & CompletionFlag.BUFFER) !== 0) take(buffer, result);
      },
    );
  }
}

/** A peer of Node's own; it wakes the loop only when bytes come. */
async function connected(port: number): Promise<Socket> {
  const socket = connect(port, HERE.host);
  await once(socket, 'connect');
  return socket;
}

async function roundTrips(socket: Socket): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const answer = once(socket, 'data');
    socket.write(String.fromCharCode(97 + round));
    const [bytes] = (await answer) as [Buffer];
    assert.equal(bytes.toString(), String.fromCharCode(97 + round));
  }
}

async function end(...quiets: Quiet[]): Promise<void> {
  for (const { driver } of quiets) await driver.destroy();
}

/** Two drivers, in the order of their making and the other way round. */
const ORDERS = ['made first', 'made second'] as const;

function make(
  kind: RealDriverKind,
  other: RealDriverKind,
  order: (typeof ORDERS)[number],
): [from: Quiet, to: Quiet] {
  if (order === 'made first') return [new Quiet(kind), new Quiet(other)];
  const to = new Quiet(other);
  return [new Quiet(kind), to];
}

/** Each handler gives work to the other driver, `ROUNDS` times back and forth. */
function pingPong(from: Quiet, to: Quiet): Promise<void> {
  return new Promise((resolve) => {
    let left = ROUNDS;
    const step = (at: Quiet, next: Quiet): void => {
      at.start(
        (token) => at.driver.timeout(1, token),
        () => {
          left -= 1;
          if (left === 0) resolve();
          else step(next, at);
        },
      );
    };
    step(from, to);
  });
}

/** What the one driver receives, the other sends on. */
async function proxied(from: Quiet, to: Quiet): Promise<void> {
  const memory = processArena().allocate('proxied', 4096);
  let echoed: (connection: Handle) => void;
  const upstream = new Promise<Handle>((resolve) => (echoed = resolve));
  // The way out: `to` connects to `from`, and what comes there goes to the peer as it is.
  let peer = 0;
  const out = from.serve((connection) => {
    from.receive(connection, (buffer, length) => {
      from.start(
        (token) => from.driver.send(peer, token, buffer, length),
        () => from.driver.release(buffer),
      );
    });
    echoed(connection);
  });
  const way = await to.result((token) => to.driver.connect({ ...HERE, port: out }, token));
  assert.ok(way > 0);
  await upstream;
  const port = from.serve((connection) => {
    peer = connection;
    from.receive(connection, (buffer) => {
      processArena().bytes[memory.offset] = processArena().bytes[buffer]!;
      from.driver.release(buffer);
      to.start((token) => to.driver.send(way, token, memory.offset, 1));
    });
  });
  const socket = await connected(port);
  await roundTrips(socket);
  socket.destroy();
  await end(from, to);
  memory.release();
}

for (const kind of KINDS) {
  const reason = reasonToSkip(kind);
  const options = { ...WATCHDOG, skip: reason === '' ? false : reason };

  test(`${kind}: a chain of awaited timeouts`, options, async () => {
    const quiet = new Quiet(kind);
    for (let i = 0; i < ROUNDS; i++) {
      assert.equal(await quiet.result((token) => quiet.driver.timeout(i % 3, token)), 0);
    }
    await end(quiet);
  });

  test(`${kind}: an echo that is sent by a microtask, and by a tick`, options, async () => {
    const quiet = new Quiet(kind);
    const later = [
      (run: () => void) => queueMicrotask(run),
      (run: () => void) => process.nextTick(run),
    ];
    let received = 0;
    const port = quiet.serve((connection) => {
      quiet.receive(connection, (buffer, length) => {
        later[received++ % 2]!(() =>
          quiet.start(
            (token) => quiet.driver.send(connection, token, buffer, length),
            () => queueMicrotask(() => quiet.driver.release(buffer)),
          ),
        );
      });
    });
    const socket = await connected(port);
    await roundTrips(socket);
    socket.destroy();
    await end(quiet);
  });

  test(`${kind}: a driver made by the handler of another`, options, async () => {
    const outer = new Quiet(kind);
    const inner = await new Promise<Quiet>((resolve) => {
      outer.start(
        (token) => outer.driver.timeout(1, token),
        () => {
          const made = new Quiet(kind);
          made.start(
            (token) => made.driver.timeout(1, token),
            () => resolve(made),
          );
        },
      );
    });
    await end(outer, inner);
  });

  test(`${kind}: drivers made by promise continuations`, options, async () => {
    const made = [new Quiet(kind)];
    for (let i = 0; i < 5; i++) {
      const last = made.at(-1)!;
      await last.result((token) => last.driver.timeout(1, token));
      made.push(new Quiet(kind));
    }
    await end(...made);
  });

  test(`${kind}: drivers destroyed by promise continuations`, options, async () => {
    for (let i = 0; i < 5; i++) {
      const quiet = new Quiet(kind);
      quiet.start((token) => quiet.driver.timeout(1_000_000, token));
      await quiet.result((token) => quiet.driver.timeout(1, token));
      await end(quiet);
    }
  });
}

for (const [kind, other] of [
  ['uring', 'uring'],
  ['epoll', 'epoll'],
  ['portable', 'portable'],
  ['uring', 'epoll'],
  ['epoll', 'portable'],
] as const) {
  const reason = reasonToSkip(kind) || reasonToSkip(other);
  const options = { ...WATCHDOG, skip: reason === '' ? false : reason };
  for (const order of ORDERS) {
    const name = `${kind}, ${order}, and ${other}`;
    test(`${name}: their handlers give work to each other`, options, async () => {
      const [from, to] = make(kind, other, order);
      await pingPong(from, to);
      await pingPong(to, from);
      await end(from, to);
    });

    test(`${name}: one sends on what the other receives`, options, async () => {
      await proxied(...make(kind, other, order));
    });
  }
}
