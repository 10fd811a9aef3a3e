/** Topics by way of connections: who gets what, in which order, and what is kept. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { broadcast, type Connection, type Gateway } from '../../src/gateway/index.ts';
import { Client, frame, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld, type Fixture, type Started } from './fixture.ts';

const { TEXT, BINARY, CONTINUATION } = Opcode;

/** Commands by text: `+pattern`, `-pattern`, `topic=value`, `!` to be terminated. */
async function talking(
  fixture: Fixture,
  sides: Connection[] = [],
): Promise<Started & { readonly open: () => Promise<Client> }> {
  const started = await fixture.start({ maxSendQueueBytes: 1 << 26 }, (gateway: Gateway) => {
    gateway.websocket('/talk', {
      open: (connection) => void sides.push(connection),
      message(connection, message) {
        const text = message.text();
        const rest = text.slice(1);
        if (text.startsWith('+'))
          connection.send(`+${connection.subscribe(rest, { pattern: true })}`);
        else if (text.startsWith('-')) connection.send(`-${connection.unsubscribe(rest)}`);
        else if (text === '!') connection.terminate();
        else {
          const [topic, value] = text.split('=') as [string, string];
          connection.send(`=${connection.publish(topic, value)}`);
        }
      },
    });
  });
  return { ...started, open: () => Client.open(started.address, '/talk') };
}

async function say(client: Client, text: string): Promise<string> {
  client.send(TEXT, text);
  return client.text();
}

onEveryDriver('publishing', (fixture) => {
  it('reaches names and wildcards, each connection once, without the sender', async () => {
    const { gateway, open } = await talking(fixture);
    const [all, rooms, one, sender] = [await open(), await open(), await open(), await open()];
    assert.equal(await say(all, '+**'), '+true');
    assert.equal(await say(all, '+**'), '+false');
    assert.equal(await say(all, '+room/*'), '+true');
    assert.equal(await say(rooms, '+room/*'), '+true');
    assert.equal(await say(rooms, '+room/a'), '+true');
    assert.equal(await say(one, '+room/a'), '+true');
    assert.equal(await say(sender, '+room/a'), '+true');
    assert.deepEqual(
      gateway.topics(),
      new Map([
        ['room/a', 3],
        ['**', 1],
        ['room/*', 2],
      ]),
    );
    assert.equal(gateway.subscribers('room/a'), 4);
    assert.equal(gateway.subscribers('room/b'), 2);
    assert.equal(gateway.subscribers('room/b/c'), 1);
    assert.equal(await say(sender, 'room/a=hi'), '=3');
    for (const client of [all, rooms, one]) assert.equal(await client.text(), 'hi');
    assert.equal(gateway.publish('room/a', 'to all'), 4);
    for (const client of [all, rooms, one, sender]) assert.equal(await client.text(), 'to all');
    assert.equal(await say(rooms, '-room/a'), '-true');
    assert.equal(await say(rooms, '-room/a'), '-false');
    assert.equal(gateway.publish('room/a', Buffer.from([1, 2])), 4);
    assert.equal(gateway.publish('room/b/c', 'deep'), 1);
    for (const client of [all, rooms, one, sender]) {
      const { opcode, payload } = await client.frame();
      assert.deepEqual([opcode, [...payload]], [BINARY, [1, 2]]);
    }
    assert.equal(await all.text(), 'deep');
    for (const client of [all, rooms, one, sender]) {
      assert.equal(client.hasMore, false);
      await client.close();
    }
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.topics().size, 0);
    const { publishes, deliveries } = gateway.counters();
    assert.deepEqual([publishes, deliveries], [4, 12]);
  });
});

onEveryDriver('publishing what is kept', (fixture) => {
  it('keeps last values for who comes later, by name and by wildcard', async () => {
    const sides: Connection[] = [];
    const { gateway, open } = await talking(fixture, sides);
    const scratch = Buffer.from('changed afterwards');
    const kept: [string, string | Uint8Array][] = [
      ['price/a', 'short'],
      ['price/b', 'x'.repeat(10_000)],
      ['price/c', scratch],
    ];
    for (const [topic, value] of kept) {
      assert.equal(gateway.publish(topic, value, { retain: true }), 0);
    }
    scratch.fill(0);
    gateway.publish('price/a', 'another text of the same kind of memory');
    const client = await open();
    assert.equal(await say(client, '+price/a'), 'short');
    assert.equal(await client.text(), '+true');
    sides.at(-1)!.subscribe('price/b', { retained: false });
    sides.at(-1)!.subscribe('price/**', { pattern: true });
    const values = [await client.frame(), await client.frame(), await client.frame()];
    assert.deepEqual(
      values.map(({ payload }) => payload.toString()).sort(),
      ['changed afterwards', 'short', 'x'.repeat(10_000)].sort(),
    );
    assert.equal(gateway.forget('price/a'), true);
    assert.equal(gateway.forget('price/a'), false);
    const later = await open();
    assert.equal(await say(later, '+price/a'), '+true');
    assert.equal(gateway.publish('price/a', 'new', { retain: true, except: sides[0]! }), 1);
    assert.equal(await later.text(), 'new');
    assert.equal(client.hasMore, false);
    await Promise.all([client.close(), later.close()]);
    await untilNothingIsHeld(gateway);
  });

  it('of received messages gives all the same bytes, from pieces or whole', async () => {
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/copy', {
        open: (connection) => void connection.subscribe('copies'),
        message(_, message) {
          each.publish('copies', message, { retain: true });
          each.publish('copies', message);
        },
      });
    });
    const clients = [await Client.open(address, '/copy'), await Client.open(address, '/copy')];
    for (const size of [1, 100, 1500, 5000, 70_000]) {
      const bytes = Buffer.from(new Uint8Array(size).map((_, i) => (i * 3) & 0xff));
      clients[0]!.send(BINARY, bytes);
      const half = size >> 1;
      const first = frame(BINARY, bytes.subarray(0, half), { fin: false });
      clients[0]!.write(Buffer.concat([first, frame(CONTINUATION, bytes.subarray(half))]));
      for (const client of clients) {
        for (let i = 0; i < 4; i++) assert.ok((await client.frame()).payload.equals(bytes));
      }
      const later = await Client.open(address, '/copy');
      assert.ok((await later.frame()).payload.equals(bytes));
      await later.close();
    }
    for (const client of clients) await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('publishing from handlers', (fixture) => {
  it('of close, of open, of drain, and of those who are ended meanwhile', async () => {
    const sides = new Set<Connection>();
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/presence', {
        open(connection) {
          connection.subscribe('who');
          sides.add(connection);
          each.publish('who', `+${sides.size}`);
        },
        message: () => {
          // The first two go; what they leave behind is told to those who are there.
          const [first, second] = [...sides];
          each.publish('who', 'before');
          first!.terminate();
          second!.close(4000);
          each.publish('who', 'after');
        },
        close(connection) {
          sides.delete(connection);
          each.publish('who', `-${sides.size}`);
        },
      });
    });
    const clients: Client[] = [];
    while (clients.length < 4) {
      clients.push(await Client.open(address, '/presence'));
      for (const client of clients) assert.equal(await client.text(), `+${clients.length}`);
    }
    clients[3]!.send(TEXT, 'go');
    await clients[0]!.over();
    assert.equal(await clients[1]!.text(), 'before');
    assert.equal(await clients[1]!.closeCode(), 4000);
    for (const client of clients.slice(2)) {
      assert.equal(await client.text(), 'before');
      assert.equal(await client.text(), 'after');
      assert.equal(await client.text(), '-3');
    }
    clients[1]!.reset();
    for (const client of clients.slice(2)) assert.equal(await client.text(), '-2');
    for (const client of clients.slice(2)) client.reset();
    await untilNothingIsHeld(gateway);
    assert.equal(sides.size, 0);
  });

  it('keeps the order of what one connection is sent, published and broadcast', async () => {
    const sides: Connection[] = [];
    const { gateway, open } = await talking(fixture, sides);
    const clients = [await open(), await open(), await open()];
    await until(() => sides.length === 3, 'all are open');
    for (const side of sides) side.subscribe('order');
    const sizes = [3, 900, 1100, 17_000, 70_000];
    const texts: string[] = [];
    for (let i = 0; i < 300; i++) {
      const text = `${i} ${'.'.repeat(sizes[i % sizes.length]!)}`;
      texts.push(text);
      if (i % 3 === 0) gateway.publish('order', text);
      else if (i % 3 === 1) broadcast(sides, text);
      else for (const side of sides) side.send(text);
      if (i % 40 === 39) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const client of clients) {
      for (const text of texts) assert.equal(await client.text(), text);
      await client.close();
    }
    await untilNothingIsHeld(gateway);
  });
});
