/** Back-pressure both ways, the limits, compression, and many clients in one process. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { processArena } from '../../src/memory/index.ts';
import { closePayload, ending, drivers, fixture, serverFrame, until } from './fixture.ts';

/** More than both ends of a loopback connection take without being read. */
const MUCH = 24 * 1024 * 1024;

for (const driver of drivers) {
  describe(`WebSocket, sending to who does not read (${driver})`, () => {
    const { connect, server } = fixture(driver);
    const silent = async () => {
      const { url, peers } = await server(async (peer) => {
        await peer.accept();
        peer.socket.pause();
      });
      const socket = connect(url, [], { maxSendQueueBytes: MUCH });
      await socket.opened();
      return { socket, peers };
    };

    test('send throws ERR_SEND_QUEUE above maxSendQueueBytes, and nothing is lost', async () => {
      const { socket, peers } = await silent();
      let sent = 0;
      const fill = () => {
        for (;;) {
          socket.send(new Uint8Array(100_000));
          sent += 1;
        }
      };
      assert.throws(fill, { code: 'ERR_SEND_QUEUE' });
      assert.ok(socket.bufferedAmount <= MUCH);
      assert.equal(socket.readyState, socket.OPEN);
      peers[0]!.socket.resume();
      for (let i = 0; i < sent; i++) {
        assert.equal((await peers[0]!.frame()).payload.length, 100_000);
      }
      await until(() => socket.bufferedAmount === 0, 'all is handed over');
    });

    test('drained() and the drain event wait until the server reads', async () => {
      const { socket, peers } = await silent();
      await socket.drained();
      let drains = 0;
      socket.addEventListener('drain', () => (drains += 1));
      for (let i = 0; i < 20; i++) socket.send(new Uint8Array(1 << 20));
      let drained = false;
      const wait = socket.drained().then(() => (drained = true));
      await until(() => socket.bufferedAmount < 20 << 20, 'some has left');
      assert.equal(drained, false);
      peers[0]!.socket.resume();
      await wait;
      assert.ok(socket.bufferedAmount <= 65_536);
      assert.equal(drains, 1);
    });

    test('drained() rejects when the connection ends before', async () => {
      const { socket } = await silent();
      for (let i = 0; i < 20; i++) socket.send(new Uint8Array(1 << 20));
      const wait = assert.rejects(socket.drained(), { code: 'ERR_WEBSOCKET_CLOSED' });
      const buffered = socket.bufferedAmount;
      socket.terminate();
      await wait;
      await assert.rejects(socket.drained(), { code: 'ERR_WEBSOCKET_CLOSED' });
      assert.ok(socket.bufferedAmount > 0 && socket.bufferedAmount <= buffered);
    });

    test('memory of the arena stays bounded however much waits', async () => {
      const used = () => {
        const own = processArena()
          .regions()
          .filter(({ owner }) => owner.startsWith('clients'));
        return own.filter(({ name }) => name.startsWith('message')).reduce((n, r) => n + r.used, 0);
      };
      const { socket } = await silent();
      const before = used();
      for (let i = 0; i < 200; i++) socket.send(new Uint8Array(100_000));
      await until(() => socket.bufferedAmount < 20_000_000, 'some has left');
      assert.ok(used() - before <= 512 * 1024, `${used() - before} bytes are held`);
    });

    test('twenty that are stuck leave memory for one that is not', async () => {
      const stuck = [];
      for (let i = 0; i < 20; i++) stuck.push((await silent()).socket);
      for (const socket of stuck) for (let i = 0; i < 8; i++) socket.send(new Uint8Array(1 << 20));
      const { url } = await server(async (peer) => {
        await peer.accept();
        const { payload } = await peer.frame();
        const half = payload.length >> 1;
        peer.write(serverFrame(2, payload.subarray(0, half), { fin: false }));
        peer.write(serverFrame(0, payload.subarray(half)));
      });
      const socket = connect(url, [], { binaryType: 'uint8array' });
      await socket.opened();
      socket.send(new Uint8Array(300_000).fill(1));
      for await (const message of socket) {
        assert.equal((message as Uint8Array).length, 300_000);
        break;
      }
    });
  });
}

for (const driver of drivers) {
  describe(`WebSocket, receiving slowly (${driver})`, () => {
    const { connect, server } = fixture(driver);
    const COUNT = 3000;
    /** A server that writes as fast as it may, and counts what the system has taken. */
    const flood = async () => {
      const state = { taken: 0 };
      const body = Buffer.alloc(10_000, 'x');
      const { url } = await server(async (peer) => {
        await peer.accept();
        for (let i = 0; i < COUNT; i++) {
          body.writeUInt32BE(i);
          const frame = serverFrame(2, body);
          await new Promise((resolve) => peer.socket.write(frame, resolve));
          state.taken += 1;
        }
        peer.socket.end(serverFrame(8, closePayload(1000, 'all')));
      });
      return { url, state };
    };

    test('for await makes the server wait, and gets every message in order', async () => {
      const { url, state } = await flood();
      const socket = connect(url, [], { binaryType: 'uint8array', readAheadBytes: 64 * 1024 });
      let dispatched = 0;
      socket.onmessage = () => (dispatched += 1);
      let next = 0;
      for await (const message of socket) {
        const bytes = message as Uint8Array;
        assert.equal(new DataView(bytes.buffer).getUint32(0), next);
        // Six of these messages and a half are 64 KiB.
        assert.ok(dispatched - next <= 8, `${dispatched - next} messages were read ahead`);
        if (next === 0) {
          let last = -1;
          await until(() => {
            const stuck = last === state.taken;
            last = state.taken;
            return stuck;
          }, 'the server waits');
          assert.ok(state.taken < COUNT);
        }
        next += 1;
      }
      assert.equal(next, COUNT);
    });

    test('pause stops the messages, resume brings them all', async () => {
      const { url, state } = await flood();
      const socket = connect(url);
      let messages = 0;
      socket.onmessage = () => {
        messages += 1;
        if (messages === 10) socket.pause();
      };
      const over = ending(socket);
      await until(() => messages === 10, 'ten came');
      assert.ok(socket.isPaused);
      let last = -1;
      await until(() => {
        const stuck = last === state.taken;
        last = state.taken;
        return stuck;
      }, 'the server waits');
      assert.equal(messages, 10);
      assert.ok(state.taken < COUNT);
      socket.resume();
      assert.equal((await over).close.wasClean, true);
      assert.equal(messages, COUNT);
    });

    test('a connection can be closed and terminated while it is paused', async () => {
      for (const how of ['close', 'terminate'] as const) {
        const { url } = await flood();
        const socket = connect(url);
        socket.onmessage = () => socket.pause();
        await until(() => socket.isPaused, 'it is paused');
        const over = ending(socket);
        socket[how]();
        const { close } = await over;
        assert.equal(close.wasClean, how === 'close');
      }
    });

    test('leaving the loop neither closes nor stops the connection', async () => {
      const { url } = await flood();
      const socket = connect(url, [], { readAheadBytes: 1024 });
      let first = 0;
      for await (const message of socket) {
        assert.ok(message);
        if ((first += 1) === 3) break;
      }
      let later = 0;
      socket.onmessage = () => (later += 1);
      assert.equal((await ending(socket)).close.code, 1000);
      assert.ok(later > COUNT - 100, `${later} came afterwards`);
    });

    test('an iteration ends with the connection: quietly when clean, by throwing when not', async () => {
      const clean = await server(async (peer) => {
        await peer.accept();
        peer.socket.end(Buffer.concat([serverFrame(1, 'a'), serverFrame(8, closePayload(1000))]));
      });
      const got: unknown[] = [];
      const socket = connect(clean.url);
      for await (const message of socket) got.push(message);
      assert.deepEqual([...got], ['a']);
      for await (const message of socket) got.push(message);
      assert.deepEqual([...got], ['a']);
      const cut = await server(async (peer) => {
        await peer.accept();
        peer.socket.end(serverFrame(1, 'b'));
      });
      const iterate = async () => {
        for await (const message of connect(cut.url)) got.push(message);
      };
      await assert.rejects(iterate, { code: 'ERR_WEBSOCKET_CLOSED' });
      assert.deepEqual([...got], ['a', 'b']);
    });
  });
}

for (const driver of drivers) {
  describe(`WebSocket, large messages and compression (${driver})`, () => {
    const { connect, gateway } = fixture(driver);
    test('16 MiB there and back, text and bytes', async () => {
      const size = 16 * 1024 * 1024;
      const { url } = await gateway({ maxMessageSize: size, maxSendQueueBytes: 2 * size });
      const socket = connect(`${url}/echo`, [], { binaryType: 'uint8array' });
      await socket.opened();
      const messages = socket[Symbol.asyncIterator]();
      const bytes = Buffer.alloc(size, 'The quick brown fox. ');
      socket.send(bytes);
      assert.ok(bytes.equals((await messages.next()).value as Uint8Array));
      const text = 'é'.repeat(size / 2);
      socket.send(text);
      assert.ok((await messages.next()).value === text);
    });

    const settings = [
      {},
      { clientNoContextTakeover: true },
      { serverNoContextTakeover: true },
      { clientMaxWindowBits: 9, serverMaxWindowBits: 10, level: 9, memoryLevel: 1 },
      { clientMaxWindowBits: 8, serverMaxWindowBits: 8, threshold: 0 },
    ];
    for (const deflate of settings) {
      test(`permessage-deflate with ${JSON.stringify(deflate)}`, async () => {
        const options = { maxMessageSize: 8 << 20, maxSendQueueBytes: 16 << 20 };
        const { url } = await gateway({
          ...options,
          deflate: { compressor: 'dedicated', inflater: 'dedicated', threshold: 0 },
        });
        const socket = connect(`${url}/echo`, [], { binaryType: 'uint8array', deflate });
        await socket.opened();
        assert.match(socket.extensions, /^permessage-deflate/);
        const messages = socket[Symbol.asyncIterator]();
        const random = gzipSync(Buffer.alloc(1)).subarray(0, 10);
        const sent = [
          'short',
          '',
          'the same again and again, '.repeat(1000),
          'the same again and again, '.repeat(1000),
          new Uint8Array(6_000_000),
          new Blob(['from a blob '.repeat(500)]),
          random,
        ];
        for (const data of sent) socket.send(data);
        for (const data of sent) {
          const { value } = await messages.next();
          if (data instanceof Blob) {
            assert.deepEqual(Buffer.from(value as Uint8Array).toString(), await data.text());
          } else if (typeof data === 'string') assert.equal(value, data);
          else assert.ok(Buffer.from(data as Uint8Array).equals(value as Uint8Array));
        }
        assert.equal(socket.bufferedAmount, 0);
        const over = ending(socket);
        socket.close();
        assert.equal((await over).close.wasClean, true);
      });
    }

    test('a server that does not compress is fine', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`, [], { deflate: true });
      await socket.opened();
      assert.equal(socket.extensions, '');
      socket.send('x'.repeat(5000));
      for await (const message of socket) {
        assert.equal((message as string).length, 5000);
        break;
      }
    });
  });
}

for (const driver of drivers) {
  describe(`WebSocket, many (${driver})`, () => {
    const { connect, gateway } = fixture(driver);
    test('1000 clients in one process, over one driver', async () => {
      const hubs = () => {
        const owners = processArena()
          .regions()
          .map(({ owner }) => owner);
        return new Set(owners.filter((owner) => owner.startsWith('clients'))).size;
      };
      const before = hubs();
      const { url, gateway: server } = await gateway();
      const sockets = Array.from({ length: 1000 }, () => connect(`${url}/echo`));
      await Promise.all(sockets.map((socket) => socket.opened()));
      assert.ok(hubs() <= before + 1);
      let echoes = 0;
      sockets.forEach((socket, index) => {
        socket.onmessage = ({ data }) => {
          assert.equal(data, `${index}`);
          echoes += 1;
        };
        socket.send(`${index}`);
      });
      await until(() => echoes === 1000, 'every echo came');
      const endings = sockets.map(ending);
      for (const socket of sockets) socket.close(1000);
      for (const each of endings) assert.equal((await each).close.wasClean, true);
      await until(() => server.usage().connections === 0, 'the server has seen every end');
    });

    test('the memory and the driver are given back when nobody uses them', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      await socket.opened();
      socket.terminate();
      const owners = () =>
        processArena()
          .regions()
          .map(({ owner }) => owner);
      await until(() => !owners().some((owner) => owner.startsWith('clients')), 'all is back');
    });

    test('20,000 small messages keep their order', async () => {
      const { url } = await gateway({ maxSendQueueBytes: 64 << 20 });
      const socket = connect(`${url}/echo`);
      await socket.opened();
      let next = 0;
      const over = new Promise<void>((resolve, reject) => {
        socket.onmessage = ({ data }) => {
          if (data !== `message ${next}`)
            reject(new Error(`${data as string} is not number ${next}`));
          if ((next += 1) === 20_000) resolve();
        };
        socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
      });
      for (let i = 0; i < 20_000; i++) socket.send(`message ${i}`);
      await over;
    });
  });
}
