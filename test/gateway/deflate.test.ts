/** Compression on connections: what is agreed, every size and window, turns, limits and bombs. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SeededRandom } from '../../src/base/index.ts';
import type {
  Connection,
  DeflateOptions,
  Gateway,
  GatewayOptions,
  SendResult,
} from '../../src/gateway/index.ts';
import { closePayload, frame, Opcode } from './client.ts';
import { DeflateClient } from './deflate-client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CLOSE, PING, PONG } = Opcode;
const KIB = 1024;
const MIB = 1024 * KIB;

const WORDS = 'the quick brown fox jumps over a lazy dog while seven wizards box'.split(' ');

/** Text of about so many bytes, of words in a random order. */
function prose(size: number, seed: number): string {
  const random = new SeededRandom(seed);
  let text = '';
  while (text.length < size) text += `${WORDS[random.below(WORDS.length)]!} `;
  return text.slice(0, size);
}

function noise(size: number, seed: number): Buffer {
  const random = new SeededRandom(seed);
  return Buffer.from(new Uint8Array(size).map(() => random.below(256)));
}

/** Both kinds of each stream. */
const KINDS: readonly Pick<DeflateOptions, 'compressor' | 'inflater'>[] = [
  { compressor: 'shared', inflater: 'shared' },
  { compressor: 'dedicated', inflater: 'dedicated' },
];

/** A route whose newest connection the test has in its hands. */
function hands(): {
  readonly prepare: (gateway: Gateway) => void;
  side: Connection;
  drains: number;
} {
  const result = {
    prepare: (gateway: Gateway): void =>
      gateway.websocket('/hands', {
        open: (connection) => void (result.side = connection),
        drain: () => void (result.drains += 1),
      }),
    side: undefined as unknown as Connection,
    drains: 0,
  };
  return result;
}

onEveryDriver('compressed messages', (fixture) => {
  it('come back as they are, of every size, whatever the streams', async () => {
    for (const kinds of KINDS) {
      const deflate = { ...kinds, threshold: 16 };
      const { gateway, address } = await fixture.start({ deflate, maxMessageSize: 2 * MIB });
      const client = await DeflateClient.open(address, '/echo');
      assert.notEqual(client.agreed, '');
      const sizes = [0, 1, 15, 16, 17, 125, 200, 1000, 65_536, 131_072, 131_073, 300_000, MIB];
      for (const size of [...sizes, ...sizes.toReversed()]) {
        for (const data of [prose(size, size), noise(size, size)]) {
          const opcode = typeof data === 'string' ? TEXT : BINARY;
          if (size % 2 === 0) client.client.write(frame(opcode, data));
          else client.send(opcode, data, size % 3 === 0 ? 1000 : Infinity);
          assert.ok((await client.message()).equals(Buffer.from(data)), `${size} bytes`);
        }
      }
      assert.ok(client.compressed >= sizes.length, `${client.compressed} were compressed`);
      const { bytesToDeflate, bytesDeflated, bytesToInflate, bytesInflated } = gateway.counters();
      assert.ok(bytesDeflated < bytesToDeflate && bytesToInflate < bytesInflated);
      await client.close();
      await untilNothingIsHeld(gateway);
    }
  });

  it('keep to the window that was agreed, both ways', async () => {
    for (const compressor of ['shared', 'dedicated'] as const) {
      const deflate = { compressor, inflater: compressor, threshold: 1 };
      const { gateway, address } = await fixture.start({ deflate });
      for (let bits = 8; bits <= 15; bits++) {
        const offer = `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits=${bits}`;
        const client = await DeflateClient.open(address, '/echo', offer);
        assert.match(client.agreed, new RegExp(`server_max_window_bits=${bits}`));
        for (let i = 0; i < 6; i++) {
          const text = prose(1000 * (i + 1), bits);
          // zlib cannot keep to a window of 8 for raw data.
          if (bits === 8) client.client.send(TEXT, text);
          else client.send(TEXT, text);
          assert.equal(await client.text(), text, `${bits} bits`);
        }
        await client.close();
      }
      await untilNothingIsHeld(gateway);
    }
  });

  it('need an offer that can be read', async () => {
    const { gateway, address } = await fixture.start({ deflate: true });
    const none = await DeflateClient.open(address, '/echo', 'permessage-deflate; unknown=1');
    assert.equal(none.agreed, '');
    none.client.send(TEXT, prose(5000, 1));
    assert.equal(await none.text(), prose(5000, 1));
    assert.equal(none.compressed, 0);
    // Not agreed on: the bit is an error.
    none.send(TEXT, 'compressed');
    assert.equal(await none.client.closeCode(), 1002);
    none.client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('compressed messages that are dropped', (fixture) => {
  it('do not confuse the client, which reads all others', async () => {
    for (const sendQueuePolicy of ['drop-newest', 'drop-oldest'] as const) {
      const hand = hands();
      const options: GatewayOptions = { sendQueuePolicy, maxSendQueueBytes: 64 * KIB };
      const deflate = { compressor: 'dedicated' as const, threshold: 1 };
      const { gateway, address } = await fixture.start({ ...options, deflate }, hand.prepare);
      const client = await DeflateClient.open(address, '/hands');
      client.client.socket.pause();
      const { side } = hand;
      let number = 0;
      const next = (): string =>
        `${number} ${prose(200, number++ % 7)} ${noise(3000, number).toString('hex')}`;
      const sent: string[] = [];
      const put = (): SendResult => {
        const text = next();
        sent.push(text);
        return side.send(text);
      };
      while (side.dropped < 20) {
        for (let i = 0; i < 8; i++) put();
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.client.socket.resume();
      await until(() => side.bufferedAmount === 0, 'what waited has left');
      for (let i = 0; i < 5; i++) put();
      let at = -1;
      let came = 0;
      while (at < sent.length - 1) {
        const text = await client.text();
        const found = sent.indexOf(text);
        assert.ok(found > at, `message ${found} after ${at}`);
        at = found;
        came += 1;
      }
      assert.equal(came, sent.length - side.dropped);
      await client.close();
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('large messages', (fixture) => {
  it('are compressed in turns; what is sent meanwhile waits behind them, and drain tells', async () => {
    for (const { compressor } of KINDS) {
      const hand = hands();
      const deflate = { compressor: compressor!, threshold: 1 };
      const options = { deflate, maxSendQueueBytes: 16 * MIB };
      const { gateway, address } = await fixture.start(options, hand.prepare);
      const client = await DeflateClient.open(address, '/hands');
      const { side } = hand;
      const texts = [prose(MIB, 1), 'one', prose(400_000, 2), '', prose(300_000, 3), prose(50, 4)];
      assert.equal(side.send(texts[0]!), 'queued');
      assert.ok(side.bufferedAmount >= MIB);
      for (const text of texts.slice(1)) assert.equal(side.send(text), 'queued');
      const binary = noise(MIB, 5);
      assert.equal(side.send(binary), 'queued');
      for (const text of texts) assert.equal(await client.text(), text);
      assert.ok((await client.message()).equals(binary));
      await until(() => hand.drains > 0, 'drain is called');
      assert.equal(side.bufferedAmount, 0);
      await client.close();
      await untilNothingIsHeld(gateway);
    }
  });

  it('one alone that was queued is followed by drain', async () => {
    const hand = hands();
    const { gateway, address } = await fixture.start({ deflate: true }, hand.prepare);
    const client = await DeflateClient.open(address, '/hands');
    assert.equal(hand.side.send(prose(300_000, 1)), 'queued');
    assert.equal(await client.text(), prose(300_000, 1));
    await until(() => hand.drains === 1, 'drain is called');
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('leave before the close frame that was asked for behind them', async () => {
    const hand = hands();
    const { gateway, address } = await fixture.start(
      { deflate: true, maxSendQueueBytes: 16 * MIB },
      hand.prepare,
    );
    const client = await DeflateClient.open(address, '/hands');
    const texts = [prose(MIB, 1), 'between', prose(300_000, 2), 'last'];
    for (const text of texts) hand.side.send(text);
    hand.side.close(4000, 'that is all');
    assert.equal(hand.side.send('too late'), 'closed');
    for (const text of texts) assert.equal(await client.text(), text);
    assert.equal(await client.client.closeCode(), 4000);
    client.client.send(CLOSE, closePayload(4000));
    assert.equal(await client.client.over(), 'end');
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('large messages and the end', (fixture) => {
  it('are given up when the connection ends, however that comes about', async () => {
    const ends: ((side: Connection, client: DeflateClient) => void)[] = [
      (side) => side.terminate(),
      (_, { client }) => client.reset(),
      (_, { client }) => client.send(CLOSE, closePayload(1000)),
      (_, { client }) => client.socket.end(),
    ];
    for (const { compressor } of KINDS) {
      const hand = hands();
      const options = { deflate: { compressor: compressor! }, maxSendQueueBytes: 16 * MIB };
      const { gateway, address } = await fixture.start(options, hand.prepare);
      for (const end of ends) {
        const client = await DeflateClient.open(address, '/hands');
        const { side } = hand;
        for (let i = 0; i < 3; i++) side.send(prose(MIB, i));
        end(side, client);
        await client.client.over();
        await until(() => gateway.usage().connections === 0, 'it is gone');
      }
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('large messages that arrive compressed', (fixture) => {
  it('are inflated in turns, in order with all else', async () => {
    const options = { deflate: true, maxMessageSize: 16 * MIB, maxSendQueueBytes: 64 * MIB };
    const { gateway, address } = await fixture.start(options, (each) => {
      each.websocket('/sizes', {
        message: (connection, message) => connection.send(`${message.length}`),
      });
    });
    const client = await DeflateClient.open(address, '/sizes');
    const sizes = [8 * MIB, 3, 12 * MIB, 100, 1];
    for (const size of sizes) client.send(BINARY, Buffer.alloc(size, 65), 700);
    client.client.send(PING, 'last');
    for (const size of sizes) assert.equal(await client.text(), String(size));
    assert.equal((await client.client.frame()).opcode, PONG);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('may be the last before an end from either side', async () => {
    const hand = hands();
    const options = { deflate: true, maxMessageSize: 16 * MIB };
    const { gateway, address } = await fixture.start(options, hand.prepare);
    for (const how of ['server closes', 'server ends', 'client closes', 'client ends'] as const) {
      const client = await DeflateClient.open(address, '/hands');
      const { side } = hand;
      for (let i = 0; i < 3; i++) client.send(BINARY, Buffer.alloc(15 * MIB));
      const { pauses } = gateway.counters();
      await until(() => gateway.counters().pauses > pauses, 'it is being inflated');
      if (how === 'server closes') {
        side.close(4000);
        assert.equal(await client.client.closeCode(), 4000);
        client.client.send(CLOSE, closePayload(4000));
        assert.equal(await client.client.over(), 'end');
      } else if (how === 'server ends') {
        side.terminate();
      } else if (how === 'client closes') {
        await client.close();
      } else {
        client.client.socket.end();
      }
      await client.client.over();
      await until(() => gateway.usage().connections === 0, `gone: ${how}`);
    }
    await untilNothingIsHeld(gateway);
  });

  it('are refused as soon as they are too large, and hold no more than the limit', async () => {
    const options = { deflate: true, maxMessageSize: 256 * KIB, memoryBytes: 16 * MIB };
    const { gateway, address } = await fixture.start(options);
    const bystander = await DeflateClient.open(address, '/echo');
    let most = 0;
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => DeflateClient.open(address, '/echo')),
    );
    for (const client of clients) client.send(BINARY, Buffer.alloc(32 * MIB));
    const codes = Promise.all(clients.map(({ client }) => client.closeCode()));
    const watch = setInterval(() => (most = Math.max(most, gateway.usage().memoryBytes)), 1);
    bystander.client.send(TEXT, 'unmoved');
    assert.equal(await bystander.text(), 'unmoved');
    assert.deepEqual(new Set(await codes), new Set([1009]));
    clearInterval(watch);
    assert.ok(most <= 16 * MIB);
    assert.ok(gateway.counters().bytesInflated <= 20 * MIB);
    for (const { client } of clients) client.reset();
    await bystander.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('broadcasts', (fixture) => {
  it('reach clients of all kinds, between messages of their own', async () => {
    for (const compressor of ['shared', 'dedicated'] as const) {
      const sides: Connection[] = [];
      const deflate = { compressor, threshold: 64 };
      const options = { deflate, maxSendQueueBytes: 16 * MIB };
      const { gateway, address } = await fixture.start(options, (each) => {
        each.websocket('/all', {
          open(connection) {
            sides.push(connection);
            connection.subscribe('all');
          },
        });
      });
      const offers = ['', 'permessage-deflate', 'permessage-deflate; server_max_window_bits=10'];
      const clients: DeflateClient[] = [];
      for (const offer of [...offers, ...offers]) {
        clients.push(await DeflateClient.open(address, '/all', offer));
      }
      await until(() => sides.length === clients.length, 'all are open');
      const expected: string[][] = clients.map(() => []);
      const { messagesSent } = gateway.counters();
      for (let round = 0; round < 30; round++) {
        const size = [10, 300, 3000, 20_000, 200_000][round % 5]!;
        const noisy = round % 3 === 0;
        const text = noisy ? noise(size / 2, round).toString('latin1') : prose(size, round % 4);
        assert.equal(gateway.publish('all', text), clients.length);
        for (const each of expected) each.push(text);
        const one = round % clients.length;
        const own = prose(500 + round, round % 4);
        sides[one]!.send(own);
        expected[one]!.push(own);
      }
      for (const [i, client] of clients.entries()) {
        for (const text of expected[i]!) assert.equal(await client.text(), text, `client ${i}`);
        assert.equal(client.client.hasMore, false);
      }
      assert.equal(gateway.counters().messagesSent - messagesSent, 30 * clients.length + 30);
      for (const client of clients) await client.close();
      await untilNothingIsHeld(gateway);
    }
  });
});

onEveryDriver('broadcasts without memory', (fixture) => {
  it('go on when memory has to be made in the middle of them', async () => {
    const sides: Connection[] = [];
    const options: GatewayOptions = {
      ...{ memoryBytes: MIB, maxSendQueueBytes: 8 * MIB },
      deflate: { compressor: 'dedicated', threshold: 1 },
    };
    const { gateway, address } = await fixture.start(options, (each) => {
      each.websocket('/all', {
        open(connection) {
          sides.push(connection);
          connection.subscribe('all');
        },
        close: () => each.publish('all', `somebody is gone ${prose(900, 9)}`),
      });
    });
    const hog = await DeflateClient.open(address, '/all');
    hog.client.socket.pause();
    const client = await DeflateClient.open(address, '/all');
    await until(() => sides.length === 2, 'both are open');
    while (gateway.usage().memoryBytes < 850 * KIB) sides[0]!.send(noise(60_000, 1));
    const texts = Array.from({ length: 100 }, (_, i) => noise(1500, i).toString('hex'));
    for (const [i, text] of texts.entries()) {
      if (i % 2 === 0) sides[1]!.send(text);
      else gateway.publish('all', text);
    }
    assert.equal(sides[0]!.isOpen, false);
    let gone = 0;
    for (let i = 0; i < texts.length;) {
      const text = await client.text();
      if (text.startsWith('somebody')) gone += 1;
      else assert.equal(text, texts[i++]);
    }
    if (gone === 0) assert.match(await client.text(), /^somebody/);
    await hog.client.over();
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});
