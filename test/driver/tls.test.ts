// TLS on the portable driver, with Node's own client at the other end.
import assert from 'node:assert/strict';
import { connect as connectPlain, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Errno, errnoName } from '../../src/base/index.ts';
import {
  CompletionFlag,
  createDriver,
  type Driver,
  type Handle,
  type ListenOptions,
  type TlsOptions,
} from '../../src/driver/index.ts';
import { reasonToSkip } from '../conformance/real.ts';
import * as identities from '../fixtures/tls/index.ts';

const { localhost, renewed, wildcard, exact, chain, chainIssuer, chainRoot } = identities;

/** Looks again until it holds; the test runner's own limit ends what never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Tokens of sends begin here; handles of connections, which are tokens too, begin above them. */
const SENDS = 2;
const SENDS_END = 2 ** 20;

/** A driver that listens with TLS and echoes. */
class Echo {
  /** Buffers that were to be sent, in the order of their tokens. */
  readonly #sent: number[] = [];
  readonly driver: Driver;
  readonly listener: Handle;
  readonly port: number;
  readonly accepted: Handle[] = [];
  /** Results of the receives that have ended. */
  readonly ends: number[] = [];
  readonly #clients: Socket[] = [];

  constructor(tls: TlsOptions, options: ListenOptions = {}) {
    this.driver = createDriver({
      kind: 'portable',
      handler: (token, result, flags, buffer) => this.#handle(token, result, flags, buffer),
    });
    this.listener = this.driver.listen({ host: '127.0.0.1', port: 0 }, { ...options, tls });
    const address = this.driver.address(this.listener);
    this.port = 'port' in address ? address.port : 0;
    this.driver.accept(this.listener, 0);
  }

  #handle(token: number, result: number, flags: number, buffer: number): void {
    const { driver } = this;
    if (token >= SENDS && token < SENDS_END) {
      driver.release(this.#sent[token - SENDS]!);
    } else if (token === 0) {
      if ((flags & CompletionFlag.MORE) === 0) return;
      this.accepted.push(result);
      driver.receive(result, result);
    } else if ((flags & CompletionFlag.BUFFER) !== 0) {
      // It is the driver's until it was sent.
      driver.send(token, SENDS + this.#sent.push(buffer) - 1, buffer, result);
    } else if (token > 1) {
      this.ends.push(result);
      driver.close(token, 1);
    }
  }

  client(options: ConnectionOptions = {}): TLSSocket {
    const ca = [localhost.cert, renewed.cert, wildcard.cert, exact.cert, chainRoot];
    const socket = connect({
      port: this.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      ...options,
    });
    socket.on('error', () => undefined);
    this.#clients.push(socket);
    return socket;
  }

  plain(): Socket {
    const socket = connectPlain(this.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    this.#clients.push(socket);
    return socket;
  }

  /** A client that has had its echo. */
  async talk(options?: ConnectionOptions): Promise<TLSSocket> {
    const socket = this.client(options);
    await echoed(socket, 'hello');
    return socket;
  }

  get failures(): number {
    return this.driver.counters().handshakeFailures;
  }

  async end(): Promise<void> {
    for (const socket of this.#clients) socket.destroy();
    await this.driver.destroy();
    const { connections, listeners, operations } = this.driver.usage();
    assert.deepEqual([connections, listeners, operations], [0, 0, 0]);
  }
}

async function echoed(socket: TLSSocket, text: string): Promise<void> {
  let got = '';
  const take = (bytes: Buffer): void => void (got += String(bytes));
  socket.on('data', take);
  socket.write(text);
  await until(() => got === text || socket.destroyed);
  socket.off('data', take);
  assert.equal(got, text, String(socket.errored));
}

async function onEcho(
  tls: TlsOptions,
  body: (echo: Echo) => Promise<void>,
  options?: ListenOptions,
): Promise<void> {
  const echo = new Echo(tls, options);
  try {
    await body(echo);
  } finally {
    await echo.end();
  }
}

const nameOf = (socket: TLSSocket): string => socket.getPeerCertificate().subjectaltname ?? '';

const skip: string | false = reasonToSkip('portable') || false;

describe('TLS on the portable driver', { skip }, () => {
  test('ALPN chooses http/1.1; TLS 1.3 and 1.2 are spoken, 1.1 is not', () =>
    onEcho(localhost, async (echo) => {
      const newest = await echo.talk({ ALPNProtocols: ['h2', 'http/1.1'] });
      assert.equal(newest.alpnProtocol, 'http/1.1');
      assert.equal(newest.getProtocol(), 'TLSv1.3');
      const older = await echo.talk({ maxVersion: 'TLSv1.2' });
      assert.equal(older.getProtocol(), 'TLSv1.2');
      const ciphers = 'DEFAULT@SECLEVEL=0';
      const oldest = echo.client({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers });
      await until(() => oldest.closed);
      assert.equal(echo.accepted.length, 2);
      assert.equal(echo.failures, 1);
    }));

  test('minVersion TLSv1.3 refuses TLS 1.2', () =>
    onEcho({ ...localhost, minVersion: 'TLSv1.3' }, async (echo) => {
      await echo.talk();
      const older = echo.client({ maxVersion: 'TLSv1.2' });
      await until(() => older.closed);
      assert.equal(echo.failures, 1);
    }));

  test('names: exact before pattern, one label for a pattern, else the default', () =>
    onEcho({ ...localhost, names: { '*.Example.com': wildcard, 'chat.example.com': exact } }, sni));

  test('ca completes the chain of a certificate', () =>
    onEcho({ ...chain, ca: chainIssuer }, async (echo) => {
      const socket = await echo.talk({ servername: 'chain.example.org', ca: chainRoot });
      assert.equal(socket.authorized, true);
    }));

  test('setCertificates: new connections have the new one, old ones go on', () =>
    onEcho(localhost, swap));

  test('a session is resumed, and not across a change of certificates', () =>
    onEcho(localhost, resumption));

  test('who is not TLS is ended, counted and harms nobody', () => onEcho(localhost, notTls));

  test('plain HTTP is ended by a FIN', () =>
    onEcho(localhost, async (echo) => {
      const socket = echo.plain();
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await until(() => socket.closed);
      assert.equal(socket.errored, null);
      assert.equal(echo.failures, 1);
    }));

  test('a handshake that takes too long is ended, whether bytes trickle in or not', () =>
    onEcho({ ...localhost, handshakeTimeoutMs: 60 }, slowHandshakes));

  test('the oldest handshake makes room for one too many', () =>
    onEcho({ ...localhost, handshakes: 8 }, async (echo) => {
      const idle = Array.from({ length: 20 }, () => echo.plain());
      await until(() => echo.failures === 12);
      await until(() => idle.filter((socket) => socket.closed).length === 12);
      assert.equal(echo.accepted.length, 0, 'a handshake is no connection');
      await echo.talk();
      assert.equal(echo.accepted.length, 1);
    }));

  test('a record that is damaged ends its connection alone', () => onEcho(localhost, damaged));

  test('close says farewell: the client sees the end of the stream, and no more', () =>
    onEcho(localhost, async (echo) => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const socket = await echo.talk({ maxVersion });
        let ended = false;
        socket.on('end', () => (ended = true)).resume();
        echo.driver.close(echo.accepted.at(-1)!, 1);
        await until(() => socket.closed);
        assert.ok(ended);
        assert.equal(socket.errored, null);
      }
    }));

  test('close is not held up by a peer that takes nothing', () => onEcho(localhost, deaf));

  test('a listener that closes ends its handshakes', () =>
    onEcho(localhost, async (echo) => {
      const socket = echo.plain();
      await until(() => socket.readyState === 'open');
      const other = await echo.talk();
      echo.driver.close(echo.listener, 1);
      await until(() => socket.closed);
      assert.equal(other.destroyed, false);
    }));

  test('the peer is that of the connection under TLS', () =>
    onEcho(localhost, async (echo) => {
      const socket = await echo.talk();
      const peer = { host: '127.0.0.1', port: socket.localPort };
      assert.deepEqual(echo.driver.peer(echo.accepted[0]!), peer);
    }));
});

async function sni(echo: Echo): Promise<void> {
  const expected = {
    'chat.example.com': 'DNS:chat.example.com',
    'CHAT.example.com': 'DNS:chat.example.com',
    'www.example.com': 'DNS:*.example.com',
    'a.b.example.com': nameOf(await echo.talk()),
    'example.com': nameOf(await echo.talk()),
  };
  for (const [servername, name] of Object.entries(expected)) {
    const socket = await echo.talk({ servername, checkServerIdentity: () => undefined });
    assert.equal(nameOf(socket), name, servername);
  }
  const nameless = await echo.talk({ servername: '', checkServerIdentity: () => undefined });
  assert.match(nameOf(nameless), /localhost/);
}

async function swap(echo: Echo): Promise<void> {
  const { driver, listener } = echo;
  const old = await echo.talk();
  const began = echo.plain();
  await until(() => began.readyState === 'open');
  driver.setCertificates(listener, { ...renewed, names: { 'chat.example.com': exact } });
  const fresh = await echo.talk();
  assert.notEqual(fresh.getPeerCertificate().fingerprint256, printOf(old));
  const named = await echo.talk({ servername: 'chat.example.com' });
  assert.equal(nameOf(named), 'DNS:chat.example.com');
  await echoed(old, 'still here');
  const broken = { key: renewed.key, cert: localhost.cert };
  assert.throws(() => driver.setCertificates(listener, broken), { code: 'ERR_TLS_CERTIFICATE' });
  const again = await echo.talk();
  assert.equal(printOf(again), printOf(fresh), 'what cannot be used changes nothing');
  assert.equal(echo.failures, 0);
}

function printOf(socket: TLSSocket): string {
  return socket.getPeerCertificate().fingerprint256;
}

async function resumption(echo: Echo): Promise<void> {
  let session: Buffer | undefined;
  const first = echo.client();
  first.on('session', (data) => (session = data));
  await echoed(first, 'first');
  await until(() => session !== undefined);
  const resumed = await echo.talk({ session });
  assert.equal(resumed.isSessionReused(), true);
  echo.driver.setCertificates(echo.listener, renewed);
  const renewedOnly = await echo.talk({ session });
  assert.equal(renewedOnly.isSessionReused(), false);
}

async function notTls(echo: Echo): Promise<void> {
  const good = await echo.talk();
  const hello = Buffer.from('16030100ff010000fb0303', 'hex');
  const words = ['', '\0', 'SSH-2.0-x\r\n', '\x16\x03\x01', hello, Buffer.alloc(70_000, 0x16)];
  for (const word of words) {
    const socket = echo.plain();
    await until(() => socket.readyState === 'open');
    socket.end(word);
    await until(() => socket.closed);
  }
  await until(() => echo.failures === words.length);
  const untrusting = echo.client({ ca: exact.cert });
  await until(() => untrusting.closed);
  for (let i = 0; i < 20; i++)
    echo.plain().on('connect', function (this: Socket) {
      this.resetAndDestroy();
    });
  await echoed(good, 'still here');
}

async function slowHandshakes(echo: Echo): Promise<void> {
  const silent = echo.plain();
  const slow = echo.plain();
  // The beginning of a ClientHello of 500 bytes, a byte at a time.
  const bytes = Buffer.alloc(500);
  Buffer.from('16030101f4010001f00303', 'hex').copy(bytes);
  let at = 0;
  const trickle = setInterval(() => {
    if (!slow.destroyed && at < 400) slow.write(bytes.subarray(at, ++at));
  }, 2);
  await until(() => silent.closed && slow.closed);
  clearInterval(trickle);
  assert.equal(echo.failures, 2);
  assert.equal(echo.accepted.length, 0);
  await echo.talk();
}

async function damaged(echo: Echo): Promise<void> {
  const good = await echo.talk();
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const before = echo.ends.length;
    const raw = echo.plain();
    const socket = connect({
      socket: raw,
      servername: 'localhost',
      ca: localhost.cert,
      maxVersion,
    });
    socket.on('error', () => undefined);
    await echoed(socket, 'hello');
    raw.write(Buffer.from('170303001000112233445566778899aabbccddeeff', 'hex'));
    await until(() => echo.ends.length > before);
    assert.equal(errnoName(echo.ends.at(-1)!), errnoName(Errno.EPROTO));
    await until(() => socket.closed);
  }
  await echoed(good, 'still here');
}

async function deaf(echo: Echo): Promise<void> {
  const { driver } = echo;
  const socket = await echo.talk();
  socket.pause();
  const connection = echo.accepted[0]!;
  const region = driver.arena.allocate('test', 1 << 20);
  for (let i = 0; i < 16; i++) driver.send(connection, 1, region.offset, 1 << 20);
  await new Promise((resolve) => setImmediate(resolve));
  driver.close(connection, 1);
  await until(() => driver.usage().connections === 0);
  region.release();
}

describe('TLS options', { skip }, () => {
  const driver = (): Driver => createDriver({ kind: 'portable', handler: () => undefined });
  const listen = (given: Driver, tls: unknown): Handle =>
    given.listen({ host: '127.0.0.1', port: 0 }, { tls: tls as TlsOptions });

  test('wrong ones are refused with the code of what is wrong', async () => {
    const one = driver();
    const wrong: readonly [string, unknown][] = [
      ['ERR_OPTION_TYPE', 'yes'],
      ['ERR_OPTION_TYPE', {}],
      ['ERR_OPTION_TYPE', { key: localhost.key }],
      ['ERR_OPTION_TYPE', { ...localhost, key: 5 }],
      ['ERR_OPTION_TYPE', { ...localhost, cert: [] }],
      ['ERR_OPTION_UNKNOWN', { ...localhost, certificate: localhost.cert }],
      ['ERR_OPTION_TYPE', { ...localhost, minVersion: 'TLSv1.1' }],
      ['ERR_OPTION_RANGE', { ...localhost, handshakeTimeoutMs: 0 }],
      ['ERR_OPTION_RANGE', { ...localhost, handshakes: 0 }],
      ['ERR_OPTION_TYPE', { ...localhost, names: { '*.*.example.com': wildcard } }],
      ['ERR_OPTION_TYPE', { ...localhost, names: { 'exämple.com': wildcard } }],
      ['ERR_OPTION_TYPE', { ...localhost, names: { 'a.example.com': null } }],
      ['ERR_OPTION_UNKNOWN', { ...localhost, names: { 'a.example.com': { ...wildcard, ca: '' } } }],
      ['ERR_TLS_CERTIFICATE', { ...localhost, key: 'no PEM' }],
      ['ERR_TLS_CERTIFICATE', { ...localhost, cert: 'no PEM' }],
      ['ERR_TLS_CERTIFICATE', { ...localhost, ca: 'no PEM' }],
      ['ERR_TLS_CERTIFICATE', { key: renewed.key, cert: localhost.cert }],
      ['ERR_TLS_CERTIFICATE', { ...localhost, names: { a: { ...exact, key: wildcard.key } } }],
    ];
    for (const [index, [code, tls]] of wrong.entries()) {
      assert.throws(() => listen(one, tls), { code }, `number ${index}`);
    }
    assert.equal(one.usage().listeners, 0);
    await one.destroy();
  });

  test('keys and certificates may be bytes and lists', async () => {
    const one = driver();
    listen(one, { key: [Buffer.from(localhost.key)], cert: [Buffer.from(localhost.cert)] });
    await one.destroy();
  });

  test('setCertificates refuses what is no TLS listener', async () => {
    const one = driver();
    const plain = one.listen({ host: '127.0.0.1', port: 0 });
    for (const handle of [0, 12345, plain]) {
      assert.throws(() => one.setCertificates(handle, localhost), { code: 'ERR_SYSTEM' });
    }
    await one.destroy();
  });
});

test('TLS: createDriver chooses the portable driver for it, and refuses another', async () => {
  const forced = process.env['RONDO_DRIVER'];
  delete process.env['RONDO_DRIVER'];
  try {
    const handler = (): void => undefined;
    const chosen = createDriver({ tls: true, handler });
    assert.equal(chosen.kind, 'portable');
    assert.equal(chosen.tls, true);
    await chosen.destroy();
    const expected = { code: 'ERR_DRIVER_UNAVAILABLE', message: /TLS|addon|io_uring/ };
    for (const kind of ['uring', 'epoll'] as const) {
      assert.throws(() => createDriver({ kind, tls: true, handler }), expected);
      process.env['RONDO_DRIVER'] = kind;
      assert.throws(() => createDriver({ tls: true, handler }), expected);
      delete process.env['RONDO_DRIVER'];
    }
  } finally {
    if (forced !== undefined) process.env['RONDO_DRIVER'] = forced;
  }
});
