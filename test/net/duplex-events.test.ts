/** A duplex tells what a socket of Node's tells: the same program on both, the same events. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { test } from 'node:test';
import { listen, toDuplex, type ConnectionDuplex } from '../../src/net/index.ts';
import { Runtime } from '../../src/runtime/index.ts';
import { LOOPBACK, nothingHeld, portOf, REAL } from './harness.ts';

type Program = (one: Duplex, peer: net.Socket) => unknown;

/** Events but those that tell of progress. */
const EVENTS = ['end', 'finish', 'close', 'error'] as const;

function recorded(stream: Duplex): string[] {
  const events: string[] = [];
  for (const event of EVENTS) {
    stream.on(event, (what?: Error | boolean) => {
      const detail = what instanceof Error ? (what as { code?: string }).code : what;
      events.push(detail === undefined ? event : `${event} ${String(detail)}`);
    });
  }
  return events;
}

async function run(program: Program, one: Duplex, peer: net.Socket): Promise<string[]> {
  peer.on('error', () => undefined);
  const events = recorded(one);
  const closed = new Promise<void>((resolve) => {
    one.once('close', () => resolve());
  });
  await program(one, peer);
  await closed;
  peer.destroy();
  assert.match(events.at(-1)!, /^close/, 'the last of all');
  // Whether this side or the other ends first is not said.
  return events.sort();
}

/** On a socket of Node's. */
async function nodes(program: Program): Promise<string[]> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [one] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  return run(program, one, peer);
}

/** On one of ours. */
async function ours(kind: (typeof REAL)[number], program: Program): Promise<string[]> {
  await using runtime = new Runtime({ driver: { kind, connections: 64, buffers: 16 } });
  const listener = runtime.enter(() => listen(LOOPBACK));
  const peer = net.connect(portOf(listener), '127.0.0.1');
  const connection = await runtime.run(() => listener.accept());
  await runtime.run(() => listener.close());
  const events = await run(program, toDuplex(connection), peer);
  await nothingHeld(runtime);
  return events;
}

const boom = Object.assign(new Error('boom'), { code: 'EBOOM' });

const PROGRAMS: Readonly<Record<string, Program>> = {
  'the peer ends and nobody reads': (_one, peer) => peer.end(),
  'the peer resets and nobody reads': (_one, peer) => peer.resetAndDestroy(),
  'the peer ends after bytes': (one, peer) => {
    one.resume();
    peer.end('bytes');
  },
  'the peer resets during a write': async (one, peer) => {
    one.write(Buffer.alloc(8 << 20));
    await once(peer, 'readable');
    peer.resetAndDestroy();
  },
  'both end': (one, peer) => {
    one.resume();
    peer.resume();
    one.end('bytes');
  },
  destroy: (one) => one.destroy(),
  'destroy with an error': (one) => one.destroy(boom),
  'write after end': (one) => {
    one.end();
    one.write('more');
  },
  'a write that is destroyed': (one) => {
    one.write(Buffer.alloc(20 << 20));
    one.destroy();
  },
  'finished, when both have ended': async (one, peer) => {
    one.resume();
    one.end('bytes');
    peer.resume();
    await finished(one);
  },
  'finished, too early': async (one) => {
    one.destroy();
    await assert.rejects(finished(one), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
  },
  destroySoon: async (one, peer) => {
    one.write(Buffer.alloc(3 << 20));
    (one as net.Socket | ConnectionDuplex).destroySoon();
    let bytes = 0;
    for await (const chunk of peer) bytes += (chunk as Buffer).length;
    assert.equal(bytes, 3 << 20);
  },
};

for (const kind of REAL) {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    test(`toDuplex has the events of net.Socket: ${name} (${kind})`, async () => {
      const [mine, theirs] = [await ours(kind, program), await nodes(program)];
      // The peer's end may come before this side is destroyed.
      const told = (event: string): boolean => name !== 'destroySoon' || event !== 'end';
      assert.deepEqual(mine.filter(told), theirs.filter(told));
    });
  }
}

test('what a listener for data throws is not an error of the stream', async () => {
  await using runtime = new Runtime({ driver: { connections: 64, buffers: 16 } });
  const listener = runtime.enter(() => listen(LOOPBACK));
  const peer = net.connect(portOf(listener), '127.0.0.1');
  const duplex = toDuplex(await runtime.run(() => listener.accept()));
  await runtime.run(() => listener.close());
  const uncaught = new Promise((resolve) => {
    process.prependOnceListener('uncaughtException', resolve);
  });
  const events = recorded(duplex);
  const others = process.listeners('uncaughtException').slice(1);
  for (const other of others) process.removeListener('uncaughtException', other);
  duplex.once('data', () => {
    throw boom;
  });
  peer.write('bytes');
  assert.equal(await uncaught, boom);
  for (const other of others) process.on('uncaughtException', other);
  assert.deepEqual(events, []);
  assert.equal(duplex.readyState, 'open');
  duplex.destroy();
  await once(duplex, 'close');
  peer.destroy();
});

test('setTimeout of a duplex takes times alone', async () => {
  await using runtime = new Runtime({ driver: { connections: 64, buffers: 16 } });
  const listener = runtime.enter(() => listen(LOOPBACK));
  const peer = net.connect(portOf(listener), '127.0.0.1');
  const duplex = toDuplex(await runtime.run(() => listener.accept()));
  for (const wrong of [-1, Number.NaN, Infinity]) {
    assert.throws(() => duplex.setTimeout(wrong), { code: 'ERR_OPTION_RANGE' });
  }
  let fired = false;
  duplex.setTimeout(2 ** 40, () => (fired = true));
  assert.equal(duplex.timeout, 2 ** 31 - 1);
  await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(fired, false);
  assert.equal(duplex.localPort, portOf(listener));
  duplex.destroy();
  await once(duplex, 'close');
  await runtime.run(() => listener.close());
  peer.destroy();
});
