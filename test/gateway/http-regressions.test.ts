/** What a review of HTTP as an attacker found, each with the request that shows it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { SocketAddress } from '../../src/driver/index.ts';
import { refuse, type EventStream, type Gateway } from '../../src/gateway/index.ts';
import { Client } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';
import { ask, Gate, requestText as text } from './http-requests.ts';

const KIB = 1024;
const MIB = KIB * KIB;

let root = '';

before(() => {
  root = mkdtempSync(join(tmpdir(), 'rondo-regressions-'));
  mkdirSync(join(root, 'sub'));
  writeFileSync(join(root, 'app.js'), 'plain()');
  writeFileSync(join(root, 'app.js.br'), 'BR');
  writeFileSync(join(root, 'only.js'), 'only()');
});

after(() => rmSync(root, { recursive: true, force: true }));

onEveryDriver('regressions of HTTP: files', (fixture) => {
  it('as many requests as descriptors do not wait for each other for ever', async () => {
    const { gateway, address } = await fixture.start({}, (gateway: Gateway) =>
      gateway.files('/static/', root, { maxOpenFiles: 4 }),
    );
    const headers = { 'Accept-Encoding': 'br, gzip' };
    const names = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 'app.js' : 'only.js'));
    const answers = await Promise.all(
      names.map((name) => ask(address, `/static/${name}`, { headers })),
    );
    const bodies = answers.map((answer) => answer.text);
    assert.deepEqual(
      bodies,
      names.map((name) => (name === 'app.js' ? 'BR' : 'only()')),
    );
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('regressions of HTTP: bodies', (fixture) => {
  it('a body that comes byte by byte does not hold a buffer for each', async () => {
    let held = 0;
    let taken = 0;
    const { address } = await fixture.start({}, (gateway: Gateway) => {
      gateway.http('POST', '/pieces', async (request) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of request.body) {
          pieces.push(piece);
          taken += piece.length;
          held += piece.buffer.byteLength;
        }
        return Buffer.concat(pieces).toString();
      });
    });
    const client = await Client.connect(address);
    const body = 'abcdefghijklmnopqrstuvwxyz';
    client.write(text('POST', '/pieces', { 'Content-Length': String(body.length + 4000) }));
    for (const [index, byte] of [...body].entries()) {
      client.write(byte);
      await until(() => taken === index + 1, 'the byte was read');
    }
    assert.ok(held <= 64 * body.length, `${held} bytes are held for ${body.length}`);
    client.write('z'.repeat(4000));
    assert.equal((await client.response()).body, body + 'z'.repeat(4000));
    client.reset();
  });
});

onEveryDriver('regressions of HTTP: pipelining', (fixture) => {
  it('a head that waits for room is no part of a chunk', async () => {
    async function* pieces(): AsyncGenerator<string> {
      yield 'streamed';
    }
    const big = 'x'.repeat(4 * KIB);
    const { address } = await fixture.start({ maxSendQueueBytes: 4 * KIB }, (gateway) => {
      gateway.http('GET', '/big', () => big);
      gateway.http('GET', '/stream', () => ({ body: pieces() }));
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/big') + text('GET', '/stream'));
    assert.equal((await client.response()).body, big);
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers.get('transfer-encoding')], [200, 'chunked']);
    assert.equal((await client.bytes(18)).toString(), '8\r\nstreamed\r\n0\r\n\r\n');
    client.reset();
  });

  it('nothing is read behind a request for events that is refused late', async () => {
    const gate = new Gate();
    let asked = 0;
    let heard = false;
    const { address } = await fixture.start({}, (gateway) => {
      gateway.events('/feed', {
        open: async () => {
          heard = true;
          await gate.opened;
          return refuse(403, 'not you');
        },
      });
      gateway.http('GET', '/secret', () => `${(asked += 1)}`);
    });
    const client = await Client.connect(address);
    client.write(
      text('GET', '/feed') + 'POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 99\r\n\r\n',
    );
    await until(() => heard, 'the stream is asked for');
    gate.open();
    assert.equal((await client.response()).status, 403);
    // To the client this is the body of its POST.
    client.write(text('GET', '/secret'));
    await client.over();
    assert.equal(asked, 0);
  });
});

/** Clients that ask and do not read; `times` they ask on the same connection. */
async function askAndIgnore(
  address: SocketAddress,
  path: string,
  count: number,
  times = 1,
): Promise<Client[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => Client.connect(address)));
  for (const client of clients) {
    client.socket.pause();
    client.write(text('GET', path).repeat(times));
  }
  return clients;
}

onEveryDriver('regressions of HTTP: readers that do not read', (fixture) => {
  it('are reset when they hold the memory that others need', async () => {
    const big = Buffer.alloc(16 * MIB, 'x');
    const { gateway, address } = await fixture.start({ memoryBytes: MIB }, (gateway) => {
      gateway.http('GET', '/big', () => ({ body: big }));
      gateway.http('GET', '/mid', () => ({ body: big.subarray(0, 20_000) }));
      gateway.http('GET', '/small', () => ({ body: big.subarray(0, 1500) }));
    });
    const clients = await askAndIgnore(address, '/big', 20);
    clients.push(...(await askAndIgnore(address, '/mid', 20, 300)));
    clients.push(...(await askAndIgnore(address, '/small', 20, 3000)));
    await until(() => gateway.usage().memoryBytes > MIB / 2, 'much is held');
    for (const path of ['/healthz', '/small', '/mid']) {
      assert.equal((await ask(address, path)).status, 200, path);
    }
    for (const client of clients) client.reset();
    await untilNothingIsHeld(gateway);
  });

  it('hold no more events in all than there is memory', async () => {
    const streams: EventStream[] = [];
    const { gateway, address } = await fixture.start({ memoryBytes: MIB }, (gateway) => {
      const open = (stream: EventStream): void => void streams.push(stream);
      gateway.events('/feed', { open }, { queuePolicy: 'drop-newest' });
    });
    const clients = await askAndIgnore(address, '/feed', 8);
    await until(() => streams.length === 8, 'all streams are open');
    const data = 'x'.repeat(60 * KIB);
    // The kernel takes some, more than the gateway's memory does.
    for (let left = 2000; left > 0 && streams.some(({ dropped }) => dropped < 3); left--) {
      for (const stream of streams) stream.send({ data });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const held = streams.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
    assert.ok(held <= 2 * MIB, `${held} bytes are held`);
    for (const client of clients) client.reset();
    await until(() => streams.every(({ isOpen }) => !isOpen), 'all streams are over');
    const late = await askAndIgnore(address, '/feed', 1);
    await until(() => streams.length === 9, 'one more is open');
    for (let left = 500; left > 0 && streams[8]!.send({ data }) !== 'dropped'; left--);
    assert.ok(streams[8]!.bufferedAmount > 900 * KIB, 'what the others held is free again');
    late[0]!.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('regressions of HTTP: misuse', (fixture) => {
  it('an event that never fits is refused at once', async () => {
    const results: unknown[] = [];
    const { address } = await fixture.start({ memoryBytes: MIB }, (gateway) => {
      gateway.events('/feed', {
        open(stream) {
          try {
            stream.send({ data: 'x'.repeat(2 * MIB) });
          } catch (error) {
            results.push((error as { code?: string }).code);
          }
          results.push(stream.send({ data: 'small' }));
        },
      });
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/feed'));
    await client.response(true);
    assert.deepEqual(results, ['ERR_EVENT', 'sent']);
    client.reset();
  });

  it('bytes that are transferred while they are sent reset their connection alone', async () => {
    const body = new Uint8Array(16 * MIB);
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/moved', () => ({ body }));
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/moved'));
    await client.bytes(100 * KIB);
    structuredClone(body, { transfer: [body.buffer] });
    await client.over();
    await until(() => gateway.counters().handlerErrors === 1, 'it is told');
    assert.equal((await ask(address, '/healthz')).status, 200);
    await untilNothingIsHeld(gateway);
  });
});
