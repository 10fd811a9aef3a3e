/** The command `rondo`, as a process. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { Client, closePayload, Opcode } from '../gateway/client.ts';
import { cleanUp, rondo, serve } from './command.ts';

describe('rondo', () => {
  afterEach(cleanUp);

  it('serve says where it is, drains on SIGTERM and ends with 0', async () => {
    const { child, port, ended } = await serve();
    const address = { host: '127.0.0.1', port };
    const echo = await Client.open(address);
    echo.send(Opcode.TEXT, 'hello');
    assert.equal(await echo.text(), 'hello');
    const member = await Client.open(address, '/topics/lobby');
    const browser = await Client.connect(address);
    browser.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.match((await browser.response()).body, /<title>Rondo gateway<\/title>/);
    child.kill('SIGTERM');
    for (const client of [echo, member]) {
      assert.equal(await client.closeCode(), 1001);
      client.send(Opcode.CLOSE, closePayload(1001));
      assert.equal(await client.over(), 'end');
    }
    await browser.over();
    const { code, output } = await ended;
    assert.equal(code, 0);
    assert.match(output, /ws:\/\/127\.0\.0\.1:\d+\/echo/);
    assert.match(output, /ended: 3 closed, 0 reset/);
  });

  it('serve resets who does not answer by the deadline, and ends with 0', async () => {
    const { child, port, ended } = await serve('--drain-deadline', '100');
    const deaf = await Client.open({ host: '127.0.0.1', port });
    child.kill('SIGINT');
    assert.equal(await deaf.over(), 'reset');
    const { code, output } = await ended;
    assert.equal(code, 0);
    assert.match(output, /ended: 0 closed, 1 reset/);
  });

  it('serve ends at once at the second signal', async () => {
    const { child, port, ended } = await serve('--drain-deadline', '3600000');
    const deaf = await Client.open({ host: '127.0.0.1', port });
    child.kill('SIGTERM');
    assert.equal(await deaf.closeCode(), 1001);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 143);
  });

  it('serve says that the port is in use, and ends with 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    assert.ok(typeof address === 'object' && address);
    const port = String(address.port);
    const { code, output } = await rondo(['serve', '--host', '127.0.0.1', '--port', port]).ended;
    await new Promise((resolve) => taken.close(resolve));
    assert.equal(code, 1);
    assert.match(output, new RegExp(`^rondo: cannot listen: port ${port} is in use`, 'm'));
  });

  it('tells its version, its drivers and what it can do', async () => {
    const version = await rondo(['--version']).ended;
    assert.deepEqual([version.code, /^\d+\.\d+\.\d+\n$/.test(version.output)], [0, true]);
    const drivers = await rondo(['drivers']).ended;
    assert.equal(drivers.code, 0);
    assert.match(drivers.output, /^portable +available$/m);
    const help = await rondo(['--help']).ended;
    assert.match(help.output, /serve .*\n.*drivers /);
    const serveHelp = await rondo(['serve', '--help']).ended;
    assert.equal(serveHelp.code, 0);
    assert.match(serveHelp.output, /--max-message-size BYTES/);
  });

  it('refuses what it does not understand with 2, and suggests', async () => {
    const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [['serv'], /no command serv, did you mean serve\?/],
      [['serve', '--prot', '1'], /no flag --prot, did you mean --port\?/],
      [['serve', '--port'], /--port needs a value/],
      [['serve', '--port', 'x'], /--port must be a whole number/],
      [['serve', '--port', '70000'], /port: it must be from 0 to 65535/],
      [['serve', '--driver', 'iouring'], /driver: it must be one of uring, epoll, portable/],
      [['serve', '--port', '0', '--host', 'no such host'], /host "no such host": it is not known/],
      [['serve', '--help=yes'], /--help takes no value/],
      [['serve', 'now.js'], /there is no file now\.js/],
      [['serve', 'a.js', 'b.js'], /"b\.js": no flag/],
      [['serve', '--no-port'], /no flag --no-port/],
      [['serve', '--log', 'jsn'], /--log must be one of text, json, got jsn, did you mean json\?/],
      [['serve', '--config', 'nowhere.json'], /there is no file nowhere\.json/],
      [['serve', '--watch'], /--watch needs a module/],
      [['serve', '--tls-cert', 'nowhere.pem'], /--tls-cert cannot be read: .*nowhere\.pem/],
      [['drivers', '--all'], /no flag --all/],
    ];
    for (const [args, message] of cases) {
      const { code, output } = await rondo(args).ended;
      assert.equal(code, 2, args.join(' '));
      assert.match(output, message);
      assert.doesNotMatch(output, /\n {4}at /, 'no stack');
    }
    const forced = await rondo(['serve'], { env: { ...process.env, RONDO_DRIVER: 'nonsense' } })
      .ended;
    assert.equal(forced.code, 2);
    assert.match(forced.output, /RONDO_DRIVER=nonsense/);
  });
});
