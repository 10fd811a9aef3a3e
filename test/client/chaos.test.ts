/** Whatever a server and a program do, and whenever: every client ends, and nothing is left. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { SeededRandom } from '../../src/base/index.ts';
import { processArena } from '../../src/memory/index.ts';
import type { WebSocket } from '../../src/websocket/index.ts';
import {
  acceptance,
  closePayload,
  drivers,
  ending,
  fixture,
  serverFrame,
  until,
  type Peer,
} from './fixture.ts';

const ROUNDS = 60;

/** A frame as a server compresses it. */
function compressed(data: Uint8Array): Buffer {
  const stream = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
  return serverFrame(2, stream.subarray(0, -4), { reserved: 4 });
}

const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What a server may say, most of it right. */
function something(random: SeededRandom): Buffer {
  const size = random.below(4) === 0 ? random.below(200_000) : random.below(200);
  const choices = [
    () => serverFrame(1, 'x'.repeat(size)),
    () => serverFrame(2, Buffer.alloc(size)),
    () => compressed(Buffer.alloc(size * 20, 'abc')),
    () => Buffer.concat([serverFrame(1, 'a', { fin: false }), serverFrame(0, 'b')]),
    () => serverFrame(9, 'ping'),
    () => serverFrame(10, 'pong'),
    () => (random.chance(1, 4) ? serverFrame(8, closePayload(1000, 'bye')) : Buffer.alloc(0)),
    () =>
      random.chance(1, 4) ? Buffer.from([random.below(256), random.below(256)]) : Buffer.alloc(0),
  ];
  return choices[random.below(choices.length)]!();
}

async function misbehave(peer: Peer, random: SeededRandom): Promise<void> {
  const { headers } = await peer.request();
  const answer = Buffer.from(acceptance(headers, DEFLATE), 'latin1');
  const script: Uint8Array[] = [answer];
  for (let i = random.below(12); i > 0; i--) script.push(something(random));
  const bytes = Buffer.concat(script);
  for (let at = 0; at < bytes.length;) {
    const count = 1 + random.below(random.chance(1, 2) ? 50_000 : 500);
    peer.write(bytes.subarray(at, at + count));
    at += count;
    if (random.chance(1, 3)) await turn();
  }
  const end = random.below(4);
  if (end === 0) peer.socket.end();
  else if (end === 1) peer.socket.resetAndDestroy();
  else if (end === 2) peer.socket.end(serverFrame(8, closePayload(1001)));
}

async function meddle(socket: WebSocket, random: SeededRandom): Promise<void> {
  const actions = [
    () => socket.pause(),
    () => socket.resume(),
    () => socket.resume(),
    () => socket.ping('x'),
    () => socket.readyState > 0 && socket.send('y'.repeat(random.below(100_000))),
    () => socket.readyState > 0 && socket.send(new Blob(['blob'.repeat(random.below(1000))])),
    () => random.chance(1, 5) && socket.close(3000),
    () => random.chance(1, 8) && socket.terminate(),
  ];
  for (let i = random.below(20); i > 0; i--) {
    actions[random.below(actions.length)]!();
    if (random.chance(1, 2)) await turn();
  }
  socket.resume();
  if (random.chance(1, 2)) socket.close(1000);
}

for (const driver of drivers) {
  describe(`WebSocket, chaos (${driver})`, () => {
    const { connect, server } = fixture(driver);

    test(`${ROUNDS} servers and programs that do what they like`, async () => {
      const { url } = await server((peer) => {
        // The path is the seed.
        return misbehave(peer, new SeededRandom(peer.socket.remotePort ?? 0));
      });
      for (let seed = 1; seed <= ROUNDS; seed++) {
        const options = {
          deflate: true,
          idleTimeoutMs: 400,
          closeTimeoutMs: 100,
          maxMessageSize: 1_000_000,
          readAheadBytes: 1024,
        };
        const socket = connect(url, [], options);
        const over = ending(socket);
        await meddle(socket, new SeededRandom(seed));
        const { events, close } = await over;
        assert.equal(events.at(-1), 'close', `seed ${seed}`);
        assert.equal(events.filter((event) => event === 'close').length, 1);
        assert.equal(close.wasClean && close.code === 1006, false);
        assert.equal(socket.readyState, socket.CLOSED);
      }
      const held = () =>
        processArena()
          .regions()
          .filter(({ name }) => name.startsWith('message'));
      await until(
        () => held().every(({ owner, used }) => !owner.startsWith('clients') || used <= 65_536),
        'all memory for messages is back',
      );
    });

    test('what is being inflated when the stream ends is delivered before the end', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept(DEFLATE);
        const frames = [compressed(Buffer.alloc(12_000_000)), serverFrame(1, 'behind')];
        peer.socket.end(Buffer.concat([...frames, serverFrame(8, closePayload(1000))]));
      });
      const socket = connect(url, [], { deflate: true, binaryType: 'uint8array' });
      const lengths: number[] = [];
      socket.addEventListener('message', ({ data }) => {
        lengths.push((data as string | Uint8Array).length);
      });
      const { close } = await ending(socket);
      assert.deepEqual(lengths, [12_000_000, 6]);
      assert.equal(close.code, 1000);
    });

    test('close and terminate while a message is being inflated', async () => {
      for (const how of ['close', 'terminate'] as const) {
        const { url } = await server(async (peer) => {
          await peer.accept(DEFLATE);
          peer.write(Buffer.concat([serverFrame(1, 'now'), compressed(Buffer.alloc(12_000_000))]));
          const { payload } = await peer.frame();
          peer.socket.end(serverFrame(8, payload));
        });
        const socket = connect(url, [], { deflate: true });
        let messages = 0;
        socket.addEventListener('message', () => {
          messages += 1;
          setImmediate(() => socket[how]());
        });
        const { close } = await ending(socket);
        assert.equal(close.wasClean, how === 'close');
        assert.equal(messages, 1);
      }
    });
  });
}
