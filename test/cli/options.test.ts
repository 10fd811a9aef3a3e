/** What flags and the config file make of the gateway: limits, origins, certificates. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { SocketAddress } from '../../src/driver/index.ts';
import { localhost, renewed, type TestIdentity } from '../fixtures/tls/index.ts';
import { Client, handshake, Opcode } from '../gateway/client.ts';
import { until } from '../gateway/fixture.ts';
import { cleanUp, folderWith, rondo, serve, serveIn } from './command.ts';

async function statusOf(
  address: SocketAddress,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<number> {
  const client = await Client.connect(address);
  client.write(handshake('/echo', headers));
  return (await client.response()).status;
}

/** The certificate that a client is shown. */
function shown(port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false },
      () => {
        const { raw } = socket.getPeerCertificate();
        socket.destroy();
        resolve(raw);
      },
    );
    socket.once('error', reject);
  });
}

const der = ({ cert }: TestIdentity): Buffer =>
  Buffer.from(cert.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');

describe('rondo serve, options', () => {
  afterEach(cleanUp);

  it('limits connections and handshakes of an address', async () => {
    const one = await serve('--max-address-connections', '1');
    await Client.open(one.address, '/echo');
    // It may be reset before it knows that it is connected.
    const second = await Client.connect(one.address).then(
      (client) => client.over(),
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    assert.match(String(second), /end|reset|ECONNRESET/);
    const slow = await serve('--address-handshakes', '2');
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push(await statusOf(slow.address));
    assert.deepEqual(statuses, [101, 101, 429]);
  });

  it('closes connections above a rate with 1008, where it is told to', async () => {
    const { address } = await serve('--connection-messages', '2', '--over-rate', 'close');
    const client = await Client.open(address, '/echo');
    for (let i = 0; i < 3; i++) client.send(Opcode.TEXT, String(i));
    assert.deepEqual([await client.text(), await client.text()], ['0', '1']);
    assert.equal(await client.closeCode(), 1008);
  });

  it('tells clients of a trusted proxy apart', async () => {
    const { address } = await serve('--trust-proxy', '1', '--address-handshakes', '1');
    const from = (host: string): Promise<number> => statusOf(address, { 'X-Forwarded-For': host });
    assert.deepEqual(
      [await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.2')],
      [101, 429, 101],
    );
  });

  it('allows the origins that are listed, by flags or in the file', async () => {
    const flags = await serve('--origin', 'https://a.example', '--origin', 'https://*.b.example');
    const folder = folderWith({ 'rondo.config.json': '{ "origins": ["https://a.example"] }' });
    const file = await serveIn(folder);
    const cases: readonly (readonly [string | undefined, byFlags: number, byFile: number])[] = [
      ['https://a.example', 101, 101],
      ['https://x.b.example', 101, 403],
      ['https://c.example', 403, 403],
      [undefined, 101, 101],
    ];
    for (const [origin, byFlags, byFile] of cases) {
      assert.equal(await statusOf(flags.address, { Origin: origin }), byFlags, origin);
      assert.equal(await statusOf(file.address, { Origin: origin }), byFile, origin);
    }
  });

  it('--deflate and --metrics turn on what they name, and --no- turns it off', async () => {
    const folder = folderWith({ 'rondo.config.json': '{ "deflate": true, "metrics": true }' });
    for (const [given, on] of [
      [[], true],
      [['--no-deflate', '--no-metrics'], false],
    ] as const) {
      const { address } = await serveIn(folder, ...given);
      const client = await Client.connect(address);
      client.write(handshake('/echo', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
      const { headers } = await client.response();
      assert.equal(headers.has('sec-websocket-extensions'), on);
      const scraper = await Client.connect(address);
      scraper.write('GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n');
      assert.equal((await scraper.response()).status, on ? 200 : 404);
    }
  });

  it('speaks TLS, and reads the certificates again at SIGHUP', async () => {
    const folder = folderWith({ 'cert.pem': localhost.cert, 'key.pem': localhost.key });
    const tls = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem', '--driver', 'portable'];
    const { port, child, output } = await serveIn(folder, ...tls);
    assert.match(output(), /https:\/\/127.*\n.*\n.*https:.*\n.*wss:/);
    assert.deepEqual(await shown(port), der(localhost));
    writeFileSync(join(folder, 'cert.pem'), 'nonsense');
    child.kill('SIGHUP');
    await until(() => /error: the certificates stay as they were/.test(output()), 'it is refused');
    assert.deepEqual(await shown(port), der(localhost));
    writeFileSync(join(folder, 'cert.pem'), renewed.cert);
    writeFileSync(join(folder, 'key.pem'), renewed.key);
    child.kill('SIGHUP');
    await until(() => /new connections get the certificates/.test(output()), 'they are renewed');
    assert.deepEqual(await shown(port), der(renewed));
  });

  it('reads certificates of a config module again', async () => {
    const folder = folderWith({
      'cert.pem': localhost.cert,
      'key.pem': localhost.key,
      'rondo.config.js': `
        import { readFileSync } from 'node:fs';
        const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
        export default {
          driver: 'portable', tls: { cert: read('cert.pem'), key: read('key.pem') } };`,
    });
    const { port, child, output } = await serveIn(folder);
    assert.deepEqual(await shown(port), der(localhost));
    writeFileSync(join(folder, 'cert.pem'), renewed.cert);
    writeFileSync(join(folder, 'key.pem'), renewed.key);
    child.kill('SIGHUP');
    await until(() => /new connections get the certificates/.test(output()), 'they are renewed');
    assert.deepEqual(await shown(port), der(renewed));
  });

  it('refuses options that are wrong with 2', async () => {
    const cwd = folderWith({ 'cert.pem': localhost.cert });
    const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
      [['--tls-cert', 'cert.pem'], /--tls-cert and --tls-key belong together/],
      [['--origin', 'example.com'], /"example\.com" in origins/],
      [['--trust-proxy', '10.0.0.1/8'], /"10\.0\.0\.1\/8" in trustProxy: .*10\.0\.0\.0\/8/],
      [['--total-bytes', '0'], /limits\.total\.bytesPerSecond: it must be from 1/],
      [['--over-rate', 'drop'], /overRate: it must be one of delay, close/],
      [['--conection-bytes', '1'], /did you mean --connection-bytes\?/],
    ];
    for (const [args, said] of cases) {
      const { code, output } = await rondo(['serve', ...args], { cwd }).ended;
      assert.equal(code, 2, args.join(' '));
      assert.match(output, said);
    }
  });
});
