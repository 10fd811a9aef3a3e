/** Async handlers: their order, how many there are at once, and what they may fail with. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway, WebSocketHandlers } from '../../src/gateway/index.ts';
import { Client, closePayload, frame, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, CLOSE, PING, PONG } = Opcode;

/** A promise that a test settles. */
interface Gate {
  readonly name: string;
  readonly promise: Promise<void>;
  open(): void;
  fail(error: unknown): void;
}

function gate(name: string): Gate {
  let open!: () => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { name, promise, open, fail };
}

/** Lets everything happen that can. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Handlers that note what they are called with, and end when the test says so. */
class Handlers {
  readonly notes: string[] = [];
  readonly gates: Gate[] = [];
  most = 0;
  #now = 0;

  readonly route: WebSocketHandlers = {
    message: async (connection, message) => {
      const mine = gate(message.text());
      this.notes.push(`begin ${mine.name}`);
      this.gates.push(mine);
      this.#now += 1;
      this.most = Math.max(this.most, this.#now);
      try {
        await mine.promise;
      } finally {
        this.#now -= 1;
        // The message is the handler's until it ends.
        assert.equal(message.text(), mine.name);
        this.notes.push(`end ${mine.name}`);
      }
      connection.send(mine.name);
    },
    close: (_, code) => this.notes.push(`close ${code}`),
    error: (_, error) => this.notes.push(`error ${String(error)}`),
  };

  add(path = '/slow'): (gateway: Gateway) => void {
    return (gateway) => gateway.websocket(path, this.route);
  }

  async begun(count: number): Promise<void> {
    await until(() => this.gates.length >= count, `${count} handlers have begun`);
  }
}

onEveryDriver('async handlers in order', (fixture) => {
  it('are called one after the other on a connection, and pings wait for them too', async () => {
    const handlers = new Handlers();
    const { gateway, address } = await fixture.start({}, handlers.add());
    const client = await Client.open(address, '/slow');
    client.write(Buffer.concat([frame(TEXT, 'a'), frame(TEXT, 'b'), frame(PING, 'p')]));
    client.send(TEXT, 'c');
    await handlers.begun(1);
    await settle();
    assert.deepEqual(handlers.notes, ['begin a']);
    assert.equal(client.hasMore, false);
    handlers.gates[0]!.open();
    await handlers.begun(2);
    assert.equal(await client.text(), 'a');
    handlers.gates[1]!.open();
    assert.equal(await client.text(), 'b');
    assert.equal((await client.frame()).opcode, PONG);
    await handlers.begun(3);
    handlers.gates[2]!.open();
    assert.equal(await client.text(), 'c');
    const names = ['a', 'b', 'c'].flatMap((name) => [`begin ${name}`, `end ${name}`]);
    assert.deepEqual(handlers.notes, names);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('of two connections do not wait for each other', async () => {
    const handlers = new Handlers();
    const { address } = await fixture.start({}, handlers.add());
    const [one, two] = [await Client.open(address, '/slow'), await Client.open(address, '/slow')];
    one.send(TEXT, 'one');
    await handlers.begun(1);
    two.send(TEXT, 'two');
    await handlers.begun(2);
    handlers.gates[1]!.open();
    assert.equal(await two.text(), 'two');
    handlers.gates[0]!.open();
    assert.equal(await one.text(), 'one');
    await Promise.all([one.close(), two.close()]);
  });

  it('keep the order of a thousand messages, whatever they wait for', async () => {
    const seen: number[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/order', {
        async message(connection, message) {
          const number = Number(message.text());
          if (number % 3 === 0) await Promise.resolve();
          if (number % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
          seen.push(number);
          connection.send(String(number));
        },
      });
    });
    const client = await Client.open(address, '/order');
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    client.write(Buffer.concat(numbers.map((number) => frame(TEXT, String(number)))));
    for (const number of numbers) assert.equal(await client.text(), String(number));
    assert.deepEqual(seen, numbers);
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('async handlers of open and close', (fixture) => {
  it('open is over before the first message, close comes after the last', async () => {
    const notes: string[] = [];
    const opening = gate('open');
    const handling = gate('message');
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/life', {
        async open(connection) {
          notes.push('open');
          await opening.promise;
          connection.send('welcome');
          notes.push('opened');
        },
        async message() {
          notes.push('message');
          await handling.promise;
          notes.push('handled');
        },
        close: (_, code) => notes.push(`close ${code}`),
      });
    });
    const client = await Client.open(address, '/life');
    client.write(Buffer.concat([frame(TEXT, 'first'), frame(CLOSE, closePayload(4000))]));
    await settle();
    assert.deepEqual(notes, ['open']);
    opening.open();
    assert.equal(await client.text(), 'welcome');
    await until(() => notes.includes('message'), 'the message is handled');
    await settle();
    assert.deepEqual(notes, ['open', 'opened', 'message']);
    handling.open();
    assert.equal(await client.closeCode(), 4000);
    await client.over();
    await until(() => notes.length === 5, 'close is told');
    assert.deepEqual(notes.slice(2), ['message', 'handled', 'close 4000']);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('async handlers at once', (fixture) => {
  it('are as many as concurrency says, and no more', async () => {
    const handlers = new Handlers();
    const { gateway, address } = await fixture.start({ concurrency: 3 }, handlers.add());
    const client = await Client.open(address, '/slow');
    const names = Array.from({ length: 30 }, (_, i) => `m${i}`);
    client.write(Buffer.concat(names.map((name) => frame(TEXT, name))));
    for (let i = 0; i < names.length; i++) {
      await handlers.begun(Math.min(i + 3, names.length));
      await settle();
      assert.equal(handlers.gates.length, Math.min(i + 3, names.length));
      handlers.gates[i]!.open();
      assert.equal(await client.text(), names[i]);
    }
    assert.equal(handlers.most, 3);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('of all connections are as many as maxPendingHandlers says', async () => {
    const handlers = new Handlers();
    const options = { concurrency: 4, maxPendingHandlers: 5 };
    const { gateway, address } = await fixture.start(options, handlers.add());
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => Client.open(address, '/slow')),
    );
    for (const client of clients) for (const name of ['1', '2', '3']) client.send(TEXT, name);
    for (let ended = 0; ended < 18; ended++) {
      await handlers.begun(Math.min(5 + ended, 18));
      await settle();
      assert.ok(handlers.most <= 5, `${handlers.most} at once`);
      handlers.gates[ended]!.open();
    }
    for (const client of clients) {
      const answers = [await client.text(), await client.text(), await client.text()];
      assert.deepEqual(answers.sort(), ['1', '2', '3']);
      await client.close();
    }
    assert.equal(handlers.most, 5);
    await untilNothingIsHeld(gateway);
  });

  it('that wait for others go on when those that were let in before them are gone', async () => {
    const handlers = new Handlers();
    const { gateway, address } = await fixture.start({ maxPendingHandlers: 1 }, handlers.add());
    const clients: Client[] = [];
    while (clients.length < 5) clients.push(await Client.open(address, '/slow'));
    clients[0]!.send(TEXT, 'first');
    await handlers.begun(1);
    for (const client of clients.slice(1)) client.send(TEXT, 'later');
    const { pauses } = gateway.counters();
    await until(() => gateway.counters().pauses >= pauses + 4, 'they wait');
    for (const client of clients.slice(1, 4)) client.reset();
    await until(() => gateway.usage().connections === 2, 'three are gone');
    handlers.gates[0]!.open();
    assert.equal(await clients[0]!.text(), 'first');
    await handlers.begun(2);
    handlers.gates[1]!.open();
    assert.equal(await clients[4]!.text(), 'later');
    await Promise.all([clients[0]!.close(), clients[4]!.close()]);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('handlers that close', (fixture) => {
  it('and never end let the close handshake come to its end', async () => {
    const notes: string[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/leave', {
        message(connection, message) {
          connection.close(4001, message.text());
          connection.pause();
          return new Promise(() => undefined);
        },
        close: (_, code) => notes.push(String(code)),
      });
    });
    const client = await Client.open(address, '/leave');
    client.send(TEXT, 'bye');
    assert.equal(await client.closeCode(), 4001);
    client.send(CLOSE, closePayload(4001));
    assert.equal(await client.over(), 'end');
    await until(() => gateway.usage().connections === 0, 'it is gone');
    // Its handler is still at work, and close would be told after it.
    assert.deepEqual(notes, []);
  });

  it('terminate is followed by close, but not from inside', async () => {
    const notes: string[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/leave', {
        message(connection) {
          notes.push('begin');
          connection.terminate();
          connection.terminate();
          connection.close();
          assert.equal(connection.send('too late'), 'closed');
          assert.equal(connection.ping(), 'closed');
          assert.equal(connection.subscribe('news'), false);
          connection.pause();
          connection.resume();
          notes.push('end');
        },
        close(connection, code) {
          assert.equal(connection.isOpen, false);
          connection.terminate();
          connection.close();
          notes.push(`close ${code}`);
        },
      });
    });
    const client = await Client.open(address, '/leave');
    client.write(Buffer.concat([frame(TEXT, 'one'), frame(TEXT, 'two')]));
    assert.equal(await client.over(), 'reset');
    await untilNothingIsHeld(gateway);
    assert.deepEqual(notes, ['begin', 'end', 'close 1006']);
  });
});

onEveryDriver('handlers that end others', (fixture) => {
  it('may end any connection from anywhere', async () => {
    const all = new Set<Connection>();
    const { gateway, address } = await fixture.start({}, (each) => {
      const end = (): void => {
        for (const connection of all) connection.terminate();
      };
      each.websocket('/all', {
        open: (connection) => void all.add(connection),
        message: end,
        close(connection) {
          all.delete(connection);
          end();
        },
      });
    });
    const clients: Client[] = [];
    while (clients.length < 20) clients.push(await Client.open(address, '/all'));
    clients[7]!.send(TEXT, 'all of us');
    for (const client of clients) assert.equal(await client.over(), 'reset');
    assert.equal(all.size, 0);
    await untilNothingIsHeld(gateway);
  });
});

const nothing = null as unknown as Error;

/* oxlint-disable unicorn/no-thenable -- what programs may give instead of promises */
/** What a handler may give or throw, each with what `error` is told. */
const FAILURES: readonly [what: string, handler: () => unknown, told: unknown][] = [
  ['throws null', () => thrown(null), null],
  ['throws undefined', () => thrown(undefined), undefined],
  ['throws a frozen object', () => thrown(Object.freeze({ frozen: true })), { frozen: true }],
  ['rejects with null', () => Promise.reject(nothing), null],
  ['gives what throws when it is awaited', () => ({ then: () => thrown('in then') }), 'in then'],
  [
    'gives what throws when it is looked at',
    () => ({
      get then() {
        return thrown('then itself');
      },
    }),
    'then itself',
  ],
  [
    'gives a promise that cannot be made one',
    () =>
      Object.defineProperty(Promise.resolve(), 'constructor', { get: () => thrown('constructor') }),
    'constructor',
  ],
];

function thrown(what: unknown): never {
  throw what as Error;
}

onEveryDriver('handlers that fail', (fixture) => {
  it('close with 1011, tell error once, and leave nothing behind', async () => {
    const told: unknown[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/fail/:which', {
        message: ({ params }) => FAILURES[Number(params.which)]![1](),
        error: (_, error) => void told.push(error),
      });
    });
    for (const [which, [what, , expected]] of FAILURES.entries()) {
      const client = await Client.open(address, `/fail/${which}`);
      client.send(TEXT, 'go');
      assert.equal(await client.closeCode(), 1011, what);
      client.send(CLOSE, closePayload(1011));
      assert.equal(await client.over(), 'end', what);
      await until(() => told.length === which + 1, what);
      assert.deepEqual(told.at(-1), expected, what);
    }
    assert.equal(gateway.counters().handlerErrors, FAILURES.length);
    await untilNothingIsHeld(gateway);
  });

  it('count as ended once, even if what they gave calls back more than once', async () => {
    const handlers = new Handlers();
    const { gateway, address } = await fixture.start({ maxPendingHandlers: 1 }, (each) => {
      handlers.add()(each);
      each.websocket('/odd', {
        message: () => ({
          then(resolve: () => void, reject: (error: unknown) => void) {
            resolve();
            reject(new Error('too late'));
            resolve();
          },
        }),
      });
    });
    const odd = await Client.open(address, '/odd');
    for (let i = 0; i < 5; i++) odd.send(TEXT, 'odd');
    odd.send(PING, 'done');
    assert.equal((await odd.frame()).opcode, PONG);
    const clients = [await Client.open(address, '/slow'), await Client.open(address, '/slow')];
    for (const client of clients) client.send(TEXT, 'slow');
    await handlers.begun(1);
    await settle();
    assert.equal(handlers.gates.length, 1);
    handlers.gates[0]!.open();
    await handlers.begun(2);
    handlers.gates[1]!.open();
    for (const client of [...clients, odd]) {
      if (client !== odd) assert.equal(await client.text(), 'slow');
      await client.close();
    }
    assert.equal(gateway.counters().handlerErrors, 0);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('handlers that give what is odd', (fixture) => {
  it('are awaited once, with times measured or not', async () => {
    for (const timingSample of [0, 1]) {
      let awaited = 0;
      const { address } = await fixture.start({ timingSample }, (each) => {
        each.websocket('/lazy', {
          message: (connection) => ({
            then(resolve: () => void) {
              awaited += 1;
              connection.send('done');
              resolve();
            },
          }),
        });
      });
      const client = await Client.open(address, '/lazy');
      client.send(TEXT, 'go');
      assert.equal(await client.text(), 'done');
      client.send(TEXT, 'again');
      assert.equal(await client.text(), 'done');
      assert.equal(awaited, 2);
      await client.close();
    }
  });
});

onEveryDriver('handlers that outlive their gateway', (fixture) => {
  it('end quietly, and give back what they hold', async () => {
    const handlers = new Handlers();
    const { gateway, address } = await fixture.start({}, handlers.add());
    const client = await Client.open(address, '/slow');
    // In pieces, so that it lies in a block.
    const text = 'x'.repeat(5000);
    client.send(TEXT, text.slice(0, 100), { fin: false });
    client.send(Opcode.CONTINUATION, text.slice(100));
    await handlers.begun(1);
    const { reset, closed } = await gateway.close({ deadlineMs: 0 });
    assert.equal(reset + closed, 1);
    await client.over();
    assert.deepEqual(handlers.notes, [`begin ${text}`]);
    const before = gateway.counters();
    handlers.gates[0]!.fail('after the end');
    await until(() => handlers.notes.length === 4, 'all is told');
    assert.deepEqual(handlers.notes.slice(1), [`end ${text}`, 'error after the end', 'close 1006']);
    assert.deepEqual(gateway.counters(), before);
  });
});
