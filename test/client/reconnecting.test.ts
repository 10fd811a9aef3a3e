/** A client that comes back, on a clock that only the test moves, and on real connections. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CloseEvent,
  HandshakeError,
  MessageEvent,
  ReconnectingWebSocket,
  type ReconnectingWebSocketOptions,
  type ReconnectSystem,
  type UrlSource,
  type WebSocket,
} from '../../src/websocket/index.ts';
import { Clock } from './clock.ts';
import { closePayload, drivers, fixture, serverFrame, until } from './fixture.ts';

/** Stands for a WebSocket: the test says what happens to it. */
class FakeSocket extends EventTarget {
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  extensions = '';
  binaryType = 'blob';
  unsent: unknown[] = [];
  paused = false;
  readonly sent: unknown[] = [];
  readonly closes: unknown[] = [];
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
    this.readyState = 2;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  receive(data: string): void {
    this.dispatchEvent(new MessageEvent('message', data, 'ws://fake'));
  }

  lose(code = 1006, error?: Error, wasClean = false): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent('close', { code, reason: '', wasClean, error }));
  }
}

function world(options: ReconnectingWebSocketOptions = {}, url: UrlSource = 'ws://fake/') {
  const clock = new Clock();
  const sockets: FakeSocket[] = [];
  const system: ReconnectSystem = {
    timers: clock,
    // Always the ceiling.
    random: { below: (bound) => bound - 1 },
    connect: (each) => {
      const socket = new FakeSocket(String(each));
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  };
  const socket = new ReconnectingWebSocket(url, [], options, system);
  const events: string[] = [];
  for (const type of ['open', 'message', 'drain', 'error', 'close'] as const) {
    socket.addEventListener(type, () => events.push(type));
  }
  socket.onreconnecting = ({ attempt, delayMs }) => events.push(`again ${attempt} ${delayMs}`);
  return { clock, sockets, socket, events, last: () => sockets.at(-1)! };
}

const refusal = (status: number) =>
  new HandshakeError('server', { status, headers: new Map(), body: new Uint8Array(0) });

describe('ReconnectingWebSocket', () => {
  test('comes back after delays that grow, and begins anew after a stable connection', () => {
    const { clock, sockets, socket, events, last } = world({ minDelayMs: 100, maxDelayMs: 500 });
    for (const delay of [100, 200, 400, 500, 500]) {
      last().lose();
      assert.equal(socket.readyState, socket.CONNECTING);
      const count = sockets.length;
      clock.pass(delay - 1);
      assert.equal(sockets.length, count);
      clock.pass(1);
      assert.equal(sockets.length, count + 1);
    }
    last().open();
    assert.equal(socket.readyState, socket.OPEN);
    clock.pass(4999);
    last().lose();
    assert.equal(events.at(-1), 'again 6 500');
    clock.pass(500);
    last().open();
    clock.pass(5000);
    last().lose();
    assert.equal(events.at(-1), 'again 1 100');
    assert.ok(clock.timers.every(({ holds }) => holds));
  });

  test('a connection is not stable when it was only open', () => {
    const { clock, events, last } = world({ minDelayMs: 10, stableAfterMs: 1000 });
    for (let i = 1; i <= 3; i++) {
      last().open();
      clock.pass(999);
      last().lose();
      assert.equal(events.at(-1), `again ${i} ${10 * 2 ** (i - 1)}`);
      clock.pass(1000);
    }
  });

  test('gives up after maxAttempts: error, then close, once', () => {
    const { clock, sockets, socket, events, last } = world({ maxAttempts: 2 });
    const errors: unknown[] = [];
    socket.onerror = ({ error }) => errors.push(error);
    const cause = new Error('refused');
    last().lose(1006, cause);
    clock.pass(1000);
    last().lose(1006, cause);
    clock.pass(10_000);
    last().lose(1006, cause);
    assert.deepEqual(events, ['again 1 500', 'again 2 1000', 'error', 'close']);
    assert.deepEqual(errors, [cause]);
    assert.equal(socket.readyState, socket.CLOSED);
    clock.pass(1e9);
    assert.equal(sockets.length, 3);
  });

  const endings: [string, number, Error | undefined, boolean, boolean][] = [
    ['a clean close with 1000', 1000, undefined, true, false],
    ['a clean close with 1008', 1008, undefined, true, false],
    ['a clean close with 1001', 1001, undefined, true, true],
    ['a clean close with 1012', 1012, undefined, true, true],
    ['a lost connection', 1006, undefined, false, true],
    ['a refusal with 401', 1006, refusal(401), false, false],
    ['a refusal with 404', 1006, refusal(404), false, false],
    ['a refusal with 429', 1006, refusal(429), false, true],
    ['a refusal with 503', 1006, refusal(503), false, true],
  ];
  for (const [name, code, error, wasClean, comesBack] of endings) {
    test(`after ${name} it ${comesBack ? 'comes back' : 'is over'}`, () => {
      const { socket, last } = world();
      last().lose(code, error, wasClean);
      assert.equal(socket.readyState, comesBack ? socket.CONNECTING : socket.CLOSED);
    });
  }

  test('shouldReconnect decides', () => {
    const seen: number[] = [];
    const shouldReconnect = ({ code }: CloseEvent) => {
      seen.push(code);
      return code === 1000;
    };
    const { clock, socket, last } = world({ shouldReconnect });
    last().lose(1000, undefined, true);
    clock.pass(500);
    last().lose(1001, undefined, true);
    assert.equal(socket.readyState, socket.CLOSED);
    assert.deepEqual(seen, [1000, 1001]);
  });

  test('what is sent meanwhile waits, in order, and goes out when it is open', () => {
    const { clock, socket, last } = world();
    const bytes = Uint8Array.from([1, 2]);
    socket.send('a');
    socket.send(bytes);
    bytes[0] = 9;
    assert.equal(socket.bufferedAmount, 3);
    last().lose();
    socket.send('b');
    clock.pass(500);
    last().open();
    assert.deepEqual(last().sent, ['a', Uint8Array.from([1, 2]), 'b']);
    socket.send('c');
    assert.equal(last().sent.at(-1), 'c');
    assert.equal(socket.bufferedAmount, 0);
  });

  test('what a lost connection had not begun to send goes before what waits', () => {
    const { clock, socket, last } = world();
    last().open();
    last().unsent = ['one', 'two'];
    last().lose();
    socket.send('three');
    clock.pass(500);
    last().open();
    assert.deepEqual(last().sent, ['one', 'two', 'three']);
  });

  test('the queue is bounded: by an error', () => {
    const { socket } = world({ maxQueueBytes: 10 });
    socket.send('x'.repeat(10));
    assert.throws(() => socket.send('y'), { code: 'ERR_SEND_QUEUE' });
    assert.equal(socket.dropped, 0);
  });

  test('the queue is bounded: drop-newest', () => {
    const { socket, last } = world({ maxQueueBytes: 3, queuePolicy: 'drop-newest' });
    for (const text of ['1', '2', '345', '6']) socket.send(text);
    last().open();
    assert.deepEqual(last().sent, ['1', '2', '6']);
    assert.equal(socket.dropped, 1);
  });

  test('the queue is bounded: drop-oldest', () => {
    const { socket, last } = world({ maxQueueBytes: 3, queuePolicy: 'drop-oldest' });
    for (const text of ['1', '2', '345', '6', 'too long']) socket.send(text);
    last().open();
    assert.deepEqual(last().sent, []);
    assert.equal(socket.dropped, 5);
  });

  test('a connection that is full leaves the rest to its drain event', () => {
    const { socket, events, last } = world({ maxSendQueueBytes: 2048, drainBytes: 1000 });
    last().open();
    last().bufferedAmount = 2000;
    socket.send('x'.repeat(100));
    assert.deepEqual(last().sent, []);
    assert.equal(socket.bufferedAmount, 2100);
    last().bufferedAmount = 500;
    last().dispatchEvent(new Event('drain'));
    assert.equal(last().sent.length, 1);
    assert.equal(events.at(-1), 'drain');
  });

  test('close while it waits for the next attempt ends it, later', () => {
    const { clock, sockets, socket, events, last } = world();
    last().lose();
    socket.send('never');
    socket.close(3000, 'x');
    assert.equal(socket.readyState, socket.CLOSING);
    assert.deepEqual(events, ['again 1 500']);
    clock.pass(0);
    assert.deepEqual(events, ['again 1 500', 'close']);
    assert.equal(socket.readyState, socket.CLOSED);
    assert.equal(socket.dropped, 1);
    clock.pass(1e9);
    assert.equal(sockets.length, 1);
  });

  test('close while it connects gives that up, and does not come back', () => {
    const { clock, sockets, socket, events, last } = world();
    socket.close();
    assert.equal(last().closes.length, 1);
    last().lose(1006, new Error('given up'));
    clock.pass(1e9);
    assert.deepEqual(events, ['close']);
    assert.equal(sockets.length, 1);
  });

  test('close of an open one passes code and reason on when all is sent', () => {
    const { socket, events, last } = world({ maxSendQueueBytes: 1024 });
    last().open();
    last().bufferedAmount = 1024;
    socket.send('waits');
    socket.close(3000, 'why');
    assert.deepEqual(last().closes, []);
    last().bufferedAmount = 0;
    last().dispatchEvent(new Event('drain'));
    assert.deepEqual([last().sent, last().closes], [['waits'], [[3000, 'why']]]);
    last().lose(3000, undefined, true);
    assert.deepEqual(events.at(-1), 'close');
    assert.throws(() => socket.close(999), DOMException);
  });

  test('close from a listener of reconnecting stops the attempt', () => {
    const { clock, sockets, socket, last } = world();
    socket.addEventListener('reconnecting', () => socket.close());
    last().lose();
    clock.pass(1e9);
    assert.equal(sockets.length, 1);
    assert.equal(socket.readyState, socket.CLOSED);
  });

  test('a URL is asked for each time, and a failure to give one is an attempt', async () => {
    let calls = 0;
    const source = () => {
      calls += 1;
      if (calls === 2) throw new Error('no token');
      return Promise.resolve(`ws://fake/${calls}`);
    };
    const turns = () => new Promise((resolve) => setImmediate(resolve));
    const { clock, sockets, socket, events, last } = world({}, source);
    assert.equal(calls, 0);
    await turns();
    assert.equal(last().url, 'ws://fake/1');
    last().lose();
    clock.pass(500);
    await turns();
    assert.deepEqual(events, ['again 1 500', 'again 2 1000']);
    clock.pass(1000);
    await turns();
    assert.equal(last().url, 'ws://fake/3');
    assert.equal(socket.url, 'ws://fake/3');
    assert.equal(sockets.length, 2);
  });

  test('a URL that comes after close is not used', async () => {
    const { clock, sockets, socket } = world({}, () => Promise.resolve('ws://fake/'));
    socket.close();
    clock.pass(0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sockets.length, 0);
    assert.equal(socket.readyState, socket.CLOSED);
  });

  test('pausing and the type of bytes are those of every connection', () => {
    const { clock, socket, last } = world();
    socket.pause();
    socket.binaryType = 'arraybuffer';
    assert.deepEqual([last().paused, last().binaryType], [true, 'arraybuffer']);
    last().lose();
    clock.pass(500);
    assert.equal(last().paused, true);
    socket.resume();
    assert.equal(last().paused, false);
  });

  test('for await goes over all connections, and pauses them when the loop is slow', async () => {
    const { clock, socket, last } = world({ readAheadBytes: 1024 });
    const messages = socket[Symbol.asyncIterator]();
    last().open();
    for (let i = 0; i < 16; i++) last().receive(`${i}`);
    assert.equal(last().paused, true);
    for (let i = 0; i < 16; i++) assert.equal((await messages.next()).value, `${i}`);
    assert.equal(last().paused, false);
    last().lose();
    clock.pass(500);
    last().receive('next');
    assert.equal((await messages.next()).value, 'next');
    last().lose(1000, undefined, true);
    assert.equal((await messages.next()).done, true);
  });

  test('drained() waits for a connection, and rejects at the end', async () => {
    const { socket, last } = world({ drainBytes: 0 });
    socket.send('x');
    const drained = socket.drained();
    last().open();
    await drained;
    last().bufferedAmount = 10;
    const never = assert.rejects(socket.drained(), { code: 'ERR_WEBSOCKET_CLOSED' });
    last().lose(1000, undefined, true);
    await never;
  });

  test('options are checked', () => {
    const make = (options: object) => () => new ReconnectingWebSocket('ws://fake/', [], options);
    assert.throws(make({ minDelayMs: 0 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(make({ factor: 0.5 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(make({ maxDelayMs: 10, minDelayMs: 20 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(make({ queuePolicy: 'drop' }), { code: 'ERR_OPTION_TYPE' });
    assert.throws(make({ maxAttemps: 3 }), { code: 'ERR_OPTION_UNKNOWN', message: /maxAttempts/ });
    assert.throws(() => new ReconnectingWebSocket('http:'), DOMException);
  });
});

for (const driver of drivers) {
  describe(`ReconnectingWebSocket, on real connections (${driver})`, () => {
    const { server } = fixture(driver);
    test('a server that comes and goes: every message arrives once, in order', async () => {
      const got: string[] = [];
      let connections = 0;
      const { url } = await server(async (peer) => {
        connections += 1;
        const mine = connections;
        await peer.accept();
        for (let count = 0; ; count++) {
          const { opcode, payload } = await peer.frame();
          if (opcode === 8) return void peer.socket.end(serverFrame(8, payload));
          got.push(payload.toString());
          if (mine < 4 && count === 9)
            return void peer.socket.end(serverFrame(8, closePayload(1012)));
          peer.write(serverFrame(1, payload));
        }
      });
      const socket = new ReconnectingWebSocket(url, [], { driver, minDelayMs: 1, maxDelayMs: 5 });
      let opens = 0;
      socket.onopen = () => (opens += 1);
      for (let i = 0; i < 100; i++) {
        socket.send(`${i}`);
        await until(() => got.length === i + 1, `message ${i} arrives`);
        // What was on its way when the connection ended would be lost.
        if (i < 30 && i % 10 === 9) await until(() => opens === (i + 1) / 10 + 1, 'it is back');
      }
      assert.deepEqual(
        got,
        Array.from({ length: 100 }, (_, i) => `${i}`),
      );
      assert.equal(opens, 4);
      const over = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve));
      socket.close(1000);
      assert.equal((await over).wasClean, true);
    });
  });
}
