import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SeededRandom } from '../../src/base/index.ts';
import { Client, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY } = Opcode;

/** How long the garbage goes on; what is found in a longer run is found by its seed again. */
const GARBAGE_MS = 1500;

onEveryDriver('load', (fixture) => {
  it('serves 500 connections at once', async () => {
    const { gateway, address } = await fixture.start();
    const clients: Client[] = [];
    while (clients.length < 500) {
      const batch = Array.from({ length: 50 }, () => Client.open(address));
      clients.push(...(await Promise.all(batch)));
    }
    assert.equal(gateway.usage().connections, 500);
    await until(() => gateway.usage().memoryBytes === 0, 'who is idle holds no memory');
    for (let round = 0; round < 5; round++) {
      clients.forEach((client, i) => client.send(TEXT, `${round} ${i}`));
      for (const [i, client] of clients.entries()) {
        assert.equal(await client.text(), `${round} ${i}`);
      }
    }
    await Promise.all(clients.map((client) => client.close()));
    await untilNothingIsHeld(gateway);
  });

  it('holds little for those that do not read, and closes them with 1013', async () => {
    const { gateway, address } = await fixture.start({ maxSendQueueBytes: 200_000 });
    const deaf = await Promise.all(Array.from({ length: 5 }, () => Client.open(address)));
    const message = frame(BINARY, Buffer.alloc(1000, 1));
    const many = Buffer.concat(Array.from({ length: 50 }, () => message));
    for (const client of deaf) {
      client.socket.pause();
      const go = (): void => {
        if (!client.socket.destroyed) client.socket.write(many, () => setImmediate(go));
      };
      go();
    }
    let most = 0;
    await until(() => {
      most = Math.max(most, gateway.usage().driver.operations);
      return gateway.counters().sendQueueOverflows === deaf.length;
    }, 'all of them are closed');
    assert.ok(most <= 5 * 6 + 10, `they take few operations, ${most}`);
    assert.ok(gateway.usage().memoryBytes <= 5 * 600_000);
    const reader = await Client.open(address);
    reader.send(TEXT, 'and I');
    assert.equal(await reader.text(), 'and I');
    await reader.close();
    for (const client of deaf) client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('limits', (fixture) => {
  it('waits for room when there are as many connections as it may have', async () => {
    const { gateway, address } = await fixture.start({ maxConnections: 4 });
    const first = await Promise.all(Array.from({ length: 4 }, () => Client.open(address)));
    const fifth = Client.open(address);
    first[0]!.send(TEXT, 'x');
    assert.equal(await first[0]!.text(), 'x');
    assert.equal(gateway.usage().connections, 4);
    await first[0]!.close();
    const client = await fifth;
    client.send(TEXT, 'in at last');
    assert.equal(await client.text(), 'in at last');
    await Promise.all([...first.slice(1), client].map((each) => each.close()));
    await untilNothingIsHeld(gateway);
  });

  it('closes with 1013 when the memory for messages is used up', async () => {
    const { gateway, address } = await fixture.start({ memoryBytes: 1 << 20 });
    const hoarders = await Promise.all(Array.from({ length: 3 }, () => Client.open(address)));
    for (const client of hoarders)
      client.write(frame(BINARY, Buffer.alloc(700_000)).subarray(0, -1));
    const codes = await Promise.race(hoarders.map((client) => client.closeCode()));
    assert.equal(codes, 1013);
    const client = await Client.open(address);
    client.send(TEXT, 'a little is left');
    assert.equal(await client.text(), 'a little is left');
    await client.close();
    for (const each of hoarders) each.reset();
    await untilNothingIsHeld(gateway);
  });

  it('survives garbage', async () => {
    const { gateway, address } = await fixture.start({
      handshakeTimeoutMs: 200,
      closeTimeoutMs: 200,
    });
    const seed = (performance.timeOrigin + performance.now()) >>> 0;
    const random = new SeededRandom(seed);
    const bystander = await Client.open(address);
    const end = performance.now() + GARBAGE_MS;
    for (let round = 0; performance.now() < end; round++) {
      const upgraded = random.chance(2, 3);
      const client = upgraded ? await Client.open(address) : await Client.connect(address);
      client.socket.on('error', () => undefined);
      for (let piece = random.below(4); piece >= 0 && !client.socket.destroyed; piece--) {
        const bytes = Buffer.alloc(random.below(600));
        for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
        // Some of it is nearly right.
        if (random.chance(1, 2)) client.write(frame(random.below(16), bytes.subarray(0, 200)));
        else if (random.chance(1, 4)) client.write(handshake('/echo').slice(0, random.below(200)));
        client.write(bytes);
      }
      if (random.chance(1, 2)) client.socket.destroy();
      else client.reset();
      if (round % 10 !== 0) continue;
      bystander.send(TEXT, `round ${round}`);
      assert.equal(await bystander.text(), `round ${round}`, `seed ${seed}`);
    }
    await bystander.close();
    await untilNothingIsHeld(gateway);
  });
});
