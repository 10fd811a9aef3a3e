/** The `upgrade` handler: what it is told, what it may decide, and who does not wait for it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  refuse,
  type Connection,
  type Gateway,
  type HandshakeRequest,
  type WebSocketHandlers,
} from '../../src/gateway/index.ts';
import { Client, closePayload, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, CLOSE } = Opcode;

/** Adds `/door/:name` with this `upgrade`; what is sent comes back with the connection's data. */
function door(
  upgrade: WebSocketHandlers['upgrade'],
  more: WebSocketHandlers = {},
): (gateway: Gateway) => void {
  return (gateway) => {
    gateway.websocket('/door/:name', {
      ...(upgrade === undefined ? {} : { upgrade }),
      ...more,
      message(connection: Connection, message) {
        const { data, params, protocol } = connection;
        connection.send(JSON.stringify({ data, params, protocol, text: message.text() }));
      },
    });
  };
}

async function ask(client: Client, text: string): Promise<unknown> {
  client.send(TEXT, text);
  return JSON.parse(await client.text());
}

const nothing = null as unknown as Error;

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
};

onEveryDriver('the upgrade handler', (fixture) => {
  it('is told what the client says, and gives the connection its data', async () => {
    for (const later of [false, true]) {
      let seen: HandshakeRequest | undefined;
      const { gateway, address } = await fixture.start(
        {},
        door((request) => {
          seen = request;
          const decision = { data: { user: request.cookie('user') } };
          return later ? Promise.resolve(decision) : decision;
        }),
      );
      const { client, response } = await Client.upgrade(address, '/door/a%20b?x=1&y=%C3%A9', {
        Cookie: 'other=1; user=eva',
        Origin: 'https://example.com',
        'Sec-WebSocket-Protocol': 'one, two',
      });
      assert.equal(response.status, 101);
      assert.equal(seen!.path, '/door/a%20b');
      assert.deepEqual({ ...(seen!.params as object) }, { name: 'a b' });
      assert.equal(seen!.query.get('y'), 'é');
      assert.equal(seen!.origin, 'https://example.com');
      assert.equal(seen!.host, 'test');
      assert.deepEqual(seen!.protocols, ['one', 'two']);
      assert.equal(seen!.cookie('none'), undefined);
      assert.equal(seen!.remoteAddress, '127.0.0.1');
      assert.equal(seen!.signal.aborted, false);
      const answer = { data: { user: 'eva' }, params: { name: 'a b' }, protocol: '', text: 'hi' };
      assert.deepEqual(await ask(client, 'hi'), answer);
      await client.close();
      await untilNothingIsHeld(gateway);
      assert.equal(seen!.signal.aborted, false);
    }
  });

  it('refuses with a status, a reason and headers, now or later', async () => {
    for (const later of [false, true]) {
      const { gateway, address } = await fixture.start(
        {},
        door(() => {
          const refusal = refuse(401, 'Who are you?', { 'WWW-Authenticate': 'Bearer' });
          return later ? Promise.resolve(refusal) : refusal;
        }),
      );
      const { client, response } = await Client.upgrade(address, '/door/x');
      assert.equal(response.status, 401);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer');
      assert.match(response.body, /Who are you\?/);
      assert.equal(await client.over(), 'end');
      assert.equal(gateway.counters().upgradesRefused, 1);
      assert.equal(gateway.counters().webSocketsOpened, 0);
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('the upgrade handler, when it is wrong', (fixture) => {
  it('answers 500 to what it must not decide or throws, and goes on', async () => {
    const wrong: (() => unknown)[] = [
      () => 'yes',
      () => ({ protocol: 'not offered' }),
      () => ({ headers: { 'Sec-WebSocket-Accept': 'mine' } }),
      () => ({ headers: { 'X-Bad': 'a\r\nb: c' } }),
      () => Promise.reject(new Error('no')),
      () => Promise.resolve(7),
      () => ({
        get data() {
          throw new Error('from a getter');
        },
      }),
      () => {
        throw nothing;
      },
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- what programs may give
        then() {
          throw new Error('from then');
        },
      }),
    ];
    const { gateway, address } = await fixture.start(
      {},
      door(({ params }) => wrong[Number((params as { name: string }).name)]!() as undefined),
    );
    for (const which of wrong.keys()) {
      const { client, response } = await Client.upgrade(address, `/door/${which}`);
      assert.equal(response.status, 500, `decision ${which}`);
      assert.equal(await client.over(), 'end');
      assert.equal(client.hasMore, false);
    }
    assert.equal(gateway.counters().handlerErrors, wrong.length);
    await untilNothingIsHeld(gateway);
  });

  it('chooses the subprotocol, or the route does, and sets headers', async () => {
    const { address } = await fixture.start({}, (gateway) => {
      door(undefined, { protocols: ['v2', 'v1'] })(gateway);
      gateway.websocket('/chosen', {
        protocols: ['v2'],
        upgrade: () => ({ protocol: 'v1', headers: { 'Set-Cookie': ['a=1', 'b=2'] } }),
      });
    });
    const offer = { 'Sec-WebSocket-Protocol': 'v1, v2' };
    const route = await Client.upgrade(address, '/door/x', offer);
    assert.equal(route.response.headers.get('sec-websocket-protocol'), 'v2');
    const none = await Client.upgrade(address, '/door/x', { 'Sec-WebSocket-Protocol': 'v3' });
    assert.equal(none.response.status, 101);
    assert.equal(none.response.headers.has('sec-websocket-protocol'), false);
    const chosen = await Client.upgrade(address, '/chosen', offer);
    assert.equal(chosen.response.headers.get('sec-websocket-protocol'), 'v1');
    assert.ok(['a=1', 'b=2'].includes(chosen.response.headers.get('set-cookie')!));
    for (const { client } of [route, none, chosen]) await client.close();
  });
});

onEveryDriver('an upgrade that is not decided yet', (fixture) => {
  it('keeps what comes behind the handshake, in order', async () => {
    let decide!: (decision: object) => void;
    const { gateway, address } = await fixture.start(
      {},
      door(() => new Promise((resolve) => (decide = resolve))),
    );
    const client = await Client.connect(address);
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`);
    const bytes = Buffer.concat([
      Buffer.from(handshake('/door/x')),
      ...texts.map((text) => frame(TEXT, text)),
    ]);
    // In two parts, the cut somewhere in a frame.
    client.write(bytes.subarray(0, 400));
    await until(() => decide !== undefined, 'it is asked');
    client.write(bytes.subarray(400));
    await settle();
    assert.equal(client.hasMore, false);
    decide({ data: 'late' });
    assert.equal((await client.response()).status, 101);
    for (const text of texts) {
      const { data, text: back } = JSON.parse(await client.text()) as Record<string, unknown>;
      assert.deepEqual([data, back], ['late', text]);
    }
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('is aborted when the client goes away, by FIN or RST; its decision is forgotten', async () => {
    const requests: HandshakeRequest[] = [];
    const decisions: ((decision: object) => void)[] = [];
    const notes: string[] = [];
    const { gateway, address } = await fixture.start(
      {},
      door(
        (request) => {
          requests.push(request);
          return new Promise((resolve) => void decisions.push(resolve));
        },
        { open: () => notes.push('open'), close: () => notes.push('close') },
      ),
    );
    for (const how of ['end', 'reset'] as const) {
      const client = await Client.connect(address);
      client.write(handshake('/door/x'));
      await until(() => requests.length === 1, 'it is asked');
      const { signal } = requests.pop()!;
      if (how === 'end') client.socket.end();
      else client.reset();
      await until(() => signal.aborted, `aborted by ${how}`);
      decisions.pop()!({});
      await until(() => gateway.usage().connections === 0, 'it is gone');
      client.reset();
    }
    await settle();
    assert.deepEqual(notes, []);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('an upgrade that is decided too late', (fixture) => {
  it('is answered 503 when its time is over, and aborted', async () => {
    let request: HandshakeRequest | undefined;
    let decide!: (decision: object) => void;
    const { gateway, address } = await fixture.start(
      { handshakeTimeoutMs: 50 },
      door((each) => {
        request = each;
        return new Promise((resolve) => (decide = resolve));
      }),
    );
    const client = await Client.connect(address);
    client.write(Buffer.concat([Buffer.from(handshake('/door/x')), frame(TEXT, 'ignored')]));
    assert.equal((await client.response()).status, 503);
    assert.equal(request!.signal.aborted, true);
    decide({});
    assert.equal(await client.over(), 'end');
    assert.equal(client.hasMore, false);
    assert.equal(gateway.counters().timeouts, 1);
    await untilNothingIsHeld(gateway);
  });

  it('is answered 503 when the gateway closes', async () => {
    let request: HandshakeRequest | undefined;
    const { gateway, address } = await fixture.start(
      {},
      door((each) => {
        request = each;
        return new Promise(() => undefined);
      }),
    );
    const client = await Client.connect(address);
    client.write(handshake('/door/x'));
    await until(() => request !== undefined, 'it is asked');
    const closing = gateway.close();
    assert.equal((await client.response()).status, 503);
    assert.equal(request!.signal.aborted, true);
    await client.over();
    assert.deepEqual(await closing, { closed: 1, reset: 0, remaining: [] });
  });
});

onEveryDriver('what is decided without a handler', (fixture) => {
  it('origins: pages that may not connect are answered 403', async () => {
    const origins = ['https://example.com', 'https://*.example.org'];
    const { gateway, address } = await fixture.start({ origins });
    const cases: [string | undefined, number][] = [
      [undefined, 101],
      ['https://example.com', 101],
      ['https://a.example.org', 101],
      ['http://example.com', 403],
      ['https://evil.com', 403],
      ['null', 403],
    ];
    for (const [origin, status] of cases) {
      const headers = origin === undefined ? {} : { Origin: origin };
      const { client, response } = await Client.upgrade(address, '/echo', headers);
      assert.equal(response.status, status, String(origin));
      if (status === 101) await client.close();
      else await client.over();
    }
    await untilNothingIsHeld(gateway);
  });

  it('a connection may be ended, closed or written to from inside open', async () => {
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/end', { open: (connection) => connection.terminate() });
      each.websocket('/close', {
        open(connection) {
          connection.send('hello');
          connection.close(4000, 'full');
          connection.send('too late');
        },
      });
      each.websocket('/throw', {
        open() {
          throw new Error('no');
        },
        error: () => undefined,
      });
    });
    const ended = await Client.connect(address);
    ended.write(Buffer.concat([Buffer.from(handshake('/end')), frame(TEXT, 'x')]));
    await ended.over();
    const closed = await Client.connect(address);
    closed.write(Buffer.concat([Buffer.from(handshake('/close')), frame(TEXT, 'x')]));
    assert.equal((await closed.response()).status, 101);
    assert.equal(await closed.text(), 'hello');
    assert.equal(await closed.closeCode(), 4000);
    closed.send(CLOSE, closePayload(4000));
    assert.equal(await closed.over(), 'end');
    const failed = (await Client.upgrade(address, '/throw')).client;
    assert.equal(await failed.closeCode(), 1011);
    failed.send(CLOSE, closePayload(1011));
    assert.equal(await failed.over(), 'end');
    await untilNothingIsHeld(gateway);
  });
});
