/** A gateway that speaks TLS. What the listener itself does is in test/driver/tls.test.ts. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import {
  createGateway,
  echoRoute,
  type Gateway,
  type GatewayOptions,
} from '../../src/gateway/index.ts';
import { exact, localhost, renewed } from '../fixtures/tls/index.ts';
import { frame, handshake, Opcode } from './client.ts';
import { until } from './fixture.ts';

/** Why what is chosen without a word cannot be seen. */
const forced = process.env['RONDO_DRIVER'] ? 'RONDO_DRIVER forces a driver' : false;

const gateways: Gateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close({ deadlineMs: 0 });
});

async function start(options: GatewayOptions): Promise<{ gateway: Gateway; port: number }> {
  // The tests may be run with another driver forced, which has no TLS.
  const driver = options.tls === undefined ? {} : { driver: 'portable' as const };
  const gateway = createGateway({ port: 0, host: '127.0.0.1', ...driver, ...options });
  gateways.push(gateway);
  gateway.websocket('/echo', echoRoute());
  const address = await gateway.listen();
  assert.ok('port' in address);
  return { gateway, port: address.port };
}

/** A client that collects what it gets. */
class SecureClient {
  readonly socket: TLSSocket;
  received: Buffer = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => (this.received = Buffer.concat([this.received, data])));
    socket.on('error', () => undefined);
  }

  static open(port: number, ca: string, servername = 'localhost'): Promise<SecureClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, servername });
      socket.once('error', reject);
      socket.once('secureConnect', () => resolve(new SecureClient(socket)));
    });
  }

  async upgrade(): Promise<void> {
    this.socket.write(handshake('/echo'));
    await until(() => this.received.includes('\r\n\r\n'), 'the handshake is answered');
    assert.match(this.received.toString('latin1'), /^HTTP\/1\.1 101 /);
    this.received = Buffer.alloc(0);
  }

  async echo(text: string): Promise<void> {
    this.socket.write(frame(Opcode.TEXT, text));
    await until(() => this.received.length >= 2 + text.length, 'the echo is back');
    assert.equal(this.received.toString('utf8', 2), text);
    this.received = Buffer.alloc(0);
  }
}

describe('a gateway with TLS', () => {
  it('chooses the portable driver by itself', { skip: forced }, async () => {
    const gateway = createGateway({ port: 0, host: '127.0.0.1', tls: localhost });
    gateways.push(gateway);
    await gateway.listen();
    assert.equal(gateway.driver, 'portable');
  });

  it('upgrades, echoes and drains', async () => {
    const { gateway, port } = await start({ tls: localhost });
    const client = await SecureClient.open(port, localhost.cert);
    await client.upgrade();
    await client.echo('over TLS');
    const closing = gateway.close();
    await until(() => client.received.length >= 4, 'a close frame comes');
    assert.equal(client.received.readUInt16BE(2), 1001);
    client.socket.end(frame(Opcode.CLOSE, client.received.subarray(2, 4)));
    assert.deepEqual(await closing, { closed: 1, reset: 0, remaining: [] });
  });

  it('shows the certificate of the name that is asked for', async () => {
    const { port } = await start({ tls: { ...localhost, names: { 'chat.example.com': exact } } });
    const client = await SecureClient.open(port, exact.cert, 'chat.example.com');
    assert.ok(client.socket.authorized);
    client.socket.destroy();
  });

  it('changes certificates without dropping a connection', async () => {
    const { gateway, port } = await start({ tls: localhost });
    const early = await SecureClient.open(port, localhost.cert);
    await early.upgrade();
    gateway.setCertificates(renewed);
    await assert.rejects(SecureClient.open(port, localhost.cert));
    const late = await SecureClient.open(port, renewed.cert);
    await late.upgrade();
    await early.echo('still here');
    await late.echo('new here');
    early.socket.destroy();
    late.socket.destroy();
  });

  it('refuses certificates that cannot be, and keeps those that it has', async () => {
    await assert.rejects(start({ tls: { key: localhost.key, cert: renewed.cert } }), {
      code: 'ERR_TLS_CERTIFICATE',
    });
    const { gateway, port } = await start({ tls: localhost });
    const wrong = { key: localhost.key, cert: renewed.cert };
    assert.throws(() => gateway.setCertificates(wrong), { code: 'ERR_TLS_CERTIFICATE' });
    (await SecureClient.open(port, localhost.cert)).socket.destroy();
  });

  it('refuses TLS on a driver that has none, and certificates without TLS', async () => {
    const plain = await start({});
    assert.throws(() => plain.gateway.setCertificates(localhost), { code: 'ERR_GATEWAY_STATE' });
    const forced = start({ tls: localhost, driver: 'epoll' });
    await assert.rejects(forced, { code: 'ERR_DRIVER_UNAVAILABLE' });
  });
});
