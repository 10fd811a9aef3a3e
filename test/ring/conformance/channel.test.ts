import assert from 'node:assert/strict';
import { Channel, Ring } from '../../../src/ring/index.ts';
import { onFleet, pairs } from './matrix.ts';
import { Message } from './message.ts';

const COUNT = 150;
const SHAPE = { slots: 8, slabBytes: 1024 };
const CREATE = ['spsc,0,1,1,8,1024', 'spsc,0,1,1,8,1024'];

for (const wait of ['spin', 'sleep'] as const) {
  for (const [client, server] of pairs()) {
    onFleet(`channel, ${wait}: ${client} asks ${server}`, [client, server], async (fleet) => {
      const create = { create: CREATE };
      const clientMakes = wait === 'spin';
      fleet.start(client, 'client', { count: COUNT, id: 5, wait, ...(clientMakes ? create : {}) });
      fleet.start(server, 'server', { wait, ...(clientMakes ? {} : create) });
      assert.deepEqual(await fleet.settle(), [{ answered: COUNT }, { served: COUNT }]);
    });
  }
}

for (const [one, other] of pairs()) {
  onFleet(`ring by descriptor: ${one} to ${other}`, [one, other], async (fleet) => {
    const ring = Ring.create(Message, { between: 'processes', ...SHAPE });
    try {
      const { descriptor } = ring;
      fleet.start(one, 'producer', { count: COUNT, peers: 1 }, descriptor);
      fleet.start(other, 'consumer', { batch: 4 }, descriptor);
      const [sent, received] = await fleet.settle();
      assert.deepEqual([sent!['sent'], received], [COUNT, { received: COUNT, lost: 0 }]);
    } finally {
      ring.close();
    }
  });
  onFleet(`channel by descriptor: ${one} asks ${other}`, [one, other], async (fleet) => {
    const messages = { request: Message, response: Message };
    const rings = { requests: SHAPE, responses: SHAPE };
    const channel = Channel.create(messages, { between: 'processes', ...rings });
    try {
      fleet.start(one, 'client', { count: COUNT }, channel.descriptor);
      fleet.start(other, 'server', {}, channel.descriptor);
      assert.deepEqual(await fleet.settle(), [{ answered: COUNT }, { served: COUNT }]);
    } finally {
      channel.close();
    }
  });
}
