import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createGateway } from '../../src/gateway/index.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver } from './fixture.ts';

const { TEXT } = Opcode;

onEveryDriver('listening', (fixture) => {
  it('works on a Unix socket, whose file goes with it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-'));
    const path = join(directory, 'gateway');
    const { gateway, address } = await fixture.start({ path });
    assert.deepEqual(address, { path });
    const client = await Client.open(address, '/topics/local');
    client.send(TEXT, 'hello');
    assert.equal(await client.text(), 'hello');
    await client.close();
    await gateway.close();
    assert.equal(existsSync(path), false);
    rmSync(directory, { recursive: true });
  });

  it('looks names up, and works on IPv6', async () => {
    for (const host of ['localhost', '::1']) {
      const { gateway, address } = await fixture.start({ host });
      assert.ok('port' in address && address.port > 0);
      assert.deepEqual(gateway.address, address);
      assert.match(address.host, /^(127\.|::1)/);
    }
    await assert.rejects(fixture.start({ host: 'no such host' }), { code: 'ERR_ADDRESS_INVALID' });
  });

  it('fails with the reason when the port is taken, and can be tried again', async () => {
    const first = await fixture.start();
    assert.ok('port' in first.address);
    const { port } = first.address;
    const { driver } = first.gateway;
    const second = createGateway({ host: '127.0.0.1', port, driver: driver as 'uring' });
    const failure = { code: 'ERR_SYSTEM', errnoName: 'EADDRINUSE' };
    await assert.rejects(second.listen(), failure);
    assert.equal(second.address, undefined);
    await assert.rejects(second.listen(), failure);
    await first.gateway.close();
    assert.deepEqual(await second.listen(), { host: '127.0.0.1', port });
    assert.throws(() => void second.listen(), { code: 'ERR_GATEWAY_STATE' });
    assert.deepEqual(await second.close(), { closed: 0, reset: 0, remaining: [] });
    assert.deepEqual(second.usage().driver.operations, 0);
    assert.deepEqual(await createGateway().close(), { closed: 0, reset: 0, remaining: [] });
  });

  it('refuses routes and options that are not valid', async () => {
    const { gateway } = await fixture.start();
    assert.throws(() => gateway.websocket('/echo', {}), { code: 'ERR_ROUTE' });
    assert.throws(() => gateway.websocket('/x', { mesage() {} } as never), {
      code: 'ERR_OPTION_UNKNOWN',
      message: /did you mean "message"/,
    });
    assert.throws(() => gateway.websocket('/x', undefined as never), { code: 'ERR_OPTION_TYPE' });
    assert.throws(() => void gateway.close({ code: 1006 }), { code: 'ERR_CLOSE_CODE' });
    assert.throws(() => void gateway.close({ deadlineMs: -1 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => void gateway.close({ now: true } as never), { code: 'ERR_OPTION_UNKNOWN' });
  });
});
