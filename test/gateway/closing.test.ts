import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway, Message } from '../../src/gateway/index.ts';
import { processArena } from '../../src/memory/index.ts';
import { Client, closePayload, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CLOSE } = Opcode;

/** Adds a route that notes what `close` is told. */
function noting(path: string, notes: (readonly [number, string])[]): (gateway: Gateway) => void {
  return (gateway) => {
    gateway.websocket(path, {
      message(connection, message) {
        const [code, reason] = message.text().split(' ');
        connection.close(Number(code), reason ?? '');
        assert.equal(connection.send('too late'), 'closed');
      },
      close(connection, code, reason) {
        assert.equal(connection.isOpen, false);
        notes.push([code, reason]);
      },
    });
  };
}

onEveryDriver('closing', (fixture) => {
  it('answers a close with its code, then FIN, and tells the handler', async () => {
    const notes: (readonly [number, string])[] = [];
    const { gateway, address } = await fixture.start({}, noting('/note', notes));
    for (const code of [1000, 1001, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999]) {
      const client = await Client.open(address, '/note');
      client.send(CLOSE, closePayload(code, 'auf Wiedersehen, Füße'));
      assert.equal(await client.closeCode(), code);
      assert.equal(await client.over(), 'end');
      assert.deepEqual(notes.pop(), [code, 'auf Wiedersehen, Füße']);
    }
    const silent = await Client.open(address, '/note');
    silent.send(CLOSE);
    assert.equal(await silent.closeCode(), 1005);
    assert.equal(await silent.over(), 'end');
    assert.deepEqual(notes, [[1005, '']]);
    await untilNothingIsHeld(gateway);
  });

  it('closes first when a handler says so, and drops what comes after', async () => {
    const notes: (readonly [number, string])[] = [];
    const { gateway, address } = await fixture.start({}, noting('/note', notes));
    const client = await Client.open(address, '/note');
    client.write(Buffer.concat([frame(TEXT, '4321 enough'), frame(TEXT, '1000 dropped')]));
    const { opcode, payload } = await client.frame();
    assert.equal(opcode, CLOSE);
    assert.deepEqual([payload.readUInt16BE(), payload.subarray(2).toString()], [4321, 'enough']);
    client.send(CLOSE, closePayload(4321));
    assert.equal(await client.over(), 'end');
    assert.equal(client.hasMore, false);
    assert.deepEqual(notes, [[4321, 'enough']]);
    await untilNothingIsHeld(gateway);
  });

  it('ends a peer that does not answer the close', async () => {
    const notes: (readonly [number, string])[] = [];
    const { gateway, address } = await fixture.start(
      { closeTimeoutMs: 50 },
      noting('/note', notes),
    );
    const client = await Client.open(address, '/note');
    client.send(TEXT, '1000 bye');
    assert.equal(await client.closeCode(), 1000);
    assert.equal(await client.over(), 'reset');
    assert.deepEqual(notes, [[1006, '']]);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('peers that vanish', (fixture) => {
  it('reports 1006 for peers that end or reset without a close', async () => {
    const notes: (readonly [number, string])[] = [];
    const { gateway, address } = await fixture.start({}, noting('/note', notes));
    const ending = await Client.open(address, '/note');
    ending.socket.end();
    assert.equal(await ending.over(), 'end');
    const resetting = await Client.open(address, '/note');
    resetting.reset();
    await until(() => notes.length === 2, 'both were reported');
    assert.deepEqual(notes, [
      [1006, ''],
      [1006, ''],
    ]);
    await untilNothingIsHeld(gateway);
  });

  it('survives a reset at every byte of a handshake and of messages', async () => {
    const { gateway, address } = await fixture.start();
    const bytes = Buffer.concat([
      Buffer.from(handshake('/topics/reset')),
      frame(TEXT, 'in pieces', { fin: false }),
      frame(Opcode.PING, '!'),
      frame(Opcode.CONTINUATION, ' and more'),
      frame(BINARY, Buffer.alloc(200)),
    ]);
    for (let length = 0; length <= bytes.length; length++) {
      const client = await Client.connect(address);
      await new Promise<void>((resolve) =>
        client.socket.write(bytes.subarray(0, length), () => resolve()),
      );
      client.reset();
    }
    const client = await Client.open(address);
    await client.close();
    await until(
      () => gateway.counters().connectionsAccepted >= bytes.length + 2,
      'all were accepted',
    );
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('many connections', (fixture) => {
  it('leaks nothing over 1,000 connections', async () => {
    const before = processArena().usage().held;
    const { gateway, address } = await fixture.start();
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          Client.open(address, i % 2 === 0 ? '/echo' : `/topics/${i}`),
        ),
      );
      await Promise.all(
        clients.map(async (client, i) => {
          client.send(TEXT, String(i));
          assert.equal(await client.text(), String(i));
          if (i % 3 === 0) client.reset();
          else await client.close();
        }),
      );
    }
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().webSocketsOpened, 1000);
    await gateway.close();
    assert.equal(processArena().usage().held, before, 'its memory is back');
    assert.deepEqual(gateway.usage().driver, {
      connections: 0,
      listeners: 0,
      files: 0,
      operations: 0,
      buffersHeld: 0,
    });
    assert.equal(gateway.counters().connectionsClosed, gateway.counters().connectionsAccepted);
  });
});

onEveryDriver('drain', (fixture) => {
  it('says 1001 to all, waits for their answers, and reports', async () => {
    const { gateway, address } = await fixture.start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(address)));
    const plain = await Client.connect(address);
    plain.write('GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n');
    await plain.response();
    const closing = gateway.close();
    assert.equal(gateway.close(), closing, 'a second call is the same');
    assert.equal(await plain.over(), 'end');
    for (const client of clients) {
      assert.equal(await client.closeCode(), 1001);
      client.send(CLOSE, closePayload(1001));
      assert.equal(await client.over(), 'end');
    }
    assert.deepEqual(await closing, { closed: 21, reset: 0, remaining: [] });
    await assert.rejects(Client.connect(address), { code: 'ECONNREFUSED' });
    assert.throws(() => void gateway.listen(), { code: 'ERR_GATEWAY_STATE' });
  });

  it('resets what is left at the deadline', async () => {
    const { gateway, address } = await fixture.start();
    const deaf = await Client.open(address);
    const polite = await Client.open(address);
    const closing = gateway.close({ deadlineMs: 200, code: 4000 });
    assert.equal(await polite.closeCode(), 4000);
    polite.send(CLOSE, closePayload(4000));
    await polite.over();
    assert.equal(await deaf.over(), 'reset');
    const { remaining, ...counts } = await closing;
    assert.deepEqual(counts, { closed: 1, reset: 1 });
    const left = { id: 1, remoteAddress: '127.0.0.1', path: '/echo', state: 'closing' };
    assert.deepEqual(remaining, [left]);
    assert.deepEqual(gateway.usage().driver.operations, 0);
  });
});

onEveryDriver('handlers', (fixture) => {
  const broken = (errors: unknown[]) => (gateway: Gateway) => {
    gateway.websocket('/broken/:how', {
      open({ params }) {
        if (params.how === 'open') throw new Error('open');
      },
      async message({ params }) {
        if (params.how === 'later') await new Promise((resolve) => setImmediate(resolve));
        throw new Error(params.how);
      },
      close({ params }) {
        throw new Error(`close ${params.how}`);
      },
      error(_, error) {
        errors.push((error as Error).message);
        throw new Error('even this fails');
      },
    });
  };

  it('that throw or reject close with 1011 and end nothing else', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', note);
    const errors: unknown[] = [];
    const { gateway, address } = await fixture.start({}, broken(errors));
    for (const how of ['open', 'now', 'later']) {
      const client = await Client.open(address, `/broken/${how}`);
      if (how !== 'open') client.send(TEXT, 'go');
      assert.equal(await client.closeCode(), 1011, how);
      client.send(CLOSE, closePayload(1011));
      await client.over();
    }
    await until(() => errors.length === 6, 'every failure was reported');
    assert.deepEqual(errors, ['open', 'close open', 'now', 'close now', 'later', 'close later']);
    await until(() => warnings.length === 6, 'so were the failures of the error handler');
    assert.match(warnings[0]!, /route \/broken\/:how failed: .*even this fails/);
    process.off('warning', note);
    assert.equal(gateway.counters().handlerErrors, 6);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('messages in handlers', (fixture) => {
  it('have a message until they return', async () => {
    let kept: Message | undefined;
    let view: Uint8Array | undefined;
    let copy: Uint8Array | undefined;
    const { address } = await fixture.start({}, (gateway) => {
      gateway.websocket('/keep', {
        message(connection, message) {
          kept = message;
          view = message.view();
          copy = message.bytes();
          assert.ok(message.isText);
          assert.equal(message.length, 5);
          assert.equal(message.text(), 'hello');
          assert.deepEqual(copy, new Uint8Array(Buffer.from('hello')));
          assert.deepEqual(Uint8Array.from(view), copy);
          connection.send('seen');
        },
      });
    });
    const client = await Client.open(address, '/keep');
    client.send(TEXT, 'hello');
    assert.equal(await client.text(), 'seen');
    const released = { name: 'TypeError', code: 'ERR_LEASE_RELEASED' };
    assert.throws(() => kept?.text(), released);
    assert.throws(() => kept?.view(), released);
    assert.throws(() => kept?.bytes(), released);
    assert.throws(() => kept?.length, released);
    assert.throws(() => kept?.isText, released);
    assert.deepEqual(copy, new Uint8Array(Buffer.from('hello')), 'a copy stays');
    await client.close();
  });
});

onEveryDriver('sending from anywhere', (fixture) => {
  it('send strings, bytes and pings from anywhere, and what is misused throws', async () => {
    let here: Connection | undefined;
    const { address } = await fixture.start({}, (gateway) => {
      gateway.websocket('/here', {
        open(connection) {
          here = connection as Connection;
          connection.data = { name: 'Anna' };
          connection.send('welcome');
        },
      });
    });
    const client = await Client.open(address, '/here');
    assert.equal(await client.text(), 'welcome');
    const connection = here!;
    assert.deepEqual(connection.data, { name: 'Anna' });
    await until(() => connection.bufferedAmount === 0, 'the welcome has left');
    for (const text of ['', 'short', 'kürzlich', 'é'.repeat(60), 'x'.repeat(5000), '\ud800']) {
      await until(() => connection.bufferedAmount === 0, 'what was sent has left');
      assert.equal(connection.send(text), 'sent');
      assert.equal(connection.send('more'), 'sent', 'it leaves together with the one before');
      assert.equal(await client.text(), text === '\ud800' ? '\ufffd' : text);
      assert.equal(await client.text(), 'more');
    }
    connection.send(new Uint8Array([1, 2, 3]));
    connection.send(new Uint8Array(100_000).fill(7));
    assert.ok(connection.bufferedAmount > 100_000);
    assert.deepEqual((await client.frame()).payload, Buffer.from([1, 2, 3]));
    assert.equal((await client.frame()).payload.length, 100_000);
    connection.ping('beat');
    const ping = await client.frame();
    assert.deepEqual([ping.opcode, ping.payload.toString()], [Opcode.PING, 'beat']);
    assert.throws(() => connection.send(5 as never), { code: 'ERR_OPTION_TYPE' });
    assert.throws(() => connection.ping(new Uint8Array(126)), { code: 'ERR_OPTION_RANGE' });
    for (const code of [999, 1005, 1006, 5000, 1000.5]) {
      assert.throws(() => connection.close(code), { code: 'ERR_CLOSE_CODE' });
    }
    assert.throws(() => connection.close(1000, 'x'.repeat(124)), { code: 'ERR_CLOSE_REASON' });
    assert.throws(() => connection.send(new Uint8Array(200 << 20)), { code: 'ERR_OPTION_RANGE' });
    assert.ok(connection.isOpen);
    await client.close();
  });
});
