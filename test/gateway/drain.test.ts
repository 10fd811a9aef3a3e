/** The end of a gateway in good order: who is told what, and what is reported. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway } from '../../src/gateway/index.ts';
import { Client, closePayload, Opcode } from './client.ts';
import { onEveryDriver, until } from './fixture.ts';

const { TEXT, CLOSE } = Opcode;

/** Adds `/note`, which notes what `close` is told. */
function noting(notes: string[], sides: Connection[] = []): (gateway: Gateway) => void {
  return (gateway) => {
    gateway.websocket('/note', {
      open: (connection) => void sides.push(connection),
      message: (connection, message) => connection.send(message),
      close: (_, code, reason) => void notes.push(`${code} ${reason}`),
    });
  };
}

/** Reads to the close frame and answers it; gives its code and reason. */
async function goodbye(client: Client): Promise<string> {
  const { opcode, payload } = await client.frame();
  assert.equal(opcode, CLOSE);
  client.send(CLOSE, payload);
  await client.over();
  return `${payload.readUInt16BE()} ${payload.subarray(2).toString()}`;
}

onEveryDriver('Gateway.close', (fixture) => {
  it('tells all the code and the reason, behind what was sent before', async () => {
    const notes: string[] = [];
    const sides: Connection[] = [];
    const { gateway, address } = await fixture.start({}, noting(notes, sides));
    const clients: Client[] = [];
    while (clients.length < 10) clients.push(await Client.open(address, '/note'));
    for (const side of sides) side.send('x'.repeat(100_000));
    const closing = gateway.close({ code: 4321, reason: 'à bientôt' });
    assert.equal(gateway.ready, false);
    for (const client of clients) {
      assert.equal((await client.text()).length, 100_000);
      assert.equal(await goodbye(client), '4321 à bientôt');
    }
    assert.deepEqual(await closing, { closed: 10, reset: 0, remaining: [] });
    assert.deepEqual(
      notes,
      Array.from({ length: 10 }, () => '4321 à bientôt'),
    );
    assert.equal(gateway.close(), gateway.close());
    assert.equal(gateway.usage().connections, 0);
  });

  it('spreads the goodbyes: who was not told yet goes on', async () => {
    const { gateway, address } = await fixture.start({}, noting([]));
    const clients: Client[] = [];
    while (clients.length < 12) clients.push(await Client.open(address, '/note'));
    const order: number[] = [];
    const goodbyes = clients.map(async (client, i) => {
      const said = await goodbye(client);
      order.push(i);
      return said;
    });
    const closing = gateway.close({ spreadMs: 300 });
    await until(() => order.length >= 1, 'the first is told');
    const last = clients.length - 1;
    assert.ok(!order.includes(last));
    assert.equal(gateway.usage().connections > 0, true);
    assert.deepEqual(new Set(await Promise.all(goodbyes)), new Set(['1001 ']));
    assert.deepEqual(await closing, { closed: 12, reset: 0, remaining: [] });
  });
});

onEveryDriver('Gateway.close, until the deadline', (fixture) => {
  it('resets and reports what does not end by the deadline', async () => {
    const notes: string[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      noting(notes)(each);
      each.http('GET', '/slow', () => new Promise(() => undefined));
    });
    const mute = await Client.open(address, '/note');
    const asking = await Client.connect(address);
    asking.write('GET /slow HTTP/1.1\r\nHost: test\r\n\r\n');
    await until(() => gateway.usage().connections === 2, 'both are there');
    const idle = await Client.connect(address);
    const good = await Client.open(address, '/note');
    const closing = gateway.close({ deadlineMs: 100 });
    assert.equal(await goodbye(good), '1001 ');
    assert.equal(await idle.over(), 'end');
    const { closed, reset, remaining } = await closing;
    assert.deepEqual([closed, reset], [2, 2]);
    const states = remaining.map(({ path, state }) => `${path} ${state}`).sort();
    assert.deepEqual(states, [' http', '/note closing']);
    for (const { id, remoteAddress } of remaining) {
      assert.ok(id > 0);
      assert.equal(remoteAddress, '127.0.0.1');
    }
    for (const client of [mute, asking]) assert.equal(await client.over(), 'reset');
    assert.deepEqual(notes.sort(), ['1001 ', '1006 ']);
  });

  it('lets a request be answered, refuses new ones, and says so at /readyz before', async () => {
    let answer!: (reply: string) => void;
    const { gateway, address } = await fixture.start({}, (each) => {
      each.http('GET', '/slow', () => new Promise<string>((resolve) => (answer = resolve)));
    });
    const asking = await Client.connect(address);
    asking.write('GET /slow HTTP/1.1\r\nHost: test\r\n\r\n');
    await until(() => answer !== undefined, 'it is asked');
    const closing = gateway.close();
    await assert.rejects(Client.connect(address).then((client) => client.response()));
    answer('done');
    const { status, body, headers } = await asking.response();
    assert.deepEqual([status, body, headers.get('connection')], [200, 'done', 'close']);
    assert.equal(await asking.over(), 'end');
    assert.deepEqual(await closing, { closed: 1, reset: 0, remaining: [] });
  });

  it('may be called from a handler, and ends those who open or close meanwhile', async () => {
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/end', {
        message(connection) {
          void each.close({ code: 1012, spreadMs: 50 });
          connection.send('as you wish');
        },
      });
    });
    const client = await Client.open(address, '/end');
    const leaving = await Client.open(address, '/end');
    client.send(TEXT, 'end it');
    leaving.send(CLOSE, closePayload(1000));
    assert.equal(await client.text(), 'as you wish');
    assert.equal(await goodbye(client), '1012 ');
    await leaving.over();
    const { closed, reset } = await gateway.close();
    assert.equal(reset, 0);
    assert.ok(closed === 1 || closed === 2);
  });
});
