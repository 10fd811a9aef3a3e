/** What waits to be sent: results, policies, drain, pauses, and memory that is nearly used up. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway, GatewayOptions, SendResult } from '../../src/gateway/index.ts';
import { Client, closePayload, frame, Opcode, type Frame } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld, type Fixture, type Started } from './fixture.ts';

const { TEXT, BINARY, CLOSE, CONTINUATION, PING, PONG } = Opcode;
const KIB = 1024;
const MIB = 1024 * KIB;

/** A connection in the hands of a test: what its handlers were called with. */
interface Held {
  readonly connection: Connection;
  drains: number;
  closes: number[];
}

/** A gateway with the route `/hold`, and the connections that were opened on it. */
async function holding(
  fixture: Fixture,
  options: GatewayOptions,
): Promise<Started & { held: Held[] }> {
  const held: Held[] = [];
  const of = (connection: Connection): Held => held.find((each) => each.connection === connection)!;
  const started = await fixture.start(options, (gateway) => {
    gateway.websocket('/hold', {
      open: (connection) => void held.push({ connection, drains: 0, closes: [] }),
      drain: (connection) => void (of(connection).drains += 1),
      close: (connection, code) => void of(connection).closes.push(code),
    });
  });
  return { ...started, held };
}

/** A client that reads nothing, and the server's side of it. */
async function deaf(
  address: Started['address'],
  held: Held[],
): Promise<{ client: Client; side: Held }> {
  const client = await Client.open(address, '/hold');
  client.socket.pause();
  return { client, side: held.at(-1)! };
}

/** Messages that tell their number, so that one can see which came. */
function numbered(number: number, size: number): Buffer {
  const bytes = Buffer.alloc(size, number & 0xff);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Sends, a few in each turn, until `end` says so. Results by message. */
async function sendUntil(
  connection: Connection,
  size: number,
  end: (results: readonly SendResult[]) => boolean,
): Promise<SendResult[]> {
  const results: SendResult[] = [];
  while (!end(results)) {
    for (let i = 0; i < 8; i++) results.push(connection.send(numbered(results.length, size)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return results;
}

const has = (result: SendResult, times = 1) => {
  return (results: readonly SendResult[]): boolean =>
    results.filter((each) => each === result).length >= times;
};

onEveryDriver('send', (fixture) => {
  it('tells sent, queued and, for what is closed, closed; bufferedAmount follows', async () => {
    const { gateway, address, held } = await holding(fixture, {});
    const client = await Client.open(address, '/hold');
    const { connection } = held[0]!;
    await until(() => connection.bufferedAmount === 0, 'the handshake has left');
    assert.equal(connection.send('now'), 'sent');
    assert.equal(connection.bufferedAmount, 5);
    assert.equal(await client.text(), 'now');
    await until(() => connection.bufferedAmount === 0, 'it has left');
    client.socket.pause();
    const results = await sendUntil(connection, 16 * KIB, has('queued', 3));
    assert.ok(connection.bufferedAmount > 3 * 16 * KIB);
    assert.equal(connection.dropped, 0);
    client.socket.resume();
    for (let i = 0; i < results.length; i++) {
      assert.equal((await client.frame()).payload.readUInt32BE(), i);
    }
    await until(() => connection.bufferedAmount === 0, 'all has left');
    connection.close();
    assert.equal(connection.send('late'), 'closed');
    assert.equal(connection.ping(), 'closed');
    assert.equal(await client.closeCode(), 1000);
    client.send(CLOSE, closePayload(1000));
    await client.over();
    await untilNothingIsHeld(gateway);
  });

  it('is followed by drain when what was queued has left, once each time', async () => {
    const { gateway, address, held } = await holding(fixture, {});
    const { client, side } = await deaf(address, held);
    for (let round = 1; round <= 3; round++) {
      const results = await sendUntil(side.connection, 16 * KIB, has('queued'));
      assert.equal(side.drains, round - 1);
      client.socket.resume();
      for (let i = 0; i < results.length; i++) await client.frame();
      await until(() => side.drains === round, 'drain is called');
      client.socket.pause();
    }
    client.socket.resume();
    await client.close();
    await untilNothingIsHeld(gateway);
    assert.equal(side.drains, 3);
  });
});

onEveryDriver('send, refused', (fixture) => {
  it('of what can never be sent throws, compressed or not', async () => {
    for (const deflate of [false, true]) {
      const options = { deflate, memoryBytes: 1.5 * MIB, maxSendQueueBytes: 4 * MIB };
      const { gateway, address, held } = await holding(fixture, options);
      const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
      const { client } = await Client.upgrade(address, '/hold', headers);
      const { connection } = held[0]!;
      const noise = Buffer.from(
        Uint32Array.from({ length: MIB / 4 }, () => Math.random() * 2 ** 32).buffer,
      );
      const range = { name: 'RangeError', code: 'ERR_OPTION_RANGE' };
      assert.throws(() => connection.send(noise), range);
      assert.throws(() => connection.send(Buffer.alloc(2 * MIB)), range);
      assert.throws(() => connection.send('x'.repeat(2 * MIB)), range);
      connection.subscribe('all');
      assert.throws(() => gateway.publish('all', noise), range);
      // Behind one that is being compressed, too.
      const large = 'y'.repeat(300 * KIB);
      if (deflate) assert.equal(connection.send(large), 'queued');
      assert.throws(() => connection.send(noise), range);
      assert.equal(connection.isOpen, true);
      if (deflate) assert.equal((await client.frame()).reserved, 4);
      assert.notEqual(connection.send('fine'), 'closed');
      assert.equal(await client.text(), 'fine');
      await client.close();
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('too much that waits', (fixture) => {
  it('closes with 1013 by default', async () => {
    const { gateway, address, held } = await holding(fixture, { maxSendQueueBytes: 100 * KIB });
    const { client, side } = await deaf(address, held);
    const results = await sendUntil(side.connection, 16 * KIB, has('closed'));
    assert.equal(results.includes('dropped'), false);
    assert.equal(side.connection.isOpen, false);
    assert.equal(gateway.counters().sendQueueOverflows, 1);
    const sent = results.filter((result) => result !== 'closed').length;
    client.socket.resume();
    for (let i = 0; i < sent; i++) {
      assert.equal((await client.frame()).payload.readUInt32BE(), i);
    }
    assert.equal(await client.closeCode(), 1013);
    client.send(CLOSE, closePayload(1013));
    assert.equal(await client.over(), 'end');
    assert.deepEqual(side.closes, [1013]);
    await untilNothingIsHeld(gateway);
  });

  it('drops the newest by drop-newest: what came before arrives, and drain tells', async () => {
    const options = { maxSendQueueBytes: 100 * KIB, sendQueuePolicy: 'drop-newest' as const };
    const { gateway, address, held } = await holding(fixture, options);
    const { client, side } = await deaf(address, held);
    const { connection } = side;
    const results = await sendUntil(connection, 16 * KIB, has('dropped', 5));
    const dropped = results.filter((result) => result === 'dropped').length;
    assert.equal(connection.dropped, dropped);
    assert.equal(gateway.counters().messagesDropped, dropped);
    assert.ok(connection.bufferedAmount <= 100 * KIB);
    client.socket.resume();
    for (const [number, result] of results.entries()) {
      if (result === 'dropped') continue;
      assert.equal((await client.frame()).payload.readUInt32BE(), number);
    }
    await until(() => side.drains > 0, 'drain is called');
    assert.equal(connection.send('welcome back'), 'sent');
    assert.equal(await client.text(), 'welcome back');
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('drops the oldest by drop-oldest: the last arrive, in order, none of them cut', async () => {
    const options = { maxSendQueueBytes: 200 * KIB, sendQueuePolicy: 'drop-oldest' as const };
    const { gateway, address, held } = await holding(fixture, options);
    const { client, side } = await deaf(address, held);
    const { connection } = side;
    const results = await sendUntil(connection, 10 * KIB, has('dropped', 50));
    assert.ok(connection.bufferedAmount <= 200 * KIB);
    const { dropped } = connection;
    assert.ok(dropped >= 50);
    client.socket.resume();
    let last = -1;
    let came = 0;
    for (; last < results.length - 1; came++) {
      const { payload } = await client.frame();
      const number = payload.readUInt32BE();
      assert.ok(number > last, `${number} after ${last}`);
      assert.ok(payload.equals(numbered(number, 10 * KIB)), `message ${number} is whole`);
      last = number;
    }
    assert.equal(came, results.length - dropped);
    await until(() => side.drains > 0, 'drain is called');
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('too much that waits, and pings', (fixture) => {
  it('are dropped like messages where messages are dropped, and close nobody', async () => {
    for (const sendQueuePolicy of ['drop-newest', 'drop-oldest'] as const) {
      const options = { maxSendQueueBytes: 64 * KIB, sendQueuePolicy };
      const { gateway, address, held } = await holding(fixture, options);
      const { client, side } = await deaf(address, held);
      const { connection } = side;
      const results = await sendUntil(connection, 8 * KIB, has('dropped', 3));
      // To the last byte.
      while (connection.bufferedAmount < 64 * KIB && connection.send('.') === 'queued');
      const { messagesReceived } = gateway.counters();
      client.write(Buffer.concat([frame(PING, 'x'.repeat(125)), frame(TEXT, 'a')]));
      const came = (): boolean => gateway.counters().messagesReceived > messagesReceived;
      await until(came, 'the ping was handled');
      connection.ping('y'.repeat(125));
      assert.equal(connection.isOpen, true);
      assert.equal(gateway.counters().sendQueueOverflows, 0);
      client.socket.resume();
      for (let last = ''; last !== 'end';) {
        await until(() => client.hasMore || connection.bufferedAmount === 0, 'more comes');
        if (!client.hasMore) connection.send('end');
        const { opcode, payload } = await client.frame();
        assert.ok(opcode === BINARY || opcode === TEXT || opcode === PONG || opcode === PING);
        last = payload.toString('latin1', 0, 4);
      }
      assert.ok(results.length > 0);
      client.send(CLOSE, closePayload(1000));
      await client.over();
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('pause', (fixture) => {
  it('reads nothing until resume, then all in order, whenever it is called', async () => {
    const seen: string[] = [];
    let side: Connection | undefined;
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/pause', {
        open: (connection) => void (side = connection),
        message(connection, message) {
          assert.equal(connection.isPaused, false);
          seen.push(message.text());
          if (seen.length % 3 === 1) connection.pause();
          // Again and again changes nothing.
          connection.resume();
          connection.pause();
          connection.pause();
          if (seen.length % 3 === 2) connection.resume();
        },
      });
    });
    const client = await Client.open(address, '/pause');
    const texts = Array.from({ length: 500 }, (_, i) => `${i} ${'.'.repeat(i % 400)}`);
    client.write(Buffer.concat(texts.map((text) => frame(TEXT, text))));
    while (seen.length < texts.length) {
      const before = seen.length;
      await until(() => side!.isPaused || seen.length === texts.length, 'it is paused');
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(seen.length <= before + 3);
      side!.resume();
      await until(() => seen.length > before || seen.length === texts.length, 'it goes on');
    }
    assert.deepEqual(seen, texts);
    side!.resume();
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('pause and the end', (fixture) => {
  it('makes the peer wait, holds little, and sees the end of the peer', async () => {
    const notes: number[] = [];
    const sides: Connection[] = [];
    let received = 0;
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/pause', {
        open(connection) {
          sides.push(connection);
          connection.pause();
        },
        message: (_, message) => void (received += message.length),
        close: (_, code) => void notes.push(code),
      });
    });
    const client = await Client.open(address, '/pause');
    let written = 0;
    const message = frame(BINARY, Buffer.alloc(64 * KIB));
    while (client.socket.writableLength < MIB) {
      client.socket.write(message);
      written += 64 * KIB;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(received, 0);
    assert.ok(gateway.usage().memoryBytes <= 4 * MIB, `${gateway.usage().memoryBytes} are held`);
    sides[0]!.resume();
    await until(() => received === written, 'all came');
    sides[0]!.pause();
    // Nothing is unread: the end is seen, and looked at when it is its turn.
    const quiet = await Client.open(address, '/pause');
    quiet.reset();
    await until(() => notes.length === 1, 'a reset is told at once');
    client.socket.end();
    sides[0]!.resume();
    await until(() => notes.length === 2, 'the end is told after resume');
    assert.deepEqual(notes, [1006, 1006]);
    await client.over();
    await untilNothingIsHeld(gateway);
  });

  it('does not survive close: the handshake comes to its end', async () => {
    let side: Connection | undefined;
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/pause', { open: (connection) => void (side = connection) });
    });
    const client = await Client.open(address, '/pause');
    side!.pause();
    client.send(TEXT, 'not read any more');
    side!.close(4000);
    side!.pause();
    assert.equal(await client.closeCode(), 4000);
    client.send(CLOSE, closePayload(4000));
    assert.equal(await client.over(), 'end');
    await untilNothingIsHeld(gateway);
  });
});

/** The next message; pings before it are answered. */
async function answering(client: Client): Promise<Frame> {
  for (;;) {
    const next = await client.frame();
    if (next.opcode !== PING) return next;
    client.send(PONG, next.payload);
  }
}

/** Fills what waits for a connection as far as it goes. */
function fill(gateway: Gateway): void {
  gateway.websocket('/fill', {
    message(connection, message) {
      const bytes = Buffer.alloc(60 * KIB);
      for (let i = Number(message.text()); i > 0; i--) {
        if (connection.send(bytes) !== 'sent' && connection.bufferedAmount > 900 * KIB) return;
      }
    },
  });
}

onEveryDriver('scarce memory', (fixture) => {
  it('is not kept by those who never read: they are ended, and all others are served', async () => {
    const options = { memoryBytes: 16 * MIB, idleTimeoutMs: 2000, closeTimeoutMs: 100 };
    const { gateway, address } = await fixture.start(
      { ...options, sendQueuePolicy: 'drop-newest', maxSendQueueBytes: 2 * MIB },
      fill,
    );
    const hogs: Client[] = [];
    while (hogs.length < 24) {
      const hog = await Client.open(address, '/fill');
      hog.socket.pause();
      const go = (): void => {
        if (!hog.socket.destroyed) hog.socket.write(frame(TEXT, '50'), () => setTimeout(go, 5));
      };
      go();
      hogs.push(hog);
    }
    await until(() => gateway.counters().memoryPauses > 0, 'memory is scarce');
    const large = Buffer.alloc(700 * KIB, 7);
    for (let answered = 0; answered < 3;) {
      const honest = await Client.open(address);
      honest.send(TEXT, 'small');
      assert.equal((await answering(honest)).payload.toString(), 'small');
      await honest.close();
      const other = await Client.open(address);
      other.send(BINARY, large.subarray(0, 300_000), { fin: false });
      other.send(CONTINUATION, large.subarray(300_000));
      // What is large may be told to try again, until some memory is in one piece.
      const { opcode, payload } = await answering(other);
      if (opcode === CLOSE) {
        assert.equal(payload.readUInt16BE(), 1013);
      } else {
        assert.ok(payload.equals(large));
        answered += 1;
      }
      other.reset();
    }
    assert.ok(gateway.usage().memoryBytes <= 16 * MIB);
    for (const hog of hogs) hog.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('scarce memory in the middle of a send', (fixture) => {
  it('ends who keeps most, and tells that without mixing up what is being sent', async () => {
    const options = { memoryBytes: MIB, maxSendQueueBytes: 8 * MIB };
    let hog: Connection | undefined;
    let other: Connection | undefined;
    const { gateway, address } = await fixture.start(options, (each) => {
      each.websocket('/hog', {
        open: (connection) => void (hog = connection),
        close() {
          other?.send('the hog is gone');
          each.publish('all', 'the hog is gone, all');
        },
      });
      each.websocket('/other', {
        open(connection) {
          other = connection;
          connection.subscribe('all');
        },
      });
    });
    const deafClient = await Client.open(address, '/hog');
    deafClient.socket.pause();
    const client = await Client.open(address, '/other');
    const texts: string[] = [];
    // In one turn nothing leaves.
    while (gateway.usage().memoryBytes < 850 * KIB) hog!.send(Buffer.alloc(60_000));
    for (let i = 0; i < 200; i++) {
      const text = `${i} ${String.fromCharCode(97 + (i % 26)).repeat(1000)}`;
      texts.push(text);
      if (i % 2 === 0) assert.notEqual(other!.send(text), 'closed');
      else assert.equal(gateway.publish('all', text), 1, `message ${i} reaches it`);
    }
    assert.equal(hog!.isOpen, false);
    const gone: string[] = [];
    for (let i = 0; i < texts.length;) {
      const text = await client.text();
      if (text.startsWith('the hog')) gone.push(text);
      else assert.equal(text, texts[i++]);
    }
    while (gone.length < 2) gone.push(await client.text());
    assert.deepEqual(gone, ['the hog is gone', 'the hog is gone, all']);
    await deafClient.over();
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});
