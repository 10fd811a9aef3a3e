/** The close handshake in the client's role, and every other way to end. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Clock } from './clock.ts';
import {
  closePayload,
  ending,
  hasCode,
  drivers,
  fixture,
  serverFrame,
  until,
  type Peer,
} from './fixture.ts';

for (const driver of drivers) {
  describe(`WebSocket, closing (${driver})`, () => {
    const { connect, server, gateway } = fixture(driver);
    test('the server begins: its code is echoed, and the client waits for it to end', async () => {
      let echo: Buffer | undefined;
      let peer: Peer | undefined;
      const { url } = await server(async (each) => {
        peer = each;
        await peer.accept();
        peer.write(serverFrame(8, closePayload(4001, 'go é')));
        echo = (await peer.frame()).payload;
      });
      const socket = connect(url);
      const over = ending(socket);
      await until(() => echo !== undefined, 'the echo came');
      assert.equal(socket.readyState, socket.CLOSING);
      assert.equal(peer!.ended, false);
      peer!.socket.end();
      const { close, events } = await over;
      assert.deepEqual(echo, closePayload(4001));
      assert.deepEqual([close.code, close.reason, close.wasClean], [4001, 'go é', true]);
      assert.deepEqual(events, ['open', 'close']);
      await peer!.over();
    });

    test('a close frame without a code is echoed without one, and reported as 1005', async () => {
      let echo: Buffer | undefined;
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.write(serverFrame(8));
        echo = (await peer.frame()).payload;
        peer.socket.end();
      });
      const { close } = await ending(connect(url));
      assert.equal(echo!.length, 0);
      assert.deepEqual([close.code, close.reason, close.wasClean], [1005, '', true]);
    });

    test('a server that closes and ends in one segment', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.socket.end(serverFrame(8, closePayload(1001, 'away')));
      });
      const { close } = await ending(connect(url));
      assert.deepEqual([close.code, close.reason, close.wasClean], [1001, 'away', true]);
    });

    test('what was sent before close arrives before the close frame', async () => {
      const sizes: number[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        for (;;) {
          const { opcode, payload } = await peer.frame();
          if (opcode === 8) break;
          sizes.push(payload.length);
        }
        peer.socket.end(serverFrame(8, closePayload(1000)));
      });
      const socket = connect(url);
      await socket.opened();
      const over = ending(socket);
      socket.send(new Uint8Array(3_000_000));
      socket.send(new Blob([new Uint8Array(1000)]));
      socket.send('last');
      socket.close(1000);
      assert.equal((await over).close.wasClean, true);
      assert.deepEqual(sizes, [3_000_000, 1000, 4]);
      assert.equal(socket.bufferedAmount, 0);
    });

    test('both close at once', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept();
        await peer.frame();
        // Not an echo: the server's own close crosses the client's.
        peer.socket.end(serverFrame(8, closePayload(4000, 'mine')));
      });
      const socket = connect(url);
      await socket.opened();
      const over = ending(socket);
      socket.close(3000, 'yours');
      const { close } = await over;
      assert.deepEqual([close.code, close.reason, close.wasClean], [4000, 'mine', true]);
    });

    test('a server that does not answer a close is given up: 1006, without an error', async () => {
      const { url, peers } = await server((peer) => peer.accept());
      const socket = connect(url, [], { closeTimeoutMs: 50 });
      await socket.opened();
      const over = ending(socket);
      socket.close(1000);
      const { close, error } = await over;
      assert.deepEqual([close.code, close.wasClean, error], [1006, false, undefined]);
      await peers[0]!.over();
    });

    test('a server that answers a close but does not end is left: the close was clean', async () => {
      const { url, peers } = await server(async (peer) => {
        await peer.accept();
        const { payload } = await peer.frame();
        peer.write(serverFrame(8, payload));
      });
      const socket = connect(url, [], { closeTimeoutMs: 50 });
      await socket.opened();
      const over = ending(socket);
      socket.close(3001);
      const { close } = await over;
      assert.deepEqual([close.code, close.wasClean], [3001, true]);
      await peers[0]!.over();
    });

    test('the end of the stream without a close frame is 1006 without an error', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.socket.end(serverFrame(1, 'last words'));
      });
      const socket = connect(url);
      const messages: unknown[] = [];
      socket.onmessage = ({ data }) => messages.push(data);
      const { close, events } = await ending(socket);
      assert.deepEqual(messages, ['last words']);
      assert.deepEqual([close.code, close.wasClean], [1006, false]);
      assert.deepEqual(events, ['open', 'close']);
    });

    test('a reset is an error and 1006', async () => {
      const { url, peers } = await server((peer) => peer.accept());
      const socket = connect(url);
      await socket.opened();
      const over = ending(socket);
      peers[0]!.socket.resetAndDestroy();
      const { close, error } = await over;
      assert.deepEqual([close.code, close.wasClean], [1006, false]);
      hasCode(error, 'ERR_WEBSOCKET_CLOSED');
    });

    test('terminate ends it at once', async () => {
      const { url, peers } = await server((peer) => peer.accept());
      const socket = connect(url);
      await socket.opened();
      const over = ending(socket);
      socket.terminate();
      assert.equal((await over).close.code, 1006);
      await peers[0]!.over();
      socket.terminate();
      socket.close();
    });

    test('a server that is silent is pinged, and given up in the end', async () => {
      const opcodes: number[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        for (;;) opcodes.push((await peer.frame()).opcode);
      });
      const clock = new Clock();
      const socket = connect(url, [], { idleTimeoutMs: 1000 }, clock);
      await socket.opened();
      const over = ending(socket);
      clock.pass(500);
      assert.deepEqual(opcodes, []);
      clock.pass(250);
      await until(() => opcodes.length === 1, 'the ping came');
      clock.pass(250);
      assert.equal(socket.readyState, socket.OPEN);
      clock.pass(250);
      const { close, error } = await over;
      hasCode(error, 'ERR_WEBSOCKET_TIMEOUT');
      assert.equal(close.code, 1006);
      assert.deepEqual(opcodes, [9]);
    });

    test('a server that answers pings is kept', async () => {
      let pings = 0;
      const { url } = await server(async (peer) => {
        await peer.accept();
        for (;;) {
          const { opcode, payload } = await peer.frame();
          if (opcode !== 9) continue;
          pings += 1;
          // The message shows when the pong has come.
          peer.write(Buffer.concat([serverFrame(10, payload), serverFrame(1, 'pong')]));
        }
      });
      const clock = new Clock();
      const socket = connect(url, [], { idleTimeoutMs: 1000 }, clock);
      let pongs = 0;
      socket.onmessage = () => (pongs += 1);
      await socket.opened();
      for (let round = 1; round <= 4; round++) {
        clock.pass(750);
        await until(() => pongs === round, 'the server has answered');
      }
      assert.equal(pings, 4);
      assert.equal(socket.readyState, socket.OPEN);
      assert.equal(clock.timers.length, 1);
    });

    test('no idle timeout, no timer', async () => {
      const { url } = await gateway();
      const clock = new Clock();
      await connect(`${url}/echo`, [], { idleTimeoutMs: 0 }, clock).opened();
      assert.equal(clock.timers.length, 0);
    });

    test('ping is answered by a pong event with its bytes', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      await socket.opened();
      const pong = new Promise<unknown>((resolve) => {
        socket.addEventListener('pong', ({ data }) => resolve(data));
      });
      socket.ping('payload');
      assert.deepEqual(await pong, new Uint8Array(Buffer.from('payload')));
      assert.throws(() => socket.ping(new Uint8Array(126)), { code: 'ERR_OPTION_RANGE' });
      assert.throws(() => socket.ping(5 as unknown as string), { code: 'ERR_OPTION_TYPE' });
    });

    test('pings are answered, inside a fragmented message too', async () => {
      const pongs: string[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.write(serverFrame(1, 'be', { fin: false }));
        peer.write(serverFrame(9, 'ping'));
        pongs.push((await peer.frame()).payload.toString());
        peer.write(serverFrame(0, 'ginning'));
      });
      for await (const message of connect(url)) {
        assert.equal(message, 'beginning');
        break;
      }
      assert.deepEqual(pongs, ['ping']);
    });

    test('pings that come at once are answered one by one, in order', async () => {
      const expected = Array.from({ length: 10 }, (_, i) => `ping ${i}`);
      const pongs: string[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.write(Buffer.concat(expected.map((payload) => serverFrame(9, payload))));
        for (const _ of expected) pongs.push((await peer.frame()).payload.toString());
        peer.write(serverFrame(1, 'end'));
      });
      for await (const message of connect(url)) {
        assert.equal(message, 'end');
        break;
      }
      assert.deepEqual(pongs, expected);
    });

    test('a flood of pings to a client that cannot write costs it few pongs', async () => {
      const payloads: string[] = [];
      const { url, peers } = await server(async (peer) => {
        await peer.accept();
        peer.socket.pause();
        for (let i = 0; i < 50_000; i++) peer.write(serverFrame(9, `${i}`));
        peer.write(serverFrame(1, 'end'));
      });
      const socket = connect(url, [], { binaryType: 'uint8array' });
      await socket.opened();
      for (let i = 0; i < 8; i++) socket.send(new Uint8Array(1_000_000));
      for await (const message of socket) {
        assert.equal(message, 'end');
        break;
      }
      const [peer] = peers;
      peer!.socket.resume();
      for (let data = 0; data < 8 || payloads.length === 0;) {
        const { opcode, payload } = await peer!.frame();
        if (opcode === 2) data += 1;
        else payloads.push(payload.toString());
      }
      assert.equal(payloads.at(-1), '49999');
      assert.ok(payloads.length < 50_000);
    });

    test('an error thrown by a listener does not end the connection', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      const thrown: unknown[] = [];
      const before = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.on('uncaughtException', (error) => thrown.push(error));
      try {
        let messages = 0;
        socket.onmessage = () => {
          messages += 1;
          throw new Error('from a listener');
        };
        await socket.opened();
        socket.send('1');
        socket.send('2');
        await until(() => messages === 2 && thrown.length === 2, 'both came');
        assert.equal(socket.readyState, socket.OPEN);
      } finally {
        process.removeAllListeners('uncaughtException');
        for (const listener of before) process.on('uncaughtException', listener);
      }
    });
  });
}
