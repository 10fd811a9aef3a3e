import assert from 'node:assert/strict';
import { it } from 'node:test';
import { broadcast, type Connection } from '../../src/gateway/index.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY } = Opcode;

onEveryDriver('topics', (fixture) => {
  it('are heard by all who joined, the speaker too, and by nobody else', async () => {
    const { gateway, address } = await fixture.start();
    const [anna, ben, carl] = await Promise.all([
      Client.open(address, '/topics/caf%C3%A9'),
      Client.open(address, '/topics/caf%C3%A9'),
      Client.open(address, '/topics/bar'),
    ]);
    anna.send(TEXT, 'hello');
    for (const member of [anna, ben]) assert.equal(await member.text(), 'hello');
    const large = Buffer.alloc(100_000, 3);
    ben.send(BINARY, large);
    for (const member of [anna, ben]) assert.ok((await member.frame()).payload.equals(large));
    carl.send(TEXT, 'alone');
    assert.equal(await carl.text(), 'alone');
    await anna.close();
    ben.send(TEXT, 'still here');
    assert.equal(await ben.text(), 'still here');
    assert.equal(carl.hasMore, false);
    await Promise.all([ben.close(), carl.close()]);
    await untilNothingIsHeld(gateway);
  });

  it('keep the order of what each one says, for everybody', async () => {
    const { gateway, address } = await fixture.start();
    const members = await Promise.all(
      Array.from({ length: 20 }, () => Client.open(address, '/topics/many')),
    );
    const rounds = 30;
    for (let round = 0; round < rounds; round++) {
      members.forEach((member, i) => member.send(TEXT, `${i} ${round} ${'-'.repeat(round * 90)}`));
    }
    for (const member of members) {
      const next = new Map<string, number>();
      for (let i = 0; i < rounds * members.length; i++) {
        const [speaker, round] = (await member.text()).split(' ');
        assert.equal(Number(round), next.get(speaker!) ?? 0);
        next.set(speaker!, Number(round) + 1);
      }
      assert.equal(next.size, members.length);
    }
    await Promise.all(members.map((member) => member.close()));
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('slow members', (fixture) => {
  it('do without a member that does not read, and close it with 1013', async () => {
    const slowest: Connection[] = [];
    const { gateway, address } = await fixture.start({ maxSendQueueBytes: 100_000 }, (gateway) => {
      gateway.websocket('/all', {
        open: (connection) => slowest.push(connection as Connection),
        message: (_, message) => broadcast(slowest, message),
      });
    });
    const deaf = await Client.open(address, '/all');
    deaf.socket.pause();
    const speaker = await Client.open(address, '/all');
    const text = 'x'.repeat(20_000);
    let heard = 0;
    while (gateway.counters().sendQueueOverflows === 0) {
      speaker.send(TEXT, text);
      assert.equal((await speaker.text()).length, text.length);
      heard += 1;
      assert.ok(heard < 2000, 'the deaf one is noticed');
    }
    assert.ok(slowest[0]!.bufferedAmount <= 100_000 + 200);
    assert.equal(slowest[0]!.isOpen, false);
    assert.ok(slowest[1]!.isOpen);
    deaf.socket.resume();
    for (let i = 0; i < heard - 1; i++) assert.equal((await deaf.text()).length, text.length);
    assert.equal(await deaf.closeCode(), 1013);
    deaf.reset();
    await speaker.close();
    await untilNothingIsHeld(gateway);
    assert.equal(broadcast([], 'nobody'), 0);
    assert.throws(() => broadcast([{}] as never, 'x'), { code: 'ERR_OPTION_TYPE' });
    await until(() => gateway.usage().memoryBytes === 0, 'memory is back');
  });
});
