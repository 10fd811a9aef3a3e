import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptKey, checkUpgrade, upgradeResponse, wantsUpgrade } from './handshake.ts';
import type { UpgradeRequest } from './handshake.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A good request with some headers changed; undefined takes one away. */
function request(changes: Record<string, string | undefined> = {}): UpgradeRequest {
  const headers = new Map([
    ['host', 'example.test'],
    ['upgrade', 'websocket'],
    ['connection', 'keep-alive, Upgrade'],
    ['sec-websocket-key', KEY],
    ['sec-websocket-version', '13'],
  ]);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return { method: 'GET', version: '1.1', headers };
}

test('acceptKey gives the value of RFC 6455 §1.3', () => {
  assert.equal(acceptKey(KEY), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('checkUpgrade accepts a good request', () => {
  const result = checkUpgrade(request());
  assert.deepEqual(result, {
    accepted: true,
    accept: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    protocols: [],
  });
});

test('checkUpgrade reads token lists in any case', () => {
  for (const changes of [
    { upgrade: 'WebSocket' },
    { upgrade: 'WEBSOCKET' },
    { upgrade: 'h2c , websocket' },
    { connection: 'UPGRADE' },
    { connection: 'keep-alive,,upgrade' },
  ]) {
    assert.equal(checkUpgrade(request(changes)).accepted, true, JSON.stringify(changes));
  }
});

test('checkUpgrade refuses by the rule that is broken', () => {
  const cases: [Record<string, string | undefined>, number][] = [
    [{ upgrade: undefined }, 426],
    [{ upgrade: 'websockets' }, 426],
    [{ upgrade: 'web socket' }, 426],
    [{ connection: undefined }, 400],
    [{ connection: 'keep-alive' }, 400],
    [{ host: undefined }, 400],
    [{ host: '' }, 400],
    [{ 'sec-websocket-version': undefined }, 426],
    [{ 'sec-websocket-version': '8' }, 426],
    [{ 'sec-websocket-version': '13, 13' }, 426],
    [{ 'sec-websocket-key': undefined }, 400],
    [{ 'sec-websocket-key': 'short' }, 400],
    [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ' }, 400],
    [{ 'sec-websocket-key': `${KEY}, ${KEY}` }, 400],
    [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZ===' }, 400],
    [{ 'sec-websocket-protocol': '' }, 400],
    [{ 'sec-websocket-protocol': 'a b' }, 400],
    [{ 'sec-websocket-protocol': 'a, a' }, 400],
  ];
  for (const [changes, status] of cases) {
    const result = checkUpgrade(request(changes));
    assert.equal(result.accepted ? 101 : result.status, status, JSON.stringify(changes));
  }
});

test('checkUpgrade wants GET and HTTP/1.1', () => {
  const post = checkUpgrade({ ...request(), method: 'POST' });
  assert.deepEqual(post.accepted ? {} : [post.status, post.headers], [405, { Allow: 'GET' }]);
  const old = checkUpgrade({ ...request(), version: '1.0' });
  assert.equal(old.accepted ? 101 : old.status, 400);
});

test('checkUpgrade tells the version with 426', () => {
  const result = checkUpgrade(request({ 'sec-websocket-version': '12' }));
  assert.deepEqual(result.accepted ? {} : result.headers, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
  });
});

test('wantsUpgrade tells a WebSocket from plain HTTP', () => {
  assert.equal(wantsUpgrade(request()), true);
  assert.equal(wantsUpgrade(request({ upgrade: undefined })), false);
  assert.equal(wantsUpgrade(request({ upgrade: 'h2c' })), false);
});

test('upgradeResponse opens the connection, with a subprotocol that was offered', () => {
  const upgrade = checkUpgrade(request({ 'sec-websocket-protocol': 'chat, superchat' }));
  assert.ok(upgrade.accepted);
  assert.deepEqual(upgrade.protocols, ['chat', 'superchat']);
  assert.equal(
    upgradeResponse(upgrade, { protocol: 'superchat' }),
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
      'Sec-WebSocket-Protocol: superchat\r\n\r\n',
  );
  assert.ok(!upgradeResponse(upgrade).includes('Protocol:'));
  assert.throws(() => upgradeResponse(upgrade, { protocol: 'other' }), { code: 'ERR_SUBPROTOCOL' });
});
