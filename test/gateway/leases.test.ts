/** Messages in handlers' hands: how long they live, and what keeps their memory. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway, Message, RetainedMessage } from '../../src/gateway/index.ts';
import { Arena, processArena } from '../../src/memory/index.ts';
import { Client, frame, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CONTINUATION } = Opcode;
const RELEASED = { name: 'TypeError', code: 'ERR_LEASE_RELEASED' };

const payload = (size: number, seed = 1): Buffer =>
  Buffer.from(new Uint8Array(size).map((_, i) => (i * 7 + seed) & 0xff));

/** In two fragments, so that it is put together in a block. */
function inPieces(bytes: Uint8Array): Buffer {
  const half = bytes.length >> 1;
  return Buffer.concat([
    frame(BINARY, bytes.subarray(0, half), { fin: false }),
    frame(CONTINUATION, bytes.subarray(half)),
  ]);
}

/** Sizes below and above that from which messages are sent from where they lie. */
const SIZES = [0, 1, 100, 2047, 2048, 5000, 100_000];

function assertReleased(message: Message): void {
  assert.throws(() => message.text(), RELEASED);
  assert.throws(() => message.bytes(), RELEASED);
  assert.throws(() => message.view(), RELEASED);
  assert.throws(() => message.json(), RELEASED);
  assert.throws(() => message.retain(), RELEASED);
  assert.throws(() => message.length, RELEASED);
  assert.throws(() => message.isText, RELEASED);
}

function keeping(kept: RetainedMessage[]): (gateway: Gateway) => void {
  return (gateway) => {
    gateway.websocket('/keep', { message: (_, message) => void kept.push(message.retain()) });
  };
}

onEveryDriver('messages that are retained', (fixture) => {
  it('keep their bytes while thousands of others come, and give their memory back', async () => {
    const kept: RetainedMessage[] = [];
    const { gateway, address } = await fixture.start({}, keeping(kept));
    const client = await Client.open(address, '/keep');
    const echo = await Client.open(address);
    const all = SIZES.flatMap((size, i) => [payload(size, i), payload(size, i + 100)]);
    all.forEach((bytes, i) => client.write(i % 2 === 0 ? frame(BINARY, bytes) : inPieces(bytes)));
    await until(() => kept.length === all.length, 'all came');
    for (let i = 0; i < 300; i++) echo.write(inPieces(payload(3000, i)));
    for (let i = 0; i < 300; i++) {
      assert.ok((await echo.frame()).payload.equals(payload(3000, i)));
    }
    kept.forEach((message, i) => {
      assert.equal(message.isText, false);
      assert.equal(message.length, all[i]!.length);
      assert.ok(Buffer.from(message.bytes()).equals(all[i]!), `message ${i}`);
    });
    assert.ok(gateway.usage().memoryBytes > 0);
    for (const message of kept) message.release();
    for (const message of kept) assertReleased(message);
    await Promise.all([client.close(), echo.close()]);
    await untilNothingIsHeld(gateway);
  });

  it('may be retained again, each with an end of its own', async () => {
    const kept: RetainedMessage[] = [];
    const { gateway, address } = await fixture.start({}, keeping(kept));
    const client = await Client.open(address, '/keep');
    for (const size of [10, 5000]) {
      client.write(inPieces(payload(size)));
      await until(() => kept.length === 1, 'it came');
      const first = kept.pop()!;
      const second = first.retain();
      first.release();
      assertReleased(first);
      assert.throws(() => first.release(), RELEASED);
      assert.ok(Buffer.from(second.bytes()).equals(payload(size)));
      const third = second.retain();
      second[Symbol.dispose]();
      second[Symbol.dispose]();
      assert.ok(Buffer.from(third.view()).equals(payload(size)));
      third.release();
    }
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('messages that are retained for long', (fixture) => {
  it('outlive their connection and their gateway', async () => {
    const kept: RetainedMessage[] = [];
    const ofGateways = (): string[] =>
      processArena()
        .regions()
        .filter(({ owner }) => owner.startsWith('gateway'))
        .map(({ owner, name }) => `${name} of ${owner}`);
    const before = ofGateways();
    const { gateway, address } = await fixture.start({}, keeping(kept));
    const client = await Client.open(address, '/keep');
    client.write(Buffer.concat([inPieces(payload(5000)), inPieces(payload(6000))]));
    await until(() => kept.length === 2, 'they came');
    await client.close();
    await until(() => gateway.usage().connections === 0, 'it is gone');
    await gateway.close();
    assert.ok(Buffer.from(kept[0]!.bytes()).equals(payload(5000)));
    kept[0]!.release();
    assert.ok(Buffer.from(kept[1]!.bytes()).equals(payload(6000)));
    assert.notDeepEqual(ofGateways(), before);
    kept[1]!.release();
    assert.deepEqual(ofGateways(), before);
  });
});

onEveryDriver('messages that are sent on', (fixture) => {
  it('to all others, from a handler, later, and kept: everybody gets the same', async () => {
    const all: Connection[] = [];
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/relay', {
        open: (connection) => void all.push(connection),
        async message(_, message) {
          using kept = message.retain();
          for (const connection of all) connection.send(message);
          await Promise.resolve();
          for (const connection of all) connection.send(message);
          await new Promise((resolve) => setImmediate(resolve));
          for (const connection of all) connection.send(kept);
        },
      });
    });
    const clients: Client[] = [];
    while (clients.length < 4) clients.push(await Client.open(address, '/relay'));
    for (const size of SIZES) {
      for (const whole of [true, false]) {
        const bytes = payload(size, 3);
        clients[0]!.write(whole ? frame(BINARY, bytes) : inPieces(bytes));
        for (const client of clients) {
          for (let i = 0; i < 3; i++) {
            assert.ok((await client.frame()).payload.equals(bytes), `${size} bytes`);
          }
        }
      }
    }
    await Promise.all(clients.map((client) => client.close()));
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('messages that are sent further', (fixture) => {
  it('to another gateway, of the same arena and of another', async () => {
    const far: Connection[] = [];
    const prepare = (each: Gateway): void => {
      each.websocket('/far', { open: (connection) => void far.push(connection) });
    };
    const same = await fixture.start({}, prepare);
    const arena = Arena.create({ size: 96 << 20 });
    const other = await fixture.start({ arena, driver: 'portable' }, prepare);
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/over', {
        async message(_, message) {
          for (const connection of far) connection.send(message);
          await Promise.resolve();
          for (const connection of far) connection.send(message);
        },
      });
    });
    const receivers = [
      await Client.open(same.address, '/far'),
      await Client.open(other.address, '/far'),
    ];
    await until(() => far.length === 2, 'both are open');
    const client = await Client.open(address, '/over');
    for (const size of SIZES) {
      for (const bytes of [payload(size, 1), payload(size, 2)]) {
        client.write(bytes[0] === 1 ? frame(BINARY, bytes) : inPieces(bytes));
        for (const receiver of receivers) {
          for (let i = 0; i < 2; i++) {
            assert.ok((await receiver.frame()).payload.equals(bytes), `${size} bytes`);
          }
        }
      }
    }
    await Promise.all([...receivers, client].map((each) => each.close()));
    for (const each of [gateway, same.gateway, other.gateway]) await untilNothingIsHeld(each);
  });

  it('are released for all when a connection is ended in the middle of them', async () => {
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/end', {
        message(connection, message) {
          for (let i = 0; i < 20; i++) connection.send(message);
          connection.terminate();
          assert.equal(connection.send(message), 'closed');
          assert.equal(message.length, 50_000);
        },
      });
    });
    for (let i = 0; i < 5; i++) {
      const client = await Client.open(address, '/end');
      client.write(inPieces(payload(50_000)));
      await client.over();
    }
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('messages after their handler', (fixture) => {
  for (const debug of [false, true]) {
    it(`cannot be used${debug ? ', nor one for another' : ''}`, async () => {
      const seen: Message[] = [];
      // What is native has one arena for the whole thread.
      const arena = Arena.create({ size: 96 << 20, debug });
      const options = debug ? { arena, driver: 'portable' as const } : {};
      const { gateway, address } = await fixture.start(options, (each) => {
        each.websocket('/leak', {
          message(connection, message) {
            if (debug) for (const earlier of seen) assertReleased(earlier);
            seen.push(message);
            connection.send('seen');
          },
        });
        each.websocket('/leak-later', {
          async message(connection, message) {
            await Promise.resolve();
            assert.equal(message.text(), 'later');
            seen.push(message);
            connection.send('seen');
          },
        });
      });
      const client = await Client.open(address, '/leak');
      const later = await Client.open(address, '/leak-later');
      for (let i = 0; i < 3; i++) {
        client.send(TEXT, 'one');
        assert.equal(await client.text(), 'seen');
        later.send(TEXT, 'later');
        assert.equal(await later.text(), 'seen');
        await new Promise((resolve) => setImmediate(resolve));
        for (const message of seen) assertReleased(message);
      }
      for (const message of seen) {
        assert.throws(() => gateway.publish('news', message), RELEASED);
      }
      await Promise.all([client.close(), later.close()]);
      await untilNothingIsHeld(gateway);
    });
  }
});
