/** The interface as the WebSockets standard has it, by the names of its rules. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket } from '../../src/websocket/index.ts';
import { closePayload, ending, drivers, fixture, serverFrame, until } from './fixture.ts';

const isException = (name: string) => (error: unknown) =>
  error instanceof DOMException && error.name === name;

describe('WebSocket, constructor', () => {
  for (const url of [
    '',
    '/relative',
    'ftp://host/',
    'ws://host/#fragment',
    'ws://host/#',
    'ws://',
  ]) {
    test(`a URL that cannot be used is a SyntaxError: ${JSON.stringify(url)}`, () => {
      assert.throws(() => new WebSocket(url), isException('SyntaxError'));
    });
  }

  const lists = [['a', 'a'], ['chat', 'Chat'], [''], ['with space'], ['a,b'], 'nicht-über'];
  for (const protocols of lists) {
    test(`subprotocols that cannot be offered: ${JSON.stringify(protocols)}`, () => {
      const make = () => new WebSocket('ws://127.0.0.1:1/', protocols);
      assert.throws(make, isException('SyntaxError'));
    });
  }

  test('an option that does not exist is named, with the nearest that does', () => {
    const options = { maxMesageSize: 1 } as object;
    assert.throws(() => new WebSocket('ws://127.0.0.1:1/', [], options), {
      code: 'ERR_OPTION_UNKNOWN',
      message: /maxMessageSize/,
    });
  });

  const headers: Record<string, string>[] = [
    { 'Sec-WebSocket-Key': 'mine' },
    { upgrade: 'h2c' },
    { name: 'a\r\nInjected: b' },
    { 'na me': 'a' },
    { name: ' a' },
    { name: 'snow ☃' },
  ];
  for (const header of headers) {
    test(`a header that would break the request: ${JSON.stringify(header)}`, () => {
      const make = () => new WebSocket('ws://127.0.0.1:1/', [], { headers: header });
      assert.throws(make, { code: 'ERR_HTTP_HEADER' });
    });
  }

  test('a proxy that is no URL is refused without saying what it is', () => {
    const options = { proxy: 'user:secret@host' };
    assert.throws(
      () => new WebSocket('ws://127.0.0.1:1/', [], options),
      (error: Error) => {
        return !error.message.includes('secret');
      },
    );
  });
});

for (const driver of drivers) {
  describe(`WebSocket, interface (${driver})`, () => {
    const { connect, gateway, server } = fixture(driver);
    test('constants are on the class and on its objects', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      const names = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;
      names.forEach((name, value) => {
        assert.equal(WebSocket[name], value);
        assert.equal(socket[name], value);
      });
    });

    test('url is the resolved one, and http stands for ws', async () => {
      const { url } = await gateway();
      const socket = connect(`${url.replace('ws:', 'http:')}/a/../echo?x= y`);
      assert.equal(socket.url, `${url}/echo?x=%20y`);
      socket.close();
    });

    test('readyState goes from CONNECTING over OPEN and CLOSING to CLOSED', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      const over = ending(socket);
      assert.equal(socket.readyState, socket.CONNECTING);
      await socket.opened();
      assert.equal(socket.readyState, socket.OPEN);
      socket.close(3000, 'reason');
      assert.equal(socket.readyState, socket.CLOSING);
      const { close, events } = await over;
      assert.equal(socket.readyState, socket.CLOSED);
      assert.deepEqual(events, ['open', 'close']);
      assert.deepEqual([close.code, close.reason, close.wasClean], [3000, '', true]);
    });

    test('send while CONNECTING is an InvalidStateError', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      assert.throws(() => socket.send('early'), isException('InvalidStateError'));
    });

    test('send when CLOSING or CLOSED drops the message and counts its bytes', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      await socket.opened();
      const over = ending(socket);
      socket.close();
      socket.send('é');
      socket.send(new Uint8Array(3));
      assert.equal(socket.bufferedAmount, 5);
      await over;
      socket.send(new Blob(['four']));
      assert.equal(socket.bufferedAmount, 9);
    });

    for (const code of [0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65_536, NaN, Infinity]) {
      test(`close with code ${code} is an InvalidAccessError`, async () => {
        const { url } = await gateway();
        const socket = connect(`${url}/echo`);
        await socket.opened();
        assert.throws(() => socket.close(code), isException('InvalidAccessError'));
        assert.equal(socket.readyState, socket.OPEN);
      });
    }

    test('close with a reason above 123 bytes of UTF-8 is a SyntaxError', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      await socket.opened();
      assert.throws(() => socket.close(1000, 'x'.repeat(124)), isException('SyntaxError'));
      assert.throws(() => socket.close(1000, 'é'.repeat(62)), isException('SyntaxError'));
      const over = ending(socket);
      socket.close(1000, `${'é'.repeat(61)}x`);
      assert.equal((await over).close.wasClean, true);
    });

    test('a close code is clamped and rounded as an unsigned short', async () => {
      const codes: number[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        codes.push((await peer.frame()).payload.readUInt16BE());
        peer.socket.end();
      });
      for (const code of [3000.5, 3001.5, 999.6]) {
        const socket = connect(`${url}/`);
        await socket.opened();
        const over = ending(socket);
        socket.close(code);
        await over;
      }
      assert.deepEqual(codes, [3000, 3002, 1000]);
    });

    test('the close frame has no body without a code, and 1000 with a reason alone', async () => {
      const payloads: Buffer[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        payloads.push((await peer.frame()).payload);
        peer.socket.end();
      });
      for (const reason of [undefined, 'why \ud800']) {
        const socket = connect(`${url}/`);
        await socket.opened();
        const over = ending(socket);
        socket.close(undefined, reason);
        await over;
      }
      assert.deepEqual(payloads, [Buffer.alloc(0), closePayload(1000, 'why \ufffd')]);
    });

    test('close while CONNECTING fails the connection: error, then close with 1006', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      const over = ending(socket);
      socket.close(1000);
      assert.equal(socket.readyState, socket.CLOSING);
      const { close, events } = await over;
      assert.deepEqual(events, ['error', 'close']);
      assert.deepEqual([close.code, close.wasClean], [1006, false]);
    });

    test('messages that come while CLOSING are not dispatched', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept();
        const { payload } = await peer.frame();
        peer.write(Buffer.concat([serverFrame(1, 'late'), serverFrame(8, payload)]));
        peer.socket.end();
      });
      const socket = connect(`${url}/`);
      await socket.opened();
      let messages = 0;
      socket.onmessage = () => (messages += 1);
      const over = ending(socket);
      socket.close(1000);
      assert.equal((await over).close.wasClean, true);
      assert.equal(messages, 0);
    });

    test('binaryType decides what bytes are; another value changes nothing', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      assert.equal(socket.binaryType, 'blob');
      await socket.opened();
      const messages = socket[Symbol.asyncIterator]();
      const echo = async () => {
        socket.send(Uint8Array.from([1, 2]));
        return (await messages.next()).value;
      };
      const blob = await echo();
      assert.ok(blob instanceof Blob);
      assert.equal(blob.size, 2);
      socket.binaryType = 'arraybuffer';
      assert.deepEqual(await echo(), Uint8Array.from([1, 2]).buffer);
      socket.binaryType = 'uint8array';
      assert.deepEqual(await echo(), Uint8Array.from([1, 2]));
      socket.binaryType = 'nothing' as 'blob';
      assert.equal(socket.binaryType, 'uint8array');
    });

    test('every kind of data arrives as it was sent', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`, [], { binaryType: 'uint8array' });
      await socket.opened();
      const bytes = Uint8Array.from([0, 1, 2, 3, 4, 5, 254, 255]);
      const sent = [
        'text é 😀',
        '',
        bytes,
        bytes.buffer,
        new DataView(bytes.buffer, 2, 4),
        new Uint16Array(bytes.buffer, 2, 2),
        new Blob(['blob ', bytes]),
        'after the blob',
        new Uint8Array(0),
        'lone \ud800 surrogate',
        12 as unknown as string,
      ];
      const messages = socket[Symbol.asyncIterator]();
      for (const data of sent) socket.send(data);
      const got: unknown[] = [];
      for (const _ of sent) got.push((await messages.next()).value);
      const blob = Uint8Array.from([...Buffer.from('blob '), ...bytes]);
      const part = bytes.slice(2, 6);
      const expected = ['text é 😀', '', bytes, bytes, part, part, blob, 'after the blob'];
      assert.deepEqual(got, [...expected, new Uint8Array(0), 'lone \ufffd surrogate', '12']);
    });

    test('bytes are the caller’s again when send returns', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`, [], { binaryType: 'uint8array' });
      await socket.opened();
      const messages = socket[Symbol.asyncIterator]();
      const data = new Uint8Array(1_000_000).fill(7);
      for (let i = 0; i < 4; i++) socket.send(data);
      data.fill(9);
      for (let i = 0; i < 4; i++) {
        const { value } = await messages.next();
        assert.ok((value as Uint8Array).every((byte) => byte === 7));
      }
    });

    test('an on… attribute keeps its place, can be replaced and taken away', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      const calls: string[] = [];
      socket.onmessage = () => calls.push('replaced');
      socket.addEventListener('message', () => calls.push('listener'));
      const handler = () => calls.push('attribute');
      socket.onmessage = handler;
      assert.equal(socket.onmessage, handler);
      await socket.opened();
      socket.send('1');
      await until(() => calls.length === 2, 'a message came');
      socket.onmessage = null;
      assert.equal(socket.onmessage, null);
      socket.send('2');
      await until(() => calls.length === 3, 'another came');
      assert.deepEqual(calls, ['attribute', 'listener', 'listener']);
    });

    test('a message event says where it comes from', async () => {
      const { url } = await gateway();
      const socket = connect(`${url}/echo`);
      await socket.opened();
      const event = await new Promise<{ origin: string; data: unknown; lastEventId: string }>(
        (resolve) => {
          socket.onmessage = resolve;
          socket.send('x');
        },
      );
      assert.deepEqual([event.origin, event.data, event.lastEventId], [url, 'x', '']);
    });
  });
}
