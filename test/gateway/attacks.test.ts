/** What an attacker, or a program that is not careful, did once: each was a defect. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { createGateway, echoRoute } from '../../src/gateway/index.ts';
import { Client, closePayload, frame, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CLOSE } = Opcode;
const directory = mkdtempSync(join(tmpdir(), 'rondo-attacks-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Listens on a path in a process of its own, and leaves the socket behind when it is killed. */
const VICTIM = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`;

/** Can be awaited, and is no promise. */
class Rejecting {
  // oxlint-disable-next-line unicorn/no-thenable
  then(_resolve: unknown, reject: (error: Error) => void): void {
    reject(new Error('later'));
  }
}

onEveryDriver('attacks', (fixture) => {
  it('gives the memory of messages back that never end', async () => {
    const { gateway, address } = await fixture.start({
      memoryBytes: 8 << 20,
      messageTimeoutMs: 200,
    });
    const hoarders = [];
    for (let i = 0; i < 24; i++) {
      const hoarder = await Client.open(address);
      hoarder.write(frame(BINARY, Buffer.alloc(300_000)).subarray(0, 200_000));
      hoarders.push(hoarder);
    }
    for (const hoarder of hoarders) assert.equal(await hoarder.closeCode(), 1008);
    const honest = await Client.open(address);
    const whole = frame(TEXT, 'x'.repeat(5000));
    honest.write(whole.subarray(0, 2000));
    await until(() => gateway.usage().memoryBytes > 0, 'a part has arrived');
    honest.write(whole.subarray(2000));
    assert.equal((await honest.text()).length, 5000);
    for (const hoarder of hoarders) hoarder.reset();
    await honest.close();
    await untilNothingIsHeld(gateway);
  });

  it('survives errors that throw when they are looked at, and thenables that reject', async () => {
    const inspected = Symbol.for('nodejs.util.inspect.custom');
    const { gateway, address } = await fixture.start({}, (starting) => {
      starting.websocket('/inspect', {
        message() {
          throw Object.assign(new Error('one'), {
            [inspected]() {
              throw new Error('two');
            },
          });
        },
      });
      starting.websocket('/thenable', {
        message() {
          return new Rejecting();
        },
      });
    });
    for (const path of ['/inspect', '/thenable']) {
      const client = await Client.open(address, path);
      client.send(TEXT, 'go');
      assert.equal(await client.closeCode(), 1011);
      client.send(CLOSE, closePayload(1011));
      assert.equal(await client.over(), 'end');
    }
    assert.equal(gateway.counters().handlerErrors, 2);
  });
});

onEveryDriver('endings under attack', (fixture) => {
  it('counts in the report of a drain what was reset during it', async () => {
    const { gateway, address } = await fixture.start({ closeTimeoutMs: 100 }, (starting) => {
      starting.websocket('/end', { message: (connection) => connection.close(4000) });
    });
    const silent = [await Client.open(address, '/end'), await Client.open(address, '/end')];
    for (const client of silent) {
      client.send(TEXT, 'go');
      assert.equal(await client.closeCode(), 4000);
    }
    const report = await gateway.close({ deadlineMs: 20_000 });
    assert.deepEqual(report, { closed: 0, reset: 2, remaining: [] });
  });

  it('leaves the socket of its successor alone', async () => {
    const path = join(directory, `successor-${Math.random().toString(36).slice(2)}`);
    const { gateway } = await fixture.start({ path });
    const silent = await Client.open({ path });
    const closing = gateway.close({ deadlineMs: 300 });
    await until(() => !existsSync(path), 'the old one has stopped listening');
    const next = createGateway({ path, driver: fixture.driver, memoryBytes: 8 << 20 });
    next.websocket('/echo', echoRoute());
    await next.listen();
    await closing;
    await silent.over();
    const client = await Client.open({ path });
    client.send(TEXT, 'still here');
    assert.equal(await client.text(), 'still here');
    await client.close();
    await next.close({ deadlineMs: 0 });
  });

  const cannot = fixture.driver === 'portable' && 'net cannot ask a socket without waiting';
  it('starts although a killed server left its socket behind', { skip: cannot }, async () => {
    const path = join(directory, `stale-${Math.random().toString(36).slice(2)}`);
    const victim = spawn(process.execPath, ['-e', VICTIM, path]);
    await once(victim.stdout, 'data');
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    assert.ok(existsSync(path));
    await fixture.start({ path });
    const client = await Client.open({ path });
    await client.close();
  });
});
