/** Rates and numbers: per connection, per address and in all. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, GatewayOptions } from '../../src/gateway/index.ts';
import { Client, closePayload, frame, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, CLOSE, PING, PONG } = Opcode;

/** Behind a proxy on this machine. */
const BEHIND: GatewayOptions = { trustProxy: 'loopback' };
const from = (address: string): Record<string, string> => ({ 'X-Forwarded-For': address });

onEveryDriver('rates of messages', (fixture) => {
  it('delay what is above them: nothing is lost, nor out of order', async () => {
    const limits = { connection: { messagesPerSecond: 200 } };
    const { gateway, address } = await fixture.start({ limits });
    const client = await Client.open(address);
    const texts = Array.from({ length: 260 }, (_, i) => `${i}`);
    client.write(Buffer.concat(texts.map((text) => frame(TEXT, text))));
    client.send(PING, 'behind them');
    for (const text of texts) assert.equal(await client.text(), text);
    assert.equal((await client.frame()).opcode, PONG);
    const { rateLimited } = gateway.counters();
    assert.ok(rateLimited > 0 && rateLimited <= 60, `${rateLimited} were delayed`);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('close with 1008 when they are to', async () => {
    const limits = { connection: { messagesPerSecond: 5 } };
    const { gateway, address } = await fixture.start({ limits, overRate: 'close' });
    const client = await Client.open(address);
    const bystander = await Client.open(address);
    for (let i = 0; i < 6; i++) client.send(TEXT, String(i));
    for (let i = 0; i < 5; i++) assert.equal(await client.text(), String(i));
    assert.equal(await client.closeCode(), 1008);
    client.send(CLOSE, closePayload(1008));
    assert.equal(await client.over(), 'end');
    bystander.send(TEXT, 'within');
    assert.equal(await bystander.text(), 'within');
    await bystander.close();
    await untilNothingIsHeld(gateway);
  });

  it('of bytes pass what is larger than the rate, and pay it off', async () => {
    const limits = { connection: { bytesPerSecond: 10_000 } };
    const { gateway, address } = await fixture.start({ limits });
    const client = await Client.open(address);
    client.send(TEXT, 'x'.repeat(11_000));
    client.send(TEXT, 'later');
    assert.equal((await client.text()).length, 11_000);
    assert.equal(await client.text(), 'later');
    assert.ok(gateway.counters().rateLimited >= 1);
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('rates of messages, and the end', (fixture) => {
  it('leave no wait behind a connection that ends in the middle of one', async () => {
    let side: Connection | undefined;
    const limits = { connection: { bytesPerSecond: 10 } };
    const { gateway, address } = await fixture.start({ limits }, (each) => {
      each.websocket('/wait', { open: (connection) => void (side = connection) });
    });
    for (const how of ['reset', 'end', 'close'] as const) {
      const client = await Client.open(address, '/wait');
      for (let i = 0; i < 10; i++) client.send(TEXT, 'x'.repeat(1000));
      const { rateLimited } = gateway.counters();
      await until(() => gateway.counters().rateLimited > rateLimited, 'it waits');
      if (how === 'reset') client.reset();
      else if (how === 'end') side!.terminate();
      else {
        side!.close(4000);
        assert.equal(await client.closeCode(), 4000);
        client.send(CLOSE, closePayload(4000));
      }
      await client.over();
      await until(() => gateway.usage().connections === 0, `gone by ${how}`);
    }
    // The next one at the same place owes nothing.
    const client = await Client.open(address, '/wait');
    const { rateLimited } = gateway.counters();
    client.send(TEXT, 'fits');
    client.send(PING);
    assert.equal((await client.frame()).opcode, PONG);
    assert.equal(gateway.counters().rateLimited, rateLimited);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('hold in all, for all together', async () => {
    const limits = { total: { messagesPerSecond: 10 } };
    const { gateway, address } = await fixture.start({ limits, overRate: 'close' });
    const clients = [await Client.open(address), await Client.open(address)];
    for (let i = 0; i < 5; i++) {
      for (const client of clients) {
        client.send(TEXT, 'x');
        assert.equal(await client.text(), 'x');
      }
    }
    // Within a second of the first, so that one of these is above.
    for (let i = 0; i < 40; i++) clients[0]!.send(TEXT, 'y');
    for (;;) {
      const { opcode, payload } = await clients[0]!.frame();
      if (opcode === TEXT) continue;
      assert.equal(payload.readUInt16BE(), 1008);
      break;
    }
    for (const client of clients) client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('limits of an address', (fixture) => {
  it('on connections: one more is reset, and one that has gone makes room', async () => {
    const limits = { address: { connections: 2 } };
    const { gateway, address } = await fixture.start({ limits });
    const clients = [await Client.open(address), await Client.open(address)];
    // The reset may come before the client knows that it is connected.
    const third = Client.connect(address).then(
      (client) => client.over(),
      () => 'reset',
    );
    assert.equal(await third, 'reset');
    await until(() => gateway.counters().connectionsRefused === 1, 'it is counted');
    await clients[0]!.close();
    await until(() => gateway.usage().connections === 1, 'there is room');
    const next = await Client.open(address);
    await next.close();
    await clients[1]!.close();
    await untilNothingIsHeld(gateway);
  });

  it('are those of the client behind the proxy, when that is trusted', async () => {
    const limits = { address: { connections: 1 } };
    const { gateway, address } = await fixture.start({ ...BEHIND, limits }, (each) => {
      each.websocket('/who', {
        message: (connection) => connection.send(connection.remoteAddress),
      });
    });
    const one = await Client.upgrade(address, '/who', from('203.0.113.1'));
    const two = await Client.upgrade(address, '/who', from('203.0.113.2'));
    assert.equal(one.response.status, 101);
    assert.equal(two.response.status, 101);
    for (const [{ client }, who] of [
      [one, '203.0.113.1'],
      [two, '203.0.113.2'],
    ] as const) {
      client.send(TEXT, 'who am I?');
      assert.equal(await client.text(), who);
    }
    const again = await Client.upgrade(address, '/who', from('203.0.113.1'));
    assert.equal(again.response.status, 429);
    await again.client.over();
    await one.client.close();
    await until(() => gateway.usage().connections === 1, 'there is room');
    const next = await Client.upgrade(address, '/who', from('203.0.113.1'));
    assert.equal(next.response.status, 101);
    for (const { client } of [next, two]) await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('limits of an address on handshakes', (fixture) => {
  it('on handshakes are told 429 and when to come again', async () => {
    for (const limits of [
      { address: { handshakesPerSecond: 3 } },
      { total: { handshakesPerSecond: 3 } },
    ]) {
      const { gateway, address } = await fixture.start({ limits });
      let refused = 0;
      for (let i = 0; i < 30 && refused === 0; i++) {
        const { client, response } = await Client.upgrade(address, '/echo');
        if (response.status !== 101) {
          refused += 1;
          assert.equal(response.status, 429);
          assert.ok(Number(response.headers.get('retry-after')) >= 1);
          assert.ok(i >= 3);
        }
        client.reset();
      }
      assert.equal(refused, 1);
      await untilNothingIsHeld(gateway);
    }
  });
});
