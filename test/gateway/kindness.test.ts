/** What somebody who is new to the gateway runs into first. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { refuse, type Connection, type Message } from '../../src/gateway/index.ts';
import { Client, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

onEveryDriver('first values', (fixture) => {
  it('are published before listen, several of the same length, and stay apart', async () => {
    const topics = ['a', 'b', 'c'];
    const { gateway, address } = await fixture.start({}, (made) => {
      for (const topic of topics) {
        assert.equal(made.publish(`first/${topic}`, `value ${topic}`, { retain: true }), 0);
      }
      made.websocket('/all', {
        open: (connection) => void connection.subscribe('first/*', { pattern: true }),
      });
    });
    gateway.publish('first/d', 'value d', { retain: true });
    const client = await Client.open(address, '/all');
    const values = [await client.text(), await client.text(), await client.text()];
    values.push(await client.text());
    assert.deepEqual(values.toSorted(), ['value a', 'value b', 'value c', 'value d']);
    await client.close();
    await gateway.close();
    assert.equal(gateway.publish('first/a', 'nobody hears it'), 0);
  });
});

onEveryDriver('names that clients choose', (fixture) => {
  it('cannot become wildcards by themselves', async () => {
    const errors: unknown[] = [];
    const { gateway, address } = await fixture.start({}, (made) => {
      made.websocket('/rooms/:room', {
        open: (connection) => void connection.subscribe(`rooms/${connection.params.room}`),
        error: (_, error) => void errors.push(error),
      });
    });
    const curious = await Client.open(address, '/rooms/**');
    assert.equal(await curious.closeCode(), 1011);
    assert.equal((errors[0] as { code: string }).code, 'ERR_TOPIC');
    assert.match((errors[0] as Error).message, /pattern: true/);
    assert.equal(gateway.topics().size, 0);
    curious.socket.destroy();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('clients that send no JSON', (fixture) => {
  it('are closed with 1007, sync or async, and nobody is warned', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const { gateway, address } = await fixture.start({}, (made) => {
      made.websocket('/json', {
        message: (connection, message) => connection.send(JSON.stringify(message.json())),
      });
      made.websocket('/later', {
        async message(_, message) {
          await Promise.resolve();
          message.json();
        },
      });
    });
    for (const path of ['/json', '/later']) {
      const client = await Client.open(address, path);
      client.send(Opcode.TEXT, '{"a":');
      assert.equal(await client.closeCode(), 1007);
      client.socket.destroy();
    }
    const right = await Client.open(address, '/json');
    right.send(Opcode.TEXT, '{"a": 1}');
    assert.equal(await right.text(), '{"a":1}');
    await right.close();
    await untilNothingIsHeld(gateway);
    process.removeListener('warning', warned);
    assert.deepEqual(warnings, []);
    assert.equal(gateway.counters().handlerErrors, 0);
    assert.equal(gateway.counters().protocolFailures, 2);
  });
});

onEveryDriver('mistakes', (fixture) => {
  it('a thrown refusal is a refusal, and an unknown key of an acceptance a 500', async () => {
    const { gateway, address } = await fixture.start({}, (made) => {
      made.websocket('/thrown', {
        upgrade() {
          // eslint-disable-next-line typescript/only-throw-error
          throw refuse(418, 'No coffee') as unknown as Error;
        },
      });
      made.websocket('/typo', { upgrade: () => ({ date: 4 }) as object });
    });
    for (const [path, status] of [
      ['/thrown', 418],
      ['/typo', 500],
    ] as const) {
      const client = await Client.connect(address);
      client.write(handshake(path));
      assert.equal((await client.response()).status, status);
      client.socket.destroy();
    }
    await untilNothingIsHeld(gateway);
  });

  it('a snapshot above the limit may be the first thing that is sent', async () => {
    const { gateway, address } = await fixture.start({ maxSendQueueBytes: 4096 }, (made) => {
      made.websocket('/snapshot', { open: (connection) => connection.send('x'.repeat(100_000)) });
    });
    const client = await Client.open(address, '/snapshot');
    assert.equal((await client.text()).length, 100_000);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('with debug a message throws while another one is handled', async () => {
    let kept: Message | undefined;
    const outcomes: string[] = [];
    const { address } = await fixture.start({ debug: true }, (made) => {
      made.websocket('/keep', {
        message(connection: Connection, message) {
          try {
            outcomes.push(kept?.text() ?? 'first');
          } catch (error) {
            outcomes.push((error as { code: string }).code);
          }
          kept = message;
          connection.send('next');
        },
      });
    });
    const client = await Client.open(address, '/keep');
    for (let i = 0; i < 2; i++) {
      client.send(Opcode.TEXT, 'secret');
      assert.equal(await client.text(), 'next');
    }
    await until(() => outcomes.length === 2, 'both were handled');
    assert.deepEqual(outcomes, ['first', 'ERR_LEASE_RELEASED']);
    await client.close();
  });
});
